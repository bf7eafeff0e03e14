"""Engines that read the lake and are no part of the app: installed beside it, run in a process of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from localhost.services.cache import cached_folder

PACKAGES = ("pyspark==3.5.9", "polars==2.1.0")
_SCRIPT = Path(__file__).with_name("engine_script.py")


def install_engines() -> Path:
    """The folder with the engines' packages; fetched if they are not there yet."""
    return cached_folder("-".join(PACKAGES).replace("==", "-"), _install)


def read_by(engine: str, folder: Path) -> list[dict[str, Any]]:
    """The rows of a plain Parquet table as an engine reads them, their values as text.

    Args:
        engine: A function of `engine_script.py`.
        folder: The table's folder, with its manifest.

    Raises:
        AssertionError: the engine gave an error, or what it needs is not installed.
    """
    assert shutil.which("java"), "Spark needs Java: apt-get install openjdk-17-jre-headless"
    environment = {**os.environ, "PYTHONPATH": str(install_engines()), "PYSPARK_PYTHON": sys.executable, "TZ": "UTC"}
    command = [sys.executable, "-P", str(_SCRIPT), engine, str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return rows


def _install(folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), *PACKAGES], check=True)
