"""The listener and its connections: PRELOGIN, TLS, login, and the loop over requests."""

from __future__ import annotations

import itertools
import socket
import ssl
import struct
import threading
import time
from pathlib import Path

from . import kinds, tokens, wire
from . import login as l
from .engine import Engine
from .faults import Fault, faults_at
from .login import Login
from .questions import VERSION, register_questions
from .requests import Requests
from .session import Session
from .tokens import SqlError
from .wire import Answer, ClosedError, Transport

_TDS_7_2, _TDS_7_4, _TDS_8 = 0x72090002, 0x74000004, 0x08000000


class Server:
    """A server on loopback; `start` lets it run beside, `serve` in the calling thread."""

    def __init__(
        self, engine: Engine | None = None, *, host: str = "127.0.0.1", port: int = 0, encryption: str = "on",
        certificate: Path | None = None, strict_only: bool = False,
    ) -> None:  # fmt: skip
        """`encryption`: "no" (the server has none), "on" (as the client wishes), "required"."""
        self.engine = engine or Engine()
        register_questions(self.engine)
        self.encryption = {"no": l.NOT_SUPPORTED, "on": l.OFF, "required": l.REQUIRED}[encryption]
        self.strict_only = strict_only
        self._contexts: dict[bool, ssl.SSLContext] = {}
        if encryption != "no":
            self._contexts[False] = l.server_context(strict=False, folder=certificate)
            self._contexts[True] = l.server_context(strict=True, folder=certificate)
        self._numbers = itertools.count(51)
        self._listener = socket.create_server((host, port))
        self.port: int = self._listener.getsockname()[1]
        self.connections: set[Connection] = set()
        self._closing = False

    def context(self, *, strict: bool) -> ssl.SSLContext:
        return self._contexts[strict]

    def start(self) -> Server:
        threading.Thread(target=self.serve, name="tds stand-in", daemon=True).start()
        return self

    def serve(self) -> None:
        while not self._closing:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(self, sock, next(self._numbers))
            threading.Thread(target=connection.run, name=f"tds {connection.id}", daemon=True).start()

    def close(self) -> None:
        self._closing = True
        self._listener.close()
        for connection in list(self.connections):
            connection.transport.close()
        deadline = time.monotonic() + 5
        while self.connections and time.monotonic() < deadline:
            time.sleep(0.01)

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


class Connection:
    """One client."""

    def __init__(self, server: Server, sock: socket.socket, number: int) -> None:
        self.server, self.engine, self.id = server, server.engine, number
        self.transport = Transport(sock)
        self.packet_size = 4096
        self.session: Session | None = None

    def run(self) -> None:
        self.server.connections.add(self)
        try:
            if self._meets("CONNECT"):
                self._handshake()
        except (ClosedError, OSError, struct.error, ValueError, IndexError):
            pass
        finally:
            self._end()

    def _end(self) -> None:
        session = self.session
        if session:
            self.engine.forget(session)
            if session.transaction:
                self.engine.end_rolled_back(session.transaction)
        self.transport.close()
        self.server.connections.discard(self)

    def _meets(self, statement: str) -> list[Fault] | bool:
        """Let the faults of a moment happen that need no answer; False ends the connection."""
        for fault in faults_at(self.engine.faults, statement):
            time.sleep(fault.silent)
            if fault.cut or (not fault.error and not fault.silent):
                return False
            if fault.error and statement != "CONNECT":
                return [fault]
        return True

    def _handshake(self) -> None:
        strict = self.transport.peek() == 0x16
        if strict:
            if True not in self.server._contexts:
                raise ClosedError
            self.transport.start_tls(self.server.context(strict=True), wrapped=False)
        elif self.server.strict_only:
            raise ClosedError
        kind, _, data = wire.read_message(self.transport)
        if kind != wire.PRELOGIN:
            raise ClosedError
        options = l.read_prelogin(data)
        wish = (options.get(l.ENCRYPTION) or b"\x02")[0]
        agreed = l.NOT_SUPPORTED if strict else l.agreed_encryption(wish, self.server.encryption)
        answer = {
            l.VERSION: struct.pack(">BBHH", VERSION[0], VERSION[1], VERSION[2], 0),
            l.ENCRYPTION: bytes([agreed]), l.INSTANCE: b"\0", l.THREAD: b"", l.MARS: b"\0",
        }  # fmt: skip
        if l.FEDAUTH_REQUIRED in options:
            answer[l.FEDAUTH_REQUIRED] = b"\x01"
        self.engine.log.add(
            self.id, "prelogin", " ".join(f"{number}={value.hex()}" for number, value in options.items())
        )
        self.transport.send(wire.packets(wire.TABULAR, l.write_prelogin(answer), 4096, 0))
        encrypts = not strict and agreed != l.NOT_SUPPORTED
        if encrypts:
            self.transport.start_tls(self.server.context(strict=False), wrapped=True)
        kind, _, data = wire.read_message(self.transport)
        if kind != wire.LOGIN7:
            raise ClosedError
        cipher = self.transport.cipher
        if encrypts and agreed == l.OFF:
            self.transport.stop_tls()
        login = l.read_login(data)
        self.engine.log.add(self.id, "login", _login_text(login, cipher))
        if self._log_in(login):
            assert self.session
            self.session.encrypted = self.transport.cipher is not None
            Requests(self.transport, self.session, self.packet_size).serve()

    def _log_in(self, login: Login) -> bool:
        answer = Answer(self.transport, 4096, self.id)
        try:
            met = self._meets(f"LOGIN {login.user}")
            if met is False:
                return False
            if isinstance(met, list):
                database, server = login.database or self.engine.default_database, login.server
                raise SqlError(*met[0].message(user=login.user, database=database, server=server))
            if login.tds_version < _TDS_7_2 and login.tds_version != _TDS_8:
                raise ClosedError  # its requests look otherwise
            user = self._user(login)
            name = login.database or self.engine.default_database
            if name.casefold() not in self.engine.databases:
                text = f'Cannot open database "{name}" requested by the login. The login failed.'
                answer.write(tokens.error(SqlError(4060, text, 11)))
                raise SqlError(18456, f"Login failed for user '{user}'.", 14)
        except SqlError as error:
            answer.write(tokens.error(error))
            answer.write(tokens.done(tokens.DONE, tokens.ERROR))
            answer.end()
            return False
        self.session = Session(self.engine, self.id, login, user)
        self.engine.sessions[self.id] = self.session
        self._welcome(login, answer)
        return True

    def _user(self, login: Login) -> str:
        """Who it is, or the error that a login ends with."""
        if login.wants_fedauth is not None:
            self.transport.send(
                wire.packets(wire.TABULAR, tokens.fedauth_information("https://login.windows.net/standin",
                "https://database.windows.net/"), 4096, self.id)
            )  # fmt: skip
            kind, _, data = wire.read_message(self.transport)
            if kind != wire.FEDAUTH_TOKEN:
                raise ClosedError
            reader = wire.Reader(data, 4)
            login.token = reader.take(reader.number(4)).decode("utf-16-le", "replace")
        if login.token is not None:
            user = self.engine.accept_token(login.token)
            if not user:
                raise SqlError(18456, "Login failed for user '<token-identified principal>'.", 14)
            return user
        if login.integrated:
            raise SqlError(
                18452,
                "Login failed. The login is from an untrusted domain and cannot be used with Integrated "
                "authentication.",
                14,
            )
        if self.engine.logins.get(login.user) != login.password:
            raise SqlError(18456, f"Login failed for user '{login.user}'.", 14)
        return login.user

    def _welcome(self, login: Login, answer: Answer) -> None:
        assert self.session
        database = self.session.database
        size = login.packet_size if 512 <= login.packet_size <= 32767 else 4096
        features = {}
        if login.token is not None:
            features[l.FEATURE_FEDAUTH] = b""
        if l.FEATURE_UTF8 in login.features:
            features[l.FEATURE_UTF8] = b"\x01"
        if l.FEATURE_AZURE in login.features:
            features[l.FEATURE_AZURE] = b"\x00"
        answer.write(tokens.environment(tokens.ENV_DATABASE, database.name, "master"))
        answer.write(tokens.info(5701, f"Changed database context to '{database.name}'.", state=2))
        answer.write(tokens.environment_bytes(tokens.ENV_COLLATION, kinds.collation_bytes(database.collation)))
        answer.write(tokens.environment(tokens.ENV_LANGUAGE, "us_english"))
        answer.write(tokens.info(5703, "Changed language setting to us_english."))
        answer.write(tokens.login_acknowledged(min(login.tds_version, _TDS_7_4), VERSION))
        answer.write(tokens.environment(tokens.ENV_PACKET_SIZE, str(size), "4096"))
        if login.features:
            answer.write(tokens.features_acknowledged(features))
        answer.write(tokens.done(tokens.DONE, 0))
        answer.end()
        self.packet_size = self.session.packet_size = size


def _login_text(login: Login, cipher: str | None) -> str:
    features = ",".join(map(str, login.features))
    return (
        f"user={login.user!r} database={login.database!r} application={login.application!r} library={login.library!r} "
        f"read_only={login.read_only} token={'yes' if login.token else 'no'} features={features} "
        f"tds={login.tds_version:08x} "
        f"packet_size={login.packet_size} tls={cipher}"
    )
