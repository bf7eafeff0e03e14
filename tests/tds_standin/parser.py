"""T-SQL into trees: batches, statements, queries, expressions.

Expressions are tuples whose first item says what they are; `compiler` has the list of them. What is not understood is
error 102, never a guess.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from .lexer import END, Token, tokens_of
from .tokens import SqlError

Expression = tuple[Any, ...]
Source = tuple[Any, ...]
_RESERVED = {
    "ADD",
    "ALL",
    "ALTER",
    "AND",
    "ANY",
    "AS",
    "ASC",
    "BEGIN",
    "BETWEEN",
    "BREAK",
    "BY",
    "CASE",
    "CATCH",
    "CHECK",
    "CLOSE",
    "COLLATE",
    "COMMIT",
    "CONSTRAINT",
    "CONTINUE",
    "CONVERT",
    "CREATE",
    "CROSS",
    "DECLARE",
    "DEFAULT",
    "DELETE",
    "DENY",
    "DESC",
    "DISTINCT",
    "DROP",
    "ELSE",
    "END",
    "EXCEPT",
    "EXEC",
    "EXECUTE",
    "EXISTS",
    "FETCH",
    "FOR",
    "FOREIGN",
    "FROM",
    "FULL",
    "GOTO",
    "GRANT",
    "GROUP",
    "HAVING",
    "IF",
    "IN",
    "INNER",
    "INSERT",
    "INTERSECT",
    "INTO",
    "IS",
    "JOIN",
    "KEY",
    "LEFT",
    "LIKE",
    "MERGE",
    "NOT",
    "NULL",
    "OFF",
    "ON",
    "OPEN",
    "OPTION",
    "OR",
    "ORDER",
    "OUTER",
    "OVER",
    "PERCENT",
    "PRIMARY",
    "PRINT",
    "RAISERROR",
    "REFERENCES",
    "RETURN",
    "REVOKE",
    "RIGHT",
    "ROLLBACK",
    "SAVE",
    "SELECT",
    "SET",
    "SOME",
    "TABLE",
    "TABLESAMPLE",
    "THEN",
    "TOP",
    "TRUNCATE",
    "UNION",
    "UNIQUE",
    "UPDATE",
    "USE",
    "VALUES",
    "VIEW",
    "WAITFOR",
    "WHEN",
    "WHERE",
    "WHILE",
    "WITH",
}
_CALLABLE = {"LEFT", "RIGHT", "CONVERT", "COALESCE", "NULLIF", "USER", "CHECK"}
_NOT_ALIASES = {"OUTPUT", "WITHIN", "GO", "OFFSET", "THROW", "USING", "EXEC", "EXECUTE"}


class Statement:
    """A statement: what it is, and its parts as attributes."""

    def __init__(self, op: str, **parts: Any) -> None:
        self.op: str = op
        self.__dict__.update(parts)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__[name] = value


@dataclass
class Select:
    items: list[tuple[Expression, str | None]] = field(default_factory=list)
    source: Source | None = None
    where: Expression | None = None
    group: list[Expression] = field(default_factory=list)
    having: Expression | None = None
    order: list[tuple[Expression, bool]] = field(default_factory=list)
    top: Expression | None = None
    percent: bool = False
    offset: Expression | None = None
    fetch: Expression | None = None
    distinct: bool = False
    into: tuple[str, ...] | None = None
    ctes: list[tuple[str, list[str], Select]] = field(default_factory=list)
    combined: list[tuple[str, Select]] = field(default_factory=list)
    rows: list[list[Expression]] = field(default_factory=list)
    """Of VALUES, which has nothing else."""
    assigns: bool = False


@lru_cache(maxsize=300)
def parse_batch(text: str) -> tuple[Statement, ...]:
    """The statements of a batch; all callers share the trees, so none may change them."""
    return tuple(Parser(text).batch())


class Parser:
    """A recursive descent over the tokens of one batch."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens_of(text)
        self.at = 0

    # --- tokens ---

    @property
    def token(self) -> Token:
        return self.tokens[self.at] if self.at < len(self.tokens) else END

    def ahead(self, count: int = 1) -> Token:
        return self.tokens[self.at + count] if self.at + count < len(self.tokens) else END

    def next(self) -> Token:
        self.at += 1
        return self.tokens[self.at - 1] if self.at <= len(self.tokens) else END

    def sees(self, *words: str) -> bool:
        return self.token.upper in words

    def accept(self, *words: str) -> bool:
        """Pass over these words in a row, if they are all there."""
        if all(self.ahead(index).upper == word for index, word in enumerate(words)):
            self.at += len(words)
            return True
        return False

    def expect(self, *words: str) -> None:
        for word in words:
            if not self.accept(word):
                raise self.wrong()

    def wrong(self) -> SqlError:
        near = self.token.text or (self.tokens[-1].text if self.tokens else "")
        error = SqlError(102, f"Incorrect syntax near '{near}'.", 15)
        if self.token.kind == "word" and self.token.upper in _RESERVED:
            error = SqlError(156, f"Incorrect syntax near the keyword '{self.token.text}'.", 15)
        error.line = self.text[: self.token.at].count("\n") + 1
        return error

    def name(self) -> str:
        token = self.token
        if token.kind == "quoted" or (token.kind == "word" and token.upper not in _RESERVED):
            return self.next().text
        raise self.wrong()

    def path(self) -> tuple[str, ...]:
        """A name of up to four parts; parts that are left out are empty."""
        parts = [self.name()]
        while self.accept("."):
            parts.append("" if self.sees(".") else self.name())
        return tuple(parts)

    def listed(self, one: Any) -> list[Any]:
        made = [one()]
        while self.accept(","):
            made.append(one())
        return made

    def names(self) -> list[str]:
        self.expect("(")
        made = self.listed(self.name)
        self.expect(")")
        return made

    def type_text(self) -> str:
        """A type as it is written, up to where it ends."""
        parts = [self.name()]
        if self.accept("."):
            parts = [self.name()]
        elif parts[0].upper() in ("DOUBLE", "NATIONAL") or self.sees("VARYING"):
            while self.token.upper in ("PRECISION", "CHAR", "CHARACTER", "TEXT", "VARYING"):
                parts.append(self.next().text)
        text = " ".join(parts)
        if self.accept("("):
            first = self.next().text
            second = self.next().text if self.accept(",") else ""
            self.expect(")")
            text += f"({first},{second})" if second else f"({first})"
        return text

    # --- statements ---

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

    # --- queries ---

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

    def balanced(self) -> str:
        """The text in parentheses, whatever it is."""
        self.expect("(")
        start, depth = self.token.at, 1
        while depth:
            token = self.next()
            if token is END:
                raise self.wrong()
            depth += (token.upper == "(") - (token.upper == ")")
        return self.text[start : self.tokens[self.at - 1].at]

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
        if self.token.kind in ("word", "quoted") and self.ahead().upper == "=" and self.token.upper not in _RESERVED:
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
            self.token.kind == "word" and self.token.upper not in _RESERVED | _NOT_ALIASES and self.ahead().upper != ":"
        ):
            return self.next().text
        return None

    def order_item(self) -> tuple[Expression, bool]:
        found = self.value()
        if self.accept("DESC"):
            return found, True
        self.accept("ASC")
        return found, False

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

    # --- expressions ---

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
            if token.upper in _CALLABLE and self.ahead().upper == "(":
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


def unquoted(text: str) -> str:
    return text.lstrip("Nn")[1:-1].replace("''", "'") if text[0] in "Nn" else text[1:-1].replace("''", "'")


def hints_of(text: str) -> list[str]:
    return [one.strip().upper() for one in re.split(r"[,\s]+", text) if one.strip()]
