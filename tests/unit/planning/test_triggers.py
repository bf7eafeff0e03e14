"""What is said of functions that the host has switched off."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.errors.hierarchy import SettingsError
from shared.planning.triggers import trigger_problems
from shared.settings import settings, workbook_trigger_source

WELL = {
    "INGESTION_SCHEDULE": "0 0 2 * * *",
    "HOUSEKEEPING_SCHEDULE": "0 30 4 * * *",
    "MAINTENANCE_SCHEDULE": "0 0 5 * * 0",
    "WATCH_SCHEDULE": "0 */15 * * * *",
    "CONFIG_CONTAINER": "config",
    "CONFIG_BLOB": "a folder/ingestion (new).xlsx",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    for name, value in WELL.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("TZ", raising=False)
    settings.cache_clear()
    yield monkeypatch
    settings.cache_clear()


def test_nothing_is_said_when_all_is_well() -> None:
    assert trigger_problems() == {}


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "INGESTION_SCHEDULE",
            None,
            "is blank: the host has switched scheduled_run off, and no run starts by schedule",
        ),
        ("INGESTION_SCHEDULE", "", "is blank"),
        ("INGESTION_SCHEDULE", "0 2 * * * * *", "is not an NCRONTAB expression of six fields"),
        ("WATCH_SCHEDULE", "every minute", "has switched watch off, and overdue jobs are not noticed"),
        ("CONFIG_CONTAINER", None, "is blank: the host has switched workbook_uploaded off"),
        ("CONFIG_CONTAINER", "Config", "does not name a container"),
        ("CONFIG_BLOB", "{name}.xlsx", "has braces"),
        ("WEBSITE_TIME_ZONE", "Europe/Atlantis", "there is no time zone 'Europe/Atlantis'"),
    ],
)
def test_a_setting_that_the_host_cannot_use_is_named(
    environment: pytest.MonkeyPatch, name: str, value: str | None, sentence: str
) -> None:
    environment.delenv(name) if value is None and name in WELL else environment.setenv(name, str(value or ""))
    problems = trigger_problems()
    assert list(problems) == [name]
    assert problems[name].startswith(f"Setting {name}")
    assert sentence in problems[name]


def test_a_function_that_is_disabled_on_purpose_is_no_problem(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("INGESTION_SCHEDULE", "")
    environment.setenv("AzureWebJobs_scheduled_run_Disabled", "true")
    assert trigger_problems() == {}


@pytest.mark.parametrize(
    ("given", "other", "source"),
    [
        ("EventGrid", "0", "EventGrid"),  # what can be read counts, whatever else is wrong
        ("EventGrid", "4", "EventGrid"),
        ("Polling", "4", "LogsAndContainerScan"),
        ("", "0", "LogsAndContainerScan"),
    ],
)
def test_the_binding_has_a_source_whatever_the_settings_are(
    environment: pytest.MonkeyPatch, given: str, other: str, source: str
) -> None:
    environment.setenv("WORKBOOK_TRIGGER_SOURCE", given)
    environment.setenv("SOURCE_CONCURRENCY", other)
    assert workbook_trigger_source() == source


def test_other_wrong_settings_are_an_error(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("NOTIFY_OVERDUE_MINUTES", "-1")
    with pytest.raises(SettingsError, match="NOTIFY_OVERDUE_MINUTES"):
        trigger_problems()
