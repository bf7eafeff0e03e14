"""Downloads that are made once per checkout and kept in its `.localhost/` folder."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

_CACHE = Path(__file__).parents[2] / ".localhost"


def cached_folder(name: str, fill: Callable[[Path], None], *, cache: Path = _CACHE) -> Path:
    """Return the folder `name`; `fill` is called with an empty folder to fill when there is none yet.

    Safe against several processes at once and against being killed: the folder appears in one step, complete.
    """
    folder = cache / name
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            for abandoned in cache.glob(f"{name}-incomplete-*"):
                shutil.rmtree(abandoned)
            with tempfile.TemporaryDirectory(dir=cache, prefix=f"{name}-incomplete-") as incomplete:
                content = Path(incomplete) / "content"
                content.mkdir()
                fill(content)
                content.rename(folder)
    return folder
