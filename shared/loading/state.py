"""What dlt remembers of a job's earlier loads, as the pipeline restored it from the lake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared.errors.hierarchy import LakeError
from shared.models.job import Job, LoadType
from shared.sources.masking import MASKS
from shared.sources.watermark import watermark_text

if TYPE_CHECKING:
    import dlt


def known_columns(pipeline: dlt.Pipeline, job: Job) -> dict[str, str]:
    """Types of the columns that the job's table has in dlt's schema, by name; empty before the first load."""
    schema = pipeline.default_schema if pipeline.default_schema_name else None
    table = schema.tables.get(job.resource_name) if schema else None
    return {name: str(column.get("data_type")) for name, column in table["columns"].items()} if table else {}


@dataclass(frozen=True)
class KnownMasks:
    """How the rows that a table has were masked.

    Attributes:
        cell: `masked_columns` of the last load.
        columns: The masks of the columns that were masked.
        key_version: Of the key of their hashes; None if there are none.
    """

    cell: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    key_version: str | None = None


def known_masks(state: Mapping[str, Any], job: Job) -> KnownMasks:
    """The masks in dlt's state; none of a table that was never masked."""
    for source in state.get("sources", {}).values():
        if known := source.get(MASKS, {}).get(job.resource_name):
            return KnownMasks(**known)
    return KnownMasks()


def known_watermark(state: Mapping[str, Any], job: Job, *, starts_over: bool) -> str | None:
    """The watermark in dlt's state; None if there is none.

    Raises:
        LakeError: the state has one of another column: a load that does not start over would read every row again.
    """
    for source in state.get("sources", {}).values():
        cursors = source.get("resources", {}).get(job.resource_name, {}).get("incremental", {})
        by_name = {name.casefold(): cursor.get("last_value") for name, cursor in cursors.items()}
        wanted = str(job.watermark_column).casefold()
        if wanted in by_name:
            return watermark_text(by_name[wanted])
        if by_name and job.load_type is LoadType.INCREMENTAL and not starts_over:
            raise LakeError(
                f"Job '{job.job_id}': watermark_column is '{job.watermark_column}' now and was "
                f"'{', '.join(cursors)}' in earlier loads. Change it back, or request a full refresh of the job."
            )
    return None
