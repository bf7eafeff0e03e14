"""API jobs for tests."""

from __future__ import annotations

from typing import Any

from shared.models.job import Job
from tests.builders import a_job


def an_api_job(**overrides: Any) -> Job:
    """A valid job of an API, but for what is named."""
    fields = {"source_type": "API", "schema_name": None, "table_name": None, "api_endpoint": "/things"}
    return a_job(**(fields | overrides))
