"""Loads of a table of PostgreSQL into a Delta table of Azurite, attempt by attempt, without a host."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from azure.storage.blob import ContainerClient
from deltalake import DeltaTable

from localhost.services import LocalServices
from localhost.services.azurite import ACCOUNT, ACCOUNT_KEY
from shared.isolation.leases import job_lease
from shared.loading.attempt import run_attempt
from shared.models.attempt import AttemptOrder, JobResult, JobStatus, Rewind
from shared.models.job import Job
from shared.secrets import Secret
from tests.builders import a_job

Rows = list[tuple[Any, ...]]
_numbers = itertools.count()


class DeltaLoads:
    """A table of PostgreSQL, its job and its Delta table.

    Attributes:
        job: an INCREMENTAL load by `id` with `version` as watermark; tests replace it by what they need.
        execute: runs a statement at the source.
        rewind: a watermark set by hand, for the attempts that follow.
    """

    def __init__(
        self, services: LocalServices, database: str, lake: ContainerClient, folder: Path, execute: Callable[..., None]
    ) -> None:
        self.services = services
        self.lake = lake
        self.folder = folder
        self.execute = execute
        self.rewind: Rewind | None = None
        self.secret = Secret(services.postgres.secret(database))
        self.table = f"orders_{next(_numbers)}"
        self.job: Job = a_job(
            job_id=self.table,
            table_name=self.table,
            target_container=lake.container_name,
            load_type="INCREMENTAL",
            watermark_column="version",
            primary_key=("id",),
            table_format="delta",
        )

    def change_job(self, **fields: Any) -> None:
        self.job = Job(**(self.job.model_dump() | fields))

    def attempt(self, *, run_id: str | None = None, leased: bool = True, **order: Any) -> JobResult:
        """One attempt, of a run of its own if none is named."""
        run_id = run_id or f"run-{next(_numbers)}"
        attempt = AttemptOrder(
            run_id=run_id,
            run_started_at=datetime(2024, 1, 1, tzinfo=UTC),
            job_id=self.job.job_id,
            config_sha256="0f",
            **order,
        )
        folder = self.folder / f"attempt-{next(_numbers)}"
        folder.mkdir()
        with job_lease(self.job.job_id, run_id if leased else f"{run_id}-superseding") as held:
            attempt = attempt.model_copy(update={"lease_id": held.lease_id if leased else str(uuid4())})
            return run_attempt(attempt, self.job, self.secret, folder, lambda _stage, _rows: None, rewind=self.rewind)

    def load(self, **order: Any) -> JobResult:
        """An attempt that has to succeed."""
        result = self.attempt(**order)
        assert result.status is JobStatus.SUCCESS, result.error
        return result

    def fails(self, **order: Any) -> str:
        """The kind and the message of an attempt that has to fail for good."""
        result = self.attempt(**order)
        assert result.error is not None
        assert not result.error.retryable, result.error
        return f"{result.error.kind}: {result.error.message}"

    @property
    def delta(self) -> DeltaTable:
        options = {
            "azure_storage_account_name": ACCOUNT,
            "azure_storage_account_key": ACCOUNT_KEY,
            "azure_storage_endpoint": self.services.azurite.blob_url,
            "allow_invalid_certificates": "true",
        }
        place = f"{self.job.target_folder_path}/{self.job.source_name}_{self.table}/{self.table}"
        return DeltaTable(f"az://{self.lake.container_name}/{place}", storage_options=options)

    def rows(self, *columns: str) -> Rows:
        """What the Delta table holds, in order."""
        table = self.delta.to_pyarrow_table(columns=list(columns) or None)
        rows = (tuple(row.values()) for row in table.to_pylist())
        return sorted(rows, key=lambda row: [(value is None, value) for value in row])
