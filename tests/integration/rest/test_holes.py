"""What an API, its token server or the workbook could take that is not theirs, and does not get."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import pytest

from shared.errors.hierarchy import ConfigurationError, SourceError, TransientError
from shared.sources.rest.token import LARGEST_ANSWER
from tests.api_server import ApiServer, Reply, Request, at_once, basic
from tests.integration.rest.conftest import Lake, api_job

SECRET = "s3cr3t/with+signs"
ROWS = [{"id": 1}]

Login = Callable[..., Lake]


def oauth(server: ApiServer, handle: Callable[[Request], Reply]) -> dict[str, Any]:
    """The fields of a secret whose token server answers so."""
    server.endpoints["/token"] = handle
    return {"auth": "oauth2", "token_url": f"{server.url}/token", "client_id": "app", "client_secret": SECRET}


def test_the_token_server_gets_neither_the_secrets_headers_nor_those_of_the_workbook(
    server: ApiServer, signed_in: Login
) -> None:
    server.endpoints["/things"] = at_once(ROWS)
    fields = oauth(server, lambda _: Reply({"access_token": "t0ken"}))
    lake = signed_in(headers={"X-Tenant": "tenant"}, **fields)
    assert lake.load(api_job("/things", api_headers={"X-Trace": "trace"})) == ROWS
    asked, read = server.asked("/token")[-1], server.asked("/things")[-1]
    assert not {"X-Tenant", "X-Trace"} & asked.headers.keys()
    assert (read.headers["X-Tenant"], read.headers["X-Trace"]) == ("tenant", "trace")


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (
            lambda: gzip.compress(b'"' + b" " * 300_000_000),
            SourceError,
            "more than 256 KiB, too much for a token",
        ),
        (lambda: b"[" * LARGEST_ANSWER, TransientError, "its answer is not JSON"),
        (lambda: b'{"access_token": {"a": 1}}', SourceError, "gave no token"),
    ],
    ids=["a bomb", "a well", "no text"],
)
def test_the_answer_of_a_token_server_is_bounded(
    server: ApiServer, signed_in: Login, answer: Callable[[], bytes], error: type[Exception], says: str
) -> None:
    body = answer()
    headers = {"Content-Encoding": "gzip"} if body.startswith(b"\x1f\x8b") else {}
    fields = oauth(server, lambda _: Reply(body, headers=headers))
    with pytest.raises(error, match=says):
        signed_in(**fields).load(api_job("/things"))


@pytest.mark.parametrize("place", ["keys", "keys at a path", "total", "csv", "reason"])
@pytest.mark.parametrize("auth", ["basic", "oauth2"])
def test_what_an_api_repeats_of_its_request_is_quoted_without_secrets_controls_and_end(
    server: ApiServer, signed_in: Login, place: str, auth: str
) -> None:
    def handle(request: Request) -> Reply:
        echo = "\x1b[31m" + request.headers["Authorization"].rpartition(" ")[2] + "k" * 100_000
        if place == "csv":
            return Reply(f"{echo},{echo}\n1,2\n".encode(), headers={"Content-Type": "text/csv"})
        return Reply({"total": echo, "items": ROWS} if place == "total" else {echo: 1})

    server.endpoints["/echo"] = handle
    overrides: dict[str, Any] = {
        "keys": {"pagination_type": "page"},
        "keys at a path": {"api_data_path": "items"},
        "total": {"api_total_path": "total", "api_data_path": "items"},
        "csv": {"api_response_format": "csv"},
        "reason": {"api_cursor_path": "x", "api_data_path": "nothing"},
    }[place]
    fields: dict[str, Any] = {"auth": "basic", "username": "ada", "password": SECRET}
    if auth == "oauth2":
        fields = oauth(server, lambda _: Reply({"access_token": "t0ken-of-an-hour"}))
    with pytest.raises((SourceError, TransientError)) as raised:
        signed_in(**fields).load(api_job("/echo", **overrides))
    said = str(raised.value)
    assert basic("ada", SECRET).rpartition(" ")[2] not in said
    assert "t0ken" not in said
    assert "\x1b" not in said
    assert len(said) < 1500


@pytest.mark.parametrize(
    "path", ["/../admin", "a/..", "a/%2e%2E/b", "a/%252e%252e/b", "a/..;x=1/b", "a\\..\\b", "%2e."]
)
def test_an_endpoint_never_leaves_the_path_of_base_url(server: ApiServer, signed_in: Login, path: str) -> None:
    server.requests.clear()
    with pytest.raises(ConfigurationError, match=r"leaves the path of base_url by '\.\.'"):
        signed_in(base_url=f"{server.url}/v1/mine").load(api_job(path))
    assert server.requests == []


def test_dots_that_go_nowhere_stay(server: ApiServer, signed_in: Login) -> None:
    server.endpoints["/v1/a..b/c.json"] = at_once(ROWS)
    assert signed_in(base_url=f"{server.url}/v1").load(api_job("/a..b/c.json?up=../x")) == ROWS
