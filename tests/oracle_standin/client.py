"""A session's queries and changes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from .catalogue import TableInfo
from .compiler import Compiler
from .definitions import Definitions, Result
from .parser import Parser
from .scope import Relation, Scope, q
from .values import OracleError, Type


class Client(Definitions):
    """A session: every statement comes by `execute`."""

    def execute(self, text: str, binds: Sequence[Sequence[tuple[Type, Any]]]) -> Result:
        """Run a statement, once for each row of bind variables."""
        if self.database.log:
            print(text.strip(), file=self.database.log, end=";\n\n", flush=True)
        text = text.strip().rstrip(";").rstrip() if not text.lstrip().upper().startswith("BEGIN") else text.strip()
        word = text.split(None, 1)[0].upper().strip("(") if text else ""
        try:
            if word in ("SELECT", "WITH", ""):
                return self._select(text, binds[0] if binds else ())
            if word in ("INSERT", "UPDATE", "DELETE"):
                return self._change(word, text, binds or [[]])
            return self._other(text)
        except sqlite3.Error as error:
            raise self._explained(error) from error

    def _select(self, text: str, binds: Sequence[tuple[Type, Any]]) -> Result:
        compiler, parser = self._compiler(text, binds), Parser(text)
        query = parser.query()
        parser.end()
        sql, columns = compiler.query(query)
        cursor = self._connection.cursor()
        cursor.execute(sql, compiler.parameters)
        return Result(columns, self._rows(cursor))

    def _rows(self, cursor: sqlite3.Cursor) -> Iterator[tuple[Any, ...]]:
        try:
            yield from cursor
        except sqlite3.ProgrammingError:  # the session has ended
            return
        except sqlite3.Error as error:
            raise self._explained(error) from error

    def _target(self, parser: Parser) -> TableInfo:
        at = parser.token.at
        path = parser.path()
        full = path if len(path) == 2 else (self.schema, path[0])
        if full not in self.database.tables:
            raise OracleError(942, "table or view does not exist", at)
        return self.database.tables[full]

    def _change(self, word: str, text: str, binds: Sequence[Sequence[tuple[Type, Any]]]) -> Result:
        parser, compiler = Parser(text), self._compiler(text, binds[0])
        parser.next()
        parser.take("INTO") or parser.take("FROM")
        table = self._target(parser)
        statements = (
            self._insert(table, parser, compiler) if word == "INSERT" else self._update(word, table, parser, compiler)
        )
        parser.end()
        scn, count = self._begin(), 0
        sets = []
        for row in binds:
            parameters = {f"b{at}": row[n][1] for n, at in enumerate(compiler.binds)}
            sets.append({**parameters, "scn": scn})
        for sql in statements:
            count = self._connection.executemany(sql, sets).rowcount
        return Result(count=count)

    def _insert(self, table: TableInfo, parser: Parser, compiler: Compiler) -> list[str]:
        names = [column.name for column in table.columns if not column.virtual and not column.hidden]
        if parser.take("("):
            names = [parser.name()]
            while parser.take(","):
                names.append(parser.name())
            parser.need(")")
        for name in names:
            if name not in [column.name for column in table.columns]:
                raise OracleError(904, f'"{name}": invalid identifier')
        columns = [table.column(name) for name in names]
        missing = [one for one in table.columns if one.default and one.name not in names and not one.virtual]
        if parser.take("VALUES"):
            parser.need("(")
            nodes = parser.list()
            parser.need(")")
            if len(nodes) != len(columns):
                raise OracleError(
                    947 if len(nodes) < len(columns) else 913,
                    "not enough values" if len(nodes) < len(columns) else "too many values",
                )
            nodes += [Parser(str(one.default)).expression() for one in missing]
            made = [
                compiler.fitted(compiler.expression(node, Scope()), column.type)
                for node, column in zip(nodes, columns + missing, strict=True)
            ]
            values = f"VALUES ({', '.join(made)}, :scn)"
            names += [one.name for one in missing]
        else:
            sql, found = compiler.query(parser.query())
            made = [
                compiler.fitted((f'"$i".{q(name)}', kind), column.type)
                for (name, kind), column in zip(found, columns, strict=True)
            ]
            values = f'SELECT {", ".join(made)}, :scn FROM ({sql}) AS "$i"'
        listed = ", ".join(q(name) for name in names)
        return [f'INSERT INTO {table.stored} ({listed}, "$from") {values}']

    def _update(self, word: str, table: TableInfo, parser: Parser, compiler: Compiler) -> list[str]:
        alias = (
            parser.name() if parser.token.kind in ("word", "quoted") and not parser.is_("SET", "WHERE") else table.name
        )
        kinds = {column.name: (f"{q(alias)}.{q(column.name)}", column.type) for column in table.columns}
        scope = Scope([Relation(alias, (table.owner, table.name), kinds, "", has_rowid=True)])
        sets = []
        if word == "UPDATE":
            parser.need("SET")
            while True:
                name = parser.name()
                if name not in kinds:
                    raise OracleError(904, f'"{name}": invalid identifier')
                parser.need("=")
                made = compiler.fitted(compiler.expression(parser.additive(), scope), kinds[name][1])
                sets.append(f"{q(name)} = {made}")
                if not parser.take(","):
                    break
        where = compiler.condition(parser.expression(), scope) if parser.take("WHERE") else "1"
        stored = ", ".join(q(column.name) for column in table.columns if not column.virtual)
        old = f'SELECT "$rid", {stored}, "$from", :scn FROM {table.stored} AS {q(alias)} WHERE {where}'
        keep = f'INSERT INTO {table.history} ("$rid", {stored}, "$from", "$to") {old}'
        if word == "DELETE":
            return [keep, f"DELETE FROM {table.stored} AS {q(alias)} WHERE {where}"]
        return [keep, f'UPDATE {table.stored} AS {q(alias)} SET {", ".join(sets)}, "$from" = :scn WHERE {where}']
