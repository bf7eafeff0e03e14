"""What the login of a source may do, as the database itself says."""

from __future__ import annotations

import logging

import sqlalchemy as sa

log = logging.getLogger(__name__)


def warnings_of(
    engine: sa.Engine, may_write: sa.TextClause | None, table: sa.Table, source_name: str
) -> tuple[str, ...]:
    """A sentence if the login may change a table; nothing if it may not, or if the database does not say it.

    Args:
        engine: Of the source.
        may_write: Gives a number or a boolean for `:name`, the table as the database spells it; None if it has no such.
        table: The table that is read.
        source_name: For the sentence.
    """
    if may_write is None:
        return ()
    try:
        with engine.connect() as connection:
            name = connection.dialect.identifier_preparer.format_table(table)
            writes = connection.scalar(may_write, {"name": name})
    except sa.exc.DBAPIError as error:
        log.info("Source '%s' does not say what its login may do: %s", source_name, type(error).__name__)
        return ()
    if not writes:
        return ()
    return (
        f"The login of source '{source_name}' may change {table.fullname}. Loads only read: give it a login without "
        "write grants.",
    )
