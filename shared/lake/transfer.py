"""Many files at once: fetched into a folder, or removed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from adlfs import AzureBlobFileSystem
from fsspec.asyn import sync

_AT_ONCE = 16


def fetch(files: Any, paths: Sequence[str], folder: Path) -> list[Path]:
    """Copy files of the storage into a folder; returns them in their order.

    Args:
        files: The storage, as fsspec sees it.
        paths: Theirs.
        folder: Of this machine.

    Raises:
        FileNotFoundError: one of them is not there.
    """
    copies = [folder / f"{number}.parquet" for number in range(len(paths))]
    if isinstance(files, AzureBlobFileSystem):
        pairs = list(zip(paths, copies, strict=True))
        sync(files.loop, _each, pairs, lambda pair: files._get_file(pair[0], str(pair[1]), max_concurrency=1))
    else:
        for path, copy in zip(paths, copies, strict=True):
            copy.write_bytes(files.cat_file(path))
    return copies


def remove(files: Any, paths: Sequence[str]) -> None:
    """Remove files of the storage; those that are gone are gone.

    Args:
        files: The storage, as fsspec sees it.
        paths: Theirs.
    """
    if isinstance(files, AzureBlobFileSystem):
        sync(files.loop, _each, paths, lambda path: _remove(files, path))
        return
    for path in paths:
        with suppress(FileNotFoundError):
            files.rm_file(path)


async def _remove(files: AzureBlobFileSystem, path: str) -> None:
    with suppress(FileNotFoundError):
        await files._rm_file(path)


async def _each(items: Sequence[Any], do: Callable[[Any], Awaitable[None]]) -> None:
    """Do something with each, some at once; the first error ends all."""
    waiting = iter(items)

    async def work() -> None:
        for item in waiting:
            await do(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(work())
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
