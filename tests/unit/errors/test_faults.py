"""What storage, network and machine say becomes one sentence, and a verdict whether to try again."""

from __future__ import annotations

import errno
from types import SimpleNamespace

import aiohttp
import pyarrow as pa
import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseTimeoutError,
)
from deltalake.exceptions import DeltaError

from shared.errors.faults import explain
from shared.errors.hierarchy import LeaseLostError

_CLASSES = {401: ClientAuthenticationError, 404: ResourceNotFoundError, 409: ResourceExistsError}


def answered(status: int, code: str = "") -> HttpResponseError:
    request = SimpleNamespace(url="https://lake.blob.core.windows.net/lake/raw/t.parquet?sig=c2VjcmV0")
    error = _CLASSES.get(status, HttpResponseError)(message="It said no.\nmore")
    answer = SimpleNamespace(request=request, status_code=status)
    vars(error).update(response=answer, status_code=status, error_code=code)
    return error


@pytest.mark.parametrize(
    ("status", "code", "kind", "text"),
    [
        (400, "InvalidHeaderValue", "lake", "does not understand"),
        (401, "InvalidAuthenticationInfo", "transient", "the token may have expired"),
        (403, "AuthorizationPermissionMismatch", "lake", "Storage Blob Data Contributor"),
        (404, "ContainerNotFound", "lake", "the container does not exist"),
        (404, "BlobNotFound", "transient", "a blob is gone"),
        (408, "", "transient", "took too long"),
        (409, "BlobBeingRehydrated", "transient", "another process"),
        (412, "ConditionNotMet", "transient", "another process"),
        (429, "TooManyRequests", "transient", "fewer requests"),
        (500, "InternalError", "transient", "failed"),
        (502, "", "transient", "gateway"),
        (503, "ServerBusy", "transient", "busy"),
        (504, "", "transient", "gateway"),
        (507, "", "transient", "failed"),
        (411, "", "lake", "answered 411"),
    ],
)
def test_an_answer_of_storage(status: int, code: str, kind: str, text: str) -> None:
    explained = explain(answered(status, code))
    assert explained is not None
    assert (explained.kind, explained.retryable) == (kind, kind == "transient")
    assert text in str(explained)
    assert "lake.blob.core.windows.net/lake/raw/t.parquet" in str(explained)
    assert "sig=" not in str(explained)


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (ServiceRequestError("Cannot connect to host"), "transient", "The network broke off"),
        (ServiceResponseTimeoutError("Read timed out"), "transient", "The network broke off"),
        (aiohttp.ServerDisconnectedError(), "transient", "The network broke off"),
        (ConnectionResetError(104, "Connection reset by peer"), "transient", "The network broke off"),
        (TimeoutError(), "transient", "The network broke off"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk_full", "WORK_FOLDER"),
        (OSError(errno.EDQUOT, "Quota exceeded"), "disk_full", "WORK_FOLDER"),
        (MemoryError(), "memory", "JOB_MEMORY_MEGABYTES"),
        (pa.ArrowMemoryError("malloc of size 64 failed"), "memory", "JOB_MEMORY_MEGABYTES"),
        (ClientAuthenticationError("no token"), "transient", "sign in"),
        (DeltaError("Generic MicrosoftAzure error: Server returned error status 503: busy"), "transient", "busy"),
        (DeltaError("Generic MicrosoftAzure error: HTTP error status code: 403 Forbidden"), "lake", "403"),
        (DeltaError("Invalid table version: 1"), "lake", "Azurite does so before 3.37"),
        (DeltaError("Generic error: error sending request for url"), "transient", "network"),
    ],
)
def test_other_faults(error: Exception, kind: str, text: str) -> None:
    explained = explain(error)
    assert explained is not None
    assert explained.kind == kind
    assert text in str(explained)
    assert explained.retryable is (kind != "lake")


@pytest.mark.parametrize("error", [ValueError("12"), OSError(errno.EACCES, "Permission denied"), DeltaError("Schema")])
def test_what_is_none_of_these_stays_as_it_is(error: Exception) -> None:
    assert explain(error) is None


def test_our_own_errors_are_explained_already() -> None:
    error = LeaseLostError("lost")
    assert explain(error) is error
