"""The fourteen APIs of docs/rest.md: each recipe, run as it is against a server that behaves like that API.

Each server follows the API's public documentation in what the recipe relies on: names, parameters, sign-in, the way of
paging and its end, and what it refuses. INCREMENTAL recipes are loaded twice, with a new row and an updated one
between.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.api_server import ApiServer, Reply, Request, basic
from tests.integration.rest.conftest import Lake
from tests.integration.rest.recipes import SECRET, recipes

START = datetime(2026, 1, 1, 8, tzinfo=UTC)
BEARER = f"Bearer {SECRET}"
TOKEN = "t0ken"


def moment(number: int) -> datetime:
    return START + timedelta(hours=number)


def z(number: int) -> str:
    return moment(number).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Service:
    """An API: its rows, by number, and its own way of giving them."""

    numbers: list[int] = field(default_factory=lambda: list(range(1, 121)))

    def since(self, start: datetime) -> list[int]:
        return [number for number in self.numbers if moment(number) >= start]


Answer = Callable[[Service, Request], Reply]


def needs(request: Request, **headers: str) -> Reply | None:
    """A refusal unless the request has these headers."""
    for name, value in headers.items():
        if request.headers.get(name.replace("_", "-").title()) != value:
            return Reply({"message": f"{name} is missing"}, 401)
    return None


def parsed(text: str, pattern: str = "%Y-%m-%dT%H:%M:%SZ") -> datetime:
    return datetime.strptime(text, pattern).replace(tzinfo=UTC)


def github(service: Service, request: Request) -> Reply:
    if refused := needs(request, authorization=BEARER, x_github_api_version="2022-11-28"):
        return refused
    new = service.since(parsed(request.params["since"])) if "since" in request.params else service.numbers
    page, size = request.number("page", 1), min(request.number("per_page", 30), 100)
    rows = [{"id": n, "updated_at": z(n), "labels": [{"name": "bug"}]} for n in new[(page - 1) * size : page * size]]
    query = "&".join(f"{name}={value}" for name, value in request.params.items() if name != "page")
    more = {"Link": f'<{request.path}?{query}&page={page + 1}>; rel="next"'} if page * size < len(new) else {}
    return Reply(rows, headers=more)


def hubspot(service: Service, request: Request) -> Reply:
    if refused := needs(request, authorization=BEARER):
        return refused
    (condition,) = request.body["filterGroups"][0]["filters"]
    assert (condition["propertyName"], condition["operator"]) == ("lastmodifieddate", "GTE")
    new = service.since(datetime.fromtimestamp(int(condition["value"]) / 1000, UTC))
    at, size = int(request.body.get("after", 0)), request.body["limit"]
    rows = [{"id": n, "updatedAt": z(n), "properties": {"email": f"{n}@x.com"}} for n in new[at : at + size]]
    paging = {"paging": {"next": {"after": str(at + size)}}} if at + size < len(new) else {}
    return Reply({"total": len(new), "results": rows, **paging})


def jira(service: Service, request: Request) -> Reply:
    if refused := needs(request, authorization=basic("reader@example.com", SECRET)):
        return refused
    found = re.fullmatch(r'updated >= "(.+)" order by updated', request.params["jql"])
    assert found, request.params
    new = service.since(parsed(found[1], "%Y-%m-%d %H:%M"))
    at, size = int(request.params.get("nextPageToken", 0)), request.number("maxResults", 50)
    stamps = {n: moment(n).strftime("%Y-%m-%dT%H:%M:%S.000+0000") for n in new}
    rows = [{"id": n, "fields": {"updated": stamps[n]}} for n in new[at : at + size]]
    last = at + size >= len(new)
    return Reply({"issues": rows, "isLast": last, **({} if last else {"nextPageToken": str(at + size)})})


def salesforce(service: Service, request: Request) -> Reply:
    if refused := needs(request, authorization=f"Bearer {TOKEN}"):
        return Reply([{"message": "expired", "errorCode": "INVALID_SESSION_ID"}], refused.status)
    cursor = re.fullmatch(r"/services/data/v60.0/query/01g(\d+)-(\d+)", request.path)
    if cursor:
        start, at = datetime.fromtimestamp(int(cursor[1]), UTC), int(cursor[2])
    else:
        found = re.search(r"SystemModstamp >= (\S+) ORDER BY SystemModstamp", request.params["q"])
        assert found, request.params
        start, at = parsed(found[1]), 0
    new = service.since(start)
    rows = [
        {"attributes": {"type": "Account"}, "Id": n, "SystemModstamp": moment(n).strftime("%Y-%m-%dT%H:%M:%S.000+0000")}
        for n in new[at : at + 50]
    ]
    done = at + 50 >= len(new)
    following = f"/services/data/v60.0/query/01g{int(start.timestamp())}-{at + 50}"
    more = {} if done else {"nextRecordsUrl": following}
    return Reply({"totalSize": len(new), "done": done, "records": rows, **more})


def shopify(service: Service, request: Request) -> Reply:
    if refused := needs(request, x_shopify_access_token=SECRET):
        return refused
    if "page_info" in request.params:
        if request.params.keys() - {"page_info", "limit"}:
            return Reply({"errors": {"page_info": "no other parameter may be given"}}, 400)
        start, at = (int(part) for part in request.params["page_info"].split("x"))
    else:
        start, at = int(datetime.fromisoformat(request.params["updated_at_min"]).timestamp()), 0
    new, size = service.since(datetime.fromtimestamp(start, UTC)), request.number("limit", 50)
    rows = [{"id": n, "updated_at": moment(n).isoformat(), "line_items": []} for n in new[at : at + size]]
    link = f'<{request.path}?limit={size}&page_info={start}x{at + size}>; rel="next"'
    return Reply({"orders": rows}, headers={"Link": link} if at + size < len(new) else {})


def zendesk(service: Service, request: Request) -> Reply:
    if refused := needs(request, authorization=basic("reader@example.com/token", SECRET)):
        return refused
    if "cursor" in request.params:
        start, at = (int(part) for part in request.params["cursor"].split("x"))
    else:
        start, at = request.number("start_time", 0), 0
    new = service.since(datetime.fromtimestamp(start, UTC))
    rows = [{"id": n, "updated_at": z(n), "tags": []} for n in new[at : at + 50]]
    cursor = f"{start}x{at + len(rows)}"
    ended = at + 50 >= len(new)
    return Reply(
        {
            "tickets": rows,
            "after_cursor": cursor,
            "after_url": f"{request.path}?cursor={cursor}",
            "end_of_stream": ended,
        }
    )


def dynamics(service: Service, request: Request) -> Reply:
    if refused := needs(request, authorization=f"Bearer {TOKEN}"):
        return refused
    size = int(request.headers["Prefer"].partition("=")[2])
    at = request.number("$skiptoken", 0)
    found = re.fullmatch(r"modifiedon ge (\S+)", request.params["$filter"])
    assert found, request.params
    new = service.since(parsed(found[1]))
    rows = [{"@odata.etag": 'W/"1"', "id": n, "modifiedon": z(n)} for n in new[at : at + size]]
    following = f"{request.path}?$filter=modifiedon%20ge%20{found[1]}&$skiptoken={at + size}"
    more = {"@odata.nextLink": following} if at + size < len(new) else {}
    return Reply({"@odata.context": "…", "value": rows, **more})


def servicenow(service: Service, request: Request) -> Reply:
    if refused := needs(request, authorization=basic("reader", SECRET)):
        return refused
    found = re.match(r"sys_updated_on>=([^^]+)\^ORDERBYsys_updated_on\^ORDERBYsys_id$", request.params["sysparm_query"])
    assert found, request.params
    new = service.since(parsed(found[1], "%Y-%m-%d %H:%M:%S"))
    at, size = request.number("sysparm_offset", 0), request.number("sysparm_limit", 10)
    rows = [{"sys_id": f"{n:04}", "id": n, "sys_updated_on": z(n)[:-1].replace("T", " ")} for n in new[at : at + size]]
    return Reply({"result": rows}, headers={"X-Total-Count": str(len(new))})


def elasticsearch(service: Service, request: Request) -> Reply:
    if refused := needs(request, authorization=f"ApiKey {SECRET}"):
        return refused
    (after,) = request.body["search_after"]
    new = [n for n in service.numbers if n > after][: request.body["size"]]
    hits = [{"_index": "logs", "_id": str(n), "_source": {"id": n}, "sort": [n]} for n in new]
    total = {"value": len(service.numbers), "relation": "eq"}
    return Reply({"took": 1, "timed_out": False, "_shards": {"failed": 0}, "hits": {"total": total, "hits": hits}})


def postgrest(service: Service, request: Request) -> Reply:
    if refused := needs(request, authorization=BEARER, apikey=SECRET, prefer="count=exact"):
        return refused
    at, size = request.number("offset", 0), request.number("limit", 1000)
    rows = [{"id": n} for n in service.numbers[at : at + size]]
    count = len(service.numbers)
    if at > count:
        return Reply({"code": "PGRST103", "message": "Requested range not satisfiable"}, 416)
    span = f"{at}-{at + len(rows) - 1}/{count}" if rows else f"*/{count}"
    return Reply(rows, 206 if len(rows) < count else 200, {"Content-Range": span})


def fhir(service: Service, request: Request) -> Reply:
    if refused := needs(request, authorization=BEARER, accept="application/fhir+json"):
        return refused
    start, at, size = request.params["_lastUpdated"], request.number("_getpagesoffset", 0), request.number("_count", 20)
    assert start.startswith("ge")
    new = service.since(parsed(start[2:]))
    link = [{"relation": "self", "url": request.path}]
    if at + size < len(new):
        url = f"{request.path}?_lastUpdated={start}&_count={size}&_getpagesoffset={at + size}"
        link.append({"relation": "next", "url": url})
    rows = [{"resourceType": "Patient", "id": n, "meta": {"lastUpdated": z(n)}} for n in new[at : at + size]]
    entry = {"entry": [{"fullUrl": f"Patient/{row['id']}", "resource": row} for row in rows]} if rows else {}
    return Reply({"resourceType": "Bundle", "id": "b1", "type": "searchset", "link": link, **entry})


def notion(service: Service, request: Request) -> Reply:
    if refused := needs(request, authorization=BEARER, notion_version="2022-06-28"):
        return refused
    at, size = int(request.body.get("start_cursor", "p0")[1:]), request.body["page_size"]
    rows = [{"object": "page", "id": n, "properties": {"Name": {"title": []}}} for n in service.numbers[at : at + size]]
    more = at + size < len(service.numbers)
    cursor = f"p{at + size}" if more else None
    return Reply({"object": "list", "results": rows, "next_cursor": cursor, "has_more": more})


def stripe(service: Service, request: Request) -> Reply:
    if refused := needs(request, authorization=basic(SECRET, SECRET)):
        return refused
    oldest = datetime.fromtimestamp(request.number("created[gte]", 0), UTC)
    newest_first = list(reversed(service.since(oldest)))
    after = request.params.get("starting_after")
    start = newest_first.index(int(after.removeprefix("ch_"))) + 1 if after else 0
    size = request.number("limit", 10)
    rows = [
        {"id": f"ch_{n}", "number": n, "created": int(moment(n).timestamp())}
        for n in newest_first[start : start + size]
    ]
    return Reply({"object": "list", "data": rows, "has_more": start + size < len(newest_first)})


def xero(service: Service, request: Request) -> Reply:
    if refused := needs(request, authorization=f"Bearer {TOKEN}", xero_tenant_id="acme"):
        return refused
    new = service.since(parsed(request.headers["If-Modified-Since"], "%Y-%m-%dT%H:%M:%S"))
    page, size = request.number("page", 1), request.number("pageSize", 100)
    rows = [
        {"InvoiceID": f"i{n}", "id": n, "UpdatedDateUTC": f"/Date({int(moment(n).timestamp() * 1000)}+0000)/"}
        for n in new[(page - 1) * size : page * size]
    ]
    return Reply({"Id": "r1", "Status": "OK", "Invoices": rows})


def oauth(request: Request) -> Reply:
    """A token endpoint; Xero's wants the client by HTTP Basic."""
    by_basic = request.headers.get("Authorization") == "Basic " + base64.b64encode(f"lake:{SECRET}".encode()).decode()
    in_form = {"client_id": "lake", "client_secret": SECRET}.items() <= request.body.items()
    good = by_basic if request.path == "/connect/token" else in_form
    answer = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 1800}
    return Reply(answer) if good else Reply({"error": "invalid_client"}, 401)


APIS: dict[int, tuple[str, Answer, Callable[[dict[str, Any]], int]]] = {
    9: ("GitHub", github, lambda row: row["id"]),
    10: ("HubSpot", hubspot, lambda row: row["id"]),
    11: ("Jira", jira, lambda row: row["id"]),
    12: ("Salesforce", salesforce, lambda row: row["Id"]),
    13: ("Shopify", shopify, lambda row: row["id"]),
    14: ("Zendesk", zendesk, lambda row: row["id"]),
    15: ("Dynamics", dynamics, lambda row: row["id"]),
    16: ("ServiceNow", servicenow, lambda row: row["id"]),
    17: ("Elasticsearch", elasticsearch, lambda row: row["id"]),
    18: ("PostgREST", postgrest, lambda row: row["id"]),
    19: ("FHIR", fhir, lambda row: row["id"]),
    20: ("Notion", notion, lambda row: row["id"]),
    21: ("Stripe", stripe, lambda row: row["number"]),
    22: ("Xero", xero, lambda row: row["id"]),
}


@pytest.mark.parametrize("number", APIS, ids=[name for name, *_ in APIS.values()])
def test_a_recipe_loads_every_row_and_then_what_is_new(server: ApiServer, tmp_path: Path, number: int) -> None:
    _, answer, identity = APIS[number]
    recipe, service = recipes()[number], Service()
    job = recipe.job()
    path = f"/{str(job.api_endpoint).lstrip('/')}"
    queries = [f"{path}/01g{int(moment(n).timestamp())}-{at}" for n in (-8, 0, 120, 121) for at in (50, 100)]
    server.endpoints |= dict.fromkeys([path, *queries], lambda request: answer(service, request))
    for token_path in ("/services/oauth2/token", "/tenant/oauth2/v2.0/token", "/connect/token"):
        server.endpoints[token_path] = oauth
    server.requests.clear()
    lake = Lake(tmp_path, recipe.secret(server.url))
    assert [identity(row) for row in sorted(lake.load(job), key=identity)] == list(range(1, 121))
    assert len(server.asked(path)) + len([one for one in server.requests if one.path.startswith(f"{path}/01g")]) >= 2
    service.numbers.append(121)
    if job.load_type.value == "INCREMENTAL":
        server.requests.clear()
        assert [identity(row) for row in sorted(lake.load(job), key=identity)] == list(range(1, 122))
        assert len([request for request in server.requests if "token" not in request.path]) <= 3, "only what is new"
