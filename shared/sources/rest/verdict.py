"""Whether an answer with a good status is data, or says that something failed: instead of the rows or beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from shared.errors.hierarchy import IngestionError, SourceError
from shared.models.job import Job
from shared.sources.rest.answer import Answer
from shared.sources.rest.faults import TryAgainError
from shared.sources.rest.manners import pause_in_body
from shared.sources.rest.paths import ITSELF, values_at
from shared.sources.rest.words import (
    BESIDE_MESSAGES,
    ERRORS,
    FAILED,
    FAILURE,
    IDS,
    MESSAGES,
    PARTLY,
    PENDING,
    REPORT,
    STATUS,
    STATUS_CODES,
    SUCCESS,
    WRAPPERS,
    is_harmless,
    is_no,
    is_refusal,
    is_throttling,
    says_well,
    word,
)

NOWHERE = "-"
_REFUSALS = range(400, 600)
_DEPTH = 3
_ERROR_FIELDS = frozenset(
    [
        "error",
        "errors",
        "Error",
        "Errors",
        "errorCode",
        "error_code",
        "errorMessage",
        "error_message",
        "exception",
        "fault",
    ]
)


def refuse_failures(job: Job, answer: Answer, document: Any) -> None:
    """See that an answer does not say that it failed.

    Args:
        job: `api_error_path` names the only place to look in, `-` that there is none; `api_data_path` what is rows.
        answer: For messages.
        document: The parsed body.

    Raises:
        SourceError: it says so.
        TryAgainError: it says so, and that it will pass by itself.
    """
    if job.api_error_path == NOWHERE:
        return
    if job.api_error_path:
        said = [value for value in values_at(document, job.api_error_path) if not is_harmless(value)]
        if said:
            raise _failure(answer, job.api_error_path, said[0])
        return
    if isinstance(document, dict):
        _refuse_document(job, answer, document)


def refuse_error_rows(job: Job, answer: Answer, document: Any, rows: list[Any]) -> None:
    """See that no row is an error: a stream of rows that breaks off may say so in its last line.

    A list of nothing but a message, which is the whole answer, is no row either.

    Raises:
        SourceError, TryAgainError: as `refuse_failures`.
    """
    if job.api_error_path:
        return
    if rows is document and len(rows) == 1 and isinstance(rows[0], dict) and is_message(rows[0]):
        raise _failure(answer, "a row", rows[0])
    for row in rows:
        if not isinstance(row, dict) or _ERROR_FIELDS.isdisjoint(row):
            continue
        named = [name for name in row if word(name) in ERRORS and not is_harmless(row[name])]
        is_other = len(rows) == 1 or any(
            isinstance(one, dict) and one.keys() != row.keys() for one in (rows[0], rows[-1])
        )
        if named and is_other and all(word(name) in BESIDE_MESSAGES for name in row):
            raise _failure(answer, "a row", row)


def refuse_doubtful_nothing(job: Job, answer: Answer, document: Any) -> None:
    """See that an answer without rows does not give a reason for which there are none.

    Raises:
        SourceError: it has a code that is none of success, or is about something that is not ready yet.
    """
    if job.api_error_path or not isinstance(document, dict):
        return
    for path, envelope in _envelopes(document, (job.api_data_path or "").split(".")):
        said = next((value for name, value in envelope.items() if word(name) in MESSAGES), None)
        for name, value in envelope.items():
            kind = word(name)
            if kind in STATUS and isinstance(value, str) and word(value) in PENDING:
                raise _not_ready(answer, path + name, value)
            if kind in STATUS_CODES and kind != "status" and is_refusal(value, said):
                raise _failure(answer, path + name, _told(envelope, name))


def refuse_report(answer: Answer, document: dict[str, Any]) -> None:
    """See that an object that would be a row is not a report about a job of the API.

    Raises:
        SourceError: it is.
    """
    if not {word(name) for name in document} <= REPORT:
        return
    for name, value in document.items():
        if word(name) in STATUS and isinstance(value, str) and word(value) in PENDING:
            raise _not_ready(answer, name, value)


def is_message(document: dict[str, Any]) -> bool:
    """Whether an object holds a message and nothing else.

    A null or an empty list is nothing, nor is a text in the place of the rows, unless the
    message says that all is well.
    """
    said = {word(name): value for name, value in document.items() if value is not None and value != []}
    is_well = any(says_well(said[one]) for one in MESSAGES & said.keys())
    words = {one for one, value in said.items() if is_well or one not in WRAPPERS or not isinstance(value, str)}
    return bool(words & (MESSAGES | ERRORS)) and words <= BESIDE_MESSAGES


def _refuse_document(job: Job, answer: Answer, document: dict[str, Any]) -> None:
    if document.get("resourceType") == "OperationOutcome":
        raise _failure(answer, "OperationOutcome", document)
    is_row = job.api_data_path == ITSELF or not any(isinstance(one, (dict, list)) for one in document.values())
    for path, envelope in _envelopes(document, (job.api_data_path or "").split(".")):
        found = _failed(envelope, is_row=is_row)
        if found is not None and job.api_data_path not in (path + found, f"{path}{found}[*]"):
            raise _failure(answer, path + found, _told(envelope, found))


def _envelopes(
    document: dict[str, Any], rows_path: list[str], before: str = ""
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects around the rows, with their paths: those of known names, and those on the way to the rows."""
    yield before, document
    depth = before.count(".")
    for name, value in document.items():
        leads = depth < len(rows_path) - 1 and rows_path[depth] == name
        if isinstance(value, dict) and depth < _DEPTH and (leads or word(name) in WRAPPERS):
            yield from _envelopes(value, rows_path, f"{before}{name}.")


def _failed(envelope: dict[str, Any], is_row: bool) -> str | None:
    """The name of a field by which an object says that something failed."""
    words = {word(name) for name in envelope}
    is_entity = is_row and (bool(words & IDS) or not words & (MESSAGES | ERRORS))
    for name, value in envelope.items():
        kind = word(name)
        if kind in ERRORS and not is_harmless(value) and not (is_entity and "failure" in kind):
            return name  # a payment that failed is a row
        if kind in SUCCESS and is_no(value):
            return name
        if kind in PARTLY and value is True:
            return name
        if is_entity or (kind in STATUS_CODES and isinstance(value, bool)):
            continue
        if kind in FAILURE and value is True:
            return name
        if kind in STATUS and isinstance(value, str) and word(value) in FAILED:
            return name
        if kind in STATUS_CODES and str(value).isdigit() and int(value) in _REFUSALS:
            return name
        if kind == "shards" and isinstance(value, dict) and value.get("failed"):
            return name
    return None


def _not_ready(answer: Answer, where: str, said: str) -> SourceError:
    return SourceError(
        f"{answer.place} gave no rows, and says in '{answer.shown(where)}' that it is {answer.shown(said, 60)}: "
        "exports that are ready later need api_export. If that is data, set api_data_path to $ and api_error_path to -."
    )


def _told(envelope: dict[str, Any], name: str) -> Any:
    """What an object says of its failure: the field that says it, and the messages beside it."""
    beside = {key: value for key, value in envelope.items() if word(key) in MESSAGES | ERRORS | STATUS_CODES}
    return {name: envelope[name], **beside} if beside.keys() - {name} else envelope[name]


def _failure(answer: Answer, where: str, said: Any) -> IngestionError | TryAgainError:
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False, default=str)
    if is_throttling(text) or word(where.rpartition(".")[2]) in PARTLY:
        return TryAgainError(
            f"it says in '{answer.shown(where)}': {answer.shown(text)}", pause_in_body(said), slows_down=True
        )
    return SourceError(
        f"{answer.place} answered with an error in '{answer.shown(where)}': {answer.shown(text)}. If that is data, "
        "name the place of "
        "its errors in api_error_path, - for none."
    )
