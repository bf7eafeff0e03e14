"""What a look into a source finds: its tables or endpoints, with what a row of the workbook can be proposed from."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from shared.models.shape import Shape

RowsAre = Literal["exact", "estimate", "at least", "unknown"]
"""How the number of a table's rows was found: counted, from the source's statistics, counted up to a bound, or not."""

Holds = Literal["version", "time", "date", "whole number", "other"]
"""What a column holds; a version is a number of the database itself that grows with every change of the row."""


class FoundColumn(Shape):
    """One column of a table."""

    name: str
    type: str = Field(description="In the source's words.")
    nullable: bool = True
    holds: Holds = "other"
    is_ordered: bool = Field(
        default=False, description="Whether it may be a watermark_column: docs/types.md lists the types that may."
    )
    is_generated: bool = Field(
        default=False, description="Whether the source counts it up: identity, serial, sequence."
    )
    is_indexed: bool = Field(default=False, description="Whether an index, or the key, begins with it.")
    has_nulls: bool | None = Field(
        default=None, description="Whether a row has no value in it; asked of candidates alone."
    )


class FoundTable(Shape):
    """One table or view."""

    schema_name: str
    table_name: str
    is_view: bool = False
    columns: tuple[FoundColumn, ...] = ()
    primary_key: tuple[str, ...] = ()
    rows: int | None = None
    rows_are: RowsAre = "unknown"
    size_bytes: int | None = None
    error: str | None = Field(default=None, description="Why no load could read it.")


class FoundEndpoint(Shape):
    """One endpoint of an API that lists something, as its OpenAPI document describes it."""

    path: str
    cells: dict[str, Any] = Field(default_factory=dict, description="The cells that the document answers, by column.")
    reasons: dict[str, str] = Field(default_factory=dict, description="Why, by column.")
    columns: dict[str, str] = Field(default_factory=dict, description="The fields of a row with their types.")
    error: str | None = Field(default=None, description="Why there can be no row for it.")


class FoundSource(Shape):
    """All that was found."""

    schema_name: str | None = None
    is_default_schema: bool = True
    readers: bool = Field(default=True, description="Whether several readers can share a table.")
    names: tuple[str, ...] = Field(default=(), description="All tables and views that were asked for.")
    tables: tuple[FoundTable, ...] = ()
    endpoints: tuple[FoundEndpoint, ...] = ()


class Discovered(Shape):
    """What became of one table or endpoint: the row that a workbook has or gets for it."""

    name: str = Field(description="The table, or the path of the endpoint.")
    schema_name: str | None = None
    status: Literal["new", "kept", "changed", "gone", "left out"] = Field(
        description="new: a row was added. kept, changed: the workbook has a row, which stays as it is; changed if it "
        "or the columns do not fit the table any more. gone: the source has it no more. left out: no row can read it."
    )
    job_id: str | None = Field(default=None, description="Of its row.")
    rows: int | None = None
    rows_are: RowsAre = "unknown"
    size_bytes: int | None = None
    cells: dict[str, Any] = Field(
        default_factory=dict, description="What is proposed, or what the row says, by column."
    )
    reasons: dict[str, str] = Field(default_factory=dict, description="Why, or what has changed, by column.")
    columns: dict[str, str] = Field(default_factory=dict, description="The columns with their types in the source.")
    note: str | None = Field(default=None, description="Why it is gone, changed or left out.")
    row: int | None = Field(default=None, description="The row of SourceConfig that the workbook had for it.")
