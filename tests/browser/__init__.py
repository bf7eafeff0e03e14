"""A real headless Chromium for tests, and what it needs."""

from tests.browser.install import axe_script, launched

__all__ = ["axe_script", "launched"]
