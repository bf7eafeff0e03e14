"""How requests prove who sends them, which addresses they never reach, and that no secret is said."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from localhost.services import LocalServices
from shared import identity, settings
from shared.errors.hierarchy import ConfigurationError, IngestionError, SourceError
from tests.api_server import ApiServer, Reply, Request, at_once, basic, requiring
from tests.integration.rest.conftest import Lake, api_job

ROWS = [{"id": 1}, {"id": 2}]
SECRET = "s3cr3t/with+signs"

Login = Callable[..., Lake]


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({"auth": "basic", "username": "ada", "password": SECRET}, {"authorization": basic("ada", SECRET)}),
        ({"auth": "bearer", "token": SECRET}, {"authorization": f"Bearer {SECRET}"}),
        ({"auth": "api_key", "api_key": SECRET}, {"x_api_key": SECRET}),
        ({"auth": "api_key", "api_key": SECRET, "api_key_name": "Key"}, {"key": SECRET}),
        (
            {"auth": "api_key", "api_key": SECRET, "api_key_name": "session", "api_key_in": "cookie"},
            {"cookie": f"session={SECRET}"},
        ),
        ({"headers": {"X-Tenant": SECRET}}, {"x_tenant": SECRET}),
    ],
    ids=["basic", "bearer", "api key", "named api key", "cookie", "headers"],
)
def test_the_secret_signs_in(
    server: ApiServer, signed_in: Login, fields: dict[str, Any], headers: dict[str, str]
) -> None:
    server.endpoints["/mine"] = requiring(at_once(ROWS), **headers)
    assert signed_in(**fields).load(api_job("/mine")) == ROWS
    with pytest.raises(SourceError, match="401"):
        signed_in().load(api_job("/mine"))


def test_an_api_key_may_be_in_the_address_also_where_links_repeat_it(server: ApiServer, signed_in: Login) -> None:
    def handle(request: Request) -> Reply:
        if request.params.get("key") != SECRET:
            return Reply({}, 401)
        more = {"Link": f"<{request.path}?page=2&key=stale>; rel=next"} if "page" not in request.params else {}
        return Reply([{"id": len(more)}], headers=more)

    server.endpoints["/keyed"] = handle
    lake = signed_in(auth="api_key", api_key=SECRET, api_key_name="key", api_key_in="query")
    assert lake.load(api_job("/keyed", pagination_type="link_header")) == [{"id": 0}, {"id": 1}]


def token_server(server: ApiServer, good: list[str]) -> dict[str, str]:
    """A token endpoint that gives the last of `good`; the fields of a secret that uses it."""

    def handle(request: Request) -> Reply:
        expected = {"grant_type": "client_credentials", "client_id": "app", "client_secret": SECRET, "scope": "read"}
        if request.body != expected:
            return Reply({"error": "invalid_client"}, 400)
        return Reply({"access_token": good[-1], "expires_in": 3600})

    server.endpoints["/token"] = handle
    return {
        "auth": "oauth2",
        "token_url": f"{server.url}/token",
        "client_id": "app",
        "client_secret": SECRET,
        "scope": "read",
    }


def test_a_token_that_is_refused_is_renewed_once_for_all_threads(server: ApiServer, signed_in: Login) -> None:
    good = ["first"]
    fields = token_server(server, good)

    def handle(request: Request) -> Reply:
        page = request.number("page", 1)
        if page == 3 and len(good) == 1:
            good.append("second")  # from now on the first is worth nothing
        if request.headers.get("Authorization") != f"Bearer {good[-1]}":
            return Reply({}, 401)
        return Reply([{"id": page}] if page < 9 else [])

    server.endpoints["/renewed"] = handle
    server.requests.clear()
    rows = signed_in(**fields).load(api_job("/renewed", pagination_type="page", parallelism=3))
    assert [row["id"] for row in rows] == list(range(1, 9))
    assert len(server.asked("/token")) == 2


def test_a_renewed_token_that_is_refused_again_is_an_error(server: ApiServer, signed_in: Login) -> None:
    server.endpoints["/refused"] = lambda _: Reply({}, 401)
    server.requests.clear()
    with pytest.raises(SourceError, match="status 401; check how the secret signs in"):
        signed_in(**token_server(server, ["token"])).load(api_job("/refused"))
    assert (len(server.asked("/token")), len(server.asked("/refused"))) == (2, 2)


def test_a_refused_client_is_named_without_its_secret(server: ApiServer, signed_in: Login) -> None:
    fields = token_server(server, ["token"]) | {"scope": "write"}
    with pytest.raises(SourceError, match=r"gave no token .*400.*; check client_id") as raised:
        signed_in(**fields).load(api_job("/any"))
    assert SECRET not in str(raised.value)


def test_a_managed_identity_signs_in(
    server: ApiServer, signed_in: Login, services: LocalServices, environment: dict[str, str]
) -> None:
    def handle(request: Request) -> Reply:
        return Reply(ROWS) if request.headers.get("Authorization", "").startswith("Bearer ey") else Reply({}, 401)

    server.endpoints["/identity"] = handle
    identity.credential.cache_clear()
    lake = signed_in(auth="managed_identity", scope="https://api.example.com/.default")
    assert lake.load(api_job("/identity")) == ROWS
    identity.credential.cache_clear()


def test_the_identity_endpoint_is_never_asked(
    server: ApiServer, signed_in: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.url}/msi/token")
    server.requests.clear()
    with pytest.raises(SourceError, match="is the app's identity endpoint, which no API job may ask"):
        signed_in().load(api_job("/msi/token"))
    assert server.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]"])
def test_this_machine_is_refused_by_any_of_its_names(
    server: ApiServer, signed_in: Login, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("API_PRIVATE_HOSTS", "")
    settings.settings.cache_clear()
    port = server.host.partition(":")[2]
    server.requests.clear()
    with pytest.raises(SourceError, match=r"which API jobs may not ask.*API_PRIVATE_HOSTS"):
        signed_in(base_url=f"http://{host}:{port}").load(api_job("/things"))
    assert server.requests == []


@pytest.mark.parametrize("host", ["169.254.169.254", "168.63.129.16", "[fd00:ec2::254]", "[fe80::1]", "0.0.0.0"])
def test_metadata_addresses_are_refused_without_asking(signed_in: Login, host: str) -> None:
    with pytest.raises(SourceError, match="a loopback, link-local or metadata address"):
        signed_in(base_url=f"http://{host}").load(api_job("/metadata/identity/oauth2/token"))


@pytest.mark.parametrize("fault", ["status", "html", "reset", "redirect", "loop"])
def test_no_secret_is_said_when_something_fails(
    server: ApiServer, signed_in: Login, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    replies = {
        "status": Reply({"you sent": "something"}, 500),
        "html": Reply(b"<html>", headers={"Content-Type": "text/html"}),
        "reset": Reply(reset=True),
        "redirect": Reply(status=302, headers={"Location": "http://other.example/?key=" + SECRET}),
        "loop": Reply({"data": [{"id": 1}], "next": "/leaky"}),
    }
    server.endpoints["/leaky"] = lambda _: replies[fault]
    caplog.set_level(logging.DEBUG)
    lake = signed_in(auth="api_key", api_key=SECRET, api_key_name="sig", api_key_in="query")
    with pytest.raises(Exception) as raised:
        lake.load(api_job("/leaky", pagination_type="next_url" if fault == "loop" else "none"))
    said = f"{raised.value} {caplog.text}"
    assert SECRET not in said
    assert "s3cr3t%2Fwith%2Bsigns" not in said


@pytest.mark.parametrize("status", [200, 400])
def test_a_server_that_repeats_what_it_got_betrays_nothing(server: ApiServer, signed_in: Login, status: int) -> None:
    said: list[str] = []

    def handle(request: Request) -> Reply:
        credentials = request.headers["Authorization"].rpartition(" ")[2] + request.headers["X-Tenant"]
        said.append(credentials)
        return Reply(
            {"error": "x" * (175 if status == 400 else 184) + credentials}, status
        )  # the sentence ends within it

    server.endpoints["/token/lasting"] = lambda _: Reply({"access_token": "t0ken0fAnHour", "expires_in": "an hour"})
    server.endpoints["/echo"] = handle
    fields = {"token_url": f"{server.url}/token/lasting", "client_id": "app", "client_secret": SECRET}
    lake = signed_in(auth="oauth2", headers={"X-Tenant": SECRET}, **fields)
    with pytest.raises(SourceError, match="xxx") as raised:
        lake.load(api_job("/echo"))
    assert said == [f"t0ken0fAnHour{SECRET}"]
    assert "t0ken" not in str(raised.value)
    assert "s3cr3t" not in str(raised.value)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"auth": "basic"}, "auth basic needs username, password"),
        ({"auth": "oauth2", "client_id": "a"}, "auth oauth2 needs token_url, client_secret"),
        ({"base_url": "api.example.com"}, "base_url: .*must be an address like"),
        ({"base_url": "https://user:pass@api.example.com"}, "must hold neither a user nor parameters"),
        ({"tokn": SECRET}, "tokn: Extra inputs are not permitted. Fields: base_url"),
        ({"auth": "bearer", "token": f"{SECRET}…"}, "a header with characters that none may hold"),
        ({"auth": "bearer", "token": f"{SECRET}\n"}, "a header with characters that none may hold"),
        ({"ca_bundle": "/nowhere.pem"}, "neither PEM text nor the path of a PEM file"),
    ],
)
def test_a_wrong_secret_is_said_without_its_values(signed_in: Login, fields: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as raised:
        signed_in(**fields).load(api_job("/things"))
    assert SECRET not in str(raised.value)
    assert "user:pass" not in str(raised.value)


def test_the_secrets_certificates_are_trusted_and_others_are_not(signed_in: Login) -> None:
    authority = trustme.CA()
    with ApiServer(authority.issue_cert("127.0.0.1")) as secure:
        secure.endpoints["/things"] = at_once(ROWS)
        pem = authority.cert_pem.bytes().decode()
        assert signed_in(base_url=secure.url, ca_bundle=pem).load(api_job("/things")) == ROWS
        with pytest.raises(SourceError, match="a certificate that is not trusted; give ca_bundle"):
            signed_in(base_url=secure.url).load(api_job("/things"))


@pytest.mark.parametrize("form", ["text", "path"])
def test_a_client_shows_the_secrets_certificate_to_its_api_alone(signed_in: Login, tmp_path: Path, form: str) -> None:
    authority, clients = trustme.CA(), trustme.CA()
    client = clients.issue_cert("lake").private_key_and_cert_chain_pem.bytes().decode()
    if form == "path":
        (tmp_path / "client.pem").write_text(client)
    fields = {"ca_bundle": authority.cert_pem.bytes().decode()}
    with (
        ApiServer(authority.issue_cert("127.0.0.1"), clients) as secure,
        ApiServer(authority.issue_cert("127.0.0.1"), clients) as other,
    ):
        secure.endpoints["/things"] = at_once(ROWS)
        secure.endpoints["/moved"] = lambda _: Reply(b"", 302, {"Location": f"{other.url}/things"})
        other.endpoints["/things"] = at_once(ROWS)
        shown = client if form == "text" else str(tmp_path / "client.pem")
        lake = signed_in(base_url=secure.url, client_cert=shown, **fields)
        assert lake.load(api_job("/things")) == ROWS
        with pytest.raises(IngestionError):
            lake.load(api_job("/moved"))
        with pytest.raises(IngestionError):
            signed_in(base_url=secure.url, **fields).load(api_job("/things"))
        assert other.requests == []


def test_a_client_certificate_that_is_none_is_named(signed_in: Login) -> None:
    wrong = "-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----"
    with pytest.raises(ConfigurationError, match="has a client_cert that is neither PEM text") as raised:
        signed_in(base_url="https://127.0.0.1:1", client_cert=wrong).load(api_job("/things"))
    assert "c2VjcmV0" not in str(raised.value)


def test_requests_go_through_the_secrets_proxy(server: ApiServer, signed_in: Login) -> None:
    target = "http://api.example.invalid"
    server.endpoints["/proxied"] = at_once(ROWS)  # a proxy gets the whole address; the server reads its path
    assert signed_in(base_url=target, proxy=server.url).load(api_job("/proxied")) == ROWS
    assert server.asked("/proxied")[-1].headers["Host"] == "api.example.invalid"


def test_a_proxy_is_not_asked_for_an_address_that_no_api_has(server: ApiServer, signed_in: Login) -> None:
    server.endpoints["/metadata"] = at_once(ROWS)
    for host in ("169.254.169.254", "127.0.0.2"):
        with pytest.raises(SourceError, match=f"{host}.* a loopback, link-local or metadata address"):
            signed_in(base_url=f"http://{host}", proxy=server.url).load(api_job("/metadata"))
    assert server.asked("/metadata") == []


@pytest.mark.parametrize("token_auth", [None, "basic"])
@pytest.mark.parametrize("status", [200, 201])
def test_a_token_server_that_wants_basic_gets_it(
    server: ApiServer, signed_in: Login, token_auth: str | None, status: int
) -> None:
    def token(request: Request) -> Reply:
        good = request.headers.get("Authorization") == basic("lake", "hush")
        return (
            Reply({"access_token": "t", "expires_in": 600}, status) if good else Reply({"error": "invalid_client"}, 401)
        )

    server.endpoints["/basic"] = token
    server.endpoints["/with_t"] = requiring(at_once([{"id": 1}]), authorization="Bearer t")
    fields = {"auth": "oauth2", "token_url": f"{server.url}/basic", "client_id": "lake", "client_secret": "hush"}
    assert signed_in(**fields, token_auth=token_auth).load(api_job("/with_t")) == [{"id": 1}]


def test_a_token_is_asked_for_by_the_grant_and_fields_of_the_secret(server: ApiServer, signed_in: Login) -> None:
    wanted = {"grant_type": "refresh_token", "refresh_token": "r", "audience": "a", "client_id": "lake"}

    def token(request: Request) -> Reply:
        return Reply({"access_token": "t"}) if request.body == wanted else Reply({"error": "invalid_grant"}, 400)

    server.endpoints["/refreshed"] = token
    server.endpoints["/with_t"] = requiring(at_once([{"id": 1}]), authorization="Bearer t")
    params = {name: wanted[name] for name in ("grant_type", "refresh_token", "audience")}
    fields = {"auth": "oauth2", "token_url": f"{server.url}/refreshed", "client_id": "lake", "token_params": params}
    for token_auth in (None, "json"):
        assert signed_in(**fields, token_auth=token_auth).load(api_job("/with_t")) == [{"id": 1}]


def test_a_refresh_token_that_changes_with_each_use_is_kept_for_the_attempt(
    server: ApiServer, signed_in: Login
) -> None:
    known, good = ["r0"], ["none"]

    def token(request: Request) -> Reply:
        if request.body.get("refresh_token") != known[-1]:
            return Reply({"error": "invalid_grant"}, 400)
        known.append(f"r{len(known)}")
        good.append(f"t{len(good)}")
        return Reply({"access_token": good[-1], "refresh_token": known[-1]})

    def pages(request: Request) -> Reply:
        if request.headers.get("Authorization") != f"Bearer {good[-1]}":
            return Reply({}, 401)
        page = request.number("page", 1)
        if page == 2 and len(good) == 2:
            good.append("revoked")
            return Reply({}, 401)
        return Reply([{"id": page}] if page < 4 else [])

    server.endpoints["/rotating"] = token
    server.endpoints["/revoked"] = pages
    params = {"grant_type": "refresh_token", "refresh_token": "r0"}
    fields = {"auth": "oauth2", "token_url": f"{server.url}/rotating", "client_id": "lake", "token_params": params}
    lake = signed_in(**fields)
    assert lake.load(api_job("/revoked", pagination_type="page")) == [{"id": 1}, {"id": 2}, {"id": 3}]
    assert known == ["r0", "r1", "r2"]
