"""Files by HTTP: zip, gzip, Excel and Parquet give their rows, or an error; none of them can fill the memory."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.errors.hierarchy import IngestionError, SourceError, TransientError
from shared.settings import settings
from tests.api_server import ApiServer, Reply
from tests.integration.rest.conftest import Lake, api_job

Content = Callable[[], bytes]  # a file is made by the test that serves it, not by every process that collects tests

ROWS = [{"id": n, "name": f"thing {n}"} for n in range(1, 11)]
CSV = b"id,name\n" + b"".join(f"{row['id']},{row['name']}\n".encode() for row in ROWS)
LINES = "\n".join(json.dumps(row) for row in ROWS).encode()


def zipped(**files: bytes) -> bytes:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    return output.getvalue()


def excel(*sheets: Sequence[Any], name: str = "Things") -> bytes:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.worksheets[0])
    for number, lines in enumerate(sheets):
        sheet = workbook.create_sheet(name if number == 0 else f"Other {number}")
        for line in lines:
            sheet.append(list(line))
    output = io.BytesIO()
    workbook.save(output)
    return output.getvalue()


def parquet(table: pa.Table) -> bytes:
    output = io.BytesIO()
    pq.write_table(table, output)
    return output.getvalue()


SHEET: list[list[Any]] = [["id", "name"], *([row["id"], row["name"]] for row in ROWS)]
FILES: dict[str, tuple[Content, str, dict[str, str]]] = {
    "csv in zip": (lambda: zipped(things__csv=CSV), "csv", {}),
    "json in zip": (lambda: zipped(things__json=json.dumps(ROWS).encode()), "json", {}),
    "json lines in zip": (lambda: zipped(things__jsonl=LINES), "jsonl", {}),
    "one member of many": (lambda: zipped(things__csv=CSV, readme__txt=b"Hello"), "csv", {"member": "things.csv"}),
    "all members": (lambda: zipped(a__jsonl=LINES[:57], b__jsonl=LINES[58:]), "jsonl", {"member": "*.jsonl"}),
    "beside a Mac's folder": (
        lambda: zipped(things__csv=CSV) and zipped(**{"__MACOSX/._x": b"", "things.csv": CSV}),
        "csv",
        {},
    ),
    "csv in gzip": (lambda: gzip.compress(CSV), "csv", {}),
    "excel": (lambda: excel(SHEET), "excel", {}),
    "excel by sheet": (lambda: excel([["x"], [1]], SHEET), "excel", {"sheet": "Other 1"}),
    "excel below a title": (lambda: excel([["Report of June"], [], *SHEET]), "excel", {"skip": "2"}),
    "excel with blank lines": (lambda: excel([*SHEET, [], [None, None]]), "excel", {}),
    "parquet": (lambda: parquet(pa.Table.from_pylist(ROWS)), "parquet", {}),
    "parquet in zip": (lambda: zipped(x__parquet=parquet(pa.Table.from_pylist(ROWS))), "parquet", {}),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_gives_its_rows(server: ApiServer, lake: Lake, name: str) -> None:
    content, kind, options = FILES[name]
    body = content()
    server.endpoints["/file"] = lambda _: Reply(body, headers={"Content-Type": "application/octet-stream"})
    assert lake.load(api_job("/file", api_response_format=kind, api_format_options=options)) == ROWS


def test_values_of_a_parquet_file_keep_their_types(server: ApiServer, lake: Lake) -> None:
    moment = datetime(2026, 1, 1, 8, 0, 0, 123456)
    table = pa.table(
        {
            "id": [1, 2],
            "day": pa.array([date(2026, 1, 1), None]),
            "local": pa.array([moment, None]),
            "moment": pa.array([moment.replace(tzinfo=UTC), None], pa.timestamp("ns", "UTC")),
            "clock": pa.array([time(8, 30), None]),
            "raw": pa.array([b"\x00\xff", None]),
            "flag": pa.array([True, None]),
            "amount": pa.array([Decimal("12.30"), None], pa.decimal128(20, 2)),
            "large": pa.array([2**63 + 1, None], pa.uint64()),
            "kind": pa.array(["a", None]).dictionary_encode(),
            "of": pa.array([{"a": 1, "at": date(2026, 1, 2)}, None]),
            "tags": pa.array([["x", "y"], None]),
        }
    )
    server.endpoints["/typed"] = lambda _: Reply(parquet(table))
    cells: dict[str, Any] = {"api_response_format": "parquet", "column_types": {"amount": "decimal(20,2)"}}
    first, second = lake.load(api_job("/typed", **cells))
    expected = {
        "day": date(2026, 1, 1),
        "local": moment,
        "moment": moment.replace(tzinfo=UTC),
        "clock": time(8, 30),
        "raw": b"\x00\xff",
        "flag": True,
        "amount": Decimal("12.30"),
        "large": str(2**63 + 1),
        "kind": "a",
        "of__a": 1,
        "of__at": date(2026, 1, 2),
    }
    assert {name: first[name] for name in expected} == expected
    assert {second[name] for name in expected} == {None}
    assert [row["value"] for row in lake.rows("things__tags")] == ["x", "y"]
    (whole, _) = lake.load(api_job("/typed", api_nested="json", **cells))
    assert whole["of"] == '{"a": 1, "at": "2026-01-02"}'


def test_values_of_an_excel_sheet_keep_their_types(server: ApiServer, lake: Lake) -> None:
    lines = [
        ["id", "price", "at", "ok", "text"],
        [1, 10.5, datetime(2026, 1, 1, 8), True, "007"],
        [2, 3, None, False, None],
    ]
    server.endpoints["/typed"] = lambda _: Reply(excel(lines))
    first, second = lake.load(api_job("/typed", api_response_format="excel"))
    assert first == {"id": 1, "price": 10.5, "at": datetime(2026, 1, 1, 8), "ok": True, "text": "007"}
    assert second == {"id": 2, "price": 3.0, "at": None, "ok": False, "text": None}


def bomb_of_parquet() -> bytes:
    return parquet(pa.table({"x": pa.array(["x" * 1000]).take(pa.array([0] * 100_000))}))


WRONG: dict[str, tuple[Content, str, dict[str, str], type[IngestionError], str]] = {
    "several members": (
        lambda: zipped(a__csv=CSV, b__csv=CSV),
        "csv",
        {},
        SourceError,
        "files a.csv, b.csv; name the one",
    ),
    "no such member": (lambda: zipped(a__csv=CSV), "csv", {"member": "b*"}, SourceError, "files a.csv; name the one"),
    "an empty archive": (lambda: zipped(), "csv", {}, SourceError, "the files none"),
    "a cut archive": (lambda: zipped(a__csv=CSV)[:-30], "csv", {}, TransientError, "damaged or breaks off"),
    "a bomb": (lambda: zipped(a__csv=b"0," * 1_000_000), "csv", {}, SourceError, "API_MAX_MEGABYTES"),
    "a bomb of gzip": (lambda: gzip.compress(b"0," * 1_000_000), "csv", {}, SourceError, "API_MAX_MEGABYTES"),
    "a bomb of parts": (
        lambda: zipped(**{f"{n}.csv": b"0," * 300_000 for n in range(4)}),
        "csv",
        {"member": "*"},
        SourceError,
        "API_MAX_MEGABYTES",
    ),
    "several sheets": (lambda: excel(SHEET, SHEET), "excel", {}, SourceError, "sheets Things, Other 1; name the one"),
    "no such sheet": (lambda: excel(SHEET), "excel", {"sheet": "X"}, SourceError, "sheets Things; name the one"),
    "a column without a name": (
        lambda: excel([["id", None], [1, 2]]),
        "excel",
        {},
        SourceError,
        "column 2 has no name",
    ),
    "a column twice": (
        lambda: excel([["id", "id"], [1, 2]]),
        "excel",
        {},
        SourceError,
        "1 and 2 have one name",
    ),
    "a formula without a value": (
        lambda: excel([["id"], ["=1+1"]]),
        "excel",
        {},
        SourceError,
        "row 2, column 1 has no value",
    ),
    "an empty sheet": (lambda: excel([]), "excel", {}, SourceError, "without a single line"),
    "a cut workbook": (lambda: excel(SHEET)[:-200], "excel", {}, TransientError, "damaged or breaks off"),
    "a large workbook": (
        lambda: excel([["id", "x"], *([n, "y" * 50] for n in range(30_000))]),
        "excel",
        {},
        SourceError,
        "API_MAX_MEGABYTES",
    ),
    "an old workbook": (lambda: b"\xd0\xcf\x11\xe0" + b"0" * 100, "excel", {}, SourceError, "old Excel file"),
    "JSON instead of Excel": (lambda: b'{"message": "no"}', "excel", {}, SourceError, "where excel was expected"),
    "a cut Parquet file": (
        lambda: parquet(pa.Table.from_pylist(ROWS))[:-20],
        "parquet",
        {},
        TransientError,
        "breaks off",
    ),
    "no Parquet file": (lambda: CSV, "parquet", {}, SourceError, "no Parquet file"),
    "a bomb of Parquet": (bomb_of_parquet, "parquet", {}, SourceError, "API_MAX_MEGABYTES"),
    "Excel instead of CSV": (
        lambda: excel(SHEET),
        "csv",
        {},
        SourceError,
        "look like a zip file, or an Excel workbook",
    ),
}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One mebibyte is allowed."""
    monkeypatch.setenv("API_MAX_MEGABYTES", "1")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_is_not_what_it_should_be_is_an_error(
    server: ApiServer, lake: Lake, small: None, name: str
) -> None:
    content, kind, options, error, says = WRONG[name]
    body = content()
    server.endpoints["/wrong"] = lambda _: Reply(body, headers={"Content-Type": "application/octet-stream"})
    with pytest.raises(error, match=says):
        lake.load(api_job("/wrong", api_response_format=kind, api_format_options=options))


def test_an_errors_cell_is_null(server: ApiServer, lake: Lake) -> None:
    workbook = openpyxl.load_workbook(io.BytesIO(excel([["id", "share"], [1, 0.5], [2, 0]])))
    cell = workbook.worksheets[0]["B3"]
    cell.value, cell.data_type = "#DIV/0!", "e"
    output = io.BytesIO()
    workbook.save(output)
    server.endpoints["/errors"] = lambda _: Reply(output.getvalue())
    assert [row["share"] for row in lake.load(api_job("/errors", api_response_format="excel"))] == [0.5, None]
