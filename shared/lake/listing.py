"""Listing the lake by names: a page of a folder, or the names that begin in a few ways, all asked at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from adlfs import AzureBlobFileSystem
from azure.core.exceptions import ResourceNotFoundError
from fsspec.asyn import sync

_FOLDER_MARKS = ("hdi_isfolder", "Hdi_isfolder", "is_directory")  # of blobs that are folders, in their metadata

Found = dict[str, dict[str, Any]]
"""Sizes of files, by path."""


def first_page(files: Any, folder: str, most: int) -> tuple[Found, bool]:
    """The first files of a folder, and whether that is all.

    Args:
        files: The storage, as fsspec sees it.
        folder: Its path, with a slash at the end.
        most: How many files the page has at most.
    """
    if isinstance(files, AzureBlobFileSystem):
        found, is_all = sync(files.loop, _page, files, folder, most)
        return found, is_all
    found = _others(files, folder)
    return found, len(found) <= most


def beginning_with(files: Any, starts: Sequence[str]) -> Found:
    """The files whose paths begin in one of these ways.

    Args:
        files: The storage, as fsspec sees it.
        starts: Folders, with a slash at the end, or folders and the first letters of names.
    """
    if isinstance(files, AzureBlobFileSystem):
        pages: list[Found] = sync(files.loop, _all_at_once, files, starts)
    else:
        pages = [_others(files, start) for start in starts]
    return {path: details for page in pages for path, details in page.items()}


def below(files: Any, folder: str) -> tuple[Found, list[str]]:
    """The files of a folder itself, and the names of the folders in it."""
    try:
        entries = files.ls(folder.rstrip("/"), detail=True)
    except FileNotFoundError:
        return {}, []
    found = {entry["name"]: entry for entry in entries if entry["type"] != "directory"}
    return found, [entry["name"].rstrip("/").rpartition("/")[2] for entry in entries if entry["type"] == "directory"]


def read_with_etag(files: Any, path: str, most: int | None = None) -> tuple[bytes, str] | None:
    """A file's content and the ETag that it has with it; None if it is not there.

    Args:
        files: The storage, as fsspec sees it.
        path: The file's.
        most: How many of its first bytes to read; None for all.
    """
    if isinstance(files, AzureBlobFileSystem):
        read: tuple[bytes, str] | None = sync(files.loop, _read, files, path, most)
        return read
    try:
        etag = files.info(path).get("etag", "")
        return files.cat_file(path, start=0, end=most), etag
    except FileNotFoundError:
        return None


def which_exist(files: Any, folders: Sequence[str]) -> list[str]:
    """Those of some folders, with a slash at the end, in which there is a file."""
    if isinstance(files, AzureBlobFileSystem):
        pages: list[tuple[Found, bool]] = sync(files.loop, _first_of_each, files, folders)
        return [folder for folder, (found, _) in zip(folders, pages, strict=True) if found]
    return [folder for folder in folders if _others(files, folder)]


async def _page(files: AzureBlobFileSystem, folder: str, most: int) -> tuple[Found, bool]:
    pages = _listing(files, folder, most).by_page()
    try:
        async for page in pages:
            found = _found(folder, [blob async for blob in page])
            return found, not pages.continuation_token
    except ResourceNotFoundError:  # the container is not there
        pass
    return {}, True


async def _read(files: AzureBlobFileSystem, path: str, most: int | None) -> tuple[bytes, str] | None:
    container, _, name = path.partition("/")
    try:
        blob = files.service_client.get_blob_client(container, name)
        download = await blob.download_blob(**({} if most is None else {"offset": 0, "length": most}))
        return await download.readall(), _quoted(download.properties.etag)
    except ResourceNotFoundError:
        return None


async def _first_of_each(files: AzureBlobFileSystem, folders: Iterable[str]) -> list[tuple[Found, bool]]:
    return list(await asyncio.gather(*(_page(files, folder, 1) for folder in folders)))


async def _all_at_once(files: AzureBlobFileSystem, starts: Iterable[str]) -> list[Found]:
    return list(await asyncio.gather(*(_starting_with(files, start) for start in starts)))


async def _starting_with(files: AzureBlobFileSystem, start: str) -> Found:
    try:
        return _found(start, [blob async for blob in _listing(files, start)])
    except ResourceNotFoundError:
        return {}


def _listing(files: AzureBlobFileSystem, start: str, most: int | None = None) -> Any:
    container, _, prefix = start.partition("/")
    client = files.service_client.get_container_client(container)
    return client.list_blobs(name_starts_with=prefix, include=["metadata"], results_per_page=most)


def _found(start: str, blobs: Iterable[Any]) -> Found:
    container = start.partition("/")[0]
    return {f"{container}/{blob.name}": {"size": blob.size} for blob in blobs if not _is_folder(blob.metadata or {})}


def _quoted(etag: str) -> str:
    return f'"{etag.strip(chr(34))}"'


def _is_folder(metadata: Mapping[str, str]) -> bool:
    return any(metadata.get(mark) == "true" for mark in _FOLDER_MARKS)


def _others(files: Any, start: str) -> Found:
    """As other storages of fsspec list: all of the folder."""
    folder, _, _ = start.rpartition("/")
    try:
        found = files.find(folder, detail=True)
    except FileNotFoundError:
        return {}
    return {path: details for path, details in found.items() if path.startswith(start)}
