"""Modules of the dashboard's page that import no other, each alone in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser import launched

DASHBOARD = Path(__file__).parents[3] / "shared" / "dashboard"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as started:
        yield started


def in_module(browser: Browser, name: str, script: str) -> Any:
    """What a function of JavaScript returns that is given one module of the page."""
    source = (DASHBOARD / f"{name}.js").read_text(encoding="utf-8")
    with browser.new_context() as context:
        load = "import('data:text/javascript,' + encodeURIComponent(source))"
        return context.new_page().evaluate(f"source => {load}.then({script})", source)


def test_what_the_reader_folds_or_unfolds_outlasts_a_new_reading(browser: Browser) -> None:
    found = in_module(
        browser,
        "dom",
        """({ h, render }) => {
            const folds = () => [true, false].map((open) => h("details", { open }, h("summary", null, "more")));
            render(document.body, folds());
            for (const fold of document.body.children) fold.open = !fold.open;
            render(document.body, folds());
            return [...document.body.children].map((fold) => fold.open);
        }""",
    )
    assert found == [False, True]


def test_a_duration_has_no_sixtieth_second_or_minute(browser: Browser) -> None:
    seconds = [0.04, 9.94, 9.96, 59.4, 59.6, 119.7, 3599.4, 3599.7, 7260]
    found = in_module(browser, "format", f"({{ duration }}) => {seconds}.map((one) => duration(one))")
    assert found == [
        *("0.0 s", "9.9 s", "10 s", "59 s", "1 min 0 s"),
        *("2 min 0 s", "59 min 59 s", "1 h 0 min", "2 h 1 min"),
    ]
