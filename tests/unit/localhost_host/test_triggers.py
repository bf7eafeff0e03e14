"""Schedules, blob paths, routes and keys."""

from datetime import UTC, datetime
from typing import Any

import pytest

from localhost.host.blobs import BlobPath, connect
from localhost.host.errors import IndexingError
from localhost.host.http_routes import route_paths
from localhost.host.keys import Keys
from localhost.host.timers import next_occurrence


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("*/15 * * * * *", "2026-01-01T12:30:15"),
        ("0 */5 * * * *", "2026-01-01T12:35:00"),
        ("*/5 * * * *", "2026-01-01T12:35:00"),
        ("0 0 2 * * *", "2026-01-02T02:00:00"),
        ("0 30 9 * * MON-FRI", "2026-01-02T09:30:00"),
        ("0 0 0 13 * FRI", "2026-02-13T00:00:00"),  # the 13th and a Friday
    ],
)
def test_a_schedule_gives_its_next_moment_in_utc(schedule: str, expected: str) -> None:
    now = datetime(2026, 1, 1, 12, 30, 1, tzinfo=UTC)
    assert next_occurrence(schedule, now) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize("schedule", ["", "* * * *", "0 0 25 * * *", "@hourly", "0 0 2 * * * 2026"])
def test_a_schedule_that_is_none_is_refused(schedule: str) -> None:
    with pytest.raises(ValueError):
        next_occurrence(schedule, datetime.now(UTC))


@pytest.mark.parametrize(
    ("path", "blob", "matches"),
    [
        ("config/ingestion.xlsx", "ingestion.xlsx", True),
        ("config/ingestion.xlsx", "other.xlsx", False),
        ("config/{name}.xlsx", "a.xlsx", True),
        ("config/{name}.xlsx", "folder/a.xlsx", True),
        ("config/{name}.xlsx", "a.xlsx.bak", False),
        ("config/in/{folder}/{name}", "in/a/b", True),
        ("config/{name}.xlsx", ".xlsx", False),
        ("config/a.b", "aXb", False),
    ],
)
def test_a_blob_path_matches_names(path: str, blob: str, matches: bool) -> None:
    parsed = BlobPath.parse(path)
    assert (parsed.container, parsed.matches(blob)) == ("config", matches)


@pytest.mark.parametrize("path", ["config", "config/", "{container}/name"])
def test_a_blob_path_without_container_or_name_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="is not container/name with a fixed container"):
        BlobPath.parse(path)


def test_a_connection_is_a_connection_string_or_a_uri_with_an_identity() -> None:
    text = "AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:1/a"
    assert connect("X", {"X": text}).url == "http://127.0.0.1:1/a/"
    assert connect("X", {"X__blobServiceUri": "https://a.blob.core.windows.net"}).account_name == "a"
    with pytest.raises(ValueError, match="connection 'X' has no setting: set X to a connection string, or X__blob"):
        connect("X", {})


@pytest.mark.parametrize(
    ("route", "paths"),
    [
        ("runs", ["runs"]),
        ("runs/{run_id}", ["runs/{run_id:[^/]+}"]),
        ("runs/{n:int}/jobs", [r"runs/{n:-?\d+}/jobs"]),
        ("files/{*path}", ["files/{path:.*}"]),
        ("runs/{run_id?}", ["runs/{run_id:[^/]+}", "runs"]),
    ],
)
def test_a_route_becomes_paths_of_the_server(route: str, paths: Any) -> None:
    assert route_paths("f", route) == paths


def test_a_route_constraint_that_is_unknown_is_refused() -> None:
    with pytest.raises(
        IndexingError, match=r"function f: route 'x/\{n:regex\}' has the constraint 'regex'; known here"
    ):
        route_paths("f", "x/{n:regex}")


@pytest.mark.parametrize(
    ("level", "opened_by"),
    [
        ("anonymous", {None, "r", "f", "d", "b", "m", "x"}),
        ("reading", {"r", "f", "m"}),
        ("function", {"f", "m"}),
        ("durable", {"d", "m"}),
        ("blobs", {"b", "m"}),
        ("admin", {"m"}),
    ],
)
def test_each_level_is_opened_by_its_key_and_the_master_key(level: str, opened_by: set[str]) -> None:
    keys = Keys(reader="r", function="f", durable="d", blobs="b", master="m")
    assert {key for key in (None, "r", "f", "d", "b", "m", "x") if keys.allows(level, key)} == opened_by


def test_keys_do_not_show_in_their_text() -> None:
    assert "secret" not in repr(Keys("secret", "secret", "secret", "secret", "secret"))
