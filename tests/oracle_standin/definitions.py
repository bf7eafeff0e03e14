"""Statements without rows: transactions, settings of the session, and what defines tables and views."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from . import values as v
from .catalogue import Column, Fault, Path_, TableInfo
from .compiler import Compiler
from .moments import zone_minutes
from .parser import Parser
from .scope import q
from .transactions import Transaction
from .values import OracleError, Type

_END_OF_TYPE = (
    "DEFAULT", "NOT", "NULL", "PRIMARY", "UNIQUE", "INVISIBLE", "VISIBLE", "GENERATED", "CONSTRAINT", "CHECK", "ENABLE",
    "REFERENCES", ",", ")", "AS",
)  # fmt: skip


@dataclass
class Result:
    """What a statement gave: rows of a query, or the number of rows it changed."""

    columns: list[tuple[str, Type]] = field(default_factory=list)
    rows: Iterator[tuple[Any, ...]] = field(default_factory=lambda: iter(()))
    count: int = 0


class Definitions(Transaction):
    """What a session may ask for apart from queries and changes."""

    def _other(self, text: str) -> Result:
        words = text.upper().split()
        if words[:2] == ["SET", "TRANSACTION"]:
            if self.has_transaction or self.writes or self.read_only_scn is not None:
                raise OracleError(1453, "SET TRANSACTION must be first statement of transaction")
            if "ONLY" in words:
                self.read_only_scn = self.database.scn
            return Result()
        if words[0] in ("COMMIT", "ROLLBACK"):
            self.commit() if words[0] == "COMMIT" else self.rollback()
            return Result()
        if words[:2] == ["ALTER", "SESSION"]:
            return self._alter_session(text)
        if words[:2] == ["ALTER", "SYSTEM"]:
            found = re.search(r"STANDIN_FAULT\s*=\s*'(.*)'", text, re.DOTALL)
            if found and not found[1]:
                self.database.faults.clear()
            elif found:
                self.database.faults.append(Fault(**json.loads(found[1].replace("''", "'"))))
            return Result()
        if "DBMS_STATS.GATHER_TABLE_STATS" in text.upper():
            owner, name = re.findall(r"'([^']+)'", text)[:2]
            self.commit()
            self.database.gather_statistics((owner, name))
            return Result()
        if "LOCAL_TRANSACTION_ID" in text.upper():  # how SQLAlchemy begins one to see its isolation level
            self.has_transaction = True
        if words[0] not in ("CREATE", "DROP", "TRUNCATE", "ALTER"):
            raise OracleError(900, "invalid SQL statement")
        self.commit()
        self._define(text)
        self.database.scn += 1
        self.database.refresh_dictionary()
        return Result()

    def _alter_session(self, text: str) -> Result:
        for name, value in re.findall(r"(\w+)\s*=\s*('(?:[^']|'')*'|[\w$#]+)", text):
            plain = value.strip("'").replace("''", "'")
            if name.upper() == "TIME_ZONE":
                self.zone = zone_minutes(plain)
            elif name.upper() == "CURRENT_SCHEMA":
                self.schema = plain.upper()
            elif name.upper().startswith("NLS_"):
                self.nls[name.upper()] = plain
            elif name.upper() not in ("TXN_PRIORITY", "EDITION"):
                raise OracleError(2248, "invalid option for ALTER SESSION")
        return Result()

    def _define(self, text: str) -> None:
        parser = Parser(text)
        verb = parser.next().text.upper()
        replace = parser.take("OR", "REPLACE")
        if parser.take("PUBLIC", "SYNONYM"):
            self._create_synonym("PUBLIC", parser)
            return
        kind = parser.next().text.upper()
        if kind == "SYNONYM":
            self._create_synonym(self.schema, parser)
            return
        if kind == "MATERIALIZED":
            parser.need("VIEW")
        if verb == "CREATE" and kind == "INDEX":
            self._create_index(parser)
            return
        path = parser.path()
        full = path if len(path) == 2 else (self.schema, path[0])
        database = self.database
        if verb != "CREATE" and full not in database.tables and full not in database.views:
            raise OracleError(942, "table or view does not exist", parser.token.at)
        if verb == "DROP":
            database.drop(full)
        elif verb == "TRUNCATE":
            scn = self._begin()
            table = database.tables[full]
            self._connection.execute(f"DELETE FROM {table.stored}", ())
            self._connection.execute(f"DELETE FROM {table.history} WHERE {scn}")
            self.commit()
        elif verb == "ALTER":
            self._alter_table(database.tables[full], parser)
        elif kind == "VIEW":
            parser.need("AS")
            query = text[parser.token.at :]
            _, columns = Compiler(query, self, database, [], None, full[0]).query(Parser(query).query())
            if full in database.views and not replace:
                raise OracleError(955, "name is already used by an existing object")
            database.views[full] = (query, [Column(name, one) for name, one in columns])
        elif kind == "MATERIALIZED":
            parser.need("AS")
            self._create_materialized(full, text[parser.token.at :])
        elif kind == "TABLE":
            self._create_table(full, parser)
        else:
            raise OracleError(901, "invalid CREATE command", parser.token.at)

    def _create_synonym(self, owner: str, parser: Parser) -> None:
        """`CREATE SYNONYM [owner.]name FOR [owner.]name[@link]`."""
        path = parser.path()
        parser.need("FOR")
        target = parser.path()
        link = parser.name() if parser.take("@") else None
        place = target if len(target) == 2 else (self.schema, target[0])
        self.database.synonyms[(owner, path[-1]) if len(path) == 1 else path] = (place[0], place[1], link)

    def _create_index(self, parser: Parser) -> None:
        """`CREATE INDEX name ON [owner.]table (column, …)`; the dictionary alone knows of it."""
        name = parser.path()[-1]
        parser.need("ON")
        path = parser.path()
        table = self.database.tables.get(path if len(path) == 2 else (self.schema, path[0]))
        if table is None:
            raise OracleError(942, "table or view does not exist", parser.token.at)
        parser.need("(")
        columns = [parser.name()]
        while parser.take(","):
            columns.append(parser.name())
        parser.need(")")
        if unknown := set(columns) - {column.name for column in table.columns}:
            raise OracleError(904, f'"{min(unknown)}": invalid identifier', parser.token.at)
        table.indexes[name] = columns

    def _create_materialized(self, full: Path_, query: str) -> None:
        """A table of its query's rows, as they are now."""
        compiler = Compiler(query, self, self.database, [], None, full[0])
        sql, columns = compiler.query(Parser(query).query())
        table = TableInfo(full[0], full[1], [Column(name, kind) for name, kind in columns], query=query)
        self.database.create(table)
        names = ", ".join(q(name) for name, _ in columns)
        filled = f'INSERT INTO {table.stored} ({names}, "$from") SELECT {names}, {self.database.scn} FROM ({sql})'
        self._connection.execute(filled, compiler.parameters)

    def _create_table(self, full: Path_, parser: Parser) -> None:
        table = TableInfo(full[0], full[1], [])
        parser.need("(")
        while True:
            if parser.is_("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"):
                if parser.take("CONSTRAINT"):
                    parser.name()
                if parser.take("PRIMARY", "KEY"):
                    parser.need("(")
                    table.key = [parser.name()]
                    while parser.take(","):
                        table.key.append(parser.name())
                    parser.need(")")
                parser.until_comma()
            else:
                table.columns.append(self._column(parser, table))
            if not parser.take(","):
                break
        parser.need(")")
        table.is_index = parser.take("ORGANIZATION", "INDEX")
        for name in table.key:
            table.column(name).nullable = False
        self.database.create(table)

    def _column(self, parser: Parser, table: TableInfo) -> Column:
        name = parser.name()
        start, depth = parser.token.at, 0
        while parser.token.kind != "end" and (depth or not parser.is_(*_END_OF_TYPE)):
            depth += parser.is_("(") - parser.is_(")")
            parser.next()
        column = Column(name, v.parse_type(parser.text[start : parser.token.at]))
        while not parser.is_(",", ")") and parser.token.kind != "end":
            if parser.take("NOT", "NULL"):
                column.nullable = False
            elif parser.take("PRIMARY", "KEY"):
                table.key = [name]
            elif parser.take("INVISIBLE"):
                column.hidden = True
            elif parser.take("DEFAULT"):
                begin = parser.token.at
                parser.additive()
                column.default = parser.text[begin : parser.token.at].strip()
            elif parser.take("GENERATED", "ALWAYS", "AS") or parser.take("AS"):
                parser.need("(")
                column.virtual = parser.until_bracket().strip()
                parser.need(")")
                parser.take("VIRTUAL")
            else:
                parser.next()
        return column

    def _alter_table(self, table: TableInfo, parser: Parser) -> None:
        connection = self.database._connection
        if parser.take("ADD"):
            bracket = parser.take("(")
            column = self._column(parser, table)
            if bracket:
                parser.need(")")
            for place in (table.stored, table.history):
                connection.execute(f"ALTER TABLE {place} ADD COLUMN {q(column.name)}")
            table.columns.append(column)
        elif parser.take("DROP", "COLUMN"):
            name = parser.name()
            for place in (table.stored, table.history):
                connection.execute(f"ALTER TABLE {place} DROP COLUMN {q(name)}")
            table.columns.remove(table.column(name))
        elif parser.take("MODIFY"):
            parser.take("(")
            changed = self._column(parser, table)
            old = table.column(changed.name)
            old.type, old.nullable = changed.type, changed.nullable and old.nullable
        else:
            raise OracleError(1735, "invalid ALTER TABLE option", parser.token.at)
