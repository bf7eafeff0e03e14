"""Databases and what is in them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import functions
from . import kinds as k
from .kinds import Kind
from .tokens import SqlError
from .tree import Expression, Select

FOREVER = (1 << 63) - 1


class CancelledError(Exception):
    """The client sent an attention."""


class CutError(Exception):
    """A fault ends the connection here."""


@dataclass
class Column:
    name: str
    kind: Kind
    nullable: bool = True
    identity: tuple[int, int] | None = None
    default: Expression | None = None
    default_text: str = ""
    default_name: str = ""
    default_id: int = 0
    computed: Expression | None = None
    computed_text: str = ""
    persisted: bool = False
    comment: str | None = None


@dataclass
class Index:
    name: str
    columns: list[tuple[str, bool]]
    unique: bool = False
    primary: bool = False
    clustered: bool = False
    constraint: bool = False
    included: list[str] = field(default_factory=list)
    condition: str = ""
    object_id: int = 0


@dataclass
class ForeignKey:
    name: str
    columns: list[str]
    target: tuple[str, str]
    referred: list[str]
    rules: dict[str, str]
    object_id: int = 0


class Table:
    """A table and where its rows are."""

    def __init__(self, schema: str, name: str, columns: list[Column], object_id: int) -> None:
        self.schema, self.name, self.columns, self.object_id = schema, name, columns, object_id
        self.stored = f"t{object_id}"
        self.indexes: list[Index] = []
        self.foreign: list[ForeignKey] = []
        self.checks: list[tuple[str, str]] = []
        self.comment: str | None = None
        self.memory_optimized = False
        self.next_row = itertools.count(1)
        self.identity_value: int | None = None
        self.created = functions.now_ticks()
        self.shared: set[Transaction] = set()
        self.exclusive: set[Transaction] = set()
        self.writers: set[Transaction] = set()

    @property
    def key(self) -> Index | None:
        return next((index for index in self.indexes if index.primary), None)

    def place(self, name: str) -> int:
        """The position of a column, or error 207."""
        folded = name.casefold()
        for index, column in enumerate(self.columns):
            if column.name.casefold() == folded:
                return index
        raise SqlError(207, f"Invalid column name '{name}'.")


@dataclass
class View:
    schema: str
    name: str
    query: Select
    body: str
    columns: list[str]
    object_id: int
    comment: str | None = None


class Database:
    """One database of the server."""

    def __init__(self, name: str, number: int) -> None:
        self.name, self.number = name, number
        self.tables: dict[tuple[str, str], Table] = {}
        self.views: dict[tuple[str, str], View] = {}
        self.synonyms: dict[tuple[str, str], tuple[str, str, tuple[str, ...], int]] = {}
        self.sequences: dict[tuple[str, str], list[Any]] = {}
        self.schemas: dict[str, int] = {"dbo": 1, "guest": 2, "INFORMATION_SCHEMA": 3, "sys": 4}
        self.collation = k.DEFAULT_COLLATION
        self.snapshots = True
        self.read_committed_snapshot = False
        self.read_only = False
        self.version = 0
        """Counts changes of the catalogue."""


class Transaction:
    """What one transaction did, so that it can be committed and undone."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.depth = 1
        self.snapshot: int | None = None
        self.done: list[tuple[str, Table, int]] = []
        self.savepoints: dict[str, int] = {}
        self.first_version: int | None = None
        self.waits_for: Transaction | None = None
        self.over = False
        self.undo: list[Callable[[], None]] = []
