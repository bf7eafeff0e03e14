"""How the bytes of an answer become rows: charsets, codings, CSV, and numbers that a double does not hold."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from shared.errors.hierarchy import SourceError, TransientError
from tests.api_server import ApiServer, Reply
from tests.integration.rest.conftest import Lake, api_job

ROWS = [{"id": n, "name": f"thing {n}"} for n in range(1, 41)]

TEXT = '[{"id": 1, "name": "Zürich"}]'
BODIES: dict[str, tuple[bytes, dict[str, str]]] = {
    "latin-1": (TEXT.encode("latin-1"), {"Content-Type": "application/json; charset=iso-8859-1"}),
    "quoted charset": (TEXT.encode("cp1252"), {"Content-Type": 'application/json; charset="windows-1252"'}),
    "utf-8 mark": (b"\xef\xbb\xbf" + TEXT.encode(), {}),
    "utf-16": (TEXT.encode("utf-16"), {}),
    "utf-16 without a mark": (TEXT.encode("utf-16-be"), {}),
    "utf-32": (TEXT.encode("utf-32"), {}),
    "a gzip file": (gzip.compress(TEXT.encode()), {"Content-Type": "application/gzip"}),
    "gzip on the way": (gzip.compress(TEXT.encode()), {"Content-Encoding": "gzip"}),
    "gzip in two parts": (
        gzip.compress(TEXT[:9].encode()) + gzip.compress(TEXT[9:].encode()),
        {"Content-Encoding": "gzip"},
    ),
    "gzip twice": (gzip.compress(gzip.compress(TEXT.encode())), {"Content-Encoding": "gzip, gzip"}),
}


@pytest.mark.parametrize("name", BODIES)
def test_bytes_become_the_text_that_they_are(server: ApiServer, lake: Lake, name: str) -> None:
    body, headers = BODIES[name]
    server.endpoints["/bytes"] = lambda _: Reply(body, headers=headers)
    assert lake.load(api_job("/bytes")) == [{"id": 1, "name": "Zürich"}]


def test_a_charset_can_be_named(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/named"] = lambda _: Reply(TEXT.encode("cp1252"))
    with pytest.raises(SourceError, match="not text in its encoding, utf-8; name the right one in api_format_options"):
        lake.load(api_job("/named"))
    options = {"encoding": "windows-1252"}
    assert lake.load(api_job("/named", api_format_options=options)) == [{"id": 1, "name": "Zürich"}]


def test_a_coding_that_was_not_asked_for_is_named(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/br"] = lambda _: Reply(b"\x0b\x02\x80", headers={"Content-Encoding": "br"})
    with pytest.raises(SourceError, match="Content-Encoding 'br', though only gzip, deflate were asked for"):
        lake.load(api_job("/br"))


@pytest.mark.parametrize("headers", [{"Content-Encoding": "gzip"}, {"Content-Type": "application/gzip"}])
@pytest.mark.parametrize("damage", ["cut", "broken"])
def test_compressed_rows_that_break_off_are_no_rows(
    server: ApiServer, lake: Lake, headers: dict[str, str], damage: str
) -> None:
    lines = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS * 50)
    packed = gzip.compress(lines[: len(lines) // 2]) if damage == "cut" else bytearray(gzip.compress(lines))
    body = bytes(packed[:-8]) if damage == "cut" else bytes([*packed[:200], 0, 255, 3, *packed[203:]])
    server.endpoints["/broken"] = lambda _: Reply(body, headers=headers)
    with pytest.raises(TransientError):
        lake.load(api_job("/broken", api_response_format="jsonl"))


CSVS: dict[str, tuple[bytes, dict[str, str], str]] = {
    "semicolon": (b"id;name\r\n1;a\r\n2;b,c\r\n", {}, "text/csv"),
    "tab": (b"id\tname\n1\ta\n2\tb,c\n", {}, "text/csv"),
    "tab by its type": (b"id\tname\n1\ta\n2\tb,c\n", {}, "text/tab-separated-values"),
    "pipe": (b"id|name\n1|a\n2|b,c\n", {}, "text/csv"),
    "named": (b"id^name\n1^a\n2^b,c\n", {"delimiter": "^"}, "text/csv"),
    "Excel's own line": (b"sep=;\r\nid;name\r\n1;a\r\n2;b,c\r\n", {}, "text/csv"),
    "another quote": (b"id,name\n1,a\n2,'b,c'\n", {"quote": "'"}, "text/csv"),
    "lines before": (b'Report\nof today\nid,name\n1,a\n2,"b,c"\n', {"skip": "2"}, "text/csv"),
    "a delimiter at the end": (b"id;name;\n1;a;\n2;b,c;\n", {}, "text/csv"),
    "utf-16": ("id;name\n1;a\n2;b,c\n".encode("utf-16"), {}, "text/csv"),
}


@pytest.mark.parametrize("name", CSVS)
def test_csv_comes_as_it_is_written(server: ApiServer, lake: Lake, name: str) -> None:
    body, options, kind = CSVS[name]
    server.endpoints["/csv"] = lambda _: Reply(body, headers={"Content-Type": kind})
    job = api_job("/csv", api_response_format="csv", api_format_options=options)
    assert lake.load(job) == [{"id": 1, "name": "a"}, {"id": 2, "name": "b,c"}]


def test_csv_without_a_header_names_its_columns_by_number(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/bare"] = lambda _: Reply(b"1,a\n2,b\n", headers={"Content-Type": "text/csv"})
    rows = lake.load(api_job("/bare", api_response_format="csv", api_format_options={"header": "N"}))
    assert rows == [{"column_1": 1, "column_2": "a"}, {"column_1": 2, "column_2": "b"}]


def test_csv_that_more_than_one_delimiter_fits_is_asked_about(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/two"] = lambda _: Reply(b"a,b;c\n1,2;3\n", headers={"Content-Type": "text/csv"})
    with pytest.raises(SourceError, match="delimited by any of ,, ;; name the right one"):
        lake.load(api_job("/two", api_response_format="csv"))


def test_a_long_field_and_an_old_charset_are_read(server: ApiServer, lake: Lake) -> None:
    body = "id,name\n1,Zürich" + "x" * 200_000 + "\n"
    server.endpoints["/long"] = lambda _: Reply(body.encode("latin-1"), headers={"Content-Type": "text/csv"})
    (row,) = lake.load(api_job("/long", api_response_format="csv"))
    assert row["name"] == "Zürich" + "x" * 200_000


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("12345678901234567.891", "12345678901234567.891"),
        ("1e400", "1E+400"),
        ("0.30000000000000004", 0.30000000000000004),
        ("1.7976931348623157e308", 1.7976931348623157e308),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
    ],
)
def test_a_number_that_a_double_does_not_hold_stays_text(
    server: ApiServer, lake: Lake, number: str, expected: Any
) -> None:
    server.endpoints["/number"] = lambda _: Reply(f'[{{"id": 1, "v": {number}}}]'.encode())
    assert lake.load(api_job("/number")) == [{"id": 1, "v": expected}]
