"""What an error of storage, of the network or of this machine means: try again later, or report what to fix.

Codes and statuses are those of https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes. This
module imports neither dlt nor deltalake, so that the app's process may use it for its own storage, too.
"""

from __future__ import annotations

import errno
import re
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from shared.errors.hierarchy import IngestionError, LakeError, TransientError

_FATAL_CODES = {
    "AccountIsDisabled": "the storage account is disabled: enable it",
    "ContainerNotFound": "the container does not exist: create it, or let the app's identity create it",
    "InvalidResourceName": "the container's name is not valid: correct target_container",
    "TableNotFound": "the table does not exist: start the app again, which creates it",
}


_FATAL_STATUSES = {
    400: "it does not understand the request",
    403: (
        "the app's identity may not do this: give it the role Storage Blob Data Contributor (for tables: Storage "
        "Table Data Contributor), and see whether the account's firewall lets the app in"
    ),
}


_TRANSIENT_STATUSES = {
    401: "it does not accept the sign-in; the token may have expired",
    404: "a blob is gone that was there before",
    408: "it took too long",
    409: "another process is changing the same thing",
    412: "another process has changed the same thing",
    429: "it asks for fewer requests",
    500: "it failed",
    502: "its gateway cannot reach it",
    503: "it is busy",
    504: "its gateway got no answer from it in time",
}


_STATUS_IN_TEXT = re.compile(r"(?:status(?: code)?|HTTP error)[:\s(]*\"?(\d{3})\b", re.IGNORECASE)


_MISSING_VERSION = re.compile(r"Invalid table version: (\d+)")


_NETWORK_TEXTS = ("error sending request", "connection reset", "connection closed", "timed out", "dns error")


_NETWORK_MODULES = ("aiohttp", "requests", "urllib3")


class DiskFullError(TransientError):
    """The work folder has no room left."""

    kind = "disk_full"


class OutOfMemoryError(TransientError):
    """The attempt needed more memory than it may have."""

    kind = "memory"


def explain(error: BaseException) -> IngestionError | None:
    """An error as one of ours with one sentence; None if it is not of storage, network, disk or memory."""
    if isinstance(error, IngestionError):
        return error
    if isinstance(error, MemoryError):  # pyarrow's is one, too
        return OutOfMemoryError(
            "The attempt needs more memory than it may have: raise JOB_MEMORY_MEGABYTES, or give the app larger "
            "instances or fewer jobs at once (SOURCE_CONCURRENCY)."
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(
            "The work folder is full: give the app more temporary disk, point WORK_FOLDER elsewhere, or run fewer "
            "jobs at once (SOURCE_CONCURRENCY)."
        )
    if isinstance(error, HttpResponseError) and error.status_code:
        return _refused(_place(error), int(error.status_code), _code(error))
    if isinstance(error, ClientAuthenticationError):
        return TransientError(f"Cannot sign in with the app's identity just now: {_first_line(error)}")
    if _is_of_network(error):
        return TransientError(f"The network broke off: {type(error).__name__}: {_first_line(error)}")
    return _explain_delta(error)


def _explain_delta(error: BaseException) -> IngestionError | None:
    """Deltalake says what its storage said in the text of an error that has no fields."""
    if type(error).__module__.split(".")[0] not in ("deltalake", "_internal"):
        return None
    text = str(error)
    if found := _MISSING_VERSION.search(text):
        return LakeError(
            f"The storage listed the log of a Delta table without version {found[1]}: it ignores 'startFrom' of List "
            "Blobs. Azurite does so before 3.37 (which needs Node 22): use a newer one. On an account in Azure set "
            "table_format to parquet, and report the text 'Invalid table version' to delta-rs."
        )
    if found := _STATUS_IN_TEXT.search(text):
        return _refused("Storage of the Delta table", int(found[1]), "")
    if any(fragment in text.lower() for fragment in _NETWORK_TEXTS):
        return TransientError(f"The network broke off at the Delta table: {_first_line(error)}")
    return None


def _refused(place: str, status: int, code: str) -> IngestionError:
    said = f"{place} answered {status}{f' ({code})' if code else ''}"
    if code in _FATAL_CODES:
        return LakeError(f"{said}: {_FATAL_CODES[code]}.")
    if status in _FATAL_STATUSES:
        return LakeError(f"{said}: {_FATAL_STATUSES[status]}.")
    if status in _TRANSIENT_STATUSES or status >= 500:
        return TransientError(f"{said}: {_TRANSIENT_STATUSES.get(status, 'it failed')}.")
    return LakeError(f"{said}.")


def _place(error: HttpResponseError) -> str:
    """Host and first part of the path, without the query, which may hold a signature."""
    request = getattr(error.response, "request", None)
    url = urlsplit(str(getattr(request, "url", "")))
    return f"{url.hostname}{url.path[:200]}" if url.hostname else "Azure"


def _code(error: HttpResponseError) -> str:
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")


def _is_of_network(error: BaseException) -> bool:
    if isinstance(error, (AzureError, ConnectionError, TimeoutError)):
        return not isinstance(error, HttpResponseError)
    return type(error).__module__.split(".")[0] in _NETWORK_MODULES


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0][:300]
