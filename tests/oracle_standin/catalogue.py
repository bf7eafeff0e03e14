"""The catalogue: tables with their history in SQLite, as of any system change number, views, and the dictionary.

Rows that are changed or deleted move to a table beside theirs with the change numbers between which they held, so that
`AS OF SCN` and read-only transactions see what was. One session writes at a time; others see it once it commits.
"""

from __future__ import annotations

import re
import sqlite3
import tempfile
import threading
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import values as v
from .compiler import Compiler
from .parser import Parser
from .scope import Compilation, FoundTable, Relation, Scope, q
from .values import OracleError, Type

Path_ = tuple[str, ...]
_DICTIONARY = """
DUAL(DUMMY); V$VERSION(BANNER); ALL_USERS(USERNAME); ALL_MVIEWS(OWNER, MVIEW_NAME, QUERY);
ALL_MVIEW_COMMENTS(OWNER, MVIEW_NAME, COMMENTS); ALL_VIEWS(OWNER, VIEW_NAME, TEXT);
ALL_TABLES(OWNER, TABLE_NAME, TABLESPACE_NAME, IOT_NAME, IOT_TYPE, DURATION, #BLOCKS, #NUM_ROWS, #AVG_ROW_LEN,
    COMPRESSION, COMPRESS_FOR);
ALL_SYNONYMS(OWNER, SYNONYM_NAME, TABLE_OWNER, TABLE_NAME, DB_LINK);
ALL_TAB_COLS(OWNER, TABLE_NAME, COLUMN_NAME, DATA_TYPE, #DATA_LENGTH, #DATA_PRECISION, #DATA_SCALE, NULLABLE,
    #COLUMN_ID, DATA_DEFAULT, #CHAR_LENGTH, HIDDEN_COLUMN, VIRTUAL_COLUMN, DEFAULT_ON_NULL);
ALL_COL_COMMENTS(OWNER, TABLE_NAME, COLUMN_NAME, COMMENTS);
ALL_TAB_IDENTITY_COLS(OWNER, TABLE_NAME, COLUMN_NAME, GENERATION_TYPE, IDENTITY_OPTIONS);
ALL_CONSTRAINTS(OWNER, CONSTRAINT_NAME, CONSTRAINT_TYPE, TABLE_NAME, SEARCH_CONDITION, R_OWNER, R_CONSTRAINT_NAME,
    DELETE_RULE);
ALL_CONS_COLUMNS(OWNER, CONSTRAINT_NAME, TABLE_NAME, COLUMN_NAME, #POSITION);
ALL_OBJECTS(OWNER, OBJECT_NAME, OBJECT_TYPE, TEMPORARY); ALL_TAB_COMMENTS(OWNER, TABLE_NAME, TABLE_TYPE, COMMENTS);
ALL_INDEXES(OWNER, INDEX_NAME, TABLE_OWNER, TABLE_NAME, INDEX_TYPE, UNIQUENESS, COMPRESSION, #PREFIX_LENGTH);
ALL_IND_COLUMNS(INDEX_OWNER, INDEX_NAME, TABLE_OWNER, TABLE_NAME, COLUMN_NAME, #COLUMN_POSITION, DESCEND);
ALL_IND_EXPRESSIONS(INDEX_OWNER, INDEX_NAME, COLUMN_EXPRESSION, #COLUMN_POSITION)
"""


@dataclass
class Column:
    name: str
    type: Type
    nullable: bool = True
    hidden: bool = False
    default: str | None = None
    virtual: str | None = None


@dataclass
class TableInfo:
    owner: str
    name: str
    columns: list[Column]
    key: list[str] = field(default_factory=list)
    is_index: bool = False  # ORGANIZATION INDEX
    query: str | None = None  # of a materialized view
    blocks: int | None = None
    rows: int | None = None  # as the statistics have it
    row_bytes: int | None = None
    indexes: dict[str, list[str]] = field(default_factory=dict)

    @property
    def stored(self) -> str:
        return q(f"{self.owner}.{self.name}")

    @property
    def history(self) -> str:
        return self.stored[:-1] + '$history"'

    def column(self, name: str) -> Column:
        return next(one for one in self.columns if one.name == name)


@dataclass
class Fault:
    """What is to go wrong, at the statements that `match`, after so many rows, so often.

    The listener's part of a connection is the statement CONNECT, the login LOGON and the user's name.
    """

    match: str
    error: int | None = None
    text: str = "injected"
    after_rows: int = 0
    times: int = 1
    cut: bool = False
    sleep: float = 0

    @property
    def message(self) -> OracleError:
        return OracleError(int(self.error or 600), self.text)


class Database:
    """All users, tables and views of one server."""

    def __init__(self, users: dict[str, str], denied: Sequence[str] = (), folder: str | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(dir=folder)
        self._file = str(Path(self._folder.name) / "standin.sqlite")
        self.users = users
        self.denied = set(denied)
        self.tables: dict[Path_, TableInfo] = {}
        self.views: dict[Path_, tuple[str, list[Column]]] = {}
        self.synonyms: dict[Path_, tuple[str, str, str | None]] = {}  # owner, name, database link
        self.faults: list[Fault] = []
        self.log: Any = None  # a file that takes every statement
        self.scn = 1_000_000
        self.writing = threading.Lock()
        self._connection = self.connect()
        self._connection.execute("PRAGMA journal_mode = WAL")
        for one in _DICTIONARY.split(";"):
            name, _, columns = one.strip().rstrip(")").partition("(")
            kinds = {
                "TEXT": Type("LONG"),
                "DATA_DEFAULT": Type("LONG"),
                "QUERY": Type("LONG"),
                "SEARCH_CONDITION": Type("LONG"),
            }
            made = [
                Column(
                    each.strip("#"), v.NUMBER if each.startswith("#") else kinds.get(each, Type("VARCHAR2", size=128))
                )
                for each in (each.strip() for each in columns.split(","))
            ]
            self.create(TableInfo("SYS", name, made))
        self.refresh_dictionary()

    def connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file, isolation_level=None, check_same_thread=False, timeout=60)
        connection.text_factory = bytes
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA case_sensitive_like = ON")
        return connection

    def close(self) -> None:
        self._connection.close()
        self._folder.cleanup()

    def faults_at(self, statement: str) -> list[Fault]:
        """The faults that this statement meets; each has one time less from now on."""
        found = [
            one for one in self.faults if one.times > 0 and re.search(one.match, statement, re.IGNORECASE | re.DOTALL)
        ]
        for one in found:
            one.times -= 1
        return found

    def current_scn(self) -> int:
        return self.scn

    def allows(self, right: str) -> bool:
        return right not in self.denied

    def create(self, table: TableInfo) -> None:
        if (table.owner, table.name) in self.tables | self.views:
            raise OracleError(955, "name is already used by an existing object")
        stored = [q(column.name) for column in table.columns if not column.virtual]
        columns = ", ".join(
            q(column.name) + ("" if column.nullable else " NOT NULL") for column in table.columns if not column.virtual
        )
        self._connection.execute(
            f'CREATE TABLE {table.stored} ("$rid" INTEGER PRIMARY KEY, {columns}, "$from" INTEGER)'
        )
        self._connection.execute(
            f'CREATE TABLE {table.history} ("$rid", {", ".join(stored)}, "$from" INTEGER, "$to" INTEGER)'
        )
        if table.key:
            keys = ", ".join(q(name) for name in table.key)
            self._connection.execute(f'CREATE UNIQUE INDEX {table.stored[:-1]}$key" ON {table.stored} ({keys})')
        self.tables[table.owner, table.name] = table

    def drop(self, path: Path_) -> None:
        if path in self.views:
            del self.views[path]
        else:
            table = self.tables.pop(path)
            self._connection.execute(f"DROP TABLE {table.stored}")
            self._connection.execute(f"DROP TABLE {table.history}")

    def gather_statistics(self, path: Path_) -> None:
        table = self.tables[path]
        last = self._connection.execute(f'SELECT max("$rid") FROM {table.stored}').fetchone()[0] or 0
        table.blocks = last // v.ROWS_PER_BLOCK + 1
        table.rows = self._connection.execute(f"SELECT count(*) FROM {table.stored}").fetchone()[0]
        table.row_bytes = 3 + 10 * len(table.columns)
        self.refresh_dictionary()

    def refresh_dictionary(self) -> None:
        """Write the catalogue's tables again."""
        rows: dict[str, list[tuple[Any, ...]]] = {
            "DUAL": [("X",)],
            "V$VERSION": [("Oracle Database stand-in for tests",)],
            "ALL_USERS": [(user,) for user in {*self.users, *(owner for owner, _ in self.tables)}],
        }
        for (owner, name), table in self.tables.items():
            if owner != "SYS":
                iot = "IOT" if table.is_index else None
                rows.setdefault("ALL_TABLES", []).append(
                    (
                        owner,
                        name,
                        None if iot else "USERS",
                        None,
                        iot,
                        None,
                        table.blocks,
                        table.rows,
                        table.row_bytes,
                        "DISABLED",
                        None,
                    )
                )
                self._index_rows(rows, table)
                if table.key:
                    rows.setdefault("ALL_CONSTRAINTS", []).append(
                        (owner, f"{name}_PK", "P", name, None, None, None, None)
                    )
                    rows.setdefault("ALL_CONS_COLUMNS", []).extend(
                        (owner, f"{name}_PK", name, key, n) for n, key in enumerate(table.key, 1)
                    )
            self._dictionary_rows(rows, owner, name, table.columns, "TABLE")
            if table.query:
                rows.setdefault("ALL_MVIEWS", []).append((owner, name, table.query))
                rows.setdefault("ALL_OBJECTS", []).append((owner, name, "MATERIALIZED VIEW", "N"))
        for (owner, name), (target_owner, target, link) in self.synonyms.items():
            rows.setdefault("ALL_SYNONYMS", []).append((owner, name, target_owner, target, link))
            rows.setdefault("ALL_OBJECTS", []).append((owner, name, "SYNONYM", "N"))
        for (owner, name), (text, columns) in self.views.items():
            rows.setdefault("ALL_VIEWS", []).append((owner, name, text))
            self._dictionary_rows(rows, owner, name, columns, "VIEW")
        connection = self._connection
        with nullcontext() if self.writing.locked() else self.writing:
            connection.execute("BEGIN IMMEDIATE")
            for (owner, name), table in self.tables.items():
                if owner == "SYS":
                    connection.execute(f"DELETE FROM {table.stored}")
                    marks = ", ".join("?" * len(table.columns))
                    encoded = [
                        [v.encode_number(value) if isinstance(value, int) else value for value in row]
                        for row in rows.get(name, [])
                    ]
                    connection.executemany(f"INSERT INTO {table.stored} VALUES (NULL, {marks}, 0)", encoded)
            connection.execute("COMMIT")

    @staticmethod
    def _index_rows(rows: dict[str, list[Any]], table: TableInfo) -> None:
        named = {**({f"{table.name}_PK": table.key} if table.key else {}), **table.indexes}
        for name, columns in named.items():
            unique = "UNIQUE" if name == f"{table.name}_PK" else "NONUNIQUE"
            rows.setdefault("ALL_INDEXES", []).append(
                (table.owner, name, table.owner, table.name, "NORMAL", unique, "DISABLED", None)
            )
            rows.setdefault("ALL_IND_COLUMNS", []).extend(
                (table.owner, name, table.owner, table.name, column, number, "ASC")
                for number, column in enumerate(columns, 1)
            )

    def _dictionary_rows(
        self, rows: dict[str, list[Any]], owner: str, name: str, columns: list[Column], kind: str
    ) -> None:
        if owner == "SYS":
            return
        rows.setdefault("ALL_OBJECTS", []).append((owner, name, kind, "N"))
        rows.setdefault("ALL_TAB_COMMENTS", []).append((owner, name, kind, None))
        for n, column in enumerate(columns, 1):
            one = column.type
            sizes = {"number": 22, "date": 7, "timestamp": 11, "zoned": 13, "local": 11, "days": 11, "months": 5}
            length = one.size or sizes.get(one.family, 4000 if one.is_lob else 8)
            rows.setdefault("ALL_TAB_COLS", []).append(
                (owner, name, column.name, v.column_text(one), length, one.precision, one.scale, "NY"[column.nullable],
                 n, column.virtual or column.default, one.chars or 0, "YES" if column.hidden else "NO",
                 "YES" if column.virtual else "NO", "NO")
            )  # fmt: skip

    # what the compiler asks

    def relation(self, path: Path_, compiler: Compilation, scn: int | None, at: int) -> FoundTable:
        full = path if len(path) == 2 else (compiler.user, path[0])
        if len(path) == 1 and full not in {*self.tables, *self.views, *self.synonyms}:
            full = ("PUBLIC", path[0]) if ("PUBLIC", path[0]) in self.synonyms else ("SYS", path[0])
        while full in self.synonyms:
            *target, link = self.synonyms[full]
            if link:
                raise OracleError(2019, "connection description for remote database not found", at)
            full = (str(target[0]), str(target[1]))
        if full in self.views:
            text, columns = self.views[full]
            inner = Compiler(text, compiler.session, self, [], scn, full[0])
            sql, _ = inner.query(Parser(text).query())
            return f"({sql})", {column.name: column.type for column in columns}, False, full, frozenset()
        if full not in self.tables or len(path) > 2:
            raise OracleError(942, "table or view does not exist", at)
        table = self.tables[full]
        kinds = {column.name: column.type for column in table.columns}
        hidden = frozenset(column.name for column in table.columns if column.hidden)
        sql = table.stored
        names = ", ".join(q(column.name) for column in table.columns if not column.virtual)
        if scn is not None and full[0] != "SYS":
            kept = f'SELECT "$rid", {names}, "$from" FROM'
            past = f'{kept} {table.history} WHERE "$from" <= {scn} AND "$to" > {scn}'
            sql = f'({kept} {sql} WHERE "$from" <= {scn} UNION ALL {past})'
        virtual = [column for column in table.columns if column.virtual]
        if virtual:
            scope = Scope([Relation("$t", (), {name: (f'"$t".{q(name)}', kind) for name, kind in kinds.items()}, "")])
            made = []
            for column in virtual:
                inner = Compiler(str(column.virtual), compiler.session, self, [], None, full[0])
                value = inner.expression(Parser(str(column.virtual)).expression(), scope)
                made.append(f"{inner.fitted(value, column.type)} AS {q(column.name)}")
            sql = f'(SELECT "$rid", {names}, "$from", {", ".join(made)} FROM {sql} AS "$t")'
        return sql, kinds, not table.is_index, full, hidden
