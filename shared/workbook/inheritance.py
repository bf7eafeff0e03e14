"""What a blank cell of a job takes from elsewhere: the row of its source, or the sheet Defaults; and placeholders.

A cell of the job comes first, then the row of its source in the sheet Sources, then the row of the sheet Defaults for
its source_type, then that for all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.workbook.kinds import InvalidCellError

INHERITED = (
    *("source_type", "schema_name", "load_type", "enabled", "target_container", "target_folder_path"),
    *("table_format", "primary_key", "watermark_column", "lookback", "detect_deletes", "max_deleted_percent"),
    *("destination", "databricks_catalog", "databricks_schema", "tags", "schedule", "priority", "parallelism"),
    *("chunk_size", "max_attempts", "timeout_minutes", "schema_contract", "verify", "excluded_columns"),
    *("pagination_type", "api_data_path", "api_headers", "api_page_size", "api_limit_param", "api_rate_limit"),
    *("api_nested",),
)
"""The columns of SourceConfig that a blank cell takes from elsewhere."""

NO_DEFAULT = "-"
"""What a cell holds that is to be blank although there is a default."""

ALL = "all"

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_BRACES_OF_THEIR_OWN = (
    *("table_name", "query_filter", "primary_key", "watermark_column", "partition_by", "column_types"),
    "masked_columns",
)
_PREFIXES_OF_THEIR_OWN = ("api_", "included_", "excluded_", "partition_")


@dataclass(frozen=True)
class Default:
    """A value from elsewhere, and the cell that has it; None if the cell is refused."""

    value: Any
    origin: str


@dataclass(frozen=True)
class Inheritance:
    """The defaults of a workbook, and the values of placeholders.

    Attributes:
        values: The text of each placeholder by name: the setting WORKBOOK_VALUES.
        sources: The defaults of each source, by column.
        scopes: Those of each source_type, and of all jobs.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, Mapping[str, Default]] = field(default_factory=dict)
    scopes: Mapping[str, Mapping[str, Default]] = field(default_factory=dict)

    @property
    def columns(self) -> set[str]:
        """The columns for which there is a default somewhere."""
        return {name for some in (*self.sources.values(), *self.scopes.values()) for name in some}

    def of(self, row: Mapping[str, Any]) -> dict[str, Default]:
        """The defaults of a job, by column; `row` has the typed values of its own cells."""
        own = self.sources.get(str(row.get("source_name")), {})
        everywhere = self.scopes.get(ALL, {})
        kind = row.get("source_type") or next(
            (some["source_type"].value for some in (own, everywhere) if "source_type" in some), None
        )
        return {**everywhere, **self.scopes.get(str(kind), {}), **own}

    def filled(self, column: str, cell: object) -> tuple[object, Sequence[str]]:
        """A cell with its placeholders replaced, and the names of those that it had.

        Raises:
            InvalidCellError: a placeholder has no value, in a column in which braces mean nothing else.
        """
        if not isinstance(cell, str) or "{" not in cell:
            return cell, ()
        names = [name for name in dict.fromkeys(_PLACEHOLDER.findall(cell)) if name in self.values]
        has_own_braces = column in _BRACES_OF_THEIR_OWN or column.startswith(_PREFIXES_OF_THEIR_OWN)
        unknown = [name for name in _PLACEHOLDER.findall(cell) if name not in self.values]
        if unknown and not has_own_braces:
            known = ", ".join(f"{{{name}}}" for name in self.values) or "none"
            raise InvalidCellError(
                f"holds {{{unknown[0]}}}, which has no value: the setting WORKBOOK_VALUES has {known}"
            )
        return _PLACEHOLDER.sub(lambda found: self.values.get(found[1], found[0]), cell), names
