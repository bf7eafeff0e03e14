"""The dashboard: one page for a browser, without data of its own; it asks the HTTP API for everything it shows."""

from shared.dashboard.page import dashboard_page

__all__ = ["dashboard_page"]
