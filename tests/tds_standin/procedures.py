"""The system procedures that drivers call, and the stand-in's own, which order faults and return the log."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from . import kinds as k
from .catalog import k_precision, user_type
from .convert import cast
from .engine import Table
from .faults import Fault
from .kinds import Kind
from .tokens import Output, SqlError

if TYPE_CHECKING:
    from .runner import Event, Results, Runner

Argument = tuple[str, Kind, Any]
_LONG = Kind("nvarchar", k.MAX)


def call(runner: Runner, name: str, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    """What a procedure gives; error 2812 if there is none of that name."""
    procedure = PROCEDURES.get(name)
    if not procedure:
        raise SqlError(2812, f"Could not find stored procedure '{name}'.", state=62)
    yield from procedure(runner, arguments, results)


def text_of(argument: Argument) -> str | None:
    """An argument as text."""
    _, kind, value = argument
    return None if value is None else str(cast(value, kind, _LONG))


def _named(arguments: Sequence[Argument], names: Sequence[str]) -> dict[str, Any]:
    """The values of a procedure's parameters, by name or by place."""
    made: dict[str, Any] = dict.fromkeys(names)
    for place, argument in enumerate(arguments):
        name = argument[0].lstrip("@").lower() or (names[place] if place < len(names) else "")
        if name in made:
            made[name] = argument[2] if argument[1].family == "int" else text_of(argument)
    return made


def declared(text: str) -> list[tuple[str, Kind, bool]]:
    """The parameters of a declaration such as `@a int, @b nvarchar(10) OUTPUT`."""
    from .lexer import END
    from .parser import Parser

    parser, made = Parser(text), []
    while parser.token is not END:
        name = parser.next().text.lower()
        parser.accept("AS")
        kind = k.parse_kind(parser.type_text())
        if kind is None:
            raise SqlError(2715, f"Column, parameter, or variable '{name}': Cannot find data type.")
        if parser.accept("="):
            parser.value()
        output = parser.accept("OUTPUT") or parser.accept("OUT")
        parser.accept("READONLY")
        made.append((name, kind, output))
        parser.accept(",")
    return made


def bound(declaration: str, arguments: Sequence[Argument]) -> dict[str, tuple[Kind, Any]]:
    """Variables from declared parameters and the values for them, by name or by place."""
    made: dict[str, tuple[Kind, Any]] = {}
    parameters = declared(declaration)
    by_name = {name.lower(): (kind, value) for name, kind, value in arguments if name}
    for place, (name, kind, _) in enumerate(parameters):
        given = by_name.get(name) or (
            arguments[place][1:] if place < len(arguments) and not arguments[place][0] else None
        )
        if given is None:
            raise SqlError(
                8178,
                f"The parameterized query '({declaration})' expects the parameter '{name}', which was not supplied.",
            )
        source, value = given
        made[name] = (kind, cast(value, source, kind) if source.name != "null" else None)
    return made


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


def _rows(columns: str, rows: list[dict[str, Any]]) -> Any:
    """A result whose columns are written as `name:type name:type`, types being i, s, t, b, f and n (name)."""
    from .runner import Done, Rows

    types = {
        "i": k.INT,
        "s": Kind("smallint"),
        "t": Kind("tinyint"),
        "b": k.BIT,
        "n": k.SYSNAME,
        "x": Kind("nvarchar", 4000),
        "f": k.FLOAT,
        "v": Kind("varchar", 254),
        "l": k.BIGINT,
    }
    outputs = [Output(one.partition(":")[0], types[one.partition(":")[2] or "n"]) for one in columns.split()]
    found = [[row.get(output.name) for output in outputs] for row in rows]
    yield Rows(outputs, [found])
    yield Done(0xC1, len(found))


# --- what a statement's result would be ---


def _describe_first(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    from .runner import described

    given = _named(arguments, ("tsql", "params", "browse_information_mode"))
    variables = {name: (kind, None) for name, kind, _ in declared(given["params"] or "")}
    rows = []
    for place, output in enumerate(described(runner.session, given["tsql"] or "", variables), 1):
        kind = output.kind if output.kind.name != "null" else k.INT
        precision, scale = k_precision(kind)
        rows.append({
            "is_hidden": 0, "column_ordinal": place, "name": output.name or None, "is_nullable": int(output.nullable),
            "system_type_id": k.SYSTEM_TYPES[kind.name],
            "system_type_name": kind.shown, "max_length": kind.bytes_long, "precision": precision, "scale": scale,
            "collation_name": (kind.collation or k.DEFAULT_COLLATION) if kind.family == "char" else None,
            "is_identity_column": int(output.identity),
            "is_part_of_unique_key": None, "is_updateable": int(not output.computed), "is_computed_column": 0,
            "is_sparse_column_set": 0, "tds_type_id": 0, "tds_length": kind.bytes_long,
        })  # fmt: skip
    yield from _rows(
        "is_hidden:b column_ordinal:i name is_nullable:b system_type_id:i system_type_name max_length:s precision:t "
        "scale:t collation_name user_type_id:i "
        "user_type_database user_type_schema user_type_name assembly_qualified_type_name:x xml_collection_id:i "
        "xml_collection_database xml_collection_schema "
        "xml_collection_name is_xml_document:b is_case_sensitive:b is_fixed_length_clr_type:b source_server "
        "source_database source_schema source_table source_column "
        "is_identity_column:b is_part_of_unique_key:b is_updateable:b is_computed_column:b is_sparse_column_set:b "
        "ordinal_in_order_by_list:s order_by_is_descending:s "
        "order_by_list_length:s tds_type_id:i tds_length:i tds_collation_id:i tds_collation_sort_id:t",
        rows,
    )  # fmt: skip


def _describe_parameters(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    """Each undeclared parameter as nvarchar(4000): the stand-in infers no types."""
    given = _named(arguments, ("tsql", "params"))
    known = {name for name, _, _ in declared(given["params"] or "")}
    names = [one for one in dict.fromkeys(re.findall(r"(?<!@)@\w+", given["tsql"] or "")) if one.lower() not in known]
    rows = [
        {"parameter_ordinal": place, "name": name, "suggested_system_type_id": 231,
        "suggested_system_type_name": "nvarchar(4000)", "suggested_max_length": 8000,
         "suggested_precision": 0, "suggested_scale": 0, "suggested_is_xml_document": 0,
         "suggested_is_case_sensitive": 0, "suggested_is_fixed_length_clr_type": 0,
         "suggested_is_input": 1, "suggested_is_output": 0, "suggested_tds_type_id": 231, "suggested_tds_length": 8000}
        for place, name in enumerate(names, 1)
    ]  # fmt: skip
    yield from _rows(
        "parameter_ordinal:i name suggested_system_type_id:i suggested_system_type_name suggested_max_length:s "
        "suggested_precision:t suggested_scale:t "
        "suggested_user_type_id:i suggested_user_type_database suggested_user_type_schema suggested_user_type_name "
        "suggested_assembly_qualified_type_name:x "
        "suggested_xml_collection_id:i suggested_xml_collection_database suggested_xml_collection_schema "
        "suggested_xml_collection_name suggested_is_xml_document:b "
        "suggested_is_case_sensitive:b suggested_is_fixed_length_clr_type:b suggested_is_input:b "
        "suggested_is_output:b formal_parameter_name suggested_tds_type_id:i suggested_tds_length:i",
        rows,
    )  # fmt: skip


# --- ODBC's catalogue functions ---

# name: ODBC type, column size, literal prefix, literal suffix, create parameters
_ODBC = {
    "bit": (-7, 1, None, None, None), "tinyint": (-6, 3, None, None, None), "smallint": (5, 5, None, None, None),
    "int": (4, 10, None, None, None),
    "bigint": (-5, 19, None, None, None), "real": (7, 24, None, None, None), "float": (6, 53, None, None, None),
    "decimal": (3, 38, None, None, "precision,scale"),
    "numeric": (2, 38, None, None, "precision,scale"), "money": (3, 19, "$", None, None), "smallmoney": (3, 10, "$",
    None, None), "char": (1, 8000, "'", "'", "length"),
    "varchar": (12, 8000, "'", "'", "max length"), "text": (-1, 2147483647, "'", "'", None), "nchar": (-8, 4000, "N'",
    "'", "length"),
    "nvarchar": (-9, 4000, "N'", "'", "max length"), "ntext": (-10, 1073741823, "N'", "'", None), "xml": (-152, 0,
    "N'", "'", None),
    "binary": (-2, 8000, "0x", None, "length"), "varbinary": (-3, 8000, "0x", None, "max length"), "image": (-4,
    2147483647, "0x", None, None),
    "timestamp": (-2, 8, "0x", None, None), "date": (91, 10, "'", "'", None), "time": (-154, 16, "'", "'", "scale"),
    "datetime2": (93, 27, "'", "'", "scale"), "datetime": (93, 23, "'", "'", None),
    "smalldatetime": (93, 16, "'", "'", None), "datetimeoffset": (-155, 34, "'", "'", "scale"),
    "uniqueidentifier": (-11, 36, "'", "'", None), "sql_variant": (-150, 8000, None, None, None), "hierarchyid": (-151,
    892, None, None, None),
    "geometry": (-151, 0, None, None, None), "geography": (-151, 0, None, None, None),
}  # fmt: skip


def _datatype_info(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    given = _named(arguments, ("data_type", "odbcver"))
    rows: list[dict[str, Any]] = []
    for name, (number, size, prefix, suffix, parameters) in _ODBC.items():
        if given["data_type"] in (None, 0, number):
            kind = Kind(name)
            text = kind.family == "char"
            exact = kind.family in ("int", "dec")
            rows.append({
                "TYPE_NAME": name, "DATA_TYPE": number, "PRECISION": size, "LITERAL_PREFIX": prefix,
                "LITERAL_SUFFIX": suffix, "CREATE_PARAMS": parameters,
                "NULLABLE": 1, "CASE_SENSITIVE": 0, "SEARCHABLE": 3 if text else 2,
                "UNSIGNED_ATTRIBUTE": int(name == "tinyint") if exact or kind.family == "float" else None,
                "MONEY": int("money" in name), "AUTO_INCREMENT": 0 if exact else None, "LOCAL_TYPE_NAME": name,
                "MINIMUM_SCALE": 0 if exact else None,
                "MAXIMUM_SCALE": 38 if parameters == "precision,scale" else 0 if exact else None,
                "SQL_DATA_TYPE": 9 if number in (91, 93) else number,
                "SQL_DATETIME_SUB": {91: 1, 93: 3}.get(number),
                "NUM_PREC_RADIX": 10 if exact else 2 if kind.family == "float" else None, "USERTYPE": 0,
            })  # fmt: skip
    rows.sort(key=lambda row: row["DATA_TYPE"])
    yield from _rows(
        "TYPE_NAME DATA_TYPE:s PRECISION:i LITERAL_PREFIX LITERAL_SUFFIX CREATE_PARAMS NULLABLE:s CASE_SENSITIVE:s "
        "SEARCHABLE:s UNSIGNED_ATTRIBUTE:s MONEY:s "
        "AUTO_INCREMENT:s LOCAL_TYPE_NAME MINIMUM_SCALE:s MAXIMUM_SCALE:s SQL_DATA_TYPE:s SQL_DATETIME_SUB:s "
        "NUM_PREC_RADIX:i INTERVAL_PRECISION:s USERTYPE:s",
        rows,
    )  # fmt: skip


def _fits(pattern: str | None, text: str) -> bool:
    from .functions import like_pattern

    return not pattern or bool(like_pattern(pattern, "\\", True).fullmatch(text))


def _tables(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    given = _named(arguments, ("table_name", "table_owner", "table_qualifier", "table_type", "fusepattern"))
    database = runner.session.database
    listed = [(one, "TABLE") for one in database.tables.values()] + [(one, "VIEW") for one in database.views.values()]
    rows = [
        {"TABLE_QUALIFIER": database.name, "TABLE_OWNER": one.schema, "TABLE_NAME": one.name, "TABLE_TYPE": kind}
        for one, kind in listed
        if _fits(given["table_name"], one.name)
        and _fits(given["table_owner"], one.schema)
        and (not given["table_type"] or f"'{kind}'" in given["table_type"])
    ]
    yield from _rows("TABLE_QUALIFIER TABLE_OWNER TABLE_NAME TABLE_TYPE:v REMARKS:v", rows)


def _columns(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    given = _named(arguments, ("table_name", "table_owner", "table_qualifier", "column_name", "odbcver"))
    database, rows = runner.session.database, []
    for table in database.tables.values():
        if not (_fits(given["table_name"], table.name) and _fits(given["table_owner"], table.schema)):
            continue
        for place, column in enumerate(table.columns, 1):
            kind = column.kind
            if _fits(given["column_name"], column.name):
                precision, scale = k_precision(kind)
                sized = kind.family in ("char", "bin")
                rows.append({
                    "TABLE_QUALIFIER": database.name, "TABLE_OWNER": table.schema, "TABLE_NAME": table.name,
                    "COLUMN_NAME": column.name,
                    "DATA_TYPE": _ODBC[kind.name][0],
                    "TYPE_NAME": kind.name + " identity" * (column.identity is not None),
                    "PRECISION": 0 if kind.is_max else kind.length if sized else precision or _ODBC[kind.name][1],
                    "LENGTH": kind.bytes_long, "SCALE": None if sized else scale, "RADIX": 10 if kind.family in ("int",
                    "dec") else None, "NULLABLE": int(column.nullable),
                    "COLUMN_DEF": f"({column.default_text})" if column.default else None,
                    "SQL_DATA_TYPE": _ODBC[kind.name][0], "ORDINAL_POSITION": place,
                    "IS_NULLABLE": "YES" if column.nullable else "NO", "SS_DATA_TYPE": user_type(kind) % 256,
                })  # fmt: skip
    yield from _rows(
        "TABLE_QUALIFIER TABLE_OWNER TABLE_NAME COLUMN_NAME DATA_TYPE:s TYPE_NAME PRECISION:i LENGTH:i SCALE:s "
        "RADIX:s NULLABLE:s REMARKS:v COLUMN_DEF:x "
        "SQL_DATA_TYPE:s SQL_DATETIME_SUB:s CHAR_OCTET_LENGTH:i ORDINAL_POSITION:i IS_NULLABLE:v SS_DATA_TYPE:t",
        rows,
    )  # fmt: skip


def _primary_keys(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    given = _named(arguments, ("table_name", "table_owner", "table_qualifier"))
    database = runner.session.database
    rows = [
        {
            "TABLE_QUALIFIER": database.name,
            "TABLE_OWNER": table.schema,
            "TABLE_NAME": table.name,
            "COLUMN_NAME": name,
            "KEY_SEQ": place,
            "PK_NAME": table.key.name,
        }
        for table in database.tables.values()
        if table.key and _fits(given["table_name"], table.name) and _fits(given["table_owner"], table.schema)
        for place, (name, _) in enumerate(table.key.columns, 1)
    ]
    yield from _rows("TABLE_QUALIFIER TABLE_OWNER TABLE_NAME COLUMN_NAME KEY_SEQ:s PK_NAME", rows)


def _statistics(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    yield from _rows(
        "TABLE_QUALIFIER TABLE_OWNER TABLE_NAME NON_UNIQUE:s INDEX_QUALIFIER INDEX_NAME TYPE:s SEQ_IN_INDEX:s "
        "COLUMN_NAME COLLATION:v CARDINALITY:i PAGES:i FILTER_CONDITION:v",
        [],
    )


# --- others ---


def _nothing(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    from .runner import Done

    yield Done()


def _reset(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    if runner.session.transaction:
        runner.engine.end_rolled_back(runner.session.transaction)
        runner.session.transaction = None
    runner.session.reset()
    yield from _nothing(runner, arguments, results)


def _extended_property(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    names = ("name", "value", "level0type", "level0name", "level1type", "level1name", "level2type", "level2name")
    given = _named(arguments, names)
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
    given = _named(arguments, ("key", "value", "read_only"))
    runner.session.context[str(given["key"]).casefold()] = k.variant(Kind("nvarchar", 4000), str(given["value"]))
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
    yield from _rows("at:f session:i kind text:x", rows)


def _fill(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    """`EXEC standin_fill 'dbo.t', 1000000`: rows that count up, see `filling`."""
    from .filling import counted_rows
    from .runner import Done

    name, count = text_of(arguments[0]) or "", int(cast(arguments[1][2], arguments[1][1], k.BIGINT))
    table = runner.session.named(name)
    if not isinstance(table, Table):
        raise SqlError(208, f"Invalid object name '{name}'.")
    runner.engine.fill(
        runner.session.database.name, f"{table.schema}.{table.name}", counted_rows(runner.engine, table, count)
    )
    yield Done(0xC3, count)


Procedure = Callable[["Runner", Sequence[Argument], "Results"], Iterator[Any]]
PROCEDURES: dict[str, Procedure] = {
    "sp_executesql": _execute_sql, "sp_describe_first_result_set": _describe_first,
    "sp_describe_undeclared_parameters": _describe_parameters,
    "sp_datatype_info": _datatype_info, "sp_datatype_info_90": _datatype_info, "sp_datatype_info_100": _datatype_info,
    "sp_tables": _tables,
    "sp_columns": _columns, "sp_columns_90": _columns, "sp_columns_100": _columns, "sp_pkeys": _primary_keys,
    "sp_statistics": _statistics,
    "sp_statistics_100": _statistics, "sp_reset_connection": _reset, "sp_addextendedproperty": _extended_property,
    "sp_updateextendedproperty": _extended_property,
    "sp_getapplock": _nothing, "sp_releaseapplock": _nothing, "sp_set_session_context": _session_context,
    "standin_fault": _fault, "standin_clear": _clear,
    "standin_log": _log, "standin_fill": _fill,
}  # fmt: skip
