"""What names mean in a query: its relations, and the types of their columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .conversions import Session
from .tree import Query, tokens_of
from .values import NUMBER, TEXT, OracleError, Type

MOMENTS = ("date", "timestamp", "zoned", "local")
BOOLEAN = Type("BOOLEAN")
TRUTH = Type("BOOLEAN", size=-1)  # of a condition, which is no value in Oracle before 23ai
RESULTS = {
    "char": TEXT, "number": NUMBER, "date": Type("DATE"), "timestamp": Type("TIMESTAMP", scale=9), "clob": Type("CLOB"),
    "zoned": Type("TIMESTAMP WITH TIME ZONE", scale=9), "rowid": Type("ROWID"), "raw": Type("RAW", size=2000),
    "blob": Type("BLOB"), "truth": TRUTH,
}  # fmt: skip
Typed = tuple[str, Type]


@dataclass
class Relation:
    """A table, view or subquery in a FROM clause."""

    alias: str
    names: tuple[str, ...]  # as it may be called with its schema
    columns: dict[str, Typed]
    sql: str
    has_rowid: bool = False
    hidden: frozenset[str] = frozenset()


FoundTable = tuple[str, dict[str, Type], bool, tuple[str, ...], frozenset[str]]
"""The SQL of a table or view, its columns, whether it has rowids, its full name, and its invisible columns."""


class Catalogue(Protocol):
    def relation(self, path: tuple[str, ...], compiler: Compilation, scn: int | None, at: int) -> FoundTable:
        """What a name means in a FROM clause."""

    def current_scn(self) -> int: ...

    def allows(self, right: str) -> bool: ...


@dataclass
class Scope:
    relations: list[Relation] = field(default_factory=list)
    parent: Scope | None = None


class Compilation:
    """What the compilation of one statement knows; `binds` are the types and encoded values of its bind variables."""

    def __init__(
        self,
        text: str,
        session: Session,
        catalogue: Catalogue,
        binds: Sequence[tuple[Type, Any]],
        scn: int | None = None,
        user: str = "",
    ) -> None:
        self.session = session
        self.catalogue = catalogue
        self.user = user
        self.scn = scn
        places = [token.at for token in tokens_of(text) if token.kind == "bind"]
        if len(places) > len(binds):
            raise OracleError(1008, "not all variables bound")
        self.binds = dict(zip(places, binds, strict=False))
        self.parameters: dict[str, Any] = {}
        self.with_: dict[str, tuple[str, dict[str, Type]]] = {}
        self.limits: list[int | None] = []

    def query(self, query: Query, parent: Scope | None = None) -> tuple[str, list[tuple[str, Type]]]:
        """A query's SQL for SQLite, and its columns."""
        raise NotImplementedError


def q(name: str) -> str:
    """An identifier for SQLite, which ignores case: small letters are marked."""
    return '"' + "".join(f"~{sign.upper()}" if sign.upper() != sign else sign for sign in name.replace('"', '""')) + '"'


def digits_of(kind: Type) -> int:
    return 9 if kind.scale is None or kind.family not in ("timestamp", "zoned", "local", "days") else kind.scale
