"""Connecting to what is no server, with the real drivers: one clear sentence with the place, and in time."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from shared.errors.hierarchy import IngestionError
from shared.secrets import Secret
from shared.sources import open_source
from shared.sources.source import ReadOptions
from tests.builders import a_job

SECONDS = 2
UNKNOWN = "no!such!host.invalid"  # no host's name can be like that, so that no name server is asked
CANARY = "canary-51ac"
SOURCE_TYPES = ("PostgreSQL", "MSSQL", "Oracle")
# by pyodbc if it and unixODBC are installed, and otherwise by the driver that takes its place
WITH_DRIVER = "MSSQL with a driver"
FIELDS = {WITH_DRIVER: {"driver": "ODBC Driver 18 for SQL Server"}}

# A process of its own: a connection that hangs in oracledb holds a lock that later ones would wait for; it comes last.
PROGRAM = """
import json, sys, time
from shared.secrets import Secret
from shared.sources import open_source
from shared.sources.source import ReadOptions
from tests.builders import a_job

order = json.load(sys.stdin)
for behaviour, host, port, source_types in order["places"]:
    for source_type in source_types:
        fields = {"host": host, "port": port, "database": "shop", "username": "reader", "password": order["password"]}
        fields |= order["fields"].get(source_type, {})
        secret = Secret({**fields, "connect_timeout": order["seconds"]})
        started = time.monotonic()
        try:
            open_source(a_job(source_type=source_type.split()[0]), secret, ReadOptions()).resource()
        except Exception as error:
            seconds = time.monotonic() - started
            print(json.dumps([behaviour, source_type, f"{type(error).__name__} {error}", port, seconds]))
"""


def _silent(connection: socket.socket) -> None:
    connection.recv(1 << 16)


def _nonsense(connection: socket.socket) -> None:
    connection.recv(1 << 16)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    connection.shutdown(socket.SHUT_WR)  # closed before all of it was read, it would be reset


@contextmanager
def _port(behaviour: Callable[[socket.socket], None] | None) -> Iterator[int]:
    """A port whose connections are met with a behaviour; for None, one that is closed and that no one else takes."""
    held: list[socket.socket] = []
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    port: int = server.getsockname()[1]

    def serve(meet: Callable[[socket.socket], None]) -> None:
        while True:
            try:
                connection = server.accept()[0]
            except OSError:
                return
            held.append(connection)  # open until the test is over
            threading.Thread(target=meet, args=(connection,), daemon=True).start()

    if behaviour:
        server.listen()
        threading.Thread(target=serve, args=(behaviour,), daemon=True).start()
    yield port
    for one in (server, *held):
        one.close()


@pytest.fixture(scope="module")
def answers() -> dict[tuple[str, str], tuple[str, int, float]]:
    """What each driver's error became, by behaviour and source type: the sentence, the port, the seconds it took."""
    with ExitStack() as stack:
        ports = {
            "closed": stack.enter_context(_port(None)),
            "nonsense": stack.enter_context(_port(_nonsense)),
            "silent": stack.enter_context(_port(_silent)),
        }
        everyone = (SOURCE_TYPES[0], WITH_DRIVER, *SOURCE_TYPES[1:])
        places: list[Any] = [("unknown", UNKNOWN, 1, SOURCE_TYPES)]
        places += [(behaviour, "127.0.0.1", port, everyone) for behaviour, port in ports.items()]
        order = {"places": places, "fields": FIELDS, "seconds": SECONDS, "password": CANARY}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], input=json.dumps(order), capture_output=True, text=True, timeout=240
        )
    assert CANARY not in done.stdout + done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {(behaviour, source_type): (text, port, took) for behaviour, source_type, text, port, took in rows}


@pytest.mark.parametrize(
    ("behaviour", "source_type", "message"),
    [
        (
            "closed",
            "PostgreSQL",
            "TransientError Source 'shop_pg' ({place}): nothing answers there: check host and port",
        ),
        ("closed", "MSSQL", "TransientError Source 'shop_pg' ({place}): nothing answers there: check host and port"),
        ("closed", "Oracle", "TransientError Source 'shop_pg' ({place}): nothing answers there: check host and port"),
        ("silent", "PostgreSQL", "TransientError Source 'shop_pg' ({place}): no answer within connect_timeout"),
        ("silent", "MSSQL", "TransientError Source 'shop_pg' ({place}): no answer within connect_timeout"),
        (
            "silent",
            "Oracle",
            "TransientError {place} did not answer within 2 s of connect_timeout: check host and port",
        ),
        ("nonsense", "PostgreSQL", "SourceError Source 'shop_pg' ({place}): what answers there is not PostgreSQL"),
        ("nonsense", "MSSQL", "SourceError Source 'shop_pg' ({place}): what answers there is not SQL Server"),
        ("nonsense", "Oracle", "TransientError Source 'shop_pg' ({place}): it hung up before the connection was open"),
    ],
)
def test_what_is_no_server_is_said_in_time(
    answers: dict[tuple[str, str], tuple[str, int, float]], behaviour: str, source_type: str, message: str
) -> None:
    text, port, seconds = answers[behaviour, source_type]
    assert text.startswith(message.format(place=f"127.0.0.1:{port}/shop"))
    assert seconds < SECONDS + 10


@pytest.mark.parametrize(
    ("alias", "message"),
    [
        ("shop_high", r"TransientError: .*\(shop_high\): nothing answers there"),
        ("shop_low", r"SourceError: .*\(shop_low\): tns_alias is not in tnsnames.ora: check tns_alias and config_dir"),
    ],
)
def test_an_alias_of_oracle_is_looked_up_in_its_folder(tmp_path: Path, alias: str, message: str) -> None:
    with _port(None) as port:
        address = f"(ADDRESS=(PROTOCOL=TCP)(HOST=127.0.0.1)(PORT={port}))"
        (tmp_path / "tnsnames.ora").write_text(
            f"SHOP_HIGH = (DESCRIPTION={address}(CONNECT_DATA=(SERVICE_NAME=shop)))\n"
        )
        fields = {"tns_alias": alias, "config_dir": str(tmp_path), "username": "reader", "password": CANARY}
        source = open_source(a_job(source_type="Oracle"), Secret(fields), ReadOptions())
        with pytest.raises(IngestionError) as caught:
            source.resource()
    assert re.match(message, f"{type(caught.value).__name__}: {caught.value}")


@pytest.mark.parametrize("behaviour", ["closed", "silent", "nonsense"])
def test_a_named_driver_says_so_in_one_sentence_too(
    answers: dict[tuple[str, str], tuple[str, int, float]], behaviour: str
) -> None:
    text, port, seconds = answers[behaviour, WITH_DRIVER]
    kind = "SourceError" if behaviour == "nonsense" else "TransientError"
    assert text.startswith(f"{kind} Source 'shop_pg' (127.0.0.1:{port}/shop): ")
    assert "check" in text
    assert seconds < SECONDS + 10


@pytest.mark.parametrize("source_type", SOURCE_TYPES)
def test_an_unknown_host_is_said(answers: dict[tuple[str, str], tuple[str, int, float]], source_type: str) -> None:
    text, _, _ = answers["unknown", source_type]
    assert text.startswith("TransientError ")
    assert f"{UNKNOWN}:1/shop" in text
    assert "the host's name is not known" in text


def _refusing(state: str, text: str) -> Callable[[socket.socket], None]:
    """A PostgreSQL server that refuses everyone, as it speaks another language."""
    fields = f"S致命错误\0VFATAL\0C{state}\0M{text}\0\0".encode()

    def meet(connection: socket.socket) -> None:
        while (request := connection.recv(1 << 16)) and request[4:8] != b"\0\x03\0\0":
            connection.sendall(b"N")  # no encryption here
        connection.sendall(b"E" + (4 + len(fields)).to_bytes(4) + fields)
        connection.close()

    return meet


@pytest.mark.parametrize(
    ("state", "text", "message"),
    [
        ("53300", "tut mir leid, schon zu viele Verbindungen", "TransientError: .*no room for the request"),
        ("57P03", "le système de base de données se lance", "TransientError: .*starting, stopping or failing over"),
        ("57P03", "データベースシステムは停止処理中です", "TransientError: .*starting, stopping or failing over"),
        ("28000", "no hay una línea en pg_hba.conf para «10.0.0.9»", "SourceError: .*user name or the password"),
    ],
)
def test_a_server_that_refuses_everyone_is_classed_by_its_sqlstate(state: str, text: str, message: str) -> None:
    with _port(_refusing(state, text)) as port:
        fields = {"host": "127.0.0.1", "port": port, "database": "shop", "username": "reader", "password": CANARY}
        source = open_source(a_job(), Secret({**fields, "connect_timeout": SECONDS}), ReadOptions())
        with pytest.raises(IngestionError) as caught:
            source.resource()
    assert re.match(message, f"{type(caught.value).__name__}: {caught.value}")
    assert text in str(caught.value)
