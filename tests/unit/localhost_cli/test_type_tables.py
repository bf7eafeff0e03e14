"""The generated tables of docs/types.md and docs/workbook.md are complete."""

from __future__ import annotations

from localhost.type_tables import ORACLE, POSTGRESQL, SQL_SERVER, type_changes, watermark_orders
from shared.jobs.history import VERDICTS
from shared.sources.postgresql.source import _ARROW_TYPES as POSTGRESQL_TYPES
from shared.sources.sqlserver.source import _ARROW_TYPES as SQL_SERVER_TYPES
from shared.workbook.columns import SOURCE_CONFIG
from shared.workbook.documentation import changes_table


def test_every_type_that_a_reader_names_has_a_verdict() -> None:
    assert set(POSTGRESQL_TYPES) <= {type(kind) for kind in POSTGRESQL.values()}
    assert set(SQL_SERVER_TYPES) <= {type(kind) for kind in SQL_SERVER.values()} | set(POSTGRESQL_TYPES)
    rows = watermark_orders().splitlines()[2:]
    assert len(rows) == len(POSTGRESQL) + len(SQL_SERVER) + len(ORACLE)
    assert all(row.rstrip(" |").endswith(("refused", "value", "source")) for row in rows)


def test_every_cell_of_the_matrix_of_types_says_something() -> None:
    cells = [cell.strip() for row in type_changes().splitlines()[2:] for cell in row.strip("|").split("|")[1:]]
    assert len(cells) == 100
    assert set(cells) == {"as it is", "if unchanged", "as the database prints it", "error"}


def test_every_column_of_the_sheet_has_a_verdict_on_its_change() -> None:
    assert set(VERDICTS) == {column.name for column in SOURCE_CONFIG.columns}
    assert changes_table().count("\n") == len(VERDICTS) + 1
