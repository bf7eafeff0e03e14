"""Why an attempt broke, in one sentence without secrets: what source, destination and lake know of an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from dlt.pipeline.exceptions import PipelineStepFailed

from shared.errors import faults
from shared.models.attempt import JobError
from shared.secrets import Secret

_MESSAGE_LIMIT = 2000  # characters


Explain = Callable[[BaseException], BaseException]


"""Gives an error as one of this project's, or the error itself where it knows nothing of it."""


def job_error(error: BaseException, explainers: Sequence[Explain], secret: Secret) -> JobError:
    """The error for the job's result: that of the outermost cause which anybody can explain.

    Args:
        error: What was raised.
        explainers: Asked in their order; the lake's own table comes last.
        secret: Its values are taken out of the message.
    """
    for cause in _causes(error):
        if explained := faults.explain(_told(cause, explainers)):
            message = secret.redact(str(explained))
            return JobError(
                kind=explained.kind,
                message=message,
                retryable=explained.retryable,
                retry_after_seconds=getattr(explained, "retry_after_seconds", None),
            )
    *_, root = _causes(error)
    message = secret.redact(f"{type(root).__name__}: {root}")
    return JobError(kind="unexpected", message=message[:_MESSAGE_LIMIT], retryable=True)


def _told(cause: BaseException, explainers: Sequence[Explain]) -> BaseException:
    for explain in explainers:
        told = explain(cause)
        if told is not cause:
            return told
    return cause


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from, outermost first."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        inner = seen.exception if isinstance(seen, PipelineStepFailed) else None
        seen = inner or seen.__cause__ or seen.__context__
