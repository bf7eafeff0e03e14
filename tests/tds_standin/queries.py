"""Queries: their locks, and the moment as of which they read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from . import tokens
from .changes import Changes
from .compiler import Compiler
from .convert import cast
from .events import Done, Event, Rows
from .schema import Table
from .scope import Compiled
from .session import Session
from .tokens import SqlError
from .tree import Select, Statement

CHUNK = 400


class Queries(Changes):
    """The part of the runner that reads."""

    def compile(self, query: Select) -> tuple[Compiled, Compiler]:
        compiler = Compiler(self.session, self.variables)
        return compiler.query(query), compiler

    def _moment(self, compiler: Compiler) -> int:
        """Take the locks that reading takes, and say as of when it reads."""
        if not compiler.reads:
            return self.engine.commits
        for table, hints in compiler.reads:
            self._lock_read(table, set(hints))
        return self.session.moment(all(table.memory_optimized for table, _ in compiler.reads))

    def _lock_read(self, table: Table, hints: set[str]) -> None:
        session, transaction = self.session, self.session.transaction
        if table.memory_optimized:
            refuse_in_memory(session, hints)
            return
        if "SNAPSHOT" in hints:
            raise SqlError(10794, "The table hint 'SNAPSHOT' is supported only with memory optimized tables.")
        if hints & {"NOLOCK", "READUNCOMMITTED", "READPAST"} or session.isolation == "READ UNCOMMITTED":
            return
        if hints & {"TABLOCKX", "XLOCK"} and transaction:
            self.engine.lock_exclusive(session, transaction, table)
            return
        strict = bool(hints & {"HOLDLOCK", "SERIALIZABLE", "REPEATABLEREAD"}) or session.isolation in (
            "REPEATABLE READ",
            "SERIALIZABLE",
        )
        if strict and transaction:
            self.engine.lock_shared(session, transaction, table)
        elif session.isolation != "SNAPSHOT" and (
            not session.database.read_committed_snapshot or hints & {"READCOMMITTEDLOCK", "TABLOCK"}
        ):
            self.engine.wait(session, transaction, lambda: table.writers | table.exclusive)

    def _select(self, statement: Statement) -> Iterator[Event]:
        query: Select = statement.query
        if query.into:
            yield from self.select_into(query)
            return
        compiled, compiler = self.compile(query)
        if compiler.reads and self.session.on("IMPLICIT_TRANSACTIONS") and not self.session.transaction:
            yield from self.begin()
        cursor = self.session.run(compiled.sql, compiler.binds, self._moment(compiler))
        if query.assigns:
            yield from self._select_into_variables(query, compiled, cursor)
            return
        rows = Rows(compiled.outputs, self._portions(cursor))
        yield rows
        self.session.row_count = rows.sent
        yield Done(tokens.SELECT, rows.sent)

    def _portions(self, cursor: Any) -> Iterator[Sequence[Sequence[Any]]]:
        while found := self.session.fetch(cursor, CHUNK):
            yield found

    def _select_into_variables(self, query: Select, compiled: Compiled, cursor: Any) -> Iterator[Event]:
        count = 0
        for portion in self._portions(cursor):
            for row in portion:
                count += 1
                for (_, name), value, found in zip(query.items, compiled.values, row, strict=True):
                    kind, _ = self.variables[str(name)]
                    self.variables[str(name)] = (kind, cast(found, value.kind, kind))
        self.session.row_count = count
        yield Done(tokens.SELECT, count)


def refuse_in_memory(session: Session, hints: set[str]) -> None:
    """Raise the error of a memory-optimised table that is read in a way that such tables do not know."""
    if unknown := hints & {"TABLOCK", "TABLOCKX", "XLOCK", "UPDLOCK", "READPAST", "ROWLOCK", "READUNCOMMITTED"}:
        (first, *_) = sorted(unknown)
        raise SqlError(10794, f"The table option '{first.lower()}' is not supported with memory optimized tables.")
    if session.isolation == "SNAPSHOT":
        raise SqlError(
            41332,
            "Memory optimized tables and natively compiled modules cannot be accessed or created when the session "
            "TRANSACTION ISOLATION LEVEL is set to SNAPSHOT.",
        )
    if session.transaction and not hints & {"SNAPSHOT", "REPEATABLEREAD", "SERIALIZABLE", "HOLDLOCK"}:
        raise SqlError(
            41368,
            "Accessing memory optimized tables using the READ COMMITTED isolation level is supported only for "
            "autocommit transactions. It is not supported for explicit or implicit transactions. Provide a supported "
            "isolation level for the memory optimized table using a table hint, such as WITH (SNAPSHOT).",
        )
