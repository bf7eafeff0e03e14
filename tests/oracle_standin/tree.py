"""Oracle's SQL as tokens, and the nodes of the tree that is made of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from .values import OracleError

_TOKEN = re.compile(
    r"""(?P<skip>\s+|--[^\n]*|/\*.*?\*/)
    |(?P<text>[nN]?'(?:[^']|'')*')|(?P<quoted>"[^"]*")
    |(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fFdD]?(?![\w$#]))
    |(?P<bind>:\s*(?:"[^"]+"|\w+))|(?P<word>[^\W\d][\w$#]*)
    |(?P<sign><>|!=|\^=|<=|>=|\|\||=>|[-+*/=<>(),.;@?])""",
    re.VERBOSE | re.DOTALL,
)
NOT_NAMES = frozenset(
    """FROM WHERE GROUP ORDER HAVING UNION MINUS EXCEPT INTERSECT ON JOIN LEFT RIGHT FULL INNER CROSS FETCH OFFSET AS
    AND OR NOT IS IN LIKE BETWEEN THEN ELSE END WHEN SAMPLE SET VALUES SELECT CONNECT START WITH FOR ASC DESC NULLS INTO
    OUTER BY ESCAPE CASE NULL DISTINCT""".split()  # noqa: SIM905 - shorter as it is
)


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    at: int


@dataclass
class Node:
    """An expression; `kind` says what `value` and `args` are."""

    kind: str
    value: Any = None
    args: list[Any] = field(default_factory=list)
    at: int = 0


@dataclass
class Table:
    name: tuple[str, ...]
    alias: str | None = None
    scn: Node | None = None
    sample: tuple[float, bool] | None = None  # percent, of blocks
    query: Query | None = None
    at: int = 0
    join: str = ","
    on: Node | None = None


@dataclass
class Select:
    items: list[tuple[Node, str | None, str]]  # expression, alias, its text
    tables: list[Table]
    where: Node | None = None
    group: list[Node] = field(default_factory=list)
    having: Node | None = None
    distinct: bool = False


@dataclass
class Query:
    parts: list[tuple[str, Select | Query]]  # set operator, SELECT
    order: list[tuple[Node, str]] = field(default_factory=list)
    limit: Node | None = None
    offset: Node | None = None
    with_: list[tuple[str, Query]] = field(default_factory=list)


def tokens_of(text: str) -> list[Token]:
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            raise OracleError(911, f"invalid character {text[at]!r}", at)
        if match.lastgroup != "skip":
            found.append(Token(str(match.lastgroup), match[0], at))
        at = match.end()
    return [*found, Token("end", "", len(text))]


def name_of(token: Token) -> str:
    return token.text[1:-1] if token.kind == "quoted" else token.text.upper()
