"""An attempt as its child process makes it: the app's own steps, but for reading the source and writing the files.

What is read, and how long it takes, is modelled; where a load starts, what its record says and how it is committed is
the app's code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared.errors.hierarchy import TransientError
from shared.isolation.leases import assert_held
from shared.jobs.lake_layout import pipeline_name
from shared.lake.load import LoadOrder, Written
from shared.loading.progress import Progress
from shared.loading.starting_point import StartingPoint, refuse_impossible_backfill, starting_point
from shared.models.attempt import AttemptOrder, JobResult, LoadFigures, Rewind, figures_of
from shared.models.job import Job, LoadType
from tests.simulation.faults import Dice
from tests.simulation.kernel import Kernel
from tests.simulation.model.lake import ModelClient
from tests.simulation.model.sources import Row, Tables
from tests.simulation.storage.lake_files import LakeFiles


class Readings:
    """What loads have in common: the clock, the dice, the sources and the lake."""

    def __init__(self, kernel: Kernel, dice: Dice, tables: Tables, files: LakeFiles) -> None:
        self.kernel, self.dice, self.tables, self.files = kernel, dice, tables, files
        self.failing_until = 0.0

    def read(self, job: Job, after: int) -> tuple[list[Row], int]:
        """Read a table, which takes its time.

        Raises:
            TransientError: the source refuses.
        """
        self.kernel.sleep(self.dice.random.choice((0.5, 2.0, 8.0, 40.0)))
        if self.dice.is_on and self.failing_until > self.kernel.now:
            raise TransientError("The source does not answer.")
        found = self.tables.read(job.job_id, after)
        self.kernel.sleep(self.dice.random.choice((0.1, 1.0, 5.0)))
        return found


def model_attempt(
    readings: Readings,
    order: AttemptOrder,
    job: Job,
    report: Callable[[str, int], None],
    loaded_before: str | None,
    rewind: Rewind | None,
) -> JobResult:
    """Load a job's table as `shared.loading.attempt.run_attempt` does, whose arguments these are."""
    progress = Progress(order, job, report)
    try:
        return progress.success(_load(readings, order, job, progress, loaded_before, rewind))
    except Exception as error:
        return progress.failure(error, str)


def _load(
    readings: Readings,
    order: AttemptOrder,
    job: Job,
    progress: Progress,
    loaded_before: str | None,
    rewind: Rewind | None,
) -> LoadFigures:
    refuse_impossible_backfill(job, order)
    client = ModelClient(readings.files, job, lambda: assert_held(job.job_id, order.lease_id))
    last = client.begin_attempt()
    if last and last.get("run_id") == order.run_id:
        return figures_of(last)
    stored = client.get_stored_state(pipeline_name(job.job_id))
    state: Any = stored.state if stored else {}
    start = starting_point(job, order, last, state, loaded_before, rewind)
    client.replaces = job.load_type is LoadType.FULL or start.starts_over
    load_id = f"{readings.kernel.now:f}"
    with progress.stage("extract"):
        rows, mark = readings.read(job, 0 if client.replaces else int(start.watermark or 0))
        progress.count(len(rows))
    if not rows and not client.replaces and start.base_load_id:
        return figures_of({**_record(order, start, rows), "watermark_after": start.watermark})
    record = _record(order, start, rows) | {"mark": mark}
    if job.load_type is LoadType.INCREMENTAL:
        record["watermark_after"] = str(mark)
        client.next_state = _state(job, mark)
    client.session.order = LoadOrder({job.resource_name: len(rows)}, record, start.base_load_id)
    with progress.stage("load"):
        _write(client, job.resource_name, load_id, rows)
        client.complete_load(load_id)
    written = Written.total(client.session.written.values())
    return figures_of({**record, "load_id": load_id, **vars(written)})


def _write(client: ModelClient, table: str, load_id: str, rows: Sequence[Row]) -> None:
    """In two files, if there are rows enough."""
    half = len(rows) // 2
    for number, part in enumerate((rows[:half], rows[half:])):
        if part or number:
            client.write_rows(table, load_id, number, part)


def _record(order: AttemptOrder, start: StartingPoint, rows: Sequence[Row]) -> dict[str, Any]:
    return {
        "run_id": order.run_id,
        "job_id": order.job_id,
        "attempt": order.attempt,
        "rewind": start.rewind_key,
        "rows_extracted": len(rows),
        "watermark_before": start.watermark,
    }


def _state(job: Job, mark: int) -> Mapping[str, Any]:
    """dlt's, as far as the watermark goes."""
    cursor = {job.watermark_column: {"last_value": mark}}
    return {"sources": {"shop": {"resources": {job.resource_name: {"incremental": cursor}}}}}
