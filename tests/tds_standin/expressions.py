"""Expressions of T-SQL, read from tokens."""

from __future__ import annotations

from .reader import CALLABLE, TokenReader, unquoted
from .tokens import SqlError
from .tree import Expression, Select


class Expressions(TokenReader):
    """The part of the parser that reads expressions and conditions."""

    def query(self) -> Select:
        """A query in parentheses."""
        raise NotImplementedError

    def order_item(self) -> tuple[Expression, bool]:
        found = self.value()
        if self.accept("DESC"):
            return found, True
        self.accept("ASC")
        return found, False

    def condition(self) -> Expression:
        left = self.conjunction()
        while self.accept("OR"):
            left = ("or", left, self.conjunction())
        return left

    def conjunction(self) -> Expression:
        left = self.negation()
        while self.accept("AND"):
            left = ("and", left, self.negation())
        return left

    def negation(self) -> Expression:
        return ("not", self.negation()) if self.accept("NOT") else self.predicate()

    def predicate(self) -> Expression:
        if self.accept("EXISTS"):
            return ("exists", self.subquery())
        left = self.value()
        while True:
            if self.sees("=", "<", ">", "<=", ">=", "<>", "!=", "!<", "!>"):
                op = {"!=": "<>", "!<": ">=", "!>": "<="}.get(self.token.upper, self.token.upper)
                self.next()
                if self.sees("ALL", "ANY", "SOME"):
                    raise SqlError(102, "Incorrect syntax: the stand-in knows no ANY, SOME and ALL.", 15)
                left = ("compare", op, left, self.value())
                continue
            if self.accept("IS"):
                negated = self.accept("NOT")
                if self.accept("DISTINCT", "FROM"):
                    left = ("distinct", left, self.value(), negated)
                    continue
                self.expect("NULL")
                left = ("isnull", left, negated)
                continue
            negated = self.sees("NOT") and self.ahead().upper in ("IN", "LIKE", "BETWEEN") and self.accept("NOT")
            if self.accept("IN"):
                left = self._in(left, negated)
            elif self.accept("LIKE"):
                pattern = self.value()
                escape = self.value() if self.accept("ESCAPE") else None
                if self.accept("{"):  # {escape '\'}
                    self.next()
                    escape = self.value()
                    self.expect("}")
                left = ("like", left, pattern, escape, negated)
            elif self.accept("BETWEEN"):
                low = self.value()
                self.expect("AND")
                left = ("between", left, low, self.value(), negated)
            else:
                return left

    def _in(self, left: Expression, negated: bool) -> Expression:
        if self.ahead().upper in ("SELECT", "WITH"):
            return ("in query", left, self.subquery(), negated)
        self.expect("(")
        found = self.listed(self.value)
        self.expect(")")
        return ("in", left, found, negated)

    def subquery(self) -> Select:
        self.expect("(")
        made = self.query()
        self.expect(")")
        return made

    def value(self) -> Expression:
        left = self.product()
        while self.sees("+", "-", "&", "|", "^"):
            op = self.next().upper
            left = ("op", op, left, self.product())
        return left

    def product(self) -> Expression:
        left = self.unary()
        while self.sees("*", "/", "%"):
            op = self.next().upper
            left = ("op", op, left, self.unary())
        return left

    def unary(self) -> Expression:
        if self.accept("-"):
            inner = self.unary()
            return (
                (inner[0], "-" + inner[1]) if inner[0] in ("num", "money") and inner[1][0] != "-" else ("minus", inner)
            )
        if self.accept("+"):
            return self.unary()
        if self.accept("~"):
            return ("invert", self.unary())
        left = self.primary()
        while True:
            if self.accept("COLLATE"):
                left = ("collate", left, self.next().text)
            elif self.sees("AT") and self.ahead().upper == "TIME":
                self.expect("AT", "TIME", "ZONE")
                left = ("zone", left, self.value())
            elif self.sees(".") and left[0] in ("call", "cast", "group"):
                self.next()
                left = ("method", left, self.name(), self.arguments())
            else:
                return left

    def arguments(self) -> list[Expression]:
        self.expect("(")
        return self._rest_of_arguments()

    def _rest_of_arguments(self) -> list[Expression]:
        if self.accept(")"):
            return []
        made = self.listed(self._argument)
        self.expect(")")
        return made

    def _argument(self) -> Expression:
        if self.accept("*"):
            return ("star", ())
        return ("default",) if self.accept("DEFAULT") else self.condition()

    def primary(self) -> Expression:
        token = self.token
        if token.kind == "str":
            text = unquoted(self.next().text)
            return ("nstr" if token.text[0] in "Nn" else "str", text)
        if token.kind in ("num", "bin", "var", "money"):
            self.next()
            if token.kind == "bin":
                digits = token.text[2:]
                return ("bin", bytes.fromhex("0" * (len(digits) % 2) + digits))
            return (token.kind, token.text.lower().lstrip("$"))
        if token.upper == "(":
            if self.ahead().upper in ("SELECT", "WITH") or (
                self.ahead().upper == "(" and self.ahead(2).upper == "SELECT"
            ):
                return ("scalar", self.subquery())
            self.next()
            inner = self.condition()
            self.expect(")")
            return inner
        if token.upper == "{":  # ODBC: {fn NOW()}, {d '…'}, {ts '…'}
            return self._odbc()
        if token.kind == "word":
            special = (
                getattr(self, f"_{token.upper.lower()}", None) if token.upper in ("CASE", "CAST", "NULL") else None
            )
            if special:
                self.next()
                return special()  # type: ignore[no-any-return]
            if token.upper in ("TRY_CAST", "CONVERT", "TRY_CONVERT", "PARSE"):
                self.next()
                return (
                    self._cast(trying=True)
                    if token.upper == "TRY_CAST"
                    else self._convert(token.upper == "TRY_CONVERT")
                )
            if token.upper in ("CURRENT_TIMESTAMP", "CURRENT_USER", "SESSION_USER", "SYSTEM_USER"):
                self.next()
                return ("call", token.upper, [], False, None)
            if token.upper == "NEXT" and self.ahead().upper == "VALUE":
                self.expect("NEXT", "VALUE", "FOR")
                return ("next value", self.path())
            if token.upper in CALLABLE and self.ahead().upper == "(":
                self.next()
                return self._call((token.text,))
        if token.kind in ("word", "quoted"):
            return self._column_or_call()
        raise self.wrong()

    def _column_or_call(self) -> Expression:
        parts = [self.name()]
        while self.sees("."):
            self.next()
            if self.accept("*"):
                return ("star", tuple(parts))
            parts.append("" if self.sees(".") else self.name())
        return self._call(tuple(parts)) if self.sees("(") else ("column", tuple(parts))

    def _call(self, path: tuple[str, ...]) -> Expression:
        self.expect("(")
        distinct = self.accept("DISTINCT")
        arguments = self._rest_of_arguments()
        if len(path) > 1 and path[-1].upper() == "TOSTRING":
            return ("method", ("column", path[:-1]), path[-1], arguments)
        over = None
        if self.accept("WITHIN", "GROUP"):
            self.balanced()
        if self.accept("OVER"):
            over = self._window()
        return ("call", path[-1].upper(), arguments, distinct, over)

    def _window(self) -> tuple[list[Expression], list[tuple[Expression, bool]]]:
        self.expect("(")
        partition: list[Expression] = []
        order: list[tuple[Expression, bool]] = []
        if self.accept("PARTITION", "BY"):
            partition = self.listed(self.value)
        if self.accept("ORDER", "BY"):
            order = self.listed(self.order_item)
        self.expect(")")
        return partition, order

    def _null(self) -> Expression:
        return ("null",)

    def _case(self) -> Expression:
        operand = None if self.sees("WHEN") else self.value()
        whens = []
        while self.accept("WHEN"):
            found = self.condition() if operand is None else self.value()
            self.expect("THEN")
            whens.append((found, self.value()))
        other = self.value() if self.accept("ELSE") else None
        self.expect("END")
        return ("case", operand, whens, other)

    def _cast(self, *, trying: bool = False) -> Expression:
        self.expect("(")
        found = self.value()
        self.expect("AS")
        kind = self.type_text()
        self.expect(")")
        return ("cast", found, kind, None, trying)

    def _convert(self, trying: bool) -> Expression:
        self.expect("(")
        kind = self.type_text()
        self.expect(",")
        found = self.value()
        style = self.value() if self.accept(",") else None
        self.expect(")")
        return ("cast", found, kind, style, trying)

    def _odbc(self) -> Expression:
        self.next()
        what = self.next().upper
        if what == "FN":
            found = self.primary()
        else:
            text = unquoted(self.next().text)
            found = ("cast", ("str", text), "date" if what == "D" else "datetime", None, False)
        self.expect("}")
        return found
