"""Compiled expressions, and how T-SQL brings two types together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from . import kinds as k
from .functions import collation_function
from .kinds import Kind
from .tokens import SqlError


@dataclass
class Value:
    """An expression in SQLite's SQL, with its T-SQL type."""

    sql: str
    kind: Kind
    nullable: bool = True
    name: str = ""
    column: tuple[Any, Any] | None = None
    """The table and its column if it is one, unchanged."""


def literal_text(text: str) -> str:
    """A text as SQLite writes it; its own literals end at a NUL."""
    if "\0" in text:
        return f"CAST(X'{text.encode('utf-8', 'surrogatepass').hex()}' AS TEXT)"
    return "'" + text.replace("'", "''") + "'"


def common_kind(left: Kind, right: Kind, *, comparing: bool = False) -> Kind:
    """The type that two have in common, by T-SQL's precedence."""
    if left == right or right.name == "null":
        return left
    if left.name == "null":
        return right
    higher, lower = (left, right) if k.PRECEDENCE[left.name] >= k.PRECEDENCE[right.name] else (right, left)
    family = higher.family
    if family == "char" and lower.family == "char":
        return _common_text(higher, lower)
    if family == "bin" and lower.family == "bin":
        length = k.MAX if k.MAX in (left.length, right.length) else max(left.bytes_long, right.bytes_long)
        return Kind("varbinary", length)
    if family == "dec" and lower.family in ("dec", "int"):
        return _common_decimal(higher, lower)
    if family in ("dec", "int") and lower.family == "char" and comparing and family == "dec":
        return Kind("decimal", precision=38, scale=max(higher.scale, 10))
    if family in ("moment", "time", "zoned") and lower.family == "char" and comparing:
        return higher
    if {family, lower.family} & {"udt"} or (family == "guid" and lower.family not in ("char", "bin")):
        raise SqlError(206, f"Operand type clash: {left.name} is incompatible with {right.name}", state=2)
    if family in ("moment", "zoned") and higher.scale < lower.scale and lower.family in ("moment", "time"):
        return replace(higher, scale=lower.scale)
    return higher


def _common_text(higher: Kind, lower: Kind) -> Kind:
    collation = higher.collation or lower.collation
    if higher.is_max or lower.is_max:
        return Kind("nvarchar" if higher.national else "varchar", k.MAX, collation=collation)
    fixed = higher.name == lower.name and higher.length == lower.length
    name = higher.name if fixed else ("nvarchar" if higher.national else "varchar")
    return Kind(name, max(higher.length, lower.length), collation=collation)


def _common_decimal(higher: Kind, lower: Kind) -> Kind:
    if "money" in higher.name:
        return higher
    (p1, s1), (p2, s2) = higher.digits, lower.digits
    scale = max(s1, s2)
    return Kind(higher.name, precision=min(38, max(p1 - s1, p2 - s2) + scale), scale=scale)


def decimal_result(op: str, left: Kind, right: Kind) -> Kind:
    """Precision and scale as T-SQL gives them to the result of an operator."""
    if ("money" in left.name and "money" in right.name) or (
        "money" in left.name + right.name and "int" in left.family + right.family
    ):
        return Kind("money")
    (p1, s1), (p2, s2) = left.digits, right.digits
    if op in "+-":
        scale = max(s1, s2)
        precision = max(p1 - s1, p2 - s2) + scale + 1
        if precision > 38:
            scale = max(0, min(scale, 38 - max(p1 - s1, p2 - s2)))
    elif op == "*":
        precision, scale = p1 + p2 + 1, s1 + s2
    elif op == "/":
        scale = max(6, s1 + p2 + 1)
        precision = p1 - s1 + s2 + scale
    else:
        scale = max(s1, s2)
        precision = min(p1 - s1, p2 - s2) + scale
    if precision > 38:
        if op in "*/":
            whole = precision - scale
            scale = min(scale, 38 - whole) if whole < 32 else min(scale, 6)
        precision = 38
    return Kind("decimal" if "decimal" in (left.name, right.name) else "numeric", precision=precision, scale=scale)


def converted(value: Value, target: Kind, style: str = "0", mode: str = "") -> str:
    """The SQL that gives a value in another type; the same SQL if its form is the same."""
    source = value.kind
    if source.name == "null" or (style == "0" and mode in ("", "s", "t") and _is_free(source, target)):
        return value.sql
    return f"t_cast({value.sql}, '{source.shown}', '{target.shown}', {style}, '{mode}')"


def _is_free(source: Kind, target: Kind) -> bool:
    """Whether all values of a type are values of the other in the same form."""
    if source.family != target.family:
        return False
    family = source.family
    if family == "int":
        return k.WHOLE[target.name][0] <= k.WHOLE[source.name][0] and k.WHOLE[source.name][1] <= k.WHOLE[target.name][1]
    if family in ("char", "bin"):
        if target.name in ("char", "nchar", "binary"):
            return source.name == target.name and source.length == target.length
        if target.name == "timestamp":
            return source.name == target.name
        return target.is_max or (not source.is_max and 0 < source.bytes_in_units <= target.length)
    if family == "dec":
        (p1, s1), (p2, s2) = source.digits, target.digits
        return s2 >= s1 and p2 - s2 >= p1 - s1
    if family == "moment":
        finer = target.name == "datetime2" and target.scale == 7
        return (source.name == target.name and source.scale <= target.scale) or finer
    if family in ("time", "zoned"):
        return source.scale <= target.scale
    return family != "float" or target.name == "float" or source.name == "real"


def ordered(value: Value) -> str:
    """The SQL by which a value is ordered and grouped."""
    if value.kind.family == "char":
        return f"{value.sql} COLLATE {collation_function(value.kind.collation)}"
    return f"t_utc({value.sql})" if value.kind.family == "zoned" else value.sql
