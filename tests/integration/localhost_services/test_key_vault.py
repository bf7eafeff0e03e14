"""The vault, used by the unmodified SecretClient through managed identity, its challenge verified."""

from __future__ import annotations

import pytest
import requests
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from localhost.services import LocalServices
from localhost.services.key_vault import KeyVault
from tests.conftest import unique_name
from tests.integration.localhost_services.test_azurite import FixedToken

pytestmark = pytest.mark.usefixtures("environment")


@pytest.fixture
def client(services: LocalServices) -> SecretClient:
    return SecretClient(services.key_vault.url, ManagedIdentityCredential())


def test_a_secret_set_on_the_service_is_read_by_the_client_and_counted(
    services: LocalServices, client: SecretClient
) -> None:
    name = unique_name()
    services.key_vault.set_secret(name, '{"password": "pässword"}')
    assert client.get_secret(name).value == '{"password": "pässword"}'
    assert services.key_vault.reads[name] == 1


def test_the_newest_version_is_read_unless_another_one_is_named(client: SecretClient) -> None:
    name = unique_name()
    first = client.set_secret(name, "old", content_type="text/plain", tags={"owner": "us"})
    client.set_secret(name, "new")
    assert client.get_secret(name).value == "new"
    old = client.get_secret(name, first.properties.version)
    assert (old.value, old.properties.content_type, old.properties.tags) == ("old", "text/plain", {"owner": "us"})
    versions = {properties.version for properties in client.list_properties_of_secret_versions(name)}
    assert len(versions) == 2
    assert first.properties.version in versions


def test_a_missing_secret_or_version_is_a_404_with_the_real_code(client: SecretClient) -> None:
    with pytest.raises(ResourceNotFoundError) as caught:
        client.get_secret("missing")
    assert caught.value.error is not None
    assert caught.value.error.code == "SecretNotFound"
    name = unique_name()
    client.set_secret(name, "value")
    with pytest.raises(ResourceNotFoundError):
        client.get_secret(name, "0" * 32)


def test_a_disabled_secret_is_forbidden(client: SecretClient) -> None:
    name = unique_name()
    version = client.set_secret(name, "value").properties.version
    client.update_secret_properties(name, version, enabled=False)
    with pytest.raises(HttpResponseError, match="disabled secret") as caught:
        client.get_secret(name)
    assert caught.value.status_code == 403


def test_a_listing_spans_pages_and_shows_no_value(client: SecretClient) -> None:
    prefix = unique_name()
    for number in range(30):
        client.set_secret(f"{prefix}-{number}", "value")
    names = [str(properties.name) for properties in client.list_properties_of_secrets()]
    assert sum(name.startswith(prefix) for name in names) == 30
    assert len(set(names)) == len(names)


def test_a_deleted_secret_is_gone_but_keeps_its_name(client: SecretClient) -> None:
    name = unique_name()
    client.set_secret(name, "value")
    assert client.begin_delete_secret(name).result().name == name
    with pytest.raises(ResourceNotFoundError):
        client.get_secret(name)
    assert client.get_deleted_secret(name).scheduled_purge_date is not None
    with pytest.raises(ResourceExistsError, match="deleted but recoverable"):
        client.set_secret(name, "again")


def test_a_token_for_another_service_is_refused(services: LocalServices) -> None:
    token = FixedToken(*services.identity.issue("https://storage.azure.com"))
    with pytest.raises(ClientAuthenticationError, match="AKV10022"):
        SecretClient(services.key_vault.url, token).get_secret("any")


def test_without_a_token_the_vault_answers_with_a_challenge(
    services: LocalServices, environment: dict[str, str]
) -> None:
    url = f"{services.key_vault.url}/secrets/any?api-version=7.5"
    response = requests.get(url, verify=environment["REQUESTS_CA_BUNDLE"], timeout=10)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == (
        f'Bearer authorization="https://login.microsoftonline.com/{services.identity.tenant_id}", '
        f'resource="{services.key_vault.resource}"'
    )


def test_a_request_without_api_version_is_refused(services: LocalServices, environment: dict[str, str]) -> None:
    token, _ = services.identity.issue(services.key_vault.resource)
    response = requests.get(
        f"{services.key_vault.url}/secrets/any",
        headers={"Authorization": f"Bearer {token}"},
        verify=environment["REQUESTS_CA_BUNDLE"],
        timeout=10,
    )
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "BadParameter"


def test_secrets_versions_and_address_are_there_after_a_restart(services: LocalServices, client: SecretClient) -> None:
    name = unique_name()
    first = client.set_secret(name, "old", tags={"owner": "us"}).properties.version
    client.set_secret(name, "new")
    vault = services.key_vault
    vault.stop()
    try:
        with KeyVault(vault.folder, services.certificates, services.identity) as again:
            assert again.url == client.vault_url
            assert client.get_secret(name).value == "new"
            assert client.get_secret(name, first).properties.tags == {"owner": "us"}
    finally:
        vault.start()
