"""Secrets from a vault, read by the unmodified `SecretClient` with the managed identity."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from localhost.services import LocalServices
from shared.errors.hierarchy import ConfigurationError, SecretNotFoundError, TransientError
from shared.mask_key import mask_key_for
from shared.models.job import Source
from shared.secrets import (
    KeyVaultSecrets,
    Secret,
    connection_secret,
    destination_secret,
    forget_cached_secrets,
    source_secret,
)
from shared.settings import settings
from tests.builders import a_job
from tests.conftest import unique_name

pytestmark = pytest.mark.usefixtures("app_settings")


class Clock:
    """A clock that a test sets."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def vault(services: LocalServices, clock: Clock) -> KeyVaultSecrets:
    return KeyVaultSecrets(services.key_vault.url, cache_seconds=300, clock=clock)


def test_a_source_finds_its_secret_under_its_name_with_hyphens(services: LocalServices, vault: KeyVaultSecrets) -> None:
    name = unique_name()
    services.key_vault.set_secret(f"source-{name}-pg", json.dumps({"host": "db"}))
    assert dict(source_secret(f"{name}_pg", "PostgreSQL", (vault,))) == {"host": "db"}


def test_a_source_without_a_secret_of_its_own_takes_that_of_its_type(
    services: LocalServices, vault: KeyVaultSecrets
) -> None:
    source_type = unique_name()
    services.key_vault.set_secret(f"source-{source_type}", "postgresql://db/shop")
    assert dict(source_secret(unique_name(), source_type, (vault,))) == {"url": "postgresql://db/shop"}


def test_a_missing_secret_names_both_places_of_the_vault(services: LocalServices, vault: KeyVaultSecrets) -> None:
    name = unique_name()
    with pytest.raises(SecretNotFoundError) as missing:
        source_secret(name, "Nothing", (vault,))
    url = services.key_vault.url
    assert f"Key Vault {url} secret 'source-{name}'; Key Vault {url} secret 'source-Nothing'" in str(missing.value)


def test_a_secret_is_read_once_in_some_minutes(services: LocalServices, vault: KeyVaultSecrets, clock: Clock) -> None:
    name = unique_name()
    services.key_vault.set_secret(f"source-{name}", "old")
    assert [vault.get(name), vault.get(name)] == ["old", "old"]
    assert services.key_vault.reads[f"source-{name}"] == 1

    services.key_vault.set_secret(f"source-{name}", "rotated")
    clock.seconds = 299
    assert vault.get(name) == "old"
    clock.seconds = 301
    assert vault.get(name) == "rotated"


def test_a_secret_that_was_forgotten_is_read_again(services: LocalServices, vault: KeyVaultSecrets) -> None:
    name = unique_name()
    services.key_vault.set_secret(f"source-{name}", "old")
    assert vault.get(name) == "old"
    services.key_vault.set_secret(f"source-{name}", "rotated")
    vault.forget()
    assert vault.get(name) == "rotated"


def by_source(name: str) -> Secret:
    return connection_secret(Source(source_name=name), "PostgreSQL")


def by_secret_name(name: str) -> Secret:
    return connection_secret(Source(source_name="any", secret_name=f"source-{name}"), "PostgreSQL")


@pytest.mark.parametrize(
    ("prefix", "read"),
    [("source-", by_source), ("source-", by_secret_name), ("destination-", destination_secret)],
)
def test_every_connection_is_read_again_after_a_failed_job(
    services: LocalServices, prefix: str, read: Callable[[str], Secret]
) -> None:
    name = unique_name()
    for url in ("postgresql://db/old", "postgresql://db/rotated"):
        services.key_vault.set_secret(f"{prefix}{name}", url)
        assert dict(read(name)) == {"url": url}
        forget_cached_secrets()


def test_the_key_of_hashed_columns_is_read_again_after_a_failed_job(
    services: LocalServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = unique_name()
    monkeypatch.setenv("MASK_KEY", name)
    settings.cache_clear()
    job = a_job(masked_columns={"email": "hash"})
    for letter in ("a", "b"):
        services.key_vault.set_secret(f"mask-{name}", letter * 40)
        key = mask_key_for(job, Secret({}))
        assert key is not None
        assert key.text == letter * 40
        forget_cached_secrets()


def test_a_secret_that_was_missing_is_found_as_soon_as_it_is_there(
    services: LocalServices, vault: KeyVaultSecrets
) -> None:
    name = unique_name()
    assert vault.get(name) is None
    services.key_vault.set_secret(f"source-{name}", "new")
    assert vault.get(name) == "new"


def test_a_vault_that_does_not_answer_is_worth_another_attempt() -> None:
    with pytest.raises(TransientError, match=r"Key Vault https://127\.0\.0\.1:1 cannot be reached"):
        KeyVaultSecrets("https://127.0.0.1:1", cache_seconds=300).get("shop")


def test_the_workbook_names_a_sources_secret_and_no_other_of_the_vault(services: LocalServices) -> None:
    named = KeyVaultSecrets(services.key_vault.url, cache_seconds=0, prefix="")
    services.key_vault.set_secret("Source-other", "canary")
    services.key_vault.set_secret("their-reader", "canary", ingestion_source="yes")
    assert [named.get("source-other"), named.get("their-reader")] == ["canary", "canary"]
    for name in ("notify-webhook-url", "destination-databricks", "sources-of-income"):
        services.key_vault.set_secret(name, "canary", owner="another app")
        with pytest.raises(ConfigurationError, match=f"'{name}' is not a source's.*tag ingestion-source") as refused:
            named.get(name)
        assert "canary" not in str(refused.value)
