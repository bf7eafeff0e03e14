"""Where the spans of an activity belong, and what log records carry."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from opentelemetry import trace

from shared.telemetry.fields import add_fields_to_log_records, log_fields
from shared.telemetry.spans import starting_run, step_of_run
from tests.unit.orchestrators.shapes import REQUEST

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_without_telemetry_a_request_stays_as_it_is() -> None:
    with starting_run(REQUEST) as traced:
        assert traced == REQUEST
        assert "trace_parent" not in traced.to_json()


def test_an_activity_belongs_to_the_trace_of_its_request() -> None:
    with step_of_run("plan run", "run-1", PARENT):
        context = trace.get_current_span().get_span_context()
    assert f"{context.trace_id:032x}" == PARENT.split("-")[1]


@pytest.fixture
def records_with_fields() -> Iterator[None]:
    before = logging.getLogRecordFactory()
    add_fields_to_log_records()
    yield
    logging.setLogRecordFactory(before)


@pytest.mark.usefixtures("records_with_fields")
def test_records_carry_the_fields_of_the_work_that_they_are_written_in(caplog: pytest.LogCaptureFixture) -> None:
    with log_fields(run_id="run-1"), log_fields(job_id="orders", attempt=2):
        logging.getLogger("a.library").warning("inside")
    logging.getLogger("a.library").warning("outside")
    inside, outside = caplog.records
    assert vars(inside).items() >= {"run_id": "run-1", "job_id": "orders", "attempt": 2}.items()
    assert not hasattr(outside, "run_id")
