"""The listener and its sessions: connecting, logging on, and one call after another."""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import struct
import threading
import time
from collections.abc import Callable

from . import wire
from .answers import Served
from .auth import VERIFIER_12C, Login
from .catalogue import Database
from .client import Client
from .protocol import (
    AUTH_ONE,
    AUTH_TWO,
    CLOSE_CURSORS,
    COMMIT,
    DATA_TYPES,
    END_TO_END,
    EXECUTE,
    FAST_AUTH,
    FETCH,
    FUNCTION,
    KEY_VALUE,
    LOB,
    LOGOFF,
    PARAMETER,
    PIGGYBACK,
    PING,
    PROTOCOL,
    REEXECUTE,
    REEXECUTE_AND_FETCH,
    ROLLBACK,
    SCHEMA,
    SESSION_STATE,
    VERSIONS,
)
from .statements import Statements
from .values import OracleError
from .wire import GoneError, InterruptedCallError, Reader, data, sized, uint

log = logging.getLogger(__name__)


class Server(Served):
    """Serves one database on a port of loopback; `start` returns at once."""

    def __init__(
        self,
        database: Database,
        *,
        port: int = 0,
        version: str = "23",
        services: tuple[str, ...] = ("standin",),
        bit_vectors: bool = True,
    ) -> None:
        self.database = database
        self.version = VERSIONS[version]
        self.services = {name.lower() for name in services}
        self.bit_vectors = bit_vectors
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self.sessions = 0

    def start(self) -> None:
        threading.Thread(target=self.serve, name="listener", daemon=True).start()

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.sessions += 1
                threading.Thread(target=ServerSession(self, connection, self.sessions).run, daemon=True).start()

    def close(self) -> None:
        self._listener.close()


class ServerSession(Statements):
    """One connection, from the listener to the end."""

    def __init__(self, server: Served, connection: socket.socket, number: int) -> None:
        super().__init__(server, connection, number)
        self._calls: dict[int, Callable[[], None]] = {
            AUTH_ONE: self._auth_one, AUTH_TWO: self._auth_two, EXECUTE: self._execute, FETCH: self._fetch,
            REEXECUTE: self._reexecute, REEXECUTE_AND_FETCH: self._reexecute, LOB: self._lob, PING: self._status,
            COMMIT: self._commit, ROLLBACK: self._rollback, LOGOFF: self._status,
        }  # fmt: skip

    def run(self) -> None:
        try:
            if self._connect():
                while True:
                    self._message()
        except (GoneError, OSError):
            pass
        except Exception:
            log.exception("session %d ended", self._number)
        finally:
            if self._client:
                self._client.close()
            self._channel.socket.close()

    # connecting

    def _connect(self) -> bool:
        kind, body = self._channel.receive()
        if kind != wire.CONNECT:
            return False
        length, offset = struct.unpack(">HH", body[16:20])
        text = body[offset - 8 : offset - 8 + length]
        if not text:
            text = self._channel.receive()[1][2:]
        sdu = struct.unpack(">I", body[50:54])[0]
        found = re.search(rb"(SERVICE_NAME|SID)\s*=\s*([^)\s]+)", text, re.IGNORECASE)
        number = 0
        if not found or found[2].decode().lower() not in self._server.services:
            number = 12505 if found and found[1].upper() == b"SID" else 12514
        for fault in self._database.faults_at("CONNECT"):
            time.sleep(fault.sleep)
            if fault.cut:
                raise GoneError
            number = fault.error or number
        if number:
            refusal = (
                f"(DESCRIPTION=(TMP=)(VSNNUM=0)(ERR={number})(ERROR_STACK=(ERROR=(CODE={number})(EMFI=4))))".encode()
            )
            self._channel.send(wire.REFUSE, b"\x01\x00" + struct.pack(">H", len(refusal)) + refusal)
            return False
        self._channel.size = min(sdu, 65535)
        version = self._server.version
        accept = (
            struct.pack(">HH", version.protocol, 0)
            + bytes(10)
            + b"\x04"
            + bytes(9)
            + struct.pack(">I", self._channel.size)
        )
        self._channel.send(wire.ACCEPT, accept + bytes(5) + struct.pack(">I", version.accept_flags))
        self._channel.large = True
        return True

    def _message(self) -> None:
        """The next request: its piggybacks, and its call."""
        if self._reader.is_empty:
            kind, body = self._channel.receive()
            if kind == wire.MARKER:
                self._acknowledge()
                return
            if kind != wire.DATA or body[:2] == b"\x00\x40":
                raise GoneError
            self._reader.start(body)
        kind = self._reader.byte()
        if kind == FAST_AUTH:
            self._reader.raw(3)
            self._protocol(self._reader.byte())
            self._reader.raw(6)
            self._data_types(self._reader.byte())
            self._fields = 13  # what the driver writes until it knows better
            self._channel.explicit_end = True
            return
        if kind == PROTOCOL:
            self._protocol(kind)
            self._writer.end()
        elif kind == DATA_TYPES:
            self._data_types(kind)
            self._writer.end()
            self._fields = self._server.version.fields
        elif kind in (FUNCTION, PIGGYBACK):
            code = self._reader.byte()
            self._reader.byte()  # sequence number
            if self._fields >= 18:
                self._reader.uint()  # token
            if kind == PIGGYBACK:
                self._piggyback(code)
            else:
                self._call(code)
        else:
            raise GoneError

    def _protocol(self, _kind: int) -> None:
        self._reader.raw(2)
        while self._reader.byte():  # the driver's name
            pass
        compile_time, run_time = bytearray(53), bytearray(13)
        compile_time[7] = self._server.version.fields
        run_time[6] = 0x04  # texts of 32767 bytes
        national = bytes(9) + struct.pack(">H", 2000)
        self._writer.add(
            bytes((PROTOCOL, 6, 0)), b"x86_64/Linux 2.4.xx\x00", struct.pack("<HBH", 873, 0, 0),
            struct.pack(">H", len(national)), national, data(bytes(compile_time)), data(bytes(run_time)),
        )  # fmt: skip

    def _data_types(self, _kind: int) -> None:
        self._reader.raw(5)
        self._reader.data()
        self._reader.data()
        while self._reader.raw(2) != b"\x00\x00":
            self._reader.raw(6)
        self._writer.add(bytes((DATA_TYPES,)), b"\x00\x00")

    def _pairs(self) -> tuple[str, dict[str, str]]:
        """What both calls of a login carry: the user, and texts by name."""
        has_user = self._reader.byte()
        self._reader.uint()
        self._reader.uint()
        self._reader.byte()
        count = self._reader.uint()
        self._reader.raw(2)
        user = (self._reader.data() or b"").decode() if has_user else ""
        pairs = {}
        for _ in range(count):
            name, value = self._reader.sized().decode(), self._reader.sized().decode()
            self._reader.uint()
            pairs[name] = value
        return user.strip('"') if user.startswith('"') else user.upper(), pairs

    def _answer_pairs(self, pairs: dict[str, str]) -> None:
        self._writer.add(bytes((PARAMETER,)), uint(len(pairs)))
        for name, value in pairs.items():
            self._writer.add(sized(name), sized(value), uint(VERIFIER_12C if name == "AUTH_VFR_DATA" else 0))

    def _auth_one(self) -> None:
        user, _ = self._pairs()
        self._login = Login(self._database.users.get(user, "\0unknown"))
        self._answer_pairs(self._login.challenge())
        self._status()
        self._fields = self._server.version.fields
        self._channel.explicit_end = self._server.version.protocol >= 319

    def _auth_two(self) -> None:
        user, pairs = self._pairs()
        if not self._login or not self._login.accepts(pairs["AUTH_SESSKEY"], pairs["AUTH_PASSWORD"]):
            raise OracleError(1017, "invalid username/password; logon denied")
        for fault in self._database.faults_at(f"LOGON {user}"):
            raise fault.message
        self._client = Client(self._database, user)
        self._client.execute(pairs.get("AUTH_ALTER_SESSION", "ALTER SESSION SET TIME_ZONE='+00:00'").rstrip("\0"), [])
        first, second, third, fourth, fifth = self._server.version.number
        self._answer_pairs({
            "AUTH_SVR_RESPONSE": self._login.response(), "AUTH_SESSION_ID": str(self._number), "AUTH_SERIAL_NUM": "1",
            "AUTH_VERSION_NO": str(first << 24 | second << 16 | third << 12 | fourth << 4 | fifth),
            "AUTH_SC_DBUNIQUE_NAME": "standin", "AUTH_SC_SERVICE_NAME": "standin", "AUTH_INSTANCENAME": "standin",
            "AUTH_MAX_OPEN_CURSORS": "300", "AUTH_MAX_IDEN_LENGTH": "128",
        })  # fmt: skip
        self._status()

    # calls

    def _call(self, code: int) -> None:
        if code not in self._calls or (self._client is None and code not in (AUTH_ONE, AUTH_TWO)):
            raise GoneError
        try:
            self._calls[code]()
        except OracleError as error:
            self._fail(error)
        except InterruptedCallError:
            self._finish_interrupt()

    def _acknowledge(self) -> None:
        """A marker between two calls: the call that it was to end has ended."""
        self._channel.marker(wire.BREAK)
        self._finish_interrupt()

    def _finish_interrupt(self) -> None:
        self._reader = Reader(self._channel)
        self._fail(OracleError(1013, "user requested cancel of current operation"))

    def _commit(self) -> None:
        self._session.commit()
        self._status()

    def _rollback(self) -> None:
        self._session.rollback()
        self._status()

    def _piggyback(self, code: int) -> None:
        reader = self._reader
        if code == CLOSE_CURSORS:
            reader.byte()
            for _ in range(reader.uint()):
                self._cursors.pop(reader.uint(), None)
        elif code == SCHEMA:
            reader.byte()
            self._session.schema = reader.sized().decode().upper()
        elif code == SESSION_STATE:
            reader.uint()
        elif code == END_TO_END:
            reader.raw(2)
            reader.uint()
            has = [(reader.byte(), reader.uint()) for _ in range(3)]
            reader.byte(), reader.uint(), reader.byte(), reader.uint()
            has.append((reader.byte(), reader.uint()))
            reader.byte(), reader.uint(), reader.byte(), reader.uint()
            has.append((reader.byte(), reader.uint()))
            for given, length in has:
                if given and length:
                    reader.data()
        elif code == KEY_VALUE:
            reader.byte(), reader.uint(), reader.byte()
            count = reader.uint()
            reader.uint(), reader.byte(), reader.data()
            for _ in range(count):
                reader.sized(), reader.sized(), reader.uint()
        elif code == LOB:
            self._free_lobs()
        else:
            raise GoneError
