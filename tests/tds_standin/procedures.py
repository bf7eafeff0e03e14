"""The system procedures that drivers call, and the stand-in's own, which order faults and return the log."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from . import kinds as k
from .arguments import Argument, Procedure, bound, declared, listed_rows, named_values, text_of
from .catalog_procedures import (
    datatype_info,
    describe_first,
    describe_parameters,
    list_columns,
    list_primary_keys,
    list_statistics,
    list_tables,
)
from .convert import cast
from .decoding import variant
from .faults import Fault
from .kinds import Kind
from .schema import Table
from .tokens import SqlError

if TYPE_CHECKING:
    from .events import Event, Results
    from .runner import Runner


def call(runner: Runner, name: str, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    """What a procedure gives; error 2812 if there is none of that name."""
    procedure = PROCEDURES.get(name)
    if not procedure:
        raise SqlError(2812, f"Could not find stored procedure '{name}'.", state=62)
    yield from procedure(runner, arguments, results)


def _execute_sql(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    from .runner import Runner as Inner

    statement = text_of(arguments[0]) or ""
    declaration = (text_of(arguments[1]) or "") if len(arguments) > 1 else ""
    variables = bound(declaration, arguments[2:])
    inner = Inner(runner.session, variables)
    yield from inner.run(statement)
    for name, _, output in declared(declaration):
        if output:
            results.outputs[name] = inner.variables[name][1]


# name: ODBC type, column size, literal prefix, literal suffix, create parameters


def _nothing(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    from .events import Done

    yield Done()


def _reset(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    if runner.session.transaction:
        runner.engine.end_rolled_back(runner.session.transaction)
        runner.session.transaction = None
    runner.session.reset()
    yield from _nothing(runner, arguments, results)


def _extended_property(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    names = ("name", "value", "level0type", "level0name", "level1type", "level1name", "level2type", "level2name")
    given = named_values(arguments, names)
    database = runner.session.database
    key = (str(given["level0name"]).casefold(), str(given["level1name"]).casefold())
    found: Any = database.tables.get(key) or database.views.get(key)
    if not found:
        raise SqlError(
            15135,
            f"Object is invalid. Extended properties are not permitted on '{given['level1name']}', or the object does "
            f"not exist.",
        )
    if given["level2name"]:
        found = found.columns[found.place(given["level2name"])]
    if given["name"] == "MS_Description":
        found.comment = given["value"]
    database.version += 1
    yield from _nothing(runner, arguments, results)


def _session_context(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    given = named_values(arguments, ("key", "value", "read_only"))
    runner.session.context[str(given["key"]).casefold()] = variant(Kind("nvarchar", 4000), str(given["value"]))
    yield from _nothing(runner, arguments, results)


def _fault(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    runner.engine.faults.append(Fault(**json.loads(text_of(arguments[0]) or "{}")))
    yield from _nothing(runner, arguments, results)


def _clear(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    runner.engine.faults.clear()
    runner.engine.log.entries.clear()
    yield from _nothing(runner, arguments, results)


def _log(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    match = (text_of(arguments[0]) or "") if arguments else ""
    entries = [one for one in list(runner.engine.log.entries) if re.search(match, one.text, re.IGNORECASE | re.DOTALL)]
    rows = [{"at": one.at, "session": one.session, "kind": one.kind, "text": one.text[:4000]} for one in entries]
    yield from listed_rows("at:f session:i kind text:x", rows)


def _fill(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    """`EXEC standin_fill 'dbo.t', 1000000`: rows that count up, see `filling`."""
    from .events import Done
    from .filling import counted_rows

    name, count = text_of(arguments[0]) or "", int(cast(arguments[1][2], arguments[1][1], k.BIGINT))
    table = runner.session.named(name)
    if not isinstance(table, Table):
        raise SqlError(208, f"Invalid object name '{name}'.")
    runner.engine.fill(
        runner.session.database.name, f"{table.schema}.{table.name}", counted_rows(runner.engine, table, count)
    )
    yield Done(0xC3, count)


PROCEDURES: dict[str, Procedure] = {
    "sp_executesql": _execute_sql, "sp_describe_first_result_set": describe_first,
    "sp_describe_undeclared_parameters": describe_parameters,
    "sp_datatype_info": datatype_info, "sp_datatype_info_90": datatype_info, "sp_datatype_info_100": datatype_info,
    "sp_tables": list_tables,
    "sp_columns": list_columns, "sp_columns_90": list_columns, "sp_columns_100": list_columns,
    "sp_pkeys": list_primary_keys,
    "sp_statistics": list_statistics,
    "sp_statistics_100": list_statistics, "sp_reset_connection": _reset, "sp_addextendedproperty": _extended_property,
    "sp_updateextendedproperty": _extended_property,
    "sp_getapplock": _nothing, "sp_releaseapplock": _nothing, "sp_set_session_context": _session_context,
    "standin_fault": _fault, "standin_clear": _clear,
    "standin_log": _log, "standin_fill": _fill,
}  # fmt: skip
