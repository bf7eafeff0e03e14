"""`python -m localhost lake`: what is in the lake of the local app, and SQL over it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from localhost.app_client import find_running_app
from localhost.lake_tables import Lake, LakeTable
from localhost.local_app import host_folder, local_storage
from localhost.run_view import PlainTable, size
from localhost.services import LocalServices
from localhost.terminal import FOLDER, CommandError, FolderOption, JsonOption, console, print_json

lake = typer.Typer(no_args_is_help=True, help="Look into the lake of the local app; nothing is changed.")


@lake.command("ls")
def list_tables(as_json: JsonOption = False, folder: FolderOption = FOLDER) -> None:
    """List the tables of the lake, by the names that queries give them."""
    with _opened(folder) as found:
        counted = [(table, found.count(table)) for table in found.tables()]
    if as_json:
        print_json([_described(table, rows) for table, rows in counted])
    elif counted:
        console().print(_table_of_tables(counted))
    else:
        typer.echo("The lake has no tables yet: no job has loaded.")


@lake.command("query")
def query(
    sql: Annotated[str, typer.Argument(help="One SELECT, in DuckDB's SQL; audit.runs and audit.loads are there, too.")],
    as_json: JsonOption = False,
    folder: FolderOption = FOLDER,
) -> None:
    """Ask the lake by SQL: each table is a view of its last committed load."""
    with _opened(folder) as found:
        columns, rows = found.query(sql)
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        console().print(_answer(columns, rows))


@contextmanager
def _opened(folder: Path) -> Iterator[Lake]:
    """The lake of the app that runs in the folder, or of the storage that is started there for as long as it takes."""
    if running := find_running_app(host_folder(folder)):
        yield Lake(running.storage_place)
        return
    if not folder.is_dir():
        raise CommandError(f"{folder} holds no data of a local app: `python -m localhost start` makes one.")
    with LocalServices(folder, postgres=False) as services:
        yield Lake(local_storage(services))


def _described(table: LakeTable, rows: int) -> dict[str, Any]:
    return {"name": table.name, "format": table.format, "rows": rows, "bytes": table.size, "path": table.path}


def _table_of_tables(counted: Sequence[tuple[LakeTable, int]]) -> Table:
    shown = PlainTable("Table", "Format", "Rows:", "Size:", "Path")
    for table, rows in counted:
        shown.add_row(Text(table.name), table.format, f"{rows:,}", size(table.size), Text(table.path))
    return shown


def _answer(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    """The rows as a table; a column of numbers is not cut."""
    numeric = [
        any(values) and all(isinstance(value, int | float) for value in values if value is not None)
        for values in ([row[place] for row in rows] for place in range(len(columns)))
    ]
    shown = PlainTable(*(f"{name}:" if is_number else name for name, is_number in zip(columns, numeric, strict=True)))
    for row in rows:
        shown.add_row(*(Text("" if value is None else str(value)) for value in row))
    return shown
