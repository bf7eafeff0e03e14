"""T-SQL into trees: batches, statements, queries, expressions.

Expressions are tuples whose first item says what they are; `compiler` has the list of them. What is not understood is
error 102, never a guess.
"""

from __future__ import annotations

import re
from functools import lru_cache

from .expressions import Expressions
from .lexer import END
from .reader import NOT_ALIASES, RESERVED, unquoted
from .tokens import SqlError
from .tree import Expression, Select, Source, Statement


@lru_cache(maxsize=300)
def parse_batch(text: str) -> tuple[Statement, ...]:
    """The statements of a batch; all callers share the trees, so none may change them."""
    return tuple(Parser(text).batch())


class Parser(Expressions):
    """A recursive descent over the tokens of one batch."""

    def batch(self) -> list[Statement]:
        made = []
        while self.token is not END:
            if not self.accept(";"):
                made.append(self.statement())
        return made

    def statement(self) -> Statement:
        from .statements import read_statement

        start = self.token
        made = read_statement(self)
        made.text = self.text[start.at : self.token.at].strip()
        made.line = self.text[: start.at].count("\n") + 1
        return made

    def query(self) -> Select:
        """A query with its WITH, ORDER BY and OPTION."""
        ctes = self.with_clause()
        made = self.combination()
        made.ctes = ctes
        if self.accept("ORDER", "BY"):
            made.order = self.listed(self.order_item)
            if self.accept("OFFSET"):
                made.offset = self.value()
                self.expect("ROWS") if self.sees("ROWS") else self.expect("ROW")
                if self.accept("FETCH"):
                    self.next()  # FIRST or NEXT
                    made.fetch = self.value()
                    self.next()  # ROW or ROWS
                    self.expect("ONLY")
        if self.accept("FOR"):
            raise SqlError(102, "Incorrect syntax near 'FOR': the stand-in knows no FOR XML, JSON or BROWSE.", 15)
        self.option_clause()
        return made

    def option_clause(self) -> None:
        if self.accept("OPTION"):
            self.balanced()

    def with_clause(self) -> list[tuple[str, list[str], Select]]:
        made: list[tuple[str, list[str], Select]] = []
        if self.accept("WITH"):
            while True:
                name = self.name()
                columns = self.names() if self.sees("(") else []
                self.expect("AS", "(")
                made.append((name, columns, self.query()))
                self.expect(")")
                if not self.accept(","):
                    break
        return made

    def combination(self) -> Select:
        made = self.query_term()
        while self.sees("UNION", "EXCEPT", "INTERSECT"):
            op = self.next().upper
            if op == "UNION" and self.accept("ALL"):
                op = "UNION ALL"
            if not made.combined and (made.order or made.ctes):
                made = Select(items=[(("star", ()), None)], source=("derived", made, "u", []))
            made.combined.append((op, self.query_term()))
        return made

    def query_term(self) -> Select:
        if self.accept("("):
            made = self.query()
            self.expect(")")
            return made
        if self.accept("VALUES"):
            return Select(rows=self.listed(self.row))
        return self.select()

    def row(self) -> list[Expression]:
        self.expect("(")
        made = self.listed(self.value_or_default)
        self.expect(")")
        return made

    def value_or_default(self) -> Expression:
        return ("default",) if self.accept("DEFAULT") else self.value()

    def select(self) -> Select:
        self.expect("SELECT")
        made = Select()
        made.distinct = self.accept("DISTINCT")
        if not made.distinct:
            self.accept("ALL")
        if self.accept("TOP"):
            if self.accept("("):
                made.top = self.value()
                self.expect(")")
            else:
                made.top = self.primary()
            made.percent = self.accept("PERCENT")
            if self.accept("WITH"):
                raise SqlError(102, "Incorrect syntax near 'WITH': the stand-in knows no TOP … WITH TIES.", 15)
        made.items = self.listed(self.item)
        made.assigns = any((name or "").startswith("@") for _, name in made.items)
        if self.accept("INTO"):
            made.into = self.path()
        if self.accept("FROM"):
            made.source = self.sources()
        if self.accept("WHERE"):
            made.where = self.condition()
        if self.accept("GROUP", "BY"):
            made.group = self.listed(self.value)
        if self.accept("HAVING"):
            made.having = self.condition()
        return made

    def item(self) -> tuple[Expression, str | None]:
        if self.accept("*"):
            return ("star", ()), None
        if self.token.kind == "var" and self.ahead().upper == "=":
            name = self.next().text
            self.next()
            return self.value(), name.lower()
        if self.token.kind in ("word", "quoted") and self.ahead().upper == "=" and self.token.upper not in RESERVED:
            name = self.next().text
            self.next()
            return self.value(), name
        found = self.value()
        return found, self.alias(strings=True)

    def alias(self, *, strings: bool = False) -> str | None:
        if self.accept("AS"):
            if strings and self.token.kind == "str":
                return unquoted(self.next().text)
            return self.name()
        if self.token.kind == "quoted" or (
            self.token.kind == "word" and self.token.upper not in RESERVED | NOT_ALIASES and self.ahead().upper != ":"
        ):
            return self.next().text
        return None

    def sources(self) -> Source:
        made = self.joined()
        while self.accept(","):
            made = ("join", "CROSS", made, self.joined(), None)
        return made

    def joined(self) -> Source:
        made = self.source()
        while True:
            if self.accept("CROSS", "JOIN"):
                made = ("join", "CROSS", made, self.source(), None)
                continue
            if self.sees("CROSS", "OUTER") and self.ahead().upper == "APPLY":
                raise SqlError(102, "Incorrect syntax near 'APPLY': the stand-in knows none.", 15)
            kind = None
            if self.sees("LEFT", "RIGHT", "FULL", "INNER") and self.ahead().upper in (
                "OUTER",
                "JOIN",
                "HASH",
                "LOOP",
                "MERGE",
            ):
                kind = self.next().upper
                self.accept("OUTER")
                if self.sees("HASH", "LOOP", "MERGE"):
                    self.next()
            elif self.sees("JOIN"):
                kind = "INNER"
            if not kind:
                return made
            self.expect("JOIN")
            right = self.source()
            if not self.sees("ON"):  # a JOIN b JOIN c ON … ON …
                right = self._join_onto(right)
            self.expect("ON")
            made = ("join", kind, made, right, self.condition())

    def _join_onto(self, left: Source) -> Source:
        kind = self.next().upper
        self.accept("OUTER")
        self.accept("JOIN")
        right = self.source()
        self.expect("ON")
        return ("join", "INNER" if kind == "JOIN" else kind, left, right, self.condition())

    def source(self) -> Source:
        if self.accept("("):
            if self.sees("SELECT", "WITH", "VALUES") or (self.sees("(") and self.ahead().upper == "SELECT"):
                query = self.query()
                self.expect(")")
                name = self.alias() or "derived"
                return ("derived", query, name, self.names() if self.sees("(") else [])
            inner = self.sources()
            self.expect(")")
            return inner
        if self.token.kind == "var":
            path: tuple[str, ...] = (self.next().text.lower(),)
        else:
            path = self.path()
        if self.sees("(") and not self._sees_hint():
            self.next()
            arguments = [] if self.sees(")") else self.listed(self.value_or_default)
            self.expect(")")
            name = self.alias() or path[-1]
            return ("function", path, arguments, name, self.names() if self.sees("(") else [])
        sample = self.sample()
        alias = self.alias()
        sample = sample or self.sample()
        hints: list[str] = []
        if self.sees("WITH") and self.ahead().upper == "(":
            self.next()
            hints = hints_of(self.balanced())
        elif self.sees("(") and self._sees_hint():
            hints = hints_of(self.balanced())
        sample = sample or self.sample()
        return ("table", path, alias, hints, sample)

    def _sees_hint(self) -> bool:
        return self.ahead().upper in ("NOLOCK", "TABLOCK", "TABLOCKX", "HOLDLOCK", "UPDLOCK", "READPAST", "ROWLOCK")

    def sample(self) -> Expression | None:
        if not self.accept("TABLESAMPLE"):
            return None
        self.accept("SYSTEM")
        self.expect("(")
        amount = self.value()
        unit = self.next().upper if self.sees("PERCENT", "ROWS") else "PERCENT"
        self.expect(")")
        if self.accept("REPEATABLE"):
            self.balanced()
        return (unit, amount)


def hints_of(text: str) -> list[str]:
    return [one.strip().upper() for one in re.split(r"[,\s]+", text) if one.strip()]
