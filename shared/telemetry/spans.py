"""Traces: the trigger starts a run, attempts of jobs hang below it, and the stages of a load below its attempt.

The trigger's place in its trace travels in the request, so that all activities find it, on any host. An
attempt's stages ran in a child process that exports nothing: their spans are drawn from the times that it returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.models.attempt import AttemptOrder, JobResult, JobStatus
from shared.models.run import RunRequest
from shared.telemetry.fields import log_fields
from shared.telemetry.metrics import record_attempt

_TOTAL = "total"
_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("excel-to-lake")


@contextmanager
def starting_run(request: RunRequest) -> Iterator[RunRequest]:
    """The span of a trigger that starts a run; gives the request with its place in the trace."""
    attributes = {"run_id": request.run_id, "trigger": request.trigger}
    with (
        log_fields(run_id=request.run_id),
        _tracer.start_as_current_span("start run", kind=SpanKind.PRODUCER, attributes=attributes),
    ):
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        yield request.model_copy(update={"trace_parent": carrier.get("traceparent")})


@contextmanager
def step_of_run(name: str, run_id: str, trace_parent: str | None) -> Iterator[None]:
    """The span of an activity that plans or finishes a run."""
    with (
        log_fields(run_id=run_id),
        _tracer.start_as_current_span(name, _context(trace_parent), SpanKind.CONSUMER, {"run_id": run_id}),
    ):
        yield


@contextmanager
def attempt_of_job(order: AttemptOrder) -> Iterator[Callable[[JobResult], None]]:
    """The span of one attempt; gives the function that takes its result."""
    fields: dict[str, str | int] = {"run_id": order.run_id, "job_id": order.job_id, "attempt": order.attempt}
    context = _context(order.trace_parent)
    with (
        log_fields(**fields),
        _tracer.start_as_current_span("load job", context, SpanKind.CONSUMER, fields) as span,
    ):

        def ended(result: JobResult) -> None:
            span.set_attributes(
                {"status": result.status.value, "rows": result.rows_written, "bytes": result.bytes_written}
            )
            if result.error:
                span.set_attribute("error.type", result.error.kind)
                if result.was_tried and result.status is JobStatus.FAILED:
                    span.set_status(Status(StatusCode.ERROR, result.error.message))
            _draw_stages(result)
            record_attempt(result)

        yield ended


def _draw_stages(result: JobResult) -> None:
    """The stages follow one another, and the last one ended with the attempt."""
    stages = {name: seconds for name, seconds in result.duration_seconds.items() if name != _TOTAL}
    start = result.ended_at - timedelta(seconds=sum(stages.values()))
    for name, seconds in stages.items():
        end = start + timedelta(seconds=seconds)
        _tracer.start_span(name, start_time=_nanoseconds(start)).end(_nanoseconds(end))
        start = end


def _context(trace_parent: str | None) -> Context | None:
    """Where the host has put this activity into a trace, that is its place; else the one of the request."""
    if trace.get_current_span().get_span_context().is_valid or trace_parent is None:
        return None
    return _propagator.extract({"traceparent": trace_parent})


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1e9)
