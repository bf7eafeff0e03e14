"""A dry run: the plan of a run with what each job would read, found out at the sources without loading anything.

It is answered at once, as a user waits for its plan: a few jobs are examined at a time, each in a child
process like a load, and what was not examined when the time is over says so.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

from shared.activation.versions import Snapshot
from shared.audit.ledger import next_watermark
from shared.errors.hierarchy import IngestionError, TransientError
from shared.isolation.parent import Limits, run_in_child
from shared.jobs.destinations import destination_type
from shared.mask_key import mask_key_for
from shared.models.attempt import Examination
from shared.models.job import Job, LoadType, resolved_cells
from shared.models.run import RunRequest
from shared.planning.draft import Draft, draft_run
from shared.secrets import Secret, connection_secret
from shared.telemetry.invocation import carried

TOTAL_SECONDS = 90  # load balancers in front of a function app give up on an answer after 230 s


JOB_SECONDS = 30


_AT_ONCE = 4  # jobs that are examined, over all dry runs of this process


_checking = Lock()


_checked_containers: set[str] = set()
"""Of the lake, where the log of a Delta table is listed as deltalake needs it."""


_examiners = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="dry-run")


def rehearse(request: RunRequest, snapshot: Snapshot) -> dict[str, Any]:
    """What a run would do; takes up to `TOTAL_SECONDS` and a little more.

    Args:
        request: The request, which fits the workbook.
        snapshot: The active version of the workbook.
    """
    deadline = time.monotonic() + TOTAL_SECONDS
    draft = draft_run(request, snapshot)
    jobs = draft.expansion.jobs

    def examine(job: Job) -> dict[str, Any]:
        return _examine(job, request, draft, deadline)

    examined = _examiners.map(carried(examine), jobs)
    failed = [{"job_id": job_id, "error": _error(error)} for job_id, error in draft.failed.items()]
    return {
        "dry_run": True,
        "config_sha256": snapshot.version.sha256,
        "lanes": [{"source_name": lane.source_name, "job_ids": lane.job_ids} for lane in draft.lanes],
        "wildcards": draft.expansion.tables,
        "jobs": [*examined, *failed],
    }


def _examine(job: Job, request: RunRequest, draft: Draft, deadline: float) -> dict[str, Any]:
    watermark = next_watermark(job) if job.load_type is LoadType.INCREMENTAL else None
    described: dict[str, Any] = {
        "job_id": job.job_id,
        "source_name": job.source_name,
        "load_type": job.load_type,
        "watermark": None if request.full_refresh else watermark or job.last_watermark,
        "secret_found": False,
        "reachable": False,
        "cells": resolved_cells(job),
        "origins": job.origins,
    }
    try:
        secret = connection_secret(draft.snapshot.configuration.source(job.source_name), job.source_type)
        described["secret_found"] = True
        found = _ask(job, secret, watermark, request.full_refresh, deadline)
    except IngestionError as error:
        # a source that says what is wrong with a table or filter was reached
        return described | {"reachable": error.kind == "source", "error": _error(error)}
    described |= {"reachable": True, **found.to_json()}
    if found.watermark_column:
        described["watermark_type"] = found.columns[found.watermark_column]
    try:
        if job.table_format == "delta" and destination_type(job.destination).in_lake:
            _check_lake(job.target_container, deadline)
    except IngestionError as error:
        described["error"] = _error(error)
    return described


def _ask(job: Job, secret: Secret, watermark: str | None, full_refresh: bool, deadline: float) -> Examination:
    key = mask_key_for(job, secret)
    arguments = {"job": job, "watermark": watermark, "full_refresh": full_refresh, "mask_key": key}
    found: Examination = run_in_child(
        "shared.sources.probe:examine_job", arguments, secret, _limits(deadline), name=job.job_id
    )
    return found


def _check_lake(container: str, deadline: float) -> None:
    """Find out once in this process whether the log of a Delta table can be listed in a container of the lake.

    Raises:
        IngestionError: it cannot, or the lake refuses or cannot be reached now; the next dry run asks again.
    """
    with _checking:
        if container not in _checked_containers:
            entry, arguments = "shared.lake.log_listing:check_log_listing", {"container": container}
            run_in_child(entry, arguments, Secret({}), _limits(deadline), name=f"container {container}")
            _checked_containers.add(container)


def _limits(deadline: float) -> Limits:
    seconds = min(JOB_SECONDS, deadline - time.monotonic())
    if seconds <= 0:
        raise TransientError(
            f"Not examined: the {TOTAL_SECONDS} seconds of the dry run were over. Name fewer jobs, by job_ids or tags."
        )
    return Limits(seconds=seconds)


def _error(error: IngestionError) -> dict[str, str]:
    return {"kind": error.kind, "message": str(error)}
