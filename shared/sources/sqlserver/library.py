"""Where Microsoft's ODBC driver lies in the package `mssql-python-odbc`."""

from __future__ import annotations

import importlib.util
import platform
from pathlib import Path


def library_of_the_wheel() -> str | None:
    """The path of the driver's library for this machine, None where the package is not installed."""
    system = "debian_ubuntu" if Path("/etc/debian_version").exists() else "rhel"
    wheel = importlib.util.find_spec("mssql_python_odbc")
    for folder in (wheel.submodule_search_locations or ()) if wheel else ():
        built = f"libs/linux/{system}/{platform.machine().replace('aarch64', 'arm64')}/lib/libmsodbcsql*"
        for library in sorted(Path(folder).glob(built)):
            return str(library)
    return None
