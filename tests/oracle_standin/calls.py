"""Calls of Oracle's functions as calls of those that SQLite was given."""

from __future__ import annotations

from . import values as v
from .expressions import Expressions
from .functions import SCALARS
from .scope import MOMENTS, RESULTS, Scope, Typed
from .tree import Node
from .values import NULL, NUMBER, TEXT, OracleError, Type


class Calls(Expressions):
    """Aggregates, functions on values, and those with rules of their own for types."""

    def _distinct(self, node: Node, scope: Scope) -> Typed:
        return self._call(node, scope, "DISTINCT ")

    def _numbering(self, node: Node, scope: Scope) -> Typed:
        order, _ = self.expression(node.args[0], scope)
        return f"number(row_number() OVER (ORDER BY {order} NULLS LAST))", NUMBER

    def _call(self, node: Node, scope: Scope, distinct: str = "") -> Typed:
        name = node.value[-1]
        if name == "COUNT":
            inner = "*" if node.args[0].kind == "star" else self.expression(node.args[0], scope)[0]
            return f"number(count({distinct}{inner}))", NUMBER
        args = [self.expression(arg, scope) for arg in node.args]
        kinds = [kind for _, kind in args]
        if name in ("SUM", "AVG"):
            if kinds[0].family == "binary":
                return f"ora_fsum({distinct}{args[0][0]})", Type("BINARY_DOUBLE")
            return f"ora_{name.lower()}({distinct}{self.convert(args[0], NUMBER)})", NUMBER
        if name in ("MIN", "MAX"):
            return f"{name.lower()}({args[0][0]})", kinds[0]
        if name in ("NVL", "COALESCE", "GREATEST", "LEAST"):
            kind = kinds[0]
            for other in kinds[1:]:
                kind = self._common(kind, other)
            function = {"GREATEST": "max", "LEAST": "min"}.get(name, "coalesce")
            return f"{function}({', '.join(self.convert(arg, kind) for arg in args)})", kind
        if name == "NVL2":
            kind = self._common(kinds[1], kinds[2])
            yes, no = (self.convert(one, kind) for one in args[1:3])
            return f"CASE WHEN {args[0][0]} IS NOT NULL THEN {yes} ELSE {no} END", kind
        if name == "NULLIF":
            return "nullif({}, {})".format(*self.comparable(args[0], args[1], node.at)), kinds[0]
        if name == "DECODE":
            return self._decode(args, node.at)
        if name == "TO_CHAR":
            return self._to_char(args[0], *(arg[0] for arg in args[1:])), Type("VARCHAR2", size=4000)
        if name in ("TO_DATE", "TO_TIMESTAMP", "TO_TIMESTAMP_TZ"):
            kind = {"TO_DATE": Type("DATE"), "TO_TIMESTAMP": Type("TIMESTAMP", scale=9)}.get(
                name, Type("TIMESTAMP WITH TIME ZONE", scale=9)
            )
            return self.convert(args[0], kind, args[1][0] if len(args) > 1 else None), kind
        if name in ("TO_NUMBER", "TO_BINARY_DOUBLE", "TO_BINARY_FLOAT"):
            kind = NUMBER if name == "TO_NUMBER" else Type(name[3:])
            return self.fitted(args[0], kind), kind
        if name == "NUMTODSINTERVAL":
            per_day = {"DAY": 1, "HOUR": 24, "MINUTE": 1440, "SECOND": 86400}[node.args[1].value.upper()]
            days = self._arithmetic("/", args[0], self._number_literal(str(per_day)), node.at)
            zero = (f"X'{v.encode_days(0).hex()}'", Type("INTERVAL DAY TO SECOND", 9, 9))
            return f"arithmetic('+', {zero[0]}, 'days', {days[0]}, 'number', 'days')", zero[1]
        if name == "SYS_CONTEXT":
            return self._context(node.args[1].value.upper())
        if name == "TIMESTAMP_TO_SCN":
            if not self.catalogue.allows("package"):
                raise OracleError(8180, "no snapshot found based on specified time", node.at)
            return self._number_literal(str(self.catalogue.current_scn()))
        if name == "GET_SYSTEM_CHANGE_NUMBER" and self.catalogue.allows("package"):
            return self._number_literal(str(self.catalogue.current_scn()))
        if name in ("ROUND", "TRUNC"):
            if kinds[0].family in MOMENTS and name == "TRUNC":
                return self._scalar("TRUNC@", args, node.at)
            return self._scalar(f"{name}#", args, node.at)
        if name == "GETLENGTH" and kinds[0].family == "blob":
            return self._scalar("GETLENGTH@", args, node.at)
        if name in SCALARS:
            return self._scalar(name, args, node.at)
        shown = ".".join(f'"{part}"' for part in node.value)
        raise OracleError(904, f"{shown}: invalid identifier", node.at)

    def _scalar(self, name: str, args: list[Typed], at: int) -> Typed:
        takes, result, _ = SCALARS[name]
        families = takes.replace("|", "").split()
        if not len(takes.partition("|")[0].split()) <= len(args) <= len(families):
            raise OracleError(909, "invalid number of arguments", at)
        if name == "SYS_EXTRACT_UTC" and args[0][1].family in ("char", "number"):
            raise OracleError(30175, "invalid type given for an argument", at)
        if name == "RAWTOHEX" and args[0][1].family == "blob":
            families = ["blob"]
        made = [self.convert(arg, RESULTS[family]) for arg, family in zip(args, families, strict=False)]
        kind = Type("NCLOB") if name == "TO_NCLOB" else RESULTS[result]
        if name == "RAWTOHEX" and args[0][1].family == "blob":
            kind = TEXT
        return f"f_{name.strip('#@')}_{'d' if name.endswith('@') else 'n'}({', '.join(made)})", kind

    def _decode(self, args: list[Typed], at: int) -> Typed:
        pairs, last = (
            list(zip(args[1::2], args[2::2], strict=False)),
            (args[-1] if len(args) % 2 == 0 else ("NULL", NULL)),
        )
        kind = last[1]
        for _, result in pairs:
            kind = self._common(kind, result[1])
        whens = []
        for when, result in pairs:
            a, b = self.comparable(args[0], when, at)
            whens.append(f"WHEN {a} IS {b} THEN {self.convert(result, kind)}")
        return f"CASE {' '.join(whens)} ELSE {self.convert(last, kind)} END", kind

    def _context(self, name: str) -> Typed:
        known = {
            "CURRENT_SCHEMA": self.user,
            "SESSION_USER": self.user,
            "CURRENT_USER": self.user,
            "DB_NAME": "STANDIN",
            "SERVICE_NAME": "standin",
        }
        if name not in known:
            raise OracleError(2003, "invalid USERENV parameter")
        return f"'{known[name]}'", TEXT

    def _star(self, node: Node, scope: Scope) -> Typed:
        raise OracleError(936, "missing expression", node.at)
