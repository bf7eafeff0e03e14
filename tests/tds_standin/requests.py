"""Requests of a connection that has logged in: batches, procedure calls, transaction requests, attentions."""

from __future__ import annotations

import threading
import time
import traceback

from . import kinds as k
from . import tokens, wire
from .answers import Writer, shown
from .arguments import Argument, bound, declared, text_of
from .decoding import read_parameter
from .events import Done, Problem, Results
from .faults import Fault, faults_at
from .procedures import call
from .runner import Runner, described
from .schema import CancelledError, CutError
from .session import Session
from .tokens import SqlError
from .wire import Answer, ClosedError, Reader, Transport

_PROCEDURES = {
    1: "sp_cursor", 2: "sp_cursoropen", 3: "sp_cursorprepare", 4: "sp_cursorexecute", 5: "sp_cursorprepexec",
    6: "sp_cursorunprepare",
    7: "sp_cursorfetch", 8: "sp_cursoroption", 9: "sp_cursorclose", 10: "sp_executesql", 11: "sp_prepare",
    12: "sp_execute", 13: "sp_prepexec",
    14: "sp_prepexecrpc", 15: "sp_unprepare",
}  # fmt: skip
_ISOLATION = {1: "READ UNCOMMITTED", 2: "READ COMMITTED", 3: "REPEATABLE READ", 4: "SERIALIZABLE", 5: "SNAPSHOT"}


class Requests:
    """Answers one client's requests until it leaves."""

    def __init__(self, transport: Transport, session: Session, packet_size: int) -> None:
        self.transport, self.session, self.engine = transport, session, session.engine
        self.packet_size = packet_size
        self.prepared: dict[int, tuple[str, str]] = {}
        self.faults: list[Fault] = []
        self._next: tuple[int, int, bytes] | None = None
        self._attention = False
        self._polled = 0.0
        self._thread = threading.get_ident()
        session.interrupted, session.hang_up = self.interrupted, transport.close

    def serve(self) -> None:
        while True:
            kind, status, data = self._next or wire.read_message(self.transport)
            self._next = None
            answer = Answer(self.transport, self.packet_size, self.session.id)
            if kind == wire.ATTENTION:
                self.engine.log.add(self.session.id, "attention", "")
                answer.write(self._acknowledgement())
                answer.end()
                continue
            if status & wire.IGNORE:  # a request that the client took back before it was whole
                answer.write(tokens.done(tokens.DONE, tokens.ERROR))
                answer.end()
                continue
            if status & (wire.RESET | wire.RESET_KEEPING_TRANSACTION):
                self._reset(bool(status & wire.RESET_KEEPING_TRANSACTION), answer)
            self.session.busy = True
            try:
                self._answer(kind, data, answer)
            except CutError:
                return
            self.session.busy = False
            if self.session.stopped.is_set():
                return

    def _acknowledgement(self) -> bytes:
        return tokens.done(tokens.DONE, tokens.ATTENTION | (tokens.IN_TRANSACTION if self.session.transaction else 0))

    def _reset(self, keeping: bool, answer: Answer) -> None:
        session = self.session
        if session.transaction and not keeping:
            self.engine.end_rolled_back(session.transaction)
            session.transaction = None
        kept = session.isolation
        session.reset()
        session.isolation = kept if keeping else session.isolation
        answer.write(tokens.environment_bytes(tokens.ENV_RESET))

    def interrupted(self) -> bool:
        """Whether the client wants what runs to stop; looked at a hundred times a second at most.

        Only the thread that serves the client may look: SQLite asks for the session that it last worked for, while it
        works for another one.
        """
        if threading.get_ident() != self._thread:
            return False
        now = time.monotonic()
        if self._attention or self._next or now - self._polled < 0.01:
            return self._attention
        self._polled = now
        if not self.transport.readable():
            return False
        message = wire.read_message(self.transport)
        if message[0] != wire.ATTENTION:
            self._next = message
            return False
        self.engine.log.add(self.session.id, "attention", "")
        ways = {fault.on_attention for fault in self.faults}
        if "close" in ways:
            raise CutError
        self._attention = "ignore" not in ways
        return self._attention

    def _answer(self, kind: int, data: bytes, answer: Answer) -> None:
        self._attention, self.faults = False, []
        writer = Writer(answer, self)
        try:
            reader = Reader(data)
            if kind == wire.SQL_BATCH:
                reader.all_headers()
                self._batch(reader.take(reader.left).decode("utf-16-le", "replace"), writer)
            elif kind == wire.RPC:
                reader.all_headers()
                self._calls(reader, writer)
            elif kind == wire.TRANSACTION:
                reader.all_headers()
                self._transaction(reader, writer)
            else:
                raise ClosedError
        except CancelledError:
            answer.write(tokens.done(tokens.DONE, tokens.ERROR))
            answer.end()  # what was under way ends as a message of its own; the acknowledgement is the next one
            answer.write(self._acknowledgement())
        except SqlError as error:
            writer.event(Problem(error))
            writer.finish()
        except (ClosedError, CutError, OSError):
            raise
        except Exception as error:
            traceback.print_exc()
            writer.event(Problem(SqlError(50_000, f"The stand-in itself failed: {error!r}")))
            writer.finish()
        answer.end()
        if writer.fatal:
            raise CutError

    def meet(self, statement: str, writer: Writer) -> None:
        """Let the faults happen that wait for this statement."""
        self.faults = faults_at(self.engine.faults, statement)
        for fault in self.faults:
            end = time.monotonic() + fault.silent
            while time.monotonic() < end:
                if self.interrupted():
                    raise CancelledError
                time.sleep(0.01)
        self.strike(writer, 0)

    def strike(self, writer: Writer, rows: int) -> None:
        """The faults that come after so many rows."""
        for fault in self.faults:
            if fault.after_rows != rows:
                continue
            if fault.torn or fault.cut:
                writer.answer.push()
                if fault.torn:
                    self.transport.send(b"\x04\x00\x10\x00\x00\x00\x01\x00\xd1")
                raise CutError
            if fault.error:
                raise SqlError(
                    *fault.message(
                        user=self.session.user, database=self.session.database.name, server=self.session.login.server
                    )
                )

    def _batch(self, text: str, writer: Writer) -> None:
        self.engine.log.add(self.session.id, "batch", text)
        self.meet(text, writer)
        runner = Runner(self.session)
        writer.all(runner.run(text))
        writer.finish()

    def _calls(self, reader: Reader, writer: Writer) -> None:
        while reader.left:
            length = reader.number(2)
            name = (
                _PROCEDURES.get(reader.number(2), "?")
                if length == 0xFFFF
                else reader.take(2 * length).decode("utf-16-le")
            )
            reader.number(2)  # options
            arguments, outputs = self._arguments(reader)
            self._call(name.rpartition(".")[2].strip("[]").lower(), arguments, outputs, writer)
            writer.finish_procedure(more=bool(reader.left))

    def _arguments(self, reader: Reader) -> tuple[list[Argument], list[int]]:
        made: list[Argument] = []
        outputs = []
        while reader.left and reader.data[reader.at] not in (0x80, 0xFE, 0xFF):
            name, flags = reader.text(1), reader.number(1)
            try:
                kind, value = read_parameter(reader)
            except LookupError as error:
                raise SqlError(
                    8009,
                    f"The incoming tabular data stream (TDS) remote procedure call (RPC) protocol stream is "
                    f"incorrect: {error}.",
                ) from None
            if flags & 1:
                outputs.append(len(made))
            made.append((name, kind, value))
        if reader.left:
            reader.number(1)
        return made, outputs

    def _call(self, name: str, arguments: list[Argument], outputs: list[int], writer: Writer) -> None:
        writer.in_procedure = True
        text = self._statement_of(name, arguments)
        values = tuple(shown(kind, value) for _, kind, value in arguments)
        self.engine.log.add(self.session.id, name, text, values)
        self.meet(text or name, writer)
        special = getattr(self, f"_{name}", None)
        results = Results()
        if special:
            special(arguments, writer, results)
        else:
            try:
                writer.all(call(Runner(self.session), name, arguments, results))
            except SqlError as error:
                writer.event(Problem(error))
        writer.status = results.status
        self._write_outputs(name, arguments, outputs, results, writer)

    def _write_outputs(
        self, name: str, arguments: list[Argument], outputs: list[int], results: Results, writer: Writer
    ) -> None:
        for place in outputs:
            parameter, kind, _ = arguments[place]
            if name in ("sp_prepare", "sp_prepexec") and place == 0:
                writer.outputs.append((place, parameter, k.INT, results.outputs.get("handle")))
            elif parameter.lower() in results.outputs:
                writer.outputs.append((place, parameter, kind, results.outputs[parameter.lower()]))

    def _statement_of(self, name: str, arguments: list[Argument]) -> str:
        if name in ("sp_executesql", "sp_cursoropen") and arguments:
            return text_of(arguments[0 if name == "sp_executesql" else 1]) or ""
        if name in ("sp_prepare", "sp_prepexec") and len(arguments) > 2:
            return text_of(arguments[2]) or ""
        if name in ("sp_execute", "sp_unprepare") and arguments:
            return self.prepared.get(int(arguments[0][2] or 0), ("", ""))[1]
        return ""

    def _sp_prepare(self, arguments: list[Argument], writer: Writer, results: Results) -> None:
        handle = self._keep(arguments)
        declaration, text = self.prepared[handle]
        results.outputs["handle"] = handle
        try:
            columns = described(self.session, text, {name: (kind, None) for name, kind, _ in declared(declaration)})
        except SqlError as error:
            writer.event(Problem(error))
            return
        if columns and len(arguments) > 3:
            writer.columns(columns)
            writer.event(Done(tokens.SELECT, 0))

    def _keep(self, arguments: list[Argument]) -> int:
        handle = max(self.prepared, default=0) + 1
        self.prepared[handle] = (text_of(arguments[1]) or "", text_of(arguments[2]) or "")
        return handle

    def _sp_prepexec(self, arguments: list[Argument], writer: Writer, results: Results) -> None:
        handle = self._keep(arguments)
        results.outputs["handle"] = handle
        self._run_prepared(handle, arguments[3:], writer, results)

    def _sp_execute(self, arguments: list[Argument], writer: Writer, results: Results) -> None:
        handle = int(arguments[0][2] or 0)
        if handle not in self.prepared:
            raise SqlError(8179, f"Could not find prepared statement with handle {handle}.", state=2)
        self._run_prepared(handle, arguments[1:], writer, results)

    def _run_prepared(self, handle: int, arguments: list[Argument], writer: Writer, results: Results) -> None:
        declaration, text = self.prepared[handle]
        try:
            runner = Runner(self.session, bound(declaration, arguments))
        except SqlError as error:
            writer.event(Problem(error))
            return
        writer.all(runner.run(text))
        for name, _, output in declared(declaration):
            if output:
                results.outputs[name] = runner.variables[name][1]

    def _sp_unprepare(self, arguments: list[Argument], writer: Writer, results: Results) -> None:
        self.prepared.pop(int(arguments[0][2] or 0), None)

    def _transaction(self, reader: Reader, writer: Writer) -> None:
        request = reader.number(2)
        runner = Runner(self.session)
        self.engine.log.add(
            self.session.id,
            "transaction",
            {5: "begin", 7: "commit", 8: "rollback", 9: "save"}.get(request, str(request)),
        )
        if request == 5:
            level = reader.number(1)
            self.session.isolation = _ISOLATION.get(level, self.session.isolation)
            writer.all(runner.begin())
        elif request in (7, 8):
            name = _transaction_name(reader)
            begins = bool(reader.left and reader.number(1) & 1)
            level = reader.number(1) if begins and reader.left else 0
            writer.all(
                runner.run("COMMIT" if request == 7 else f"ROLLBACK TRANSACTION [{name}]" if name else "ROLLBACK")
            )
            if begins:
                self.session.isolation = _ISOLATION.get(level, self.session.isolation)
                writer.all(runner.begin())
        elif request == 9:
            writer.all(runner.run(f"SAVE TRANSACTION [{_transaction_name(reader)}]"))
        else:
            raise SqlError(8588, f"The stand-in knows no transaction manager request {request}.")
        writer.finish()


def _transaction_name(reader: Reader) -> str:
    """A name whose length is in bytes, unlike all others."""
    return reader.take(reader.number(1)).decode("utf-16-le") if reader.left else ""
