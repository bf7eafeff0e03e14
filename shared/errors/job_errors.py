"""The one place where an exception becomes a `JobError`: the kind, a sentence without secrets, whether to try again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from shared.errors import faults
from shared.errors.texts import one_line
from shared.models.attempt import JobError

MESSAGE_LIMIT = 2000  # characters


Explain = Callable[[BaseException], BaseException]


"""Gives an error as one of this project's, or the error itself if it knows nothing of it."""


def as_job_error(
    error: BaseException, explainers: Sequence[Explain] = (), redact: Callable[[str], str] = lambda text: text
) -> JobError:
    """The error for a result, a plan or a row: that of the outermost cause which can be explained.

    What cannot be explained has the kind `unexpected` and is tried again; `is_unexpected` says whether to log a trace.

    Args:
        error: What was raised.
        explainers: What a source or a destination knows of its own errors, asked in this order; then comes `faults`,
            which knows storage, network, disk and memory.
        redact: Takes the values of a secret out of a text.
    """
    *_, root = causes = list(_causes(error))
    for cause in causes:
        if explained := faults.explain(_explained_by(explainers, cause)):
            message = one_line(redact(str(explained)), MESSAGE_LIMIT)
            return JobError(
                kind=explained.kind,
                message=message,
                retryable=explained.retryable,
                retry_after_seconds=getattr(explained, "retry_after_seconds", None),
                held_by=getattr(explained, "held_by", None),
            )
    message = one_line(redact(f"{type(root).__name__}: {root}"), MESSAGE_LIMIT)
    return JobError(kind="unexpected", message=message, retryable=True)


def is_unexpected(error: JobError) -> bool:
    """Whether nothing explains the error, so that its trace belongs into the log."""
    return error.kind == "unexpected"


def _explained_by(explainers: Sequence[Explain], cause: BaseException) -> BaseException:
    for explain in explainers:
        explained = explain(cause)
        if explained is not cause:
            return explained
    return cause


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from, outermost first; what was raised `from None` came from nothing.

    A cause may lead back to an error that was seen: deltalake's kernel raises such rings.
    """
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
