"""What a workbook would change: in comparison with an earlier one, or with the version that an app has active."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from shared.activation.changes import CellChange, Changes, changes_between
from shared.activation.versions import Snapshot
from shared.errors.hierarchy import ConfigurationError, WorkbookError
from shared.workbook.configuration import Configuration, Report
from shared.workbook.text_form import from_yaml
from shared.workbook.validation import validate

_YAML = (".yaml", ".yml")


def changes_against(path: Path, configuration: Configuration, values: Mapping[str, str] | None = None) -> Changes:
    """What a workbook's configuration changes in that of a file.

    Args:
        path: Another workbook, or a version as the app keeps it: the blob `active/config.json`, or one of `history/`.
        configuration: That of the workbook.
        values: What placeholders of another workbook stand for; None for the setting WORKBOOK_VALUES.

    Raises:
        ConfigurationError: the file is neither a valid workbook nor a version.
    """
    return changes_between(_configuration_of(path, values), configuration)


def change_lines(path: Path, changes: Changes) -> Iterator[str]:
    """The changes as lines to print: in one line, then each job and each cell."""
    yield f"Against {path}: {changes.summary()}."
    named = {"new": changes.added, "gone": changes.removed, "enabled": changes.enabled, "disabled": changes.disabled}
    for what, job_ids in named.items():
        yield from (f"- {job_id} is {what}" for job_id in job_ids)
    yield from (f"- {_cell(change)}" for change in changes.changed)


def _cell(change: CellChange) -> str:
    effect = f"; {change.effect}" if change.effect else ""
    return f"{change.row} {change.column}: {_shown(change.before)} → {_shown(change.after)}{effect}"


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value))
    if isinstance(value, dict):
        value = ", ".join(f"{name}:{kind}" for name, kind in value.items())
    return "blank" if value in (None, "") else str(value)


def workbook_bytes(path: Path) -> bytes:
    """A workbook, also of its YAML text.

    Raises:
        WorkbookError: the text is not that of a workbook.
    """
    content = path.read_bytes()
    if path.suffix.lower() not in _YAML:
        return content
    try:
        return from_yaml(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise WorkbookError(f"{path} is not a text in UTF-8.") from None
    except WorkbookError as error:
        raise WorkbookError(f"{path}: {error}") from None


def _configuration_of(path: Path, values: Mapping[str, str] | None) -> Configuration:
    content = workbook_bytes(path)
    if content.lstrip()[:1] == b"{":
        try:
            return Snapshot.model_validate_json(content).configuration
        except ValidationError:
            raise ConfigurationError(
                f"{path} is no version of a workbook: take the blob active/config.json of the container config."
            ) from None
    report = validate(content, values=values)
    if report.configuration is None:
        raise ConfigurationError(f"{path} is refused: {report.problems[0]}. Compare with a valid workbook.")
    return report.configuration


def report_lines(path: Path, report: Report) -> list[str]:
    """Whether a workbook is valid, with its problems and warnings."""
    jobs = report.configuration.jobs if report.configuration else ()
    enabled = sum(job.enabled for job in jobs)
    verdict = (
        f"{path} is valid: {len(jobs)} jobs, {enabled} of them enabled."
        if report.configuration
        else f"{path} is refused, {len(report.problems)} problem(s):"
    )
    return [verdict, *(f"- {one}" for one in report.problems), *(f"- warning: {one}" for one in report.warnings)]
