"""What is possible, and yet seldom meant, when a row is seen beside the app's timer and other rows."""

from __future__ import annotations

from typing import Any

import pytest

from shared.settings import settings
from shared.workbook.validation import validate
from tests.builders import a_workbook


def warnings_of(monkeypatch: pytest.MonkeyPatch, timer: str, *rows: dict[str, Any]) -> list[str]:
    monkeypatch.setenv("INGESTION_SCHEDULE", timer)
    settings.cache_clear()
    try:
        return [str(warning) for warning in validate(a_workbook(*rows)).warnings]
    finally:
        settings.cache_clear()


@pytest.mark.parametrize(
    ("timer", "schedule", "is_finer"),
    [
        ("0 0 2 * * *", "*/5 * * * *", True),
        ("0 0 2 * * *", "0 */6 * * *", True),
        ("0 0 2 * * *", "0 3 * * *", False),
        ("0 0 2 * * *", "0 2 * * 1-5", False),
        ("0 */5 * * * *", "*/5 * * * *", False),
        ("0 0 * * * *", "*/30 8-9 * * *", True),
        ("", "* * * * *", False),
        ("no schedule", "* * * * *", False),
    ],
)
def test_a_schedule_that_is_finer_than_the_timer_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, timer: str, schedule: str, is_finer: bool
) -> None:
    found = warnings_of(monkeypatch, timer, {"schedule": schedule})
    assert any("is finer than the app's timer" in warning for warning in found) == is_finer
    assert all(warning.startswith("SourceConfig!") for warning in found)


WILD = {"job_id": "wild", "table_name": "ord*"}


@pytest.mark.parametrize(
    ("row", "wildcard", "is_warned"),
    [
        ({"table_name": "orders", "enabled": "N"}, WILD, True),
        ({"table_name": "orders", "enabled": "Y"}, WILD, False),
        ({"table_name": "people", "enabled": "N"}, WILD, False),
        ({"table_name": "orders", "enabled": "N"}, {**WILD, "excluded_tables": "orders"}, False),
        ({"table_name": "orders", "enabled": "N"}, {**WILD, "enabled": "N"}, False),
        ({"table_name": "orders", "enabled": "N", "schema_name": "other"}, WILD, False),
        ({"table_name": "orders", "enabled": "N", "source_name": "other_pg"}, WILD, False),
        ({"table_name": "orders", "enabled": "N", "target_folder_path": "elsewhere"}, WILD, True),
    ],
)
def test_a_disabled_table_that_a_wildcard_loads_all_the_same_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, row: dict[str, Any], wildcard: dict[str, Any], is_warned: bool
) -> None:
    found = warnings_of(monkeypatch, "", row, wildcard)
    assert [warning for warning in found if "is disabled here, but 'ord*' of job 'wild'" in warning] == found
    assert bool(found) == is_warned
