"""Which types go together: the common type of two, comparisons, conversions, and what a column takes."""

from __future__ import annotations

from . import values as v
from .scope import MOMENTS, RESULTS, Compilation, Typed, digits_of
from .values import NUMBER, OracleError, Type


class TypingRules(Compilation):
    """Conversions between typed expressions."""

    def _common(self, one: Type, other: Type) -> Type:
        """The type of a column that has values of both."""
        if one.name == other.name:
            return (
                one
                if (one.size, one.precision, one.scale) == (other.size, other.precision, other.scale)
                else Type(
                    {"CHAR": "VARCHAR2", "NCHAR": "NVARCHAR2"}.get(one.name, one.name),
                    size=max(one.size, other.size),
                    scale=max(one.scale or 0, other.scale or 0)
                    if one.scale is not None and other.scale is not None
                    else None,
                )
            )
        if "null" in (one.family, other.family):
            return other if one.family == "null" else one
        if one.family == other.family == "char":
            return Type("VARCHAR2", size=max(one.size, other.size))
        if one.family == other.family == "number":
            return NUMBER
        if {one.family, other.family} == {"number", "binary"} or one.family == other.family == "binary":
            return Type("BINARY_DOUBLE")
        if {one.family, other.family} == {"char", "clob"}:
            return Type("CLOB")
        if one.family in MOMENTS and other.family in MOMENTS:
            return max(one, other, key=lambda kind: MOMENTS.index(kind.family) % 3)
        raise OracleError(932, f"inconsistent datatypes: expected {one.name} got {other.name}")

    def comparable(self, left: Typed, right: Typed, at: int) -> tuple[str, str]:
        """Both sides of a comparison in encodings that compare as the values do."""
        a, b = left[1].family, right[1].family
        if "null" in (a, b):
            return left[0], right[0]
        if any(family in ("clob", "blob") for family in (a, b)):
            raise OracleError(932, "inconsistent datatypes: expected - got CLOB", at)
        if a == b == "char":
            padded = all(kind.name in ("CHAR", "NCHAR") for kind in (left[1], right[1]))
            return (f"rtrim({left[0]}, ' ')", f"rtrim({right[0]}, ' ')") if padded else (left[0], right[0])
        if a == b == "binary" and left[1].name != right[1].name:
            double = Type("BINARY_DOUBLE")
            return self.convert(left, double), self.convert(right, double)
        if a == b and a != "zoned":
            return left[0], right[0]
        if {a, b} & {"zoned", "local"} and {a, b} <= {*MOMENTS, "char"}:
            zoned = RESULTS["zoned"]
            sides = [
                one[0] if one[1].family == "local" else f"substr({self.convert(one, zoned)}, 1, 11)"
                for one in (left, right)
            ]
            return sides[0], sides[1]
        for family in ("binary", "number", "timestamp", "date", "days", "months", "boolean", "raw", "rowid"):
            if family in (a, b):
                kind = right[1] if b == family else left[1]
                return self.convert(left, kind), self.convert(right, kind)
        raise OracleError(932, f"inconsistent datatypes: expected {left[1].name} got {right[1].name}", at)

    def convert(self, value: Typed, kind: Type, form: str | None = None) -> str:
        """A value in the encoding of another family."""
        sql, own = value
        same = own.family == kind.family or {own.family, kind.family} in ({"char", "clob"}, {"raw", "blob"})
        if own.family == "null" or own.family == "boolean" == kind.family or (same and own.family != "binary"):
            return sql
        if same:
            return (
                sql
                if own.name == kind.name
                else f"arithmetic('+', {sql}, 'binary', X'{v.encode_number(0).hex()}', 'number', 'binary')"
            )
        digits = digits_of(own if kind.family == "char" else kind)
        rest = f", {form}" if form else ""
        return f"convert({sql}, '{own.family}', '{kind.family}', {digits}, {own.precision or 0}{rest})"

    def fitted(self, value: Typed, kind: Type) -> str:
        """A value as a column or a cast of that type takes it."""
        sql = self.convert(value, kind)
        if kind.family == "number" and (kind.scale is not None or kind.name == "FLOAT"):
            limits = (kind.precision or 126, "NULL") if kind.name == "FLOAT" else (kind.precision or 38, kind.scale)
            return f"fit_number({sql}, {limits[0]}, {limits[1]})"
        if kind.name == "BINARY_FLOAT" and value[1].name != "BINARY_FLOAT":
            return f"fit_float({sql})"
        if kind.family in ("timestamp", "zoned", "local") and value[1] != kind:
            return f"fit_moment({sql}, '{kind.family}', {digits_of(kind)})"
        if kind.family == "char" and kind.size:
            chars = kind.chars if kind.chars and kind.size != kind.chars else "NULL"
            return f"fit_text({sql}, {kind.size}, {chars}, {int(kind.name in ('CHAR', 'NCHAR'))})"
        return sql

    def _to_char(self, value: Typed, *more: str) -> str:
        sql, kind = value
        rest = "".join(f", {one}" for one in more[:2])
        return f"to_char({sql}, '{kind.family}', {kind.precision or 0}, {digits_of(kind)}{rest})"
