"""Runs batches: control of flow, options, transactions and queries; `changes` does what changes data and tables."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

from . import kinds as k
from . import tokens
from .compiler import Compiler
from .events import Changed, Done, Event, Info, Problem, Results
from .functions import now_ticks
from .kinds import Kind
from .parser import parse_batch
from .queries import Queries
from .scope import Scope
from .session import Session
from .tokens import Output, SqlError
from .tree import Expression, Statement
from .values import converted

Variables = dict[str, tuple[Kind, Any]]
_CONTINUES = {515, 547, 2601, 2627, 3902, 3903, 8134, 50_000, 50_001, 911, 1222, 229, 2714, 3701}
_DOOMS = {1205, 3960}


class _LeaveError(Exception):
    def __init__(self, what: str, value: int = 0) -> None:
        self.what, self.value = what, value


class Runner(Queries):
    """Runs the statements of one batch or procedure call."""

    def __init__(self, session: Session, variables: Variables | None = None) -> None:
        self.session, self.engine = session, session.engine
        self.variables: Variables = variables if variables is not None else {}
        self.status = 0

    def run(self, text: str) -> Iterator[Event]:
        """All that a batch does; errors come as events, and the batch ends where SQL Server would end it."""
        self.session.now = now_ticks()
        try:
            statements = parse_batch(text)
            yield from self._each(statements)
        except _LeaveError as left:
            self.status = left.value
        except SqlError as error:
            self._failed(error)
            yield Problem(error)

    def _each(self, statements: Sequence[Statement], *, raising: bool = False) -> Iterator[Event]:
        for statement in statements:
            try:
                yield from self._one(statement)
                if statement.op not in ("if", "while", "block", "print", "declare"):
                    self.session.error = 0
            except SqlError as error:
                error.line = max(error.line, statement.line)
                if raising:
                    raise
                self._failed(error)
                yield Problem(error)
                if error.number not in _CONTINUES or self.session.on("XACT_ABORT") or error.level >= 20:
                    raise _LeaveError("error") from None

    def _failed(self, error: SqlError) -> None:
        self.session.error = error.number
        if self.session.transaction and (
            error.number in _DOOMS or (self.session.on("XACT_ABORT") and error.level > 10)
        ):
            self.engine.end_rolled_back(self.session.transaction)
            self.session.transaction = None

    def _one(self, statement: Statement) -> Iterator[Event]:
        self.session.check()
        method = getattr(self, "_" + statement.op.replace(" ", "_"))
        yield from method(statement) or ()

    def _block(self, statement: Statement) -> Iterator[Event]:
        yield from self._each(statement.statements)

    def _if(self, statement: Statement) -> Iterator[Event]:
        chosen = statement.then if self._true(statement.condition) else statement.other
        if chosen:
            yield from self._each([chosen])

    def _while(self, statement: Statement) -> Iterator[Event]:
        while self._true(statement.condition):
            try:
                yield from self._each([statement.body])
            except _LeaveError as left:
                if left.what == "break":
                    break
                if left.what != "continue":
                    raise

    def _break(self, statement: Statement) -> None:
        raise _LeaveError("break")

    def _continue(self, statement: Statement) -> None:
        raise _LeaveError("continue")

    def _return(self, statement: Statement) -> None:
        raise _LeaveError("return", int(self.evaluate(statement.value, k.INT) or 0) if statement.value else 0)

    def _try(self, statement: Statement) -> Iterator[Event]:
        try:
            yield from self._each(statement.tried, raising=True)
        except SqlError as error:
            if error.level >= 20:
                raise
            self._failed(error)
            kept, self.session.caught = self.session.caught, error
            try:
                yield from self._each(statement.caught)
            finally:
                self.session.caught = kept

    def _nothing(self, statement: Statement) -> Iterator[Event]:
        yield Done()

    def _print(self, statement: Statement) -> Iterator[Event]:
        yield Info(0, str(self.evaluate(statement.value, Kind("nvarchar", 4000)) or " "))
        yield Done()

    def _raise(self, statement: Statement) -> Iterator[Event]:
        if not statement.arguments:
            if self.session.caught:
                raise self.session.caught
            raise SqlError(10704, "To rethrow an error, a THROW statement must be used inside a CATCH block.")
        values = [self.evaluate(one, Kind("nvarchar", 4000)) for one in statement.arguments]
        if hasattr(statement, "throws"):
            raise SqlError(int(values[0]), str(values[1]), 16, int(values[2]))
        text, level, state = str(values[0]), int(values[1]), int(values[2])
        for value in values[3:]:
            text = re.sub(r"%[dsiu]", lambda _, value=value: str(value), text, count=1)  # type: ignore[misc]
        if level <= 10:
            yield Info(50_000, text, level)
        else:
            raise SqlError(50_000, text, level, state)

    def _wait(self, statement: Statement) -> Iterator[Event]:
        hours, minutes, seconds = str(self.evaluate(statement.value, Kind("varchar", 30))).split(":")
        self.pause(int(hours) * 3600 + int(minutes) * 60 + float(seconds))
        yield Done()

    def pause(self, seconds: float) -> None:
        """Wait, and stop waiting when the client says so."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.session.check()
            time.sleep(min(left, 0.02))

    def _kill(self, statement: Statement) -> Iterator[Event]:
        other = self.engine.sessions.get(statement.session)
        if not other:
            raise SqlError(6106, f"Process ID {statement.session} is not an active process ID.")
        other.stopped.set()
        if not other.busy:
            other.hang_up()
        yield Done()

    def evaluate(self, expression: Expression, kind: Kind | None = None) -> Any:
        """The value of an expression, stored, as a type or as its own."""
        compiler = Compiler(self.session, self.variables)
        value = compiler.value(expression, Scope())
        sql = converted(value, kind) if kind else value.sql
        cursor = self.session.run(f"SELECT {sql}", compiler.binds, self._moment(compiler))
        return self.session.fetch(cursor, 1)[0][0]

    def _true(self, expression: Expression) -> bool:
        compiler = Compiler(self.session, self.variables)
        sql = compiler.condition(expression, Scope())
        cursor = self.session.run(f"SELECT {sql}", compiler.binds, self._moment(compiler))
        return bool(self.session.fetch(cursor, 1)[0][0])

    def _declare(self, statement: Statement) -> Iterator[Event]:
        for name, kind, value in statement.variables:
            if isinstance(kind, list):
                self.declare_table(name, kind)
                continue
            parsed = k.parse_kind(kind)
            if not parsed:
                raise SqlError(2715, f"Column, parameter, or variable #1: Cannot find data type {kind}.")
            self.variables[name] = (parsed, self.evaluate(value, parsed) if value else None)
        yield from ()

    def _assign(self, statement: Statement) -> Iterator[Event]:
        if statement.name not in self.variables:
            raise SqlError(137, f'Must declare the scalar variable "{statement.name}".', 15)
        kind, _ = self.variables[statement.name]
        value = statement.value
        if statement.operation != "=":
            value = ("op", statement.operation[0], ("var", statement.name), value)
        self.variables[statement.name] = (kind, self.evaluate(value, kind))
        yield from ()

    def _set(self, statement: Statement) -> Iterator[Event]:
        for name in statement.names:
            if name == "LOCK_TIMEOUT":
                self.session.lock_timeout = int(statement.value)
            elif name == "ANSI_DEFAULTS":
                for option in ("ANSI_NULLS", "ANSI_PADDING", "ANSI_WARNINGS", "QUOTED_IDENTIFIER", "ANSI_NULL_DFLT_ON"):
                    self.session.options[option] = statement.value.upper()
            else:
                self.session.options[name] = str(statement.value).upper()
        yield Done()

    def _isolation(self, statement: Statement) -> Iterator[Event]:
        self.session.isolation = statement.level
        yield Done()

    def _use(self, statement: Statement) -> Iterator[Event]:
        old, self.session.database = self.session.database.name, self.engine.database(statement.name)
        new = self.session.database.name
        yield Changed(tokens.environment(tokens.ENV_DATABASE, new, old))
        yield Info(5701, f"Changed database context to '{new}'.")
        yield Done()

    def _begin(self, statement: Statement) -> Iterator[Event]:
        yield from self.begin()
        yield Done(0xD4)

    def begin(self) -> Iterator[Event]:
        if self.session.transaction:
            self.session.transaction.depth += 1
            return
        self.session.transaction = self.engine.begin()
        yield Changed(tokens.environment_bytes(tokens.ENV_BEGIN, self.descriptor()))

    def descriptor(self) -> bytes:
        transaction = self.session.transaction
        return (transaction.number if transaction else 0).to_bytes(8, "little")

    def _commit(self, statement: Statement) -> Iterator[Event]:
        transaction = self.session.transaction
        if not transaction:
            raise SqlError(3902, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.")
        transaction.depth -= 1
        if not transaction.depth:
            descriptor = self.descriptor()
            self.engine.commit(transaction)
            self.session.transaction = None
            yield Changed(tokens.environment_bytes(tokens.ENV_COMMIT, b"", descriptor))
        yield Done(0xD5)

    def _rollback(self, statement: Statement) -> Iterator[Event]:
        transaction = self.session.transaction
        if not transaction:
            raise SqlError(3903, "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.")
        name = statement.name.casefold()
        if name in transaction.savepoints:
            self.engine.rollback(transaction, transaction.savepoints[name])
        else:
            descriptor = self.descriptor()
            self.engine.end_rolled_back(transaction)
            self.session.transaction = None
            yield Changed(tokens.environment_bytes(tokens.ENV_ROLLBACK, b"", descriptor))
        yield Done(0xD2)

    def _save(self, statement: Statement) -> Iterator[Event]:
        transaction = self.session.transaction
        if not transaction:
            raise SqlError(628, "Cannot issue SAVE TRANSACTION when there is no active transaction.")
        transaction.savepoints[statement.name.casefold()] = len(transaction.done)
        yield Done()

    def _execute(self, statement: Statement) -> Iterator[Event]:
        from .procedures import call

        arguments = []
        for name, value, _ in statement.arguments:
            if value[0] == "column" and len(value[1]) == 1:
                value = ("nstr", value[1][0])  # EXEC takes bare words as texts
            if value[0] == "default":
                arguments.append((name, k.NULL, None))
                continue
            compiled = Compiler(self.session, self.variables).value(value, Scope())
            arguments.append((name, compiled.kind, self.evaluate(value)))
        results = Results()
        yield from call(self, statement.path[-1].lower(), arguments, results)
        if statement.result:
            self.variables[statement.result] = (k.INT, results.status)
        for (_, value, output), made in zip(statement.arguments, results.outputs.values(), strict=False):
            if output and value[0] == "var":
                self.variables[value[1]] = (self.variables[value[1]][0], made)

    def _execute_text(self, statement: Statement) -> Iterator[Event]:
        text = self.evaluate(statement.text_value, Kind("nvarchar", k.MAX))
        inner = Runner(self.session)
        yield from inner.run(str(text))


def described(session: Session, text: str, variables: Variables) -> list[Output]:
    """The columns of the first result of a batch, without running it."""
    for statement in parse_batch(text):
        if statement.op == "select" and not statement.query.assigns and not statement.query.into:
            return Compiler(session, variables).query(statement.query).outputs
    return []
