"""Jobs of PostgreSQL tables by the activity `load_job`, on real storage: what a table holds after each load counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import ContainerClient

from activities import load_job as activity
from localhost.services import LocalServices
from tests.app_process import app_process, run_here
from tests.conftest import unique_name
from tests.integration.contract.conftest import ContractJob


@dataclass
class Table:
    """A table of PostgreSQL as a job reads it."""

    cells: Mapping[str, object]
    secret: Mapping[str, Any]
    rejected: Mapping[str, Any] | None = None
    unreachable: Mapping[str, Any] | None = None

    def write(self, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> None:
        """Nothing: tests write by SQL."""


class TableJob(ContractJob):
    """A job of one table, whose cells stay as they are until a change names them."""

    cells: dict[str, object] = {}  # noqa: RUF012  each job replaces it

    def change(self, **cells: object) -> None:
        super().change(**{**self.cells, **cells})

    def column(self, name: str = "id") -> list[Any]:
        """The values of a column in the lake, sorted."""
        return sorted(self.table().column(name).to_pylist(), key=str)

    def copy_to(self, folder: Path) -> Path:
        """Put the table's own files into a folder of this machine."""
        for blob in self._lake.list_blobs(name_starts_with=f"{self._folder}/"):
            if blob.size:
                (folder / Path(blob.name).name).write_bytes(self._lake.download_blob(blob.name).readall())
        return folder

    def tuples(self) -> list[tuple[Any, ...]]:
        """The rows in the lake, sorted."""
        return sorted((tuple(row.values()) for row in self.table().to_pylist()), key=str)


@pytest.fixture(scope="module")
def lake(services: LocalServices) -> ContainerClient:
    return services.create_container(unique_name())


@pytest.fixture(scope="module")
def app(services: LocalServices) -> Iterator[None]:
    """The app's settings for a module; attempts run in this process."""
    config = services.create_container(unique_name()).container_name
    settings = {"SECRET_CACHE_SECONDS": "0"}
    with (
        app_process(services, CONFIG_CONTAINER=config, AUDIT_TABLE=unique_name(), **settings),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(activity, "run_in_child", run_here)
        yield


MakeTable = Callable[..., TableJob]


@pytest.fixture
def job_of(app: None, services: LocalServices, lake: ContainerClient, database_name: str) -> MakeTable:
    """Makes a job of a table, with further cells of its row in the workbook."""
    secret = services.postgres.secret(database_name)

    def make(table_name: str, **cells: object) -> TableJob:
        subject = Table({"source_type": "PostgreSQL", "schema_name": "public", "table_name": table_name}, secret)
        if "watermark_column" in cells:
            cells = {"load_type": "INCREMENTAL", **cells}
        return TableJob(services, lake, subject, cells)

    return make
