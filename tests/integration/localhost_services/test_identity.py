"""The identity endpoint, asked by the unmodified ManagedIdentityCredential."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ManagedIdentityCredential

from localhost.services.identity import API_VERSION, IdentityEndpoint

STORAGE = "https://storage.azure.com"


@pytest.fixture
def identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[IdentityEndpoint]:
    with IdentityEndpoint(tmp_path) as endpoint:
        monkeypatch.setenv("IDENTITY_ENDPOINT", endpoint.url)
        monkeypatch.setenv("IDENTITY_HEADER", endpoint.header)
        yield endpoint


def test_a_token_names_the_resource_the_issuer_and_its_times(identity: IdentityEndpoint) -> None:
    identity.token_lifetime = 3600
    token = ManagedIdentityCredential().get_token(f"{STORAGE}/.default")
    claims = identity.verify(token.token, STORAGE)
    assert claims["iss"] == f"https://sts.windows.net/{identity.tenant_id}/"
    assert claims["exp"] - claims["nbf"] == 3600
    assert token.expires_on == pytest.approx(claims["exp"], abs=2)


def test_requests_are_counted_by_resource_and_the_credential_caches_its_token(identity: IdentityEndpoint) -> None:
    credential = ManagedIdentityCredential()
    for _ in range(3):
        credential.get_token(f"{STORAGE}/.default")
    credential.get_token("https://vault.azure.net/.default")
    assert identity.requests == {STORAGE: 1, "https://vault.azure.net": 1}


def test_a_user_assigned_identity_is_named_in_its_token(identity: IdentityEndpoint) -> None:
    token = ManagedIdentityCredential(client_id="a-client").get_token(f"{STORAGE}/.default").token
    assert identity.verify(token, STORAGE)["appid"] == "a-client"


def test_an_identity_named_by_its_resource_id_gets_a_token(identity: IdentityEndpoint) -> None:
    credential = ManagedIdentityCredential(identity_config={"mi_res_id": "/subscriptions/s/an-identity"})
    assert identity.verify(credential.get_token(f"{STORAGE}/.default").token, STORAGE)


def test_a_wrong_header_gets_no_token(identity: IdentityEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    with pytest.raises(ClientAuthenticationError, match="X-IDENTITY-HEADER"):
        ManagedIdentityCredential().get_token(f"{STORAGE}/.default")
    assert not identity.requests


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"resource": STORAGE}, "api-version"),
        ({"resource": STORAGE, "api-version": "2017-09-01"}, "api-version"),
        ({"api-version": API_VERSION}, "resource"),
    ],
)
def test_an_incomplete_request_is_refused(identity: IdentityEndpoint, parameters: dict[str, str], message: str) -> None:
    headers = {"X-IDENTITY-HEADER": identity.header}
    response = requests.get(identity.url, params=parameters, headers=headers, timeout=10)
    assert response.status_code == 400
    assert message in response.json()["message"]


def test_tokens_url_and_header_stay_valid_when_the_endpoint_starts_again(identity: IdentityEndpoint) -> None:
    token, url, header = identity.issue(STORAGE)[0], identity.url, identity.header
    identity.stop()
    with IdentityEndpoint(identity.folder) as again:
        assert (again.url, again.header) == (url, header)
        assert again.verify(token, STORAGE)


def test_an_expired_token_and_one_of_another_endpoint_are_not_valid(identity: IdentityEndpoint, tmp_path: Path) -> None:
    identity.token_lifetime = -1
    expired, expires_on = identity.issue(STORAGE)
    assert expires_on < time.time()
    with pytest.raises(jwt.ExpiredSignatureError):
        identity.verify(expired, STORAGE)
    foreign, _ = IdentityEndpoint(tmp_path / "other").issue(STORAGE)
    with pytest.raises(jwt.InvalidSignatureError):
        identity.verify(foreign, STORAGE)
