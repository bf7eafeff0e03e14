"""The README says what is so: its tables are current, and every route stands in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from localhost.readme import README, current
from shared.settings import Settings
from tests.unit.indexed_routes import INDEXED

ROOT = README.parent


def test_the_tables_of_columns_and_settings_are_current() -> None:
    text = README.read_text(encoding="utf-8")
    assert all(f"<!-- {table}:{mark} -->" in text for table in ("columns", "settings") for mark in ("start", "end"))
    assert text == current(text), "write them anew: python -m localhost.readme"


def test_every_setting_has_a_description() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("route", [" ".join(route) for route in INDEXED])
def test_every_route_is_described(route: str) -> None:
    assert f"`{route}`" in README.read_text(encoding="utf-8")


def test_every_file_that_is_linked_exists() -> None:
    text = README.read_text(encoding="utf-8")
    links = [part.split(")")[0] for part in text.split("](")[1:]]
    files = [Path(link.partition("#")[0]) for link in links if "://" not in link and not link.startswith("#")]
    assert files
    assert [str(file) for file in files if not (ROOT / file).exists()] == []
