"""Every recipe of docs/rest.md, run as it is against a server of that shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.api_server import ApiServer, Handler, Reply, Request, basic, requiring
from tests.integration.rest.conftest import Lake
from tests.integration.rest.recipes import SECRET, recipes

BEARER = {"authorization": f"Bearer {SECRET}"}
THINGS: list[dict[str, Any]] = [{"id": n, "name": f"thing {n}"} for n in range(1, 121)]


def cook(number: int, server: ApiServer, handler: Handler, folder: Path) -> tuple[list[dict[str, Any]], Lake]:
    """Load the recipe's job from a server that answers by `handler`."""
    recipe = recipes()[number]
    job = recipe.job()
    server.endpoints[str(job.api_endpoint)] = handler
    server.requests.clear()
    lake = Lake(folder, recipe.secret(server.url))
    return lake.load(job), lake


def test_the_cookbook_has_eight_shapes_and_fourteen_apis() -> None:
    assert list(recipes()) == list(range(1, 23))


def test_cookbook_everything_in_one_answer(server: ApiServer, tmp_path: Path) -> None:
    handler = requiring(lambda _: Reply({"currencies": THINGS}), x_api_key=SECRET)
    assert cook(1, server, handler, tmp_path)[0] == THINGS


def test_cookbook_offset_and_limit(server: ApiServer, tmp_path: Path) -> None:
    def handle(request: Request) -> Reply:
        start = request.number("offset", 0)
        page = THINGS[start : start + request.number("limit", 0)]
        return Reply({"data": page, "meta": {"total": len(THINGS)}})

    assert cook(2, server, requiring(handle, authorization=basic("reader", SECRET)), tmp_path)[0] == THINGS


def test_cookbook_numbered_pages(server: ApiServer, tmp_path: Path) -> None:
    def handle(request: Request) -> Reply:
        if request.params.get("key") != SECRET:
            return Reply({}, 401)
        size = request.number("_limit", 10)
        start = (request.number("_page", 1) - 1) * size
        return Reply(THINGS[start : start + size], headers={"X-Total-Count": str(len(THINGS))})

    assert cook(3, server, handle, tmp_path)[0] == THINGS


def test_cookbook_cursor(server: ApiServer, tmp_path: Path) -> None:
    def handle(request: Request) -> Reply:
        start = int(request.params.get("cursor", "at:0").partition(":")[2])
        end = start + request.number("limit", 10)
        following = f"at:{end}" if end < len(THINGS) else ""
        page = {"ok": True, "channels": THINGS[start:end], "response_metadata": {"next_cursor": following}}
        return Reply(page)

    assert cook(4, server, requiring(handle, **BEARER), tmp_path)[0] == THINGS


def test_cookbook_last_id(server: ApiServer, tmp_path: Path) -> None:
    def handle(request: Request) -> Reply:
        start = request.number("starting_after", 0)
        end = start + request.number("limit", 10)
        page = [thing | {"tags": []} for thing in THINGS[start:end]]
        return Reply({"object": "list", "data": page, "has_more": end < len(THINGS)})

    rows, _ = cook(5, server, requiring(handle, authorization=basic("key", SECRET)), tmp_path)
    assert rows == [thing | {"tags": "[]"} for thing in THINGS]


def test_cookbook_link_header(server: ApiServer, tmp_path: Path) -> None:
    issues = [{"id": n, "updated_at": f"2026-01-{n:02}T12:00:00Z"} for n in range(1, 29)]

    def handle(request: Request) -> Reply:
        new = [issue for issue in issues if str(issue["updated_at"]) >= request.params["since"]]
        page, size = request.number("page", 1), request.number("per_page", 30)
        query = "&".join(f"{name}={value}" for name, value in request.params.items() if name != "page")
        more = f'<{server.url}{request.path}?{query}&page={page + 1}>; rel="next"'
        return Reply(new[(page - 1) * size : page * size], headers={"Link": more} if page * size < len(new) else {})

    rows, lake = cook(6, server, requiring(handle, **BEARER, x_api_version="2022-11-28"), tmp_path)
    assert [row["id"] for row in rows] == list(range(10, 29))
    issues.append({"id": 29, "updated_at": "2026-01-28T12:00:00Z"})
    assert [row["id"] for row in lake.load(recipes()[6].job())] == list(range(10, 30))
    assert all(request.params["state"] == "all" for request in server.requests)


def test_cookbook_next_address(server: ApiServer, tmp_path: Path) -> None:
    def token(request: Request) -> Reply:
        wanted = {"client_id": "lake", "client_secret": SECRET, "scope": "orders.read"}
        return Reply({"access_token": "t0ken"}) if wanted.items() <= request.body.items() else Reply({}, 400)

    def handle(request: Request) -> Reply:
        start = request.number("$skip", 0)
        more = {"@odata.nextLink": f"{server.url}{request.path}?$skip={start + 50}"} if start + 50 < 120 else {}
        return Reply({"@odata.context": "…", "value": THINGS[start : start + 50], **more})

    server.endpoints["/oauth/token"] = token
    assert cook(7, server, requiring(handle, authorization="Bearer t0ken"), tmp_path)[0] == THINGS


def test_cookbook_search_by_post(server: ApiServer, tmp_path: Path) -> None:
    contacts = [{"id": n, "changed_ms": 1767225600000 + n} for n in range(-10, 50)]

    def handle(request: Request) -> Reply:
        asked = request.body
        assert (request.method, asked["sort"], asked["filter"]["status"]) == ("POST", "changed_ms", "active")
        new = [one for one in contacts if one["changed_ms"] >= int(asked["filter"]["changed_from"])]
        start = asked["page"]["from"]
        return Reply({"hits": new[start : start + asked["page"]["size"]]})

    rows, lake = cook(8, server, requiring(handle, **BEARER), tmp_path)
    assert sorted(row["id"] for row in rows) == list(range(50))
    assert lake.watermark == "1767225600049"
