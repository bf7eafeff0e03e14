"""The tables of one job in the lake: runs in a child process, as a load does."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from shared.errors import faults
from shared.isolation.leases import assert_held
from shared.lake.adls import AdlsDestination
from shared.lake.delta.upkeep import keep_up
from shared.lake.folding import MaintainingClient
from shared.lake.joining import join_files
from shared.loading.attempt import open_pipeline
from shared.models.job import Job, LoadType
from shared.models.maintenance import MaintainedTable
from shared.secrets import Secret

_MOST_SECONDS = 600  # of joining files and removing records, for one job: its loads wait for it

log = logging.getLogger(__name__)


def maintain_tables(
    lease_id: str,
    job: Job,
    folder: Path,
    retention: timedelta,
    file_bytes: int,
    records_kept: timedelta,
    secret: Secret,  # noqa: ARG001  the source has no part in it
    report: Any,
) -> tuple[MaintainedTable, ...]:
    """Compact and vacuum every Delta table of a job whose lease is held, and join the small files of its other tables.

    It begins as a load does, so that a load that broke off is taken back before files go that this needs.

    Args:
        lease_id: Of the lease that the maintenance holds.
        job: The job.
        folder: Empty, for the client's files.
        retention: How long files that the newest version of a Delta table does not need are kept.
        file_bytes: The size that files of Parquet tables shall have; 0 leaves them as they are.
        records_kept: How long records of loads are kept, and dlt's states and schemas.
        secret: Nothing: no source is read.
        report: Called as the work progresses, with the tables done so far in place of rows.

    Raises:
        LeaseLostError: another run has taken the job over.
        IngestionError: the lake refuses, or cannot be reached now.
    """

    def before_commit() -> None:
        assert_held(job.job_id, lease_id)

    try:
        destination = AdlsDestination(job, before_commit)
        pipeline = open_pipeline(job, folder, destination)
        destination.begin_attempt(pipeline)
        with pipeline.destination_client() as client:
            assert isinstance(client, MaintainingClient)
            maintained: list[MaintainedTable] = []
            for name in sorted(client.session.inventory.delta_tables):
                if table := client.delta_table(name):
                    maintained.append(keep_up(name, table, retention, before_commit))
                report("maintain", len(maintained))
            until = time.monotonic() + _MOST_SECONDS
            # a FULL load replaces all files, and another one soon follows
            is_appended = job.load_type is LoadType.INCREMENTAL and file_bytes
            for name in sorted(client.session.inventory.manifests) if is_appended else ():
                done = client.compact(name, file_bytes, join_files, folder, until)
                maintained.append(MaintainedTable(table_name=name, **asdict(done)))
                report("maintain", len(maintained))
            removed = client.fold(records_kept.total_seconds(), until)
            log.info("Job %s: %d old records, states and schemas were removed.", job.job_id, removed)
            return tuple(maintained)
    except Exception as error:
        raise faults.explain(error) or error from error
