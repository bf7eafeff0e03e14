"""Expressions of Oracle's SQL as SQLite's, each with its type."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from . import values as v
from .moments import parse_moment
from .scope import BOOLEAN, MOMENTS, TRUTH, Scope, Typed, q
from .texts import parse_days, parse_months
from .tree import Node, Query
from .typing_rules import TypingRules
from .values import NULL, NUMBER, TEXT, Moment, OracleError, Type

_LARGEST, _SMALLEST = 125, -130  # the powers of ten that NUMBER has


class Expressions(TypingRules):
    """Names, literals, operators, CASE and CAST; a method for each kind of node."""

    def _integer(self, node: Node, scope: Scope) -> int:
        if node.kind == "number":
            return int(node.value)
        if node.kind == "bind":
            return int(v.decode_number(self.binds[node.at][1]))
        if node.kind == "call" and node.value[-1] == "TIMESTAMP_TO_SCN":
            return self.catalogue.current_scn()
        raise OracleError(8187, "snapshot expression not allowed here", node.at)

    def condition(self, node: Node | None, scope: Scope) -> str:
        assert node is not None
        sql, kind = self.expression(node, scope)
        if kind.family != "boolean":
            raise OracleError(920, "invalid relational operator", node.at)
        return sql

    def expression(self, node: Node, scope: Scope) -> Typed:
        made: Typed = getattr(self, f"_{node.kind}")(node, scope)
        return made

    def _null(self, node: Node, scope: Scope) -> Typed:
        return "NULL", NULL

    def _number(self, node: Node, scope: Scope) -> Typed:
        return self._number_literal(node.value)

    def _number_literal(self, text: str) -> Typed:
        if text[-1] in "fFdD":
            made = v.encode_double(float(text[:-1])) if text[-1] in "dD" else v.encode_float(float(text[:-1]))
            return f"X'{made.hex()}'", Type("BINARY_DOUBLE" if text[-1] in "dD" else "BINARY_FLOAT")
        size = Decimal(text).adjusted()
        if size > _LARGEST:
            raise OracleError(1426, "numeric overflow")
        return f"X'{v.encode_number(text if size >= _SMALLEST else '0').hex()}'", NUMBER

    def _text(self, node: Node, scope: Scope) -> Typed:
        text = node.value
        if not text:
            return "NULL", NULL
        quoted = "'" + text.replace("'", "''") + "'"
        return quoted, Type("NCHAR" if node.args[0] else "CHAR", size=len(text.encode()), chars=len(text))

    def _bind(self, node: Node, scope: Scope) -> Typed:
        kind, value = self.binds[node.at]
        self.parameters[f"b{node.at}"] = value
        return f":b{node.at}", kind

    def _date(self, node: Node, scope: Scope) -> Typed:
        return f"X'{v.encode_date(parse_moment(node.value, 'SYYYY-MM-DD', 0)).hex()}'", Type("DATE")

    def _timestamp(self, node: Node, scope: Scope) -> Typed:
        zoned = any(sign in node.value[11:] for sign in "+-") or node.value.endswith("UTC")
        at = parse_moment(
            node.value, "SYYYY-MM-DD HH24:MI:SS.FF TZR" if zoned else "SYYYY-MM-DD HH24:MI:SS.FF", self.session.zone
        )
        if zoned:
            return f"X'{v.encode_zoned(at).hex()}'", Type("TIMESTAMP WITH TIME ZONE", scale=9)
        return f"X'{v.encode_moment(at).hex()}'", Type("TIMESTAMP", scale=9)

    def _interval(self, node: Node, scope: Scope) -> Typed:
        units = " ".join(node.args)
        if units.startswith(("YEAR", "MONTH")):
            return f"X'{v.encode_months(parse_months(node.value, units)).hex()}'", Type("INTERVAL YEAR TO MONTH", 2, 0)
        return f"X'{v.encode_days(parse_days(node.value, units)).hex()}'", Type("INTERVAL DAY TO SECOND", 2, 6)

    def _name(self, node: Node, scope: Scope) -> Typed:
        name, path = node.value[-1], node.value[:-1]
        if not path and name in (
            "SYSDATE",
            "SYSTIMESTAMP",
            "CURRENT_TIMESTAMP",
            "LOCALTIMESTAMP",
            "CURRENT_DATE",
            "USER",
            "ROWNUM",
            "TRUE",
            "FALSE",
        ):
            return self._pseudo(name)
        at: Scope | None = scope
        while at:
            found = [
                one
                for one in at.relations
                if not path or (one.alias == path[-1] and (len(path) == 1 or one.names[: len(path)] == path))
            ]
            holders = [one for one in found if name in one.columns]
            if len(holders) > 1 and not path:
                raise OracleError(918, f"{name}: column ambiguously specified", node.at)
            if holders:
                return holders[0].columns[name]
            if name in ("ROWID", "ORA_ROWSCN") and found:
                if not found[0].has_rowid:
                    raise OracleError(
                        1445, "cannot select ROWID from, or sample, a join view without a key-preserved table", node.at
                    )
                if name == "ORA_ROWSCN":
                    return f'number({q(found[0].alias)}."$from")', NUMBER
                return f'{q(found[0].alias)}."$rid"', Type("ROWID")
            at = at.parent
        if path == ("DBMS_FLASHBACK",) and name == "GET_SYSTEM_CHANGE_NUMBER" and self.catalogue.allows("package"):
            return self._number_literal(str(self.catalogue.current_scn()))
        shown = ".".join(f'"{part}"' for part in node.value)
        raise OracleError(904, f"{shown}: invalid identifier", node.at)

    def _pseudo(self, name: str) -> Typed:
        if name in ("TRUE", "FALSE"):
            return str(int(name == "TRUE")), BOOLEAN
        if name == "USER":
            return f"'{self.user}'", TEXT
        if name == "ROWNUM":
            raise OracleError(976, "ROWNUM not allowed here")
        now = datetime.now(UTC)
        at = Moment(now.year, now.month, now.day, now.hour, now.minute, now.second, now.microsecond * 1000, 0)
        if name in ("SYSDATE", "CURRENT_DATE"):
            at = at.moved(self.session.zone) if name == "CURRENT_DATE" else at
            return f"X'{v.encode_date(at).hex()}'", Type("DATE")
        if name == "LOCALTIMESTAMP":
            return f"X'{v.encode_moment(at.moved(self.session.zone)).hex()}'", Type("TIMESTAMP", scale=6)
        zone = self.session.zone if name == "CURRENT_TIMESTAMP" else 0
        zoned = replace(at.moved(zone), offset=zone)
        return f"X'{v.encode_zoned(zoned).hex()}'", Type("TIMESTAMP WITH TIME ZONE", scale=6)

    def _binary(self, node: Node, scope: Scope) -> Typed:
        operator = node.value
        if operator in ("AND", "OR"):
            return f"({self.condition(node.args[0], scope)} {operator} {self.condition(node.args[1], scope)})", TRUTH
        if node.args[0].kind == "name" and node.args[0].value == ("ROWNUM",) and operator in ("=", "<", "<="):
            count = self._integer(node.args[1], scope) - (operator == "<")
            if self.limits:
                self.limits[-1] = count
                return "1", TRUTH
        left, right = (self.expression(arg, scope) for arg in node.args)
        if operator in ("=", "<>", "<", ">", "<=", ">="):
            a, b = self.comparable(left, right, node.at)
            return f"({a} {operator} {b})", TRUTH
        if operator == "||":
            a, b = self.convert(left, TEXT), self.convert(right, TEXT)
            kind = Type("CLOB") if "clob" in (left[1].family, right[1].family) else TEXT
            return f"nullif(coalesce({a}, '') || coalesce({b}, ''), '')", kind
        return self._arithmetic(operator, left, right, node.at)

    def _arithmetic(self, operator: str, left: Typed, right: Typed, at: int) -> Typed:
        families = [left[1].family, right[1].family]
        left, right = (
            (self.convert(one, NUMBER), NUMBER) if family in ("char", "null") else one
            for one, family in zip((left, right), families, strict=True)
        )
        first, second = left[1].family, right[1].family
        if first in ("number", "binary") and second in ("number", "binary"):
            target = Type("BINARY_DOUBLE") if "binary" in (first, second) else NUMBER
        elif first in MOMENTS and second in MOMENTS:
            target = NUMBER if first == second == "date" else Type("INTERVAL DAY TO SECOND", 9, 9)
        elif first in MOMENTS and second in ("number", "days", "months"):
            is_date = second == "number" or (first == "date" and second == "months")
            target = Type("DATE") if is_date or (first == "date" and second != "days") else left[1]
            if first == "date" and second == "days":
                target = Type("DATE")
        elif second in MOMENTS and operator == "+":
            return self._arithmetic(operator, right, left, at)
        elif first == second and first in ("days", "months"):
            target = left[1]
        else:
            raise OracleError(30081, "invalid data type for datetime/interval arithmetic", at)
        if first in MOMENTS and second == "number" and first != "date":
            left, first = (self.convert(left, Type("DATE")), Type("DATE")), "date"
        return f"arithmetic('{operator}', {left[0]}, '{first}', {right[0]}, '{second}', '{target.family}')", target

    def _minus(self, node: Node, scope: Scope) -> Typed:
        return self._arithmetic(
            "-", (f"X'{v.encode_number(0).hex()}'", NUMBER), self.expression(node.args[0], scope), node.at
        )

    def _not(self, node: Node, scope: Scope) -> Typed:
        return f"(NOT {self.condition(node.args[0], scope)})", TRUTH

    def _isnull(self, node: Node, scope: Scope) -> Typed:
        return f"({self.expression(node.args[0], scope)[0]} IS {'NOT ' if node.value else ''}NULL)", TRUTH

    def _floating(self, node: Node, scope: Scope) -> Typed:
        negated, wanted = node.value
        sql, kind = self.expression(node.args[0], scope)
        found = f"is_floating({sql}, '{wanted}')" if kind.family == "binary" else f"({sql} IS NULL AND NULL)"
        return f"({'NOT ' if negated else ''}{found})", TRUTH

    def _truth(self, node: Node, scope: Scope) -> Typed:
        negated, wanted = node.value
        return f"({self.condition(node.args[0], scope)} IS {'NOT ' if negated else ''}{wanted})", TRUTH

    def _in(self, node: Node, scope: Scope) -> Typed:
        left = self.expression(node.args[0], scope)
        word = "NOT IN" if node.value else "IN"
        if isinstance(node.args[1], Query):
            return f"({left[0]} {word} ({self.query(node.args[1], scope)[0]}))", TRUTH
        pairs = [self.comparable(left, self.expression(one, scope), node.at) for one in node.args[1]]
        return f"({pairs[0][0]} {word} ({', '.join(right for _, right in pairs)}))", TRUTH

    def _between(self, node: Node, scope: Scope) -> Typed:
        value, low, high = (self.expression(arg, scope) for arg in node.args)
        first, second = self.comparable(value, low, node.at), self.comparable(value, high, node.at)
        sql = f"({first[0]} >= {first[1]} AND {second[0]} <= {second[1]})"
        return (f"(NOT {sql})" if node.value else sql), TRUTH

    def _like(self, node: Node, scope: Scope) -> Typed:
        value, pattern = (self.convert(self.expression(arg, scope), TEXT) for arg in node.args[:2])
        escape = f" ESCAPE {self.expression(node.args[2], scope)[0]}" if node.args[2] else ""
        return f"({value} {'NOT ' if node.value else ''}LIKE {pattern}{escape})", TRUTH

    def _exists(self, node: Node, scope: Scope) -> Typed:
        return f"EXISTS ({self.query(node.value, scope)[0]})", TRUTH

    def _query(self, node: Node, scope: Scope) -> Typed:
        sql, columns = self.query(node.value, scope)
        return f"({sql})", columns[0][1]

    def _case(self, node: Node, scope: Scope) -> Typed:
        operand, otherwise = node.value
        whens, results = [], []
        for when, then in node.args:
            if operand is None:
                whens.append(self.condition(when, scope))
            else:
                whens.append(
                    " = ".join(self.comparable(self.expression(operand, scope), self.expression(when, scope), node.at))
                )
            results.append(self.expression(then, scope))
        last = self.expression(otherwise, scope) if otherwise else ("NULL", NULL)
        kind = last[1]
        for _, other in results:
            kind = self._common(kind, other)
        branches = " ".join(
            f"WHEN {when} THEN {self.convert(then, kind)}" for when, then in zip(whens, results, strict=True)
        )
        return f"CASE {branches} ELSE {self.convert(last, kind)} END", kind

    def _cast(self, node: Node, scope: Scope) -> Typed:
        value, kind = self.expression(node.args[0], scope), v.parse_type(node.value)
        if kind.name in ("CLOB", "BLOB", "NCLOB", "LONG", "LONG RAW"):
            raise OracleError(932, f"inconsistent datatypes: expected - got {kind.name}", node.at)
        return self.fitted(value, kind), kind

    def _extract(self, node: Node, scope: Scope) -> Typed:
        value = self.expression(node.args[0], scope)
        form = {"YEAR": "YYYY", "MONTH": "MM", "DAY": "DD", "HOUR": "HH24", "MINUTE": "MI", "SECOND": "SS"}.get(
            node.value
        )
        if form is None or value[1].family not in MOMENTS:
            raise OracleError(30076, "invalid extract field for extract source", node.at)
        return self.convert((self._to_char(value, f"'{form}'"), TEXT), NUMBER), NUMBER
