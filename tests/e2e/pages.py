"""The dashboard in a browser: what tests of its pages have in common."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.app import App

WAIT_MS = 60_000


def visit(page: Page, app: App, view: str = "") -> Page:
    page.goto(f"{app.url}/api/dashboard#/{view}")
    expect(page.locator("main h1")).to_be_visible()
    expect(page.locator("main[aria-busy]")).to_have_count(0)
    return page


def press(page: Page, name: str, **options: Any) -> None:
    page.get_by_role("button", name=name, **options).first.click()


def confirm(page: Page, name: str) -> None:
    page.locator("dialog").get_by_role("button", name=name, exact=True).click()
