"""Conditions and values of T-SQL as SQL of SQLite."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from . import kinds as k
from .calls import Builtins
from .functions import collation_function
from .kinds import Kind
from .scope import Compiled, Scope
from .tokens import SqlError
from .tree import Expression, Select
from .values import Value, common_kind, converted, decimal_result, literal_text


class Conditions(Builtins):
    """The part of the compiler that compiles conditions and values."""

    database: Any
    variables: dict[str, tuple[Kind, Any]]
    binds: dict[str, Any]

    def query(self, select: Select, parent: Scope | None = None) -> Compiled:
        """The SQL of a query."""
        raise NotImplementedError

    def alias(self) -> str:
        """A new name for a source."""
        raise NotImplementedError

    def condition(self, expression: Expression, scope: Scope) -> str:
        match expression:
            case ("and" | "or" as op, left, right):
                return f"({self.condition(left, scope)} {op.upper()} {self.condition(right, scope)})"
            case ("not", inner):
                return f"(NOT {self.condition(inner, scope)})"
            case ("compare", op, left, right):
                return self._compared(self.value(left, scope), op, self.value(right, scope))
            case ("distinct", left, right, negated):
                return self._compared(self.value(left, scope), "IS" if negated else "IS NOT", self.value(right, scope))
            case ("isnull", inner, negated):
                return f"({self.value(inner, scope).sql} IS {'NOT ' if negated else ''}NULL)"
            case ("exists", query):
                return f"EXISTS ({self.query(query, scope).sql})"
            case ("between", inner, low, high, negated):
                value = self.value(inner, scope)
                parts = (
                    self._compared(value, ">=", self.value(low, scope)),
                    self._compared(value, "<=", self.value(high, scope)),
                )
                return f"({'NOT ' if negated else ''}({parts[0]} AND {parts[1]}))"
            case ("in", inner, listed, negated):
                value = self.value(inner, scope)
                tests = " OR ".join(self._compared(value, "=", self.value(one, scope)) for one in listed)
                return f"({'NOT ' if negated else ''}({tests}))"
            case ("in query", inner, query, negated):
                return self._in_query(self.value(inner, scope), query, negated, scope)
            case ("like", inner, pattern, escape, negated):
                return self._like(inner, pattern, escape, negated, scope)
        raise SqlError(
            4145, "An expression of non-boolean type specified in a context where a condition is expected.", 15
        )

    def _compared(self, left: Value, op: str, right: Value) -> str:
        kind = common_kind(left.kind, right.kind, comparing=True)
        first, second = converted(left, kind), converted(right, kind)
        if kind.family == "char":
            return f"({first} COLLATE {collation_function(kind.collation)} {op} {second})"
        if kind.family == "zoned":
            return f"(t_utc({first}) {op} t_utc({second}))"
        return f"({first} {op} {second})"

    def _in_query(self, value: Value, query: Select, negated: bool, scope: Scope) -> str:
        inner = self.query(query, scope)
        kind = common_kind(value.kind, inner.values[0].kind, comparing=True)
        column = converted(Value("x0", inner.values[0].kind), kind)
        tested = converted(value, kind)
        if kind.family == "char":
            tested += f" COLLATE {collation_function(kind.collation)}"
        elif kind.family == "zoned":
            tested, column = f"t_utc({tested})", f"t_utc({column})"
        return f"({tested} {'NOT ' if negated else ''}IN (SELECT {column} FROM ({inner.sql})))"

    def _like(
        self, inner: Expression, pattern: Expression, escape: Expression | None, negated: bool, scope: Scope
    ) -> str:
        value, sought = self.value(inner, scope), self.value(pattern, scope)
        text = Kind("nvarchar", k.MAX)
        ignores = collation_function(common_kind(value.kind, sought.kind).collation) == "no_case"
        parts = [converted(value, text), converted(sought, text), self.value(escape, scope).sql if escape else "NULL"]
        return f"({'NOT ' if negated else ''}t_like({', '.join(parts)}, {int(ignores)}))"

    def value(self, expression: Expression, scope: Scope) -> Value:
        match expression:
            case ("column", path):
                return self._column(path, scope)
            case ("num" | "money" | "str" | "nstr" | "bin" | "null", *_):
                return literal(expression)
            case ("var", name):
                return self._variable(name)
            case ("op", op, left, right):
                return self.arithmetic(op, self.value(left, scope), self.value(right, scope))
            case ("minus", inner):
                value = self.value(inner, scope)
                return replace(value, sql=f"t_number('MINUS', {value.sql})", column=None)
            case ("invert", inner):
                value = self.value(inner, scope)
                return replace(value, sql=f"(~{value.sql})", column=None)
            case ("cast", inner, kind, style, trying):
                return self.cast(self.value(inner, scope), kind, self.value(style, scope) if style else None, trying)
            case ("collate", inner, name):
                value = self.value(inner, scope)
                kind = value.kind.with_collation(name)
                return replace(value, kind=kind, sql=f"({value.sql} COLLATE {collation_function(name)})", column=None)
            case ("case", operand, whens, other):
                return self._case(operand, whens, other, scope)
            case ("scalar", query):
                inner = self.query(query, scope)
                if len(inner.values) != 1:
                    raise SqlError(116, "Only one expression can be specified in the select list when the subquery is "
                        "not introduced with EXISTS.")  # fmt: skip
                return Value(f"({inner.sql})", inner.values[0].kind)
            case ("zone", inner, zone):
                value, named = self.value(inner, scope), self.value(zone, scope)
                zoned = Kind("datetimeoffset", scale=value.kind.scale if value.kind.scale else 3)
                if value.kind.family == "zoned":
                    return Value(f"t_offset({value.sql}, {named.sql}, 1)", value.kind)
                return Value(f"t_offset({converted(value, zoned)}, {named.sql}, 0)", zoned)
            case ("next value", path):
                return Value(str(self.session.next_value(path)), k.BIGINT, False)
            case ("method", inner, name, _) if name.upper() == "TOSTRING":
                return self.cast(self.value(inner, scope), "nvarchar(4000)", None, False)
            case ("call", name, arguments, distinct, over):
                return self.call(name, arguments, distinct, over, scope)
            case ("and" | "or" | "not" | "compare" | "isnull" | "exists" | "in" | "like" | "between", *_):
                raise SqlError(102, "Incorrect syntax: a condition is given where a value is expected.", 15)
        raise SqlError(102, f"Incorrect syntax near '{expression[0]}'.", 15)

    def _column(self, path: tuple[str, ...], scope: Scope) -> Value:
        name, qualifier = path[-1].casefold(), path[:-1]
        at: Scope | None = scope
        while at:
            found = [
                column
                for one in at.relations
                if not qualifier or one.answers_to(qualifier)
                for column in one.by_name.get(name, ())
            ]
            if len(found) > 1:
                raise SqlError(209, f"Ambiguous column name '{path[-1]}'.")
            if found:
                return found[0]
            at = at.parent
        if qualifier and not self._knows(qualifier, scope):
            raise SqlError(4104, f'The multi-part identifier "{".".join(path)}" could not be bound.')
        raise SqlError(207, f"Invalid column name '{path[-1]}'.")

    def _knows(self, qualifier: tuple[str, ...], scope: Scope | None) -> bool:
        while scope:
            if any(one.answers_to(qualifier) for one in scope.relations):
                return True
            scope = scope.parent
        return False

    def _variable(self, name: str) -> Value:
        if name.startswith("@@"):
            return self.global_variable(name[2:].upper())
        if name not in self.variables:
            raise SqlError(137, f'Must declare the scalar variable "{name}".', 15, 2)
        kind, value = self.variables[name]
        bind = f"v{list(self.variables).index(name)}"
        self.binds[bind] = value
        return Value(f":{bind}", kind)

    def cast(self, value: Value, text: str, style: Value | None, trying: bool) -> Value:
        kind = k.parse_kind(text, 30)
        if not kind:
            raise SqlError(243, f"Type {text} is not a defined system type.", state=1)
        if kind.family == "char":
            kind = kind.with_collation(value.kind.collation if value.kind.family == "char" else self.database.collation)
        return Value(
            converted(value, kind, style.sql if style else "0", "t" if trying else ""), kind, value.nullable or trying
        )

    def _case(self, operand: Expression | None, whens: list[Any], other: Expression | None, scope: Scope) -> Value:
        tested = self.value(operand, scope) if operand else None
        conditions = [
            self._compared(tested, "=", self.value(when, scope)) if tested else self.condition(when, scope)
            for when, _ in whens
        ]
        values = [self.value(then, scope) for _, then in whens]
        last = self.value(other, scope) if other else Value("NULL", k.NULL)
        return self.chosen(conditions, values, last)

    def chosen(self, conditions: list[str], values: list[Value], last: Value) -> Value:
        """A CASE, all of whose results have one type."""
        kind = last.kind
        for value in values:
            kind = common_kind(kind, value.kind)
        parts = [f"WHEN {when} THEN {converted(then, kind)}" for when, then in zip(conditions, values, strict=True)]
        nullable = any(value.nullable for value in [*values, last])
        return Value(f"CASE {' '.join(parts)} ELSE {converted(last, kind)} END", kind, nullable)

    def arithmetic(self, op: str, left: Value, right: Value) -> Value:
        nullable = left.nullable or right.nullable
        families = {left.kind.family, right.kind.family}
        if op == "+" and families <= {"char", "null"} and "char" in families:
            return self._joined(left, right, nullable)
        if families & {"moment"} and op in "+-" and not families & {"char"}:
            moment, number = (left, right) if left.kind.family == "moment" else (right, left)
            if number.kind.family == "int" and moment.kind.name in ("datetime", "smalldatetime"):
                sign = "-" if op == "-" else ""
                return Value(
                    f"t_dateadd('day', {sign}{number.sql}, {moment.sql}, '{moment.kind.shown}')", moment.kind, nullable
                )
            raise SqlError(206, f"Operand type clash: {left.kind.name} is incompatible with {right.kind.name}")
        kind = common_kind(left.kind, right.kind)
        if kind.family == "bin":
            kind = k.INT
        if kind.family not in ("int", "dec", "float", "null"):
            raise SqlError(402, f"The data types {left.kind.name} and {right.kind.name} are incompatible in the "
                f"{_OPERATORS.get(op, op)} operator.")  # fmt: skip
        if op in "&|^":
            a, b = converted(left, k.BIGINT), converted(right, k.BIGINT)
            sql = f"(({a} | {b}) - ({a} & {b}))" if op == "^" else f"({a} {op} {b})"
            return Value(sql, kind if kind.family == "int" else k.INT, nullable)
        if kind.family == "dec":
            result = decimal_result(op, _exact(left), _exact(right))
            a, b = converted(left, _as_decimal(left.kind)), converted(right, _as_decimal(right.kind))
            return Value(
                f"t_decimal('{op}', {a}, {b}, {result.digits[0]}, {result.scale or result.digits[1]})", result, nullable
            )
        a, b = converted(left, kind), converted(right, kind)
        if op in "/%":
            return Value(f"t_{'divide' if op == '/' else 'modulo'}({a}, {b})", kind, nullable)
        if kind.family == "float" or kind.name == "null":
            return Value(f"({a} {op} {b})", kind, nullable)
        kind = kind if kind.name != "bit" else k.INT
        return Value(f"t_int({a} {op} {b}, '{kind.name}')", kind, nullable)

    def _joined(self, left: Value, right: Value, nullable: bool) -> Value:
        kind = common_kind(left.kind, right.kind)
        length = k.MAX if left.kind.is_max or right.kind.is_max else left.kind.length + right.kind.length
        most = 4000 if kind.national else 8000
        kind = replace(kind, name="nvarchar" if kind.national else "varchar", length=min(length, most))
        return Value(f"({left.sql} || {right.sql})", kind, nullable)


_OPERATORS = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "modulo"}


def _as_decimal(kind: Kind) -> Kind:
    return kind if kind.family == "dec" else Kind("decimal", precision=38, scale=0 if kind.family == "int" else 10)


def folded_column(expression: Expression) -> list[str]:
    return [part.casefold() for part in expression[1]]


def _exact(value: Value) -> Kind:
    """The type that decimal arithmetic sees: a whole number as it is written has no more digits than that."""
    if value.kind.name == "int" and value.sql.lstrip("-").isdigit():
        return Kind("numeric", precision=len(value.sql.lstrip("-")))
    return value.kind


def distinguished(sql: str, kind: Kind) -> str:
    return f"{sql} COLLATE {collation_function(kind.collation)}" if kind.family == "char" else sql


def literal(expression: Expression) -> Value:
    match expression:
        case ("null",):
            return Value("NULL", k.NULL)
        case ("str" | "nstr" as op, text):
            length = len(text.encode("utf-16-le")) // 2 or 1
            name, most = ("nvarchar", 4000) if op == "nstr" else ("varchar", 8000)
            return Value(literal_text(text), Kind(name, length if length <= most else k.MAX), False)
        case ("bin", raw):
            return Value(f"X'{raw.hex()}'", Kind("varbinary", len(raw) or 1), False)
        case ("money", text):
            return Value(f"t_cast('{text}', 'varchar(40)', 'money', 0, '')", Kind("money"), False)
        case ("num", text):
            if "e" in text:
                return Value(repr(float(text)), k.FLOAT, False)
            if "." not in text and -(1 << 31) <= int(text) < 1 << 31:
                return Value(text, k.INT, False)
            whole, _, fraction = text.lstrip("-").partition(".")
            precision = max(len(whole.lstrip("0")) + len(fraction), 1)
            if precision > 38:
                raise SqlError(
                    1007,
                    f"The number '{text}' is out of the range for numeric representation (maximum precision 38).",
                    15,
                )
            unscaled = int(text.replace(".", "") or 0)
            stored = k.decimal_stored(unscaled, len(fraction))
            return Value(f"X'{stored.hex()}'", Kind("numeric", precision=precision, scale=len(fraction)), False)
    raise AssertionError(expression)
