"""Errors grouped by what the caller does next: try again, or report to a person.

Every message is a sentence for the person who has to act: it names the place (cell, job, source or setting), what
was wrong and what to do, and never holds a secret.
"""

from __future__ import annotations

from typing import Any


class IngestionError(Exception):
    """The base of every error that this project raises on purpose.

    `kind` is the word in results and audit rows; `retryable` says whether the same attempt may succeed
    later without any action.
    """

    kind = "error"
    retryable = False


class WorkbookError(IngestionError):
    """The workbook cannot be read at all: not an xlsx, damaged, encrypted, too large, or without its sheet."""

    kind = "workbook"


class ConfigurationError(IngestionError):
    """A setting, a secret or the active configuration is missing or wrong."""

    kind = "configuration"


class SettingsError(ConfigurationError):
    """A setting of the app has a value that cannot be used; what needs it cannot continue."""


class SecretNotFoundError(ConfigurationError):
    """No secret for a source in any of the places that were looked up."""

    kind = "secret_not_found"


class SourceError(IngestionError):
    """The source refused for good: wrong password, missing table or column, bad filter, a type without a home."""

    kind = "source"


class LakeError(IngestionError):
    """The lake refused for good: a missing role, or state that does not fit what the ledger says."""

    kind = "lake"


class ShrunkTableError(LakeError):
    """A load would leave far fewer rows than the table has."""

    kind = "too_few_rows"


class ReconciliationError(LakeError):
    """What is in the lake is not what was read; the load was not committed."""

    kind = "reconciliation"


class TransientError(IngestionError):
    """The network, throttling, a deadlock, a failover: the same attempt may succeed later.

    Args:
        message: The sentence for people.
        retry_after_seconds: How long the source asks to be left alone; None if it does not say.
    """

    kind = "transient"
    retryable = True

    def __init__(self, message: str = "", retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.retry_after_seconds)


class CancelledError(IngestionError):
    """A user cancelled the run."""

    kind = "cancelled"


class LeaseLostError(TransientError):
    """Another run took the job over while this attempt was stopped; it must not commit."""

    kind = "lease_lost"


class ClockError(TransientError):
    """The clock is earlier than the time of the last load; nothing was loaded."""

    kind = "clock"
