"""T-SQL's functions: what each becomes in SQLite, and the type of its result."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import kinds as k
from .dates import PART
from .kinds import LONG_TEXT, Kind
from .text_calls import NAME, TEXTS, TextCalls
from .tokens import SqlError
from .tree import Expression
from .values import Value, common_kind, converted, ordered

if TYPE_CHECKING:
    from .scope import Scope

_ZONED = Kind("datetimeoffset", scale=7)
_DATETIME2 = Kind("datetime2", scale=7)
# functions of texts: which arguments are texts, the type of the result (None: that of the first argument)
_FLOATS = [
    "SQRT",
    "EXP",
    "LOG",
    "LOG10",
    "SIN",
    "COS",
    "TAN",
    "POWER",
    "SQUARE",
    "PI",
    "DEGREES",
    "RADIANS",
    "ATAN",
    "ASIN",
    "ACOS",
]
_NOW = {
    "GETDATE": k.DATETIME, "GETUTCDATE": k.DATETIME, "CURRENT_TIMESTAMP": k.DATETIME, "SYSDATETIME": _DATETIME2,
    "SYSUTCDATETIME": _DATETIME2, "SYSDATETIMEOFFSET": _ZONED,
}  # fmt: skip
_PARTED = {"DATEADD", "DATEDIFF", "DATEDIFF_BIG", "DATEPART", "DATENAME", "DATETRUNC"}
_RANKS = {"ROW_NUMBER": "row_number", "RANK": "rank", "DENSE_RANK": "dense_rank", "NTILE": "ntile"}
# functions that ask the session or the catalogue: the type of the result
_ASKED: dict[str, Kind] = {
    "OBJECT_ID": k.INT, "OBJECT_NAME": NAME, "OBJECT_SCHEMA_NAME": NAME, "SCHEMA_NAME": NAME, "SCHEMA_ID": k.INT,
    "DB_NAME": NAME, "DB_ID": k.INT, "USER_NAME": NAME, "SUSER_SNAME": NAME, "SUSER_NAME": NAME, "USER_ID": k.INT,
    "ORIGINAL_LOGIN": NAME, "CURRENT_USER": NAME, "SESSION_USER": NAME, "SYSTEM_USER": NAME, "HOST_NAME": NAME,
    "APP_NAME": NAME, "PROGRAM_NAME": NAME, "SERVERPROPERTY": Kind("sql_variant"),
    "SESSIONPROPERTY": Kind("sql_variant"),
    "DATABASEPROPERTYEX": Kind("sql_variant"), "CONNECTIONPROPERTY": Kind("sql_variant"), "HAS_PERMS_BY_NAME": k.INT,
    "HAS_DBACCESS": k.INT, "IS_MEMBER": k.INT, "IS_SRVROLEMEMBER": k.INT, "IS_ROLEMEMBER": k.INT,
    "COL_LENGTH": Kind("smallint"),
    "COL_NAME": NAME, "COLUMNPROPERTY": k.INT, "OBJECTPROPERTY": k.INT, "OBJECTPROPERTYEX": Kind("sql_variant"),
    "TYPE_NAME": NAME,
    "TYPE_ID": k.INT, "SCOPE_IDENTITY": Kind("numeric", precision=38), "IDENT_CURRENT": Kind("numeric", precision=38),
    "MIN_ACTIVE_ROWVERSION": Kind("binary", 8), "XACT_STATE": Kind("smallint"), "CONTEXT_INFO": Kind("varbinary", 128),
    "SESSION_CONTEXT": Kind("sql_variant"), "ERROR_MESSAGE": Kind("nvarchar", 4000), "ERROR_NUMBER": k.INT,
    "ERROR_STATE": k.INT,
    "ERROR_SEVERITY": k.INT, "ERROR_LINE": k.INT, "ERROR_PROCEDURE": NAME, "CURRENT_TRANSACTION_ID": k.BIGINT,
    "DATABASE_PRINCIPAL_ID": k.INT, "INDEX_COL": NAME, "INDEXPROPERTY": k.INT, "FULLTEXTSERVICEPROPERTY": k.INT,
    "CURSOR_STATUS": Kind("smallint"), "OBJECT_DEFINITION": LONG_TEXT, "IDENT_SEED": Kind("numeric", precision=38),
    "IDENT_INCR": Kind("numeric", precision=38),
}  # fmt: skip
_GLOBALS: dict[str, Kind] = {
    "VERSION": Kind("nvarchar", 300), "SPID": Kind("smallint"), "TRANCOUNT": k.INT, "ROWCOUNT": k.INT, "ERROR": k.INT,
    "IDENTITY": Kind("numeric", precision=38), "DBTS": Kind("varbinary", 8), "SERVERNAME": NAME,
    "MAX_PRECISION": Kind("tinyint"),
    "OPTIONS": k.INT, "LANGUAGE": NAME, "LANGID": Kind("smallint"), "LOCK_TIMEOUT": k.INT, "MICROSOFTVERSION": k.INT,
    "NESTLEVEL": k.INT, "DATEFIRST": Kind("tinyint"), "FETCH_STATUS": k.INT, "SERVICENAME": NAME, "TEXTSIZE": k.INT,
    "CURSOR_ROWS": k.INT, "PROCID": k.INT, "CONNECTIONS": k.INT, "MAX_CONNECTIONS": k.INT,
}  # fmt: skip


class Builtins(TextCalls):
    """The part of the compiler that knows functions."""

    def call(self, name: str, arguments: list[Expression], distinct: bool, over: Any, scope: Scope) -> Value:
        special = getattr(self, f"_call_{name.lower()}", None)
        if special:
            made: Value = special(arguments, scope)
            return made
        if name in (
            "COUNT",
            "COUNT_BIG",
            "SUM",
            "AVG",
            "MIN",
            "MAX",
            "STRING_AGG",
            "CHECKSUM_AGG",
            "APPROX_COUNT_DISTINCT",
        ):
            return self._windowed(self._aggregate(name, arguments, distinct, scope), over, scope)
        if name in _RANKS or name in ("LAG", "LEAD", "FIRST_VALUE", "LAST_VALUE"):
            return self._ranked(name, arguments, over, scope)
        if name in _PARTED:
            return self._parted(name, arguments, scope)
        if name in _NOW:
            kind = _NOW[name]
            return Value(f"t_cast({self.session.now}, 'datetime2(7)', '{kind.shown}', 0, '')", kind, False)
        values = [self.value(one, scope) for one in arguments]
        if name in TEXTS:
            return self._text(name, values)
        if name in _FLOATS:
            listed = ", ".join([f"'{name}'", *(converted(value, k.FLOAT) for value in values)])
            made = Value(f"t_math({listed})", k.FLOAT)
            same = name == "POWER" and values[0].kind.family in ("dec", "int")
            return Value(converted(made, values[0].kind), values[0].kind) if same else made
        if name in ("ABS", "FLOOR", "CEILING", "SIGN"):
            kind = values[0].kind if values[0].kind.family in ("int", "dec", "float") else k.FLOAT
            made = Value(f"t_number('{name}', {converted(values[0], kind)})", kind, values[0].nullable)
            if name in ("FLOOR", "CEILING") and kind.name in ("decimal", "numeric"):
                made.kind = replace(kind, scale=0)
            return made
        if name in _ASKED:
            listed = "".join(
                f", {converted(value, LONG_TEXT) if value.kind.family != 'int' else value.sql}" for value in values
            )
            return Value(f"t_ask('{name}'{listed})", _ASKED[name])
        raise SqlError(195, f"'{name}' is not a recognized built-in function name.", 15, 10)

    def global_variable(self, name: str) -> Value:
        if name not in _GLOBALS:
            raise SqlError(137, f'Must declare the scalar variable "@@{name.lower()}".', 15, 2)
        return Value(f"t_ask('@@{name}')", _GLOBALS[name], name in ("IDENTITY",))

    def _aggregate(self, name: str, arguments: list[Expression], distinct: bool, scope: Scope) -> Value:
        only = "DISTINCT " * distinct
        if name in ("COUNT", "COUNT_BIG", "APPROX_COUNT_DISTINCT"):
            kind = k.INT if name == "COUNT" else k.BIGINT
            if arguments[0][0] == "star":
                return Value("count(*)", kind, False)
            return Value(
                f"count({only or ('DISTINCT ' if name[0] == 'A' else '')}{ordered(self.value(arguments[0], scope))})",
                kind,
                False,
            )
        value = self.value(arguments[0], scope)
        if name in ("MIN", "MAX"):
            if value.kind.name in ("bit", "xml", "text", "ntext", "image"):
                raise SqlError(8117, f"Operand data type {value.kind.name} is invalid for {name.lower()} operator.")
            sql = ordered(value) if value.kind.family == "char" else value.sql
            return Value(f"{name.lower()}({sql})", value.kind)
        if name == "STRING_AGG":
            separator = self.value(arguments[1], scope)
            return Value(
                f"t_join({converted(value, LONG_TEXT)}, {separator.sql})",
                LONG_TEXT if value.kind.national else Kind("varchar", 8000),
            )
        if name == "CHECKSUM_AGG":
            return Value(f"t_check_sum({only}{converted(value, k.INT)})", k.INT)
        family = value.kind.family
        if family == "int" and value.kind.name != "bit":
            kind = k.BIGINT if value.kind.name == "bigint" else k.INT
            return Value(f"t_int_sum({only}{value.sql}, '{kind.name}', {int(name == 'AVG')})", kind)
        if family == "dec":
            kind = (
                Kind("money")
                if "money" in value.kind.name
                else Kind(value.kind.name, precision=38, scale=value.kind.scale)
            )
            scale = -1
            if name == "AVG":
                scale = 4 if kind.name == "money" else max(6, value.kind.scale)
                kind = kind if kind.name == "money" else replace(kind, scale=scale)
            return Value(f"t_dec_sum({only}{value.sql}, {scale})", kind)
        if family in ("float", "null"):
            return Value(f"{name.lower()}({only}{value.sql})", k.FLOAT)
        raise SqlError(8117, f"Operand data type {value.kind.name} is invalid for {name.lower()} operator.")

    def _windowed(self, value: Value, over: Any, scope: Scope) -> Value:
        if over is None:
            return value
        if value.sql.startswith("t_"):
            raise SqlError(
                102, "Incorrect syntax near 'OVER': the stand-in knows windows of COUNT, MIN, MAX and ranks.", 15
            )
        return replace(value, sql=f"{value.sql} OVER ({self._window(over, scope)})")

    def _window(self, over: Any, scope: Scope) -> str:
        partition, order = over
        sql = ""
        if partition:
            sql += "PARTITION BY " + ", ".join(ordered(self.value(one, scope)) for one in partition)
        if order:
            terms = (
                ordered(self.value(one, scope)) + (" DESC" if down else "") for one, down in order if one[0] != "scalar"
            )
            listed = ", ".join(terms)
            sql += f" ORDER BY {listed}" if listed else ""
        return sql

    def _ranked(self, name: str, arguments: list[Expression], over: Any, scope: Scope) -> Value:
        if over is None:
            raise SqlError(10753, f"The function '{name}' must have an OVER clause.", 15)
        values = [self.value(one, scope) for one in arguments]
        listed = ", ".join(value.sql for value in values)
        kind = k.BIGINT if name in _RANKS else values[0].kind
        return Value(f"{name.lower()}({listed}) OVER ({self._window(over, scope)})", kind, name not in _RANKS)

    def _parted(self, name: str, arguments: list[Expression], scope: Scope) -> Value:
        written = arguments[0][1][-1] if arguments[0][0] in ("column",) else str(arguments[0][1])
        part = PART.get(written.lower())
        if not part:
            raise SqlError(155, f"'{written}' is not a recognized {name.lower()} option.", 15)
        values = [self.value(one, scope) for one in arguments[1:]]
        dates = values[1:] if name == "DATEADD" else values
        dates = [self._moment(value, name) for value in dates]
        if name == "DATEADD":
            count = converted(values[0], k.BIGINT)
            date = dates[0]
            return Value(f"t_dateadd('{part}', {count}, {date.sql}, '{date.kind.shown}')", date.kind, date.nullable)
        if name.startswith("DATEDIFF"):
            first, second = dates
            big = int(name == "DATEDIFF_BIG")
            return Value(
                f"t_datediff('{part}', {first.sql}, '{first.kind.shown}', {second.sql}, '{second.kind.shown}', {big})",
                k.BIGINT if big else k.INT, first.nullable or second.nullable,
            )  # fmt: skip
        date = dates[0]
        sql = f"t_datepart('{part}', {date.sql}, '{date.kind.shown}')"
        if name == "DATENAME":
            return Value(f"t_datename('{part}', {sql})", Kind("nvarchar", 30), date.nullable)
        return Value(sql, k.INT, date.nullable)

    def _moment(self, value: Value, name: str) -> Value:
        if value.kind.family in ("moment", "time", "zoned"):
            return value
        kind = _ZONED if value.kind.family == "char" and name.startswith("DATEDIFF") else k.DATETIME
        return Value(converted(value, kind), kind, value.nullable)

    def _call_year(self, arguments: list[Expression], scope: Scope) -> Value:
        return self._parted("DATEPART", [("column", ("year",)), *arguments], scope)

    def _call_month(self, arguments: list[Expression], scope: Scope) -> Value:
        return self._parted("DATEPART", [("column", ("month",)), *arguments], scope)

    def _call_day(self, arguments: list[Expression], scope: Scope) -> Value:
        return self._parted("DATEPART", [("column", ("day",)), *arguments], scope)

    def _call_switchoffset(self, arguments: list[Expression], scope: Scope, switch: int = 1) -> Value:
        value, zone = (self.value(one, scope) for one in arguments)
        kind = value.kind if value.kind.family == "zoned" else Kind("datetimeoffset", scale=value.kind.scale or 7)
        return Value(f"t_offset({converted(value, kind)}, {zone.sql}, {switch})", kind, value.nullable)

    def _call_todatetimeoffset(self, arguments: list[Expression], scope: Scope) -> Value:
        return self._call_switchoffset(arguments, scope, 0)

    def _call_datefromparts(self, arguments: list[Expression], scope: Scope) -> Value:
        parts = [converted(self.value(one, scope), k.INT) for one in arguments]
        sql = f"printf('%04d-%02d-%02d', {', '.join(parts)})"
        return Value(f"t_cast({sql}, 'varchar(40)', 'date', 0, '')", Kind("date"))

    def _call_eomonth(self, arguments: list[Expression], scope: Scope) -> Value:
        value = self.value(arguments[0], scope)
        date = converted(value, Kind("date"))
        added = converted(self.value(arguments[1], scope), k.INT) if len(arguments) > 1 else "0"
        first = f"t_dateadd('day', 1 - t_datepart('day', {date}, 'date'), {date}, 'date')"
        return Value(
            f"t_dateadd('day', -1, t_dateadd('month', 1 + {added}, {first}, 'date'), 'date')",
            Kind("date"),
            value.nullable,
        )

    def _call_isdate(self, arguments: list[Expression], scope: Scope) -> Value:
        value = self.value(arguments[0], scope)
        return Value(
            f"(t_cast({converted(value, LONG_TEXT)}, 'nvarchar(max)', 'datetime', 0, 't') IS NOT NULL)", k.INT, False
        )

    def _call_isnull(self, arguments: list[Expression], scope: Scope) -> Value:
        first, second = (self.value(one, scope) for one in arguments)
        kind = first.kind if first.kind.name != "null" else second.kind
        return Value(f"ifnull({first.sql}, {converted(second, kind)})", kind, first.nullable and second.nullable)

    def _call_coalesce(self, arguments: list[Expression], scope: Scope) -> Value:
        values = [self.value(one, scope) for one in arguments]
        kind = values[0].kind
        for value in values[1:]:
            kind = common_kind(kind, value.kind)
        listed = ", ".join(converted(value, kind) for value in values)
        return Value(f"coalesce({listed})", kind, all(value.nullable for value in values))

    def _call_nullif(self, arguments: list[Expression], scope: Scope) -> Value:
        first = self.value(arguments[0], scope)
        tested = self.condition(("compare", "=", arguments[0], arguments[1]), scope)
        return Value(f"CASE WHEN {tested} THEN NULL ELSE {first.sql} END", first.kind)

    def _call_iif(self, arguments: list[Expression], scope: Scope) -> Value:
        return self.chosen(
            [self.condition(arguments[0], scope)], [self.value(arguments[1], scope)], self.value(arguments[2], scope)
        )

    def _call_choose(self, arguments: list[Expression], scope: Scope) -> Value:
        index = converted(self.value(arguments[0], scope), k.INT)
        conditions = [f"{index} = {number}" for number in range(1, len(arguments))]
        return self.chosen(conditions, [self.value(one, scope) for one in arguments[1:]], Value("NULL", k.NULL))
