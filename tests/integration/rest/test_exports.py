"""Exports that are ordered, awaited and downloaded, and walks whose place the server keeps."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator

import pytest

from shared.errors.hierarchy import IngestionError, SourceError, TransientError
from shared.sources.rest import export
from tests.api_server import ApiServer, Reply, Request
from tests.integration.rest.conftest import Lake, api_job
from tests.integration.rest.test_resumption import MemoryStage

ROWS = [{"id": n, "name": f"thing {n}"} for n in range(1, 31)]
LINES = "\n".join(json.dumps(row) for row in ROWS[:20]).encode()
MORE_LINES = gzip.compress("\n".join(json.dumps(row) for row in ROWS[20:]).encode())
ORDER = {"api_method": "POST", "api_body": {"entity": "things"}, "api_response_format": "jsonl"}
BY_STATE = {"id": "data.id", "status": "/exports/{export}", "state": "data.state", "file": "data.files[*].url"}


@pytest.fixture
def storage() -> Iterator[ApiServer]:
    """Another host with signed files, which takes no credentials."""
    with ApiServer() as started:
        for name, body in (("one", LINES), ("two", MORE_LINES)):
            started.endpoints[f"/{name}"] = lambda request, body=body: Reply(  # type: ignore[misc]
                body if "Authorization" not in request.headers else b"{}", 200, {"Content-Type": "binary/octet-stream"}
            )
        yield started


def serve(server: ApiServer, storage: ApiServer, states: list[str], status: int = 201) -> None:
    """An export that passes through some states."""
    server.requests.clear()
    files = [{"url": f"{storage.url}/{name}?sig=1"} for name in ("one", "two")]

    def report(_: Request) -> Reply:
        state = states.pop(0) if len(states) > 1 else states[0]
        is_done = state.casefold() in ("completed", "done", "fertig")
        return Reply({"data": {"id": 7, "state": state, "files": files if is_done else None}})

    server.endpoints["/exports"] = lambda _: Reply({"data": {"id": 7, "state": "new"}}, status)
    server.endpoints["/exports/7"] = report


@pytest.mark.parametrize("status", [200, 201, 202])
def test_an_export_is_ordered_awaited_and_downloaded(
    server: ApiServer, signed_in: Callable[..., Lake], storage: ApiServer, status: int
) -> None:
    serve(server, storage, ["queued", "running", "COMPLETED"], status)
    lake = signed_in(auth="bearer", token="t")
    assert lake.load(api_job("/exports", api_export=BY_STATE, **ORDER)) == ROWS
    assert [(one.method, one.path) for one in server.requests] == [("POST", "/exports")] + [("GET", "/exports/7")] * 3
    assert all("Authorization" not in one.headers for one in storage.requests)


def test_words_of_an_api_can_be_named(server: ApiServer, lake: Lake, storage: ApiServer) -> None:
    serve(server, storage, ["ok", "fertig"])
    options = {**BY_STATE, "done": "fertig", "failed": "kaputt"}
    assert lake.load(api_job("/exports", api_export=options, **ORDER)) == ROWS
    serve(server, storage, ["kaputt"])
    with pytest.raises(SourceError, match="says that it is kaputt"):
        lake.load(api_job("/exports", api_export=options, **ORDER))


@pytest.mark.parametrize("state", ["FAILED", "Cancelled", "expired", "aborted"])
def test_an_export_that_fails_is_an_error(server: ApiServer, lake: Lake, storage: ApiServer, state: str) -> None:
    serve(server, storage, ["running", state])
    with pytest.raises(SourceError, match=state):
        lake.load(api_job("/exports", api_export=BY_STATE, **ORDER))


@pytest.mark.parametrize("header", ["Location", "Operation-Location", "Azure-AsyncOperation"])
@pytest.mark.parametrize("ends", ["here", "elsewhere"])
def test_an_export_may_be_awaited_by_its_status_alone(
    server: ApiServer, signed_in: Callable[..., Lake], storage: ApiServer, header: str, ends: str
) -> None:
    left = [2]

    def report(_: Request) -> Reply:
        left[0] -= 1
        if left[0] >= 0:
            return Reply({"status": "running"}, 202, {"Retry-After": "0"})
        if ends == "elsewhere":
            return Reply(b"", 303, {"Location": f"{storage.url}/one"})
        return Reply(LINES, headers={"Content-Type": "application/x-ndjson"})

    server.endpoints["/orders"] = lambda _: Reply(b"", 202, {header: "/operations/1"})
    server.endpoints["/operations/1"] = report
    lake = signed_in(auth="bearer", token="t")
    cells = {"api_method": "POST", "api_response_format": "jsonl", "api_export": {"done": "ok"}}
    assert lake.load(api_job("/orders", **cells)) == ROWS[:20]


def test_files_of_an_export_may_have_pages(server: ApiServer, lake: Lake) -> None:
    """As Salesforce's Bulk API 2.0: the state UploadComplete is not the end, and a header names the next page."""
    states = ["UploadComplete", "InProgress", "JobComplete"]

    def results(request: Request) -> Reply:
        at = request.number("locator", 0)
        lines = ["id,name", *(f"{row['id']},{row['name']}" for row in ROWS[at : at + 12])]
        following = str(at + 12) if at + 12 < len(ROWS) else "null"
        return Reply("\n".join(lines).encode(), headers={"Content-Type": "text/csv", "Sforce-Locator": following})

    server.endpoints["/jobs/query"] = lambda _: Reply({"id": "750", "state": "UploadComplete"})
    server.endpoints["/jobs/query/750"] = lambda _: Reply({"id": "750", "state": states.pop(0)})
    server.endpoints["/jobs/query/750/results"] = results
    options = {"id": "id", "status": "/jobs/query/{export}", "state": "state", "file": "/jobs/query/{export}/results"}
    cells = {
        "api_response_format": "csv",
        "pagination_type": "cursor",
        "api_cursor_path": "header:Sforce-Locator",
        "api_cursor_param": "locator",
    }
    job = api_job("/jobs/query", api_method="POST", api_body={"query": "…"}, api_export=options, **cells)
    assert lake.load(job) == ROWS
    assert states == []


def test_the_next_attempt_waits_for_the_export_that_was_ordered(
    server: ApiServer, lake: Lake, storage: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "LONGEST_WATCH", 0)
    serve(server, storage, ["running"])
    stage, job = MemoryStage(), api_job("/exports", api_export=BY_STATE, **ORDER)
    with pytest.raises(TransientError, match="is not ready yet \\(running\\)") as raised:
        lake.load(job, stage=stage)
    assert raised.value.retry_after_seconds == 120
    serve(server, storage, ["done"])
    assert lake.load(job, stage=stage) == ROWS
    assert {one.method for one in server.requests} == {"GET"}
    server.endpoints["/exports/7"] = lambda _: Reply({"message": "gone"}, 404)
    with pytest.raises(SourceError, match="does not know the export"):
        lake.load(job, stage=stage)
    assert [one.path for one in server.requests if one.method == "POST"] == ["/exports"]


@pytest.mark.parametrize(
    ("reply", "options", "says"),
    [
        (Reply({"ok": True}), {"file": "url"}, "does not say when the export is ready"),
        (Reply({"ok": True}), {"id": "data.id"}, "names no export at 'data.id'"),
        (Reply({"error": "quota"}), {"id": "id"}, "quota"),
        (Reply({}, 403), {"id": "id"}, "refused with status 403"),
        (Reply({"id": 7}, 202), {**BY_STATE, "id": "id"}, "has no address at"),
    ],
)
def test_what_an_export_lacks_is_named(
    server: ApiServer, lake: Lake, reply: Reply, options: dict[str, str], says: str
) -> None:
    server.endpoints["/lacking"] = lambda _: reply
    server.endpoints["/exports/7"] = lambda _: Reply({"data": {"state": "done"}})
    with pytest.raises(IngestionError, match=says):
        lake.load(api_job("/lacking", api_export=options, **ORDER))


def test_each_window_has_an_export_of_its_own(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/reports"] = lambda request: Reply({"id": request.body["from"]}, 202)
    for start in (0, 10, 20):
        rows = ROWS[start : start + 10]
        server.endpoints[f"/reports/{start}"] = lambda _, rows=rows: Reply({"state": "ready", "rows": rows})  # type: ignore[misc]
    job = api_job(
        "/reports",
        api_method="POST",
        api_body={"from": "{start}"},
        api_windows="0/30/10",
        api_export={"id": "id", "status": "/reports/{export}", "state": "state"},
        api_data_path="rows",
    )
    assert lake.load(job) == ROWS


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_scroll_ends_at_its_empty_page(server: ApiServer, lake: Lake, method: str) -> None:
    """As Elasticsearch: the id of the scroll stays the same, and the server keeps the place."""
    place = [0]

    def page() -> Reply:
        place[0] += 8
        hits = [{"_source": row} for row in ROWS[place[0] - 8 : place[0]]]
        return Reply({"_scroll_id": "abc", "hits": {"total": {"value": 30}, "hits": hits}})

    def following(request: Request) -> Reply:
        sent = {**request.params, **(request.body or {})}
        return page() if sent == {"scroll": "2m", "scroll_id": "abc"} else Reply({"error": sent}, 400)

    server.endpoints["/logs/_search"] = lambda _: page()
    server.endpoints["/_search/scroll"] = following
    job = api_job(
        "/logs/_search?scroll=2m",
        api_method=method,
        api_body={"size": 8} if method == "POST" else {},
        pagination_type="cursor",
        api_cursor_path="_scroll_id",
        api_cursor_param="scroll_id",
        api_next_endpoint="/_search/scroll?scroll=2m",
        api_data_path="hits.hits[*]._source",
        api_total_path="hits.total.value",
    )
    assert lake.load(job) == ROWS


def test_a_list_is_continued_at_another_path(server: ApiServer, lake: Lake) -> None:
    """As Dropbox: a page may be empty while there is more."""

    def page(at: int) -> Reply:
        rows = [] if at == 10 else ROWS[: 10 if at == 0 else 0] or ROWS[10:]
        return Reply({"entries": rows, "cursor": f"c{at + 10}", "has_more": at < 20})

    server.endpoints["/list_folder"] = lambda _: page(0)
    server.endpoints["/list_folder/continue"] = lambda request: (
        page(int(request.body["cursor"][1:])) if set(request.body) == {"cursor"} else Reply({}, 400)
    )
    job = api_job(
        "/list_folder",
        api_method="POST",
        api_body={"path": ""},
        pagination_type="cursor",
        api_cursor_path="cursor",
        api_next_endpoint="/list_folder/continue",
        api_data_path="entries",
    )
    assert lake.load(job) == ROWS
