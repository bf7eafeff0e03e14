"""A folder for the files of one attempt while it runs.

The app's process owns it, so that it is removed even if the attempt's own process is killed. What a killed app left
is removed when the next one starts an attempt.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from shared.errors.hierarchy import ConfigurationError
from shared.settings import settings

_NAME = re.compile(r"ingestion-(?P<process_id>\d+)-.+")


@contextmanager
def work_folder(needed_bytes: int = 0) -> Iterator[Path]:
    """A new, empty folder below the setting WORK_FOLDER, removed at the end.

    Args:
        needed_bytes: What the attempt will probably write there.

    Raises:
        ConfigurationError: the place does not exist, cannot be written to, or has no room for `needed_bytes`.
    """
    parent = settings().work_folder or Path(tempfile.gettempdir())
    _sweep(parent)
    try:
        free = shutil.disk_usage(parent).free
        if free < needed_bytes:
            raise ConfigurationError(
                f"The work folder has {free / 2**20:,.0f} MiB free, and the job's last load wrote "
                f"{needed_bytes / 2**20:,.0f} MiB: give the app more temporary disk, or point WORK_FOLDER elsewhere."
            )
        folder = Path(tempfile.mkdtemp(prefix=f"ingestion-{os.getpid()}-", dir=parent))
    except OSError as error:
        raise ConfigurationError(f"Setting WORK_FOLDER: {error.strerror}.") from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def _sweep(parent: Path) -> None:
    """Remove the folders of processes that are gone, once in the life of this one."""
    if not parent.is_dir():
        return
    for folder in parent.iterdir():
        owner = _NAME.fullmatch(folder.name)
        if owner and not _is_alive(int(owner["process_id"])):
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
