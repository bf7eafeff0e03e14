"""The settings: every one documented, each with a usable default, and no value in an error."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.errors.hierarchy import ConfigurationError, SettingsError
from shared.host_settings import most_timeout_minutes
from shared.settings import READ_BY_HOST, Settings, settings

ROOT = Path(__file__).parents[2]
OF_THE_HOST = {"FUNCTIONS_WORKER_RUNTIME", "PYTHON_THREADPOOL_THREAD_COUNT", "AzureWebJobsStorage"}
EXAMPLE: dict[str, str] = json.loads((ROOT / "local.settings.json.example").read_text(encoding="utf-8"))["Values"]
NAMES = {field.alias or name.upper() for name, field in Settings.model_fields.items()}


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """An environment without the app's settings, read again."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    settings.cache_clear()
    yield monkeypatch
    settings.cache_clear()


def test_the_example_holds_every_setting_and_no_other() -> None:
    assert set(EXAMPLE) - OF_THE_HOST == NAMES


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_the_example_can_be_used_as_it_is(no_settings: pytest.MonkeyPatch) -> None:
    for name, value in EXAMPLE.items():
        no_settings.setenv(name, value)
    assert settings().connection("LakeStorage").connection_string is not None
    assert settings().key_vault_url is None


def test_the_example_shows_the_defaults(no_settings: pytest.MonkeyPatch) -> None:
    defaults = Settings().model_dump(by_alias=True)
    shown = {
        name: str(default)
        for name, default in defaults.items()
        if default is not None and name.lower() not in READ_BY_HOST
    }
    shown = {re.sub("^[a-z_]+$", lambda name: name[0].upper(), name): value for name, value in shown.items()}
    assert {name: EXAMPLE[name] for name in shown} == shown


def test_every_binding_of_the_app_names_a_setting_that_is_documented() -> None:
    source = (ROOT / "function_app.py").read_text(encoding="utf-8")
    referenced = set(re.findall(r"%(\w+)%", source)) | set(re.findall(r'connection="(\w+)"', source))
    assert referenced >= {"INGESTION_SCHEDULE", "ConfigStorage"}
    assert referenced <= set(EXAMPLE)


@pytest.mark.parametrize(
    ("name", "value"),
    [("SOURCE_CONCURRENCY", "0"), ("JOB_MAX_ATTEMPTS", "many"), ("WORKBOOK_TRIGGER_SOURCE", "Polling")],
)
def test_a_wrong_setting_is_named_without_its_value(no_settings: pytest.MonkeyPatch, name: str, value: str) -> None:
    no_settings.setenv(name, value)
    with pytest.raises(ConfigurationError, match=f"setting {name}: ") as refused:
        settings()
    assert f"'{value}'" not in str(refused.value)


def test_a_connection_that_is_not_set_is_named(no_settings: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="Setting AuditStorage__tableServiceUri is missing"):
        settings().connection("AuditStorage")


def test_a_connection_string_does_not_print(no_settings: pytest.MonkeyPatch) -> None:
    no_settings.setenv("LakeStorage", "AccountKey=canary")
    assert "canary" not in f"{settings()!r} {settings().connection('LakeStorage')!r}"


@pytest.mark.parametrize(
    ("timeout", "most"), [(None, 28), ("01:00:00", 58), ("1.00:10:00", 1448), ("00:02:00", 1), ("-1", None)]
)
def test_an_attempt_may_take_what_the_host_allows_less_a_margin(
    no_settings: pytest.MonkeyPatch, timeout: str | None, most: int | None
) -> None:
    most_timeout_minutes.cache_clear()
    if timeout:
        no_settings.setenv("AzureFunctionsJobHost__functionTimeout", timeout)
    assert most_timeout_minutes() == most
    most_timeout_minutes.cache_clear()


@pytest.mark.parametrize(
    "value", ["nonsense", "my-vault.vault.azure.net", "http://my-vault.vault.azure.net", "https://"]
)
def test_an_address_that_is_no_vaults_is_a_mistake_of_the_settings_and_not_tried(
    no_settings: pytest.MonkeyPatch, value: str
) -> None:
    no_settings.setenv("KEY_VAULT_URL", value)
    with pytest.raises(SettingsError, match=r"setting KEY_VAULT_URL: .* is not the address of a Key Vault") as wrong:
        settings()
    assert (wrong.value.retryable, wrong.value.kind) == (False, "configuration")
    no_settings.setenv("KEY_VAULT_URL", "https://my-vault.vault.azure.net/")
    assert settings().key_vault_url == "https://my-vault.vault.azure.net/"
