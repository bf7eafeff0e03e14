"""The app under `localhost`, started once per test module, and a browser for its pages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from localhost.services import LocalServices
from tests.browser import launched
from tests.e2e.app import App
from tests.e2e.pages import WAIT_MS, visit

REFUSED = re.compile(r"Failed to load resource: .*(status of (401|404|409|422)|ERR_FAILED)")  # the browser's own words


@pytest.fixture(scope="module")
def app(services: LocalServices, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A running app; its state lives in a folder that outlasts restarts of the host."""
    folder: Path = tmp_path_factory.mktemp("host")
    started = App(services, folder)
    with started.host:
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as started:
        yield started


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A window of its own; what its pages say to the console, and what they throw, fails the test."""
    said: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not REFUSED.match(message.text):
            said.append(message.text)

    fresh = browser.new_context(viewport={"width": 1280, "height": 900})
    fresh.set_default_timeout(WAIT_MS)
    expect.set_options(timeout=WAIT_MS)
    fresh.on("console", hear)
    fresh.on("weberror", lambda error: said.append(str(error.error)))
    yield fresh
    fresh.close()
    assert said == []


@pytest.fixture
def page(context: BrowserContext, app: App) -> Page:
    """The dashboard's first view, with the key typed already."""
    context.add_init_script(f"location.host && sessionStorage.setItem('function-key', {json.dumps(app.function_key)})")
    return visit(context.new_page(), app)
