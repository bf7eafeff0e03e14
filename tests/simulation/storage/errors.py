"""What storage answers when it refuses, as the SDK raises it."""

from __future__ import annotations

from typing import Any

from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)

_CODES: dict[str, tuple[int, type[HttpResponseError]]] = {
    "BlobAlreadyExists": (409, ResourceExistsError),
    "BlobNotFound": (404, ResourceNotFoundError),
    "ConditionNotMet": (412, ResourceModifiedError),
    "ContainerAlreadyExists": (409, ResourceExistsError),
    "ContainerNotFound": (404, ResourceNotFoundError),
    "EntityAlreadyExists": (409, ResourceExistsError),
    "EntityTooLarge": (400, HttpResponseError),
    "InvalidInput": (400, HttpResponseError),
    "LeaseAlreadyPresent": (409, ResourceExistsError),
    "LeaseIdMismatchWithBlobOperation": (412, HttpResponseError),
    "LeaseIdMismatchWithLeaseOperation": (409, ResourceExistsError),
    "LeaseIdMissing": (412, HttpResponseError),
    "LeaseLost": (412, HttpResponseError),
    "LeaseNotPresentWithBlobOperation": (412, HttpResponseError),
    "LeaseNotPresentWithLeaseOperation": (409, ResourceExistsError),
    "PropertyValueTooLarge": (400, HttpResponseError),
    "ResourceNotFound": (404, ResourceNotFoundError),
    "ServerBusy": (503, HttpResponseError),
    "TableAlreadyExists": (409, ResourceExistsError),
    "TableNotFound": (404, ResourceNotFoundError),
    "UpdateConditionNotSatisfied": (412, ResourceModifiedError),
}


class _Answer:
    """As much of an HTTP response as errors look at."""

    def __init__(self, status: int, code: str) -> None:
        self.status_code = status
        self.reason = code
        self.headers = {"x-ms-error-code": code}
        self.request = None


def refusal(code: str) -> HttpResponseError:
    """The error for an answer of the service."""
    status, kind = _CODES[code]
    answer: Any = _Answer(status, code)
    error = kind(message=f"{code}\nErrorCode:{code}", response=answer)
    error.error_code = code  # type: ignore[attr-defined]
    return error


def unreachable() -> ServiceRequestError:
    """The request never arrived."""
    return ServiceRequestError("Connection refused")


def no_answer() -> ServiceResponseError:
    """The request may have arrived, its answer did not."""
    return ServiceResponseError("Connection aborted")
