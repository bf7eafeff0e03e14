"""The procedures by which drivers ask for tables, columns and types."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from . import kinds as k
from .arguments import Argument, declared, listed_rows, named_values
from .catalog_columns import k_precision, user_type
from .kinds import Kind

if TYPE_CHECKING:
    from .events import Event, Results
    from .runner import Runner


def describe_first(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    from .runner import described

    given = named_values(arguments, ("tsql", "params", "browse_information_mode"))
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
    yield from listed_rows(
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


def describe_parameters(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    """Each undeclared parameter as nvarchar(4000): the stand-in infers no types."""
    given = named_values(arguments, ("tsql", "params"))
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
    yield from listed_rows(
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


def datatype_info(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    given = named_values(arguments, ("data_type", "odbcver"))
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
    yield from listed_rows(
        "TYPE_NAME DATA_TYPE:s PRECISION:i LITERAL_PREFIX LITERAL_SUFFIX CREATE_PARAMS NULLABLE:s CASE_SENSITIVE:s "
        "SEARCHABLE:s UNSIGNED_ATTRIBUTE:s MONEY:s "
        "AUTO_INCREMENT:s LOCAL_TYPE_NAME MINIMUM_SCALE:s MAXIMUM_SCALE:s SQL_DATA_TYPE:s SQL_DATETIME_SUB:s "
        "NUM_PREC_RADIX:i INTERVAL_PRECISION:s USERTYPE:s",
        rows,
    )  # fmt: skip


def _fits(pattern: str | None, text: str) -> bool:
    from .functions import like_pattern

    return not pattern or bool(like_pattern(pattern, "\\", True).fullmatch(text))


def list_tables(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    given = named_values(arguments, ("table_name", "table_owner", "table_qualifier", "table_type", "fusepattern"))
    database = runner.session.database
    listed = [(one, "TABLE") for one in database.tables.values()] + [(one, "VIEW") for one in database.views.values()]
    rows = [
        {"TABLE_QUALIFIER": database.name, "TABLE_OWNER": one.schema, "TABLE_NAME": one.name, "TABLE_TYPE": kind}
        for one, kind in listed
        if _fits(given["table_name"], one.name)
        and _fits(given["table_owner"], one.schema)
        and (not given["table_type"] or f"'{kind}'" in given["table_type"])
    ]
    yield from listed_rows("TABLE_QUALIFIER TABLE_OWNER TABLE_NAME TABLE_TYPE:v REMARKS:v", rows)


def list_columns(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    given = named_values(arguments, ("table_name", "table_owner", "table_qualifier", "column_name", "odbcver"))
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
    yield from listed_rows(
        "TABLE_QUALIFIER TABLE_OWNER TABLE_NAME COLUMN_NAME DATA_TYPE:s TYPE_NAME PRECISION:i LENGTH:i SCALE:s "
        "RADIX:s NULLABLE:s REMARKS:v COLUMN_DEF:x "
        "SQL_DATA_TYPE:s SQL_DATETIME_SUB:s CHAR_OCTET_LENGTH:i ORDINAL_POSITION:i IS_NULLABLE:v SS_DATA_TYPE:t",
        rows,
    )  # fmt: skip


def list_primary_keys(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    given = named_values(arguments, ("table_name", "table_owner", "table_qualifier"))
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
    yield from listed_rows("TABLE_QUALIFIER TABLE_OWNER TABLE_NAME COLUMN_NAME KEY_SEQ:s PK_NAME", rows)


def list_statistics(runner: Runner, arguments: Sequence[Argument], results: Results) -> Iterator[Event]:
    yield from listed_rows(
        "TABLE_QUALIFIER TABLE_OWNER TABLE_NAME NON_UNIQUE:s INDEX_QUALIFIER INDEX_NAME TYPE:s SEQ_IN_INDEX:s "
        "COLUMN_NAME COLLATION:v CARDINALITY:i PAGES:i FILTER_CONDITION:v",
        [],
    )
