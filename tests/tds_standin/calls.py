"""T-SQL's functions: what each becomes in SQLite, and the type of its result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import functions
from . import kinds as k
from .kinds import Kind
from .parser import Expression
from .tokens import SqlError
from .values import Value, common_kind, converted, ordered

if TYPE_CHECKING:
    from .compiler import Scope

_LONG = Kind("nvarchar", k.MAX)
_NAME = Kind("nvarchar", 128)
_ZONED = Kind("datetimeoffset", scale=7)
_DATETIME2 = Kind("datetime2", scale=7)
# functions of texts: which arguments are texts, the type of the result (None: that of the first argument)
_TEXTS: dict[str, tuple[str, Kind | None]] = {
    "LEN": ("t", k.INT), "UPPER": ("t", None), "LOWER": ("t", None), "LTRIM": ("tt", None), "RTRIM": ("tt", None),
    "TRIM": ("t", None), "REPLACE": ("ttt", _LONG), "CHARINDEX": ("tti", k.INT), "REPLICATE": ("ti", _LONG),
    "SPACE": ("i", Kind("varchar", 8000)), "REVERSE": ("t", None), "STUFF": ("tiit", Kind("nvarchar", 4000)),
    "ASCII": ("t", k.INT), "UNICODE": ("t", k.INT), "CHAR": ("i", Kind("char", 1)), "NCHAR": ("i", Kind("nchar", 1)),
    "LEFT": ("ti", None), "RIGHT": ("ti", None), "QUOTENAME": ("tt", Kind("nvarchar", 258)),
    "STR": ("fii", Kind("varchar", 40)), "HASHBYTES": ("t*", Kind("varbinary", 8000)), "ISNUMERIC": ("t", k.INT),
}  # fmt: skip
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
    "OBJECT_ID": k.INT, "OBJECT_NAME": _NAME, "OBJECT_SCHEMA_NAME": _NAME, "SCHEMA_NAME": _NAME, "SCHEMA_ID": k.INT,
    "DB_NAME": _NAME, "DB_ID": k.INT, "USER_NAME": _NAME, "SUSER_SNAME": _NAME, "SUSER_NAME": _NAME, "USER_ID": k.INT,
    "ORIGINAL_LOGIN": _NAME, "CURRENT_USER": _NAME, "SESSION_USER": _NAME, "SYSTEM_USER": _NAME, "HOST_NAME": _NAME,
    "APP_NAME": _NAME, "PROGRAM_NAME": _NAME, "SERVERPROPERTY": Kind("sql_variant"),
    "SESSIONPROPERTY": Kind("sql_variant"),
    "DATABASEPROPERTYEX": Kind("sql_variant"), "CONNECTIONPROPERTY": Kind("sql_variant"), "HAS_PERMS_BY_NAME": k.INT,
    "HAS_DBACCESS": k.INT, "IS_MEMBER": k.INT, "IS_SRVROLEMEMBER": k.INT, "IS_ROLEMEMBER": k.INT,
    "COL_LENGTH": Kind("smallint"),
    "COL_NAME": _NAME, "COLUMNPROPERTY": k.INT, "OBJECTPROPERTY": k.INT, "OBJECTPROPERTYEX": Kind("sql_variant"),
    "TYPE_NAME": _NAME,
    "TYPE_ID": k.INT, "SCOPE_IDENTITY": Kind("numeric", precision=38), "IDENT_CURRENT": Kind("numeric", precision=38),
    "MIN_ACTIVE_ROWVERSION": Kind("binary", 8), "XACT_STATE": Kind("smallint"), "CONTEXT_INFO": Kind("varbinary", 128),
    "SESSION_CONTEXT": Kind("sql_variant"), "ERROR_MESSAGE": Kind("nvarchar", 4000), "ERROR_NUMBER": k.INT,
    "ERROR_STATE": k.INT,
    "ERROR_SEVERITY": k.INT, "ERROR_LINE": k.INT, "ERROR_PROCEDURE": _NAME, "CURRENT_TRANSACTION_ID": k.BIGINT,
    "DATABASE_PRINCIPAL_ID": k.INT, "INDEX_COL": _NAME, "INDEXPROPERTY": k.INT, "FULLTEXTSERVICEPROPERTY": k.INT,
    "CURSOR_STATUS": Kind("smallint"), "OBJECT_DEFINITION": _LONG, "IDENT_SEED": Kind("numeric", precision=38),
    "IDENT_INCR": Kind("numeric", precision=38),
}  # fmt: skip
_GLOBALS: dict[str, Kind] = {
    "VERSION": Kind("nvarchar", 300), "SPID": Kind("smallint"), "TRANCOUNT": k.INT, "ROWCOUNT": k.INT, "ERROR": k.INT,
    "IDENTITY": Kind("numeric", precision=38), "DBTS": Kind("varbinary", 8), "SERVERNAME": _NAME,
    "MAX_PRECISION": Kind("tinyint"),
    "OPTIONS": k.INT, "LANGUAGE": _NAME, "LANGID": Kind("smallint"), "LOCK_TIMEOUT": k.INT, "MICROSOFTVERSION": k.INT,
    "NESTLEVEL": k.INT, "DATEFIRST": Kind("tinyint"), "FETCH_STATUS": k.INT, "SERVICENAME": _NAME, "TEXTSIZE": k.INT,
    "CURSOR_ROWS": k.INT, "PROCID": k.INT, "CONNECTIONS": k.INT, "MAX_CONNECTIONS": k.INT,
}  # fmt: skip


class Builtins:
    """The part of the compiler that knows functions."""

    session: Any
    value: Callable[[Expression, Any], Value]
    condition: Callable[[Expression, Any], str]
    chosen: Callable[[list[str], list[Value], Value], Value]
    cast: Callable[[Value, str, Value | None, bool], Value]
    arithmetic: Callable[[str, Value, Value], Value]

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
        if name in _TEXTS:
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
                f", {converted(value, _LONG) if value.kind.family != 'int' else value.sql}" for value in values
            )
            return Value(f"t_ask('{name}'{listed})", _ASKED[name])
        raise SqlError(195, f"'{name}' is not a recognized built-in function name.", 15, 10)

    def global_variable(self, name: str) -> Value:
        if name not in _GLOBALS:
            raise SqlError(137, f'Must declare the scalar variable "@@{name.lower()}".', 15, 2)
        return Value(f"t_ask('@@{name}')", _GLOBALS[name], name in ("IDENTITY",))

    # --- aggregates and windows ---

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
                f"t_join({converted(value, _LONG)}, {separator.sql})",
                _LONG if value.kind.national else Kind("varchar", 8000),
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

    # --- dates ---

    def _parted(self, name: str, arguments: list[Expression], scope: Scope) -> Value:
        written = arguments[0][1][-1] if arguments[0][0] in ("column",) else str(arguments[0][1])
        part = functions.PART.get(written.lower())
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
            f"(t_cast({converted(value, _LONG)}, 'nvarchar(max)', 'datetime', 0, 't') IS NOT NULL)", k.INT, False
        )

    # --- choices ---

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

    # --- texts and others ---

    def _text(self, name: str, values: list[Value]) -> Value:
        forms, result = _TEXTS[name]
        if name in ("LEFT", "RIGHT", "LEN") and not values:
            raise SqlError(174, f"The {name.lower()} function requires arguments.", 15)
        parts = [f"'{name}'"]
        for value, form in zip(values, forms, strict=False):
            kind = {"t": _LONG, "i": k.INT, "f": k.FLOAT}.get(form)
            keep = kind is None or (form == "t" and value.kind.family == "char")
            parts.append(value.sql if keep or kind is None else converted(value, kind))
        first = values[0] if values else Value("", _LONG)
        kind = result
        if kind is None:
            kind = first.kind if first.kind.family == "char" else Kind("varchar", 8000)
            kind = replace(kind, name="nvarchar" if kind.national else "varchar")
        elif (
            kind.family == "char"
            and name in ("REPLACE", "REPLICATE", "STUFF")
            and not any(value.kind.national for value in values)
        ):
            kind = Kind("varchar", k.MAX if first.kind.is_max else 8000, collation=first.kind.collation)
        elif kind is _LONG:
            kind = replace(_LONG, length=k.MAX if first.kind.is_max else 4000)
        sql = f"t_text({', '.join(parts)})"
        if name in ("REPLICATE", "SPACE", "REPLACE", "STUFF") and not kind.is_max:
            sql = f"substr({sql}, 1, {kind.length})"
        return Value(sql, kind, any(value.nullable for value in values))

    def _call_substring(self, arguments: list[Expression], scope: Scope) -> Value:
        value, start, length = (self.value(one, scope) for one in arguments)
        if value.kind.family not in ("char", "bin"):
            raise SqlError(
                8116, f"Argument data type {value.kind.name} is invalid for argument 1 of substring function."
            )
        names = {
            "char": "varchar",
            "nchar": "nvarchar",
            "text": "varchar",
            "ntext": "nvarchar",
            "binary": "varbinary",
            "image": "varbinary",
            "timestamp": "varbinary",
        }
        kind = replace(
            value.kind, name=names.get(value.kind.name, value.kind.name), length=value.kind.bytes_in_units or k.MAX
        )
        return Value(
            f"t_substring({value.sql}, {converted(start, k.BIGINT)}, {converted(length, k.BIGINT)})",
            kind,
            value.nullable,
        )

    def _call_patindex(self, arguments: list[Expression], scope: Scope) -> Value:
        pattern, value = (self.value(one, scope) for one in arguments)
        return Value(f"t_patindex({pattern.sql}, {converted(value, _LONG)})", k.INT)

    def _call_datalength(self, arguments: list[Expression], scope: Scope) -> Value:
        value = self.value(arguments[0], scope)
        kind = k.BIGINT if value.kind.is_max else k.INT
        return Value(f"t_datalength({value.sql}, '{value.kind.shown}', '{value.kind.collation}')", kind, value.nullable)

    def _call_concat(self, arguments: list[Expression], scope: Scope, function: str = "t_concat") -> Value:
        values = [self.value(one, scope) for one in arguments]
        national = any(value.kind.national for value in values)
        longest = any(value.kind.is_max for value in values)
        kind = Kind("nvarchar" if national else "varchar", k.MAX if longest else 4000 if national else 8000)
        return Value(f"{function}({', '.join(converted(value, _LONG) for value in values)})", kind, False)

    def _call_concat_ws(self, arguments: list[Expression], scope: Scope) -> Value:
        return self._call_concat(arguments, scope, "t_concat_ws")

    def _call_round(self, arguments: list[Expression], scope: Scope) -> Value:
        values = [self.value(one, scope) for one in arguments]
        kind = values[0].kind if values[0].kind.family in ("int", "dec", "float") else k.FLOAT
        truncates = values[2].sql if len(values) > 2 else "0"
        sql = f"t_round({converted(values[0], kind)}, {values[1].sql}, {truncates}, '{kind.shown}')"
        return Value(sql, kind, values[0].nullable)

    def _call_newid(self, arguments: list[Expression], scope: Scope) -> Value:
        return Value("t_newid()", Kind("uniqueidentifier"), False)

    _call_newsequentialid = _call_newid

    def _call_rand(self, arguments: list[Expression], scope: Scope) -> Value:
        return Value("t_random()", k.FLOAT, False)

    def _call_checksum(self, arguments: list[Expression], scope: Scope) -> Value:
        return Value(f"t_checksum({', '.join(self.value(one, scope).sql for one in arguments)})", k.INT, False)

    _call_binary_checksum = _call_checksum

    def _call_sql_variant_property(self, arguments: list[Expression], scope: Scope) -> Value:
        value, name = (self.value(one, scope) for one in arguments)
        stored = converted(value, Kind("sql_variant"))
        return Value(f"t_variant_property({stored}, {name.sql})", Kind("sql_variant"))

    def _call_user(self, arguments: list[Expression], scope: Scope) -> Value:
        return Value("t_ask('USER_NAME')", _NAME, False)

    def _call_now(self, arguments: list[Expression], scope: Scope) -> Value:
        return self.call("GETDATE", [], False, None, scope)
