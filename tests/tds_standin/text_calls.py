"""Calls of functions of texts, and of some others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import kinds as k
from .kinds import LONG_TEXT, Kind
from .tokens import SqlError
from .tree import Expression
from .values import Value, converted

if TYPE_CHECKING:
    from .scope import Scope


NAME = Kind("nvarchar", 128)
TEXTS: dict[str, tuple[str, Kind | None]] = {
    "LEN": ("t", k.INT), "UPPER": ("t", None), "LOWER": ("t", None), "LTRIM": ("tt", None), "RTRIM": ("tt", None),
    "TRIM": ("t", None), "REPLACE": ("ttt", LONG_TEXT), "CHARINDEX": ("tti", k.INT), "REPLICATE": ("ti", LONG_TEXT),
    "SPACE": ("i", Kind("varchar", 8000)), "REVERSE": ("t", None), "STUFF": ("tiit", Kind("nvarchar", 4000)),
    "ASCII": ("t", k.INT), "UNICODE": ("t", k.INT), "CHAR": ("i", Kind("char", 1)), "NCHAR": ("i", Kind("nchar", 1)),
    "LEFT": ("ti", None), "RIGHT": ("ti", None), "QUOTENAME": ("tt", Kind("nvarchar", 258)),
    "STR": ("fii", Kind("varchar", 40)), "HASHBYTES": ("t*", Kind("varbinary", 8000)), "ISNUMERIC": ("t", k.INT),
}  # fmt: skip


class TextCalls:
    """The part of the compiler that knows functions of texts."""

    session: Any
    value: Callable[[Expression, Any], Value]
    condition: Callable[[Expression, Any], str]
    chosen: Callable[[list[str], list[Value], Value], Value]
    cast: Callable[[Value, str, Value | None, bool], Value]
    arithmetic: Callable[[str, Value, Value], Value]
    call: Callable[[str, list[Expression], bool, Any, Any], Value]

    def _text(self, name: str, values: list[Value]) -> Value:
        forms, result = TEXTS[name]
        if name in ("LEFT", "RIGHT", "LEN") and not values:
            raise SqlError(174, f"The {name.lower()} function requires arguments.", 15)
        parts = [f"'{name}'"]
        for value, form in zip(values, forms, strict=False):
            kind = {"t": LONG_TEXT, "i": k.INT, "f": k.FLOAT}.get(form)
            keep = kind is None or (form == "t" and value.kind.family == "char")
            parts.append(value.sql if keep or kind is None else converted(value, kind))
        first = values[0] if values else Value("", LONG_TEXT)
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
        elif kind is LONG_TEXT:
            kind = replace(LONG_TEXT, length=k.MAX if first.kind.is_max else 4000)
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
        return Value(f"t_patindex({pattern.sql}, {converted(value, LONG_TEXT)})", k.INT)

    def _call_datalength(self, arguments: list[Expression], scope: Scope) -> Value:
        value = self.value(arguments[0], scope)
        kind = k.BIGINT if value.kind.is_max else k.INT
        return Value(f"t_datalength({value.sql}, '{value.kind.shown}', '{value.kind.collation}')", kind, value.nullable)

    def _call_concat(self, arguments: list[Expression], scope: Scope, function: str = "t_concat") -> Value:
        values = [self.value(one, scope) for one in arguments]
        national = any(value.kind.national for value in values)
        longest = any(value.kind.is_max for value in values)
        kind = Kind("nvarchar" if national else "varchar", k.MAX if longest else 4000 if national else 8000)
        return Value(f"{function}({', '.join(converted(value, LONG_TEXT) for value in values)})", kind, False)

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

    def _call_rand(self, arguments: list[Expression], scope: Scope) -> Value:
        return Value("t_random()", k.FLOAT, False)

    def _call_checksum(self, arguments: list[Expression], scope: Scope) -> Value:
        return Value(f"t_checksum({', '.join(self.value(one, scope).sql for one in arguments)})", k.INT, False)

    def _call_sql_variant_property(self, arguments: list[Expression], scope: Scope) -> Value:
        value, name = (self.value(one, scope) for one in arguments)
        stored = converted(value, Kind("sql_variant"))
        return Value(f"t_variant_property({stored}, {name.sql})", Kind("sql_variant"))

    def _call_user(self, arguments: list[Expression], scope: Scope) -> Value:
        return Value("t_ask('USER_NAME')", NAME, False)

    def _call_now(self, arguments: list[Expression], scope: Scope) -> Value:
        return self.call("GETDATE", [], False, None, scope)

    _call_newsequentialid = _call_newid
    _call_binary_checksum = _call_checksum
