"""Cells of an API's job are really changed after a load: see `tests/integration/values/test_changed_cells.py`."""

from __future__ import annotations

import pytest
from azure.storage.blob import ContainerClient

from localhost.services import LocalServices
from shared.jobs.history import VERDICTS
from tests.integration.contract.conftest import ContractJob
from tests.integration.contract.subjects import Subjects, row

CHANGES: dict[str, object] = {
    "api_data_path": "items",
    "api_params": "a=1",
    "api_nested": "json",
    "api_headers": '{"X-Team": "lake"}',
    "api_page_size": 2,
    "api_total_path": None,
    "api_max_pages": 100,
    "api_rate_limit": 1000,
    "api_error_path": "failure",
    "api_cursor_filter_param": None,
    "api_cursor_filter_format": "iso",
}


@pytest.mark.parametrize("column", CHANGES)
def test_an_api_job_continues_or_waits_for_a_full_refresh(
    services: LocalServices, lake: ContainerClient, made: Subjects, column: str
) -> None:
    subject = made.make("API")
    subject.write([row(1, 1), row(2, 2)])
    job = ContractJob(services, lake, subject, {"load_type": "INCREMENTAL", "watermark_column": "changed"})
    job.load()
    subject.write([row(1, 1), row(2, 2), row(3, 3)])
    kept = dict(job.cells)
    job.change(**{**kept, column: CHANGES[column]})
    if VERDICTS[column].refreshes:
        _, retryable, message = job.fail()
        assert not retryable
        assert column in message
        assert "full refresh" in message
        job.load(full_refresh=True)
    else:
        job.load()
    assert sorted(one["id"] for one in job.table().to_pylist()) == [1, 2, 3]
    assert job.load().rows_extracted == 0
