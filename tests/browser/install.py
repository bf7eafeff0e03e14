"""A headless Chromium, without root and without any system package.

On Linux (x86-64) it is the one that the npm package `@sparticuz/chromium` carries for machines with nothing on them,
with its libraries and a font; elsewhere Playwright fetches the browser that it was made for.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from localhost.services.cache import cached_folder
from localhost.services.node import installed, node_command

_MANIFESTS = Path(__file__).parent
_PACKED = (platform.system(), platform.machine()) == ("Linux", "x86_64")
_START_MS = 120_000
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir prefix="relative">fonts</dir><cachedir prefix="xdg">fontconfig</cachedir></fontconfig>
"""


def install_browser() -> None:
    """Fetch what is not there yet. Raises ServiceError or CalledProcessError if a registry cannot be reached."""
    if _PACKED:
        _unpacked()
    else:
        command = [sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"]
        subprocess.run(command, check=True)


def axe_script() -> str:
    """The source of axe-core, which finds what is wrong with a page's accessibility."""
    return (_packages() / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@contextmanager
def launched() -> Iterator[Browser]:
    """A running browser, installed first if it is not there yet."""
    install_browser()
    with sync_playwright() as playwright:
        if not _PACKED:
            yield playwright.chromium.launch(timeout=_START_MS)
            return
        folder = _unpacked()
        environment: dict[str, str | float | bool] = {
            **os.environ,
            "LD_LIBRARY_PATH": str(folder / "lib"),
            "FONTCONFIG_FILE": str(folder / "fonts.conf"),
        }
        yield playwright.chromium.launch(executable_path=folder / "chromium", env=environment, timeout=_START_MS)


def _packages() -> Path:
    return installed("browser", _MANIFESTS)


def _unpacked() -> Path:
    """The folder with `chromium`, `lib/` and `fonts/`."""
    package = _packages() / "@sparticuz" / "chromium"
    # beside the packages' own folder, whose name has their versions
    return cached_folder(f"{package.parents[2].name}-unpacked", lambda folder: _unpack(package, folder))


def _unpack(package: Path, folder: Path) -> None:
    subprocess.run([*node_command(), _MANIFESTS / "unpack.mjs", package, folder], check=True)
    for name in ("al2023.tar", "fonts.tar"):
        with tarfile.open(folder / name) as archive:
            archive.extractall(folder, filter="data")
        (folder / name).unlink()
    (folder / "fonts.conf").write_text(_FONTS, encoding="utf-8")
    (folder / "chromium").chmod(0o755)
