"""`python -m benchmarks.many_loads [--loads N …] [--compact] [--json]`: what a load costs after N loads of a table.

The job is INCREMENTAL Parquet with one new row for each load; the lake is in Azurite and has every file of those loads.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import psycopg
import requests
from rich.console import Console
from rich.table import Table

from benchmarks.long_lake import SECONDS_APART, Template, make_history
from localhost.services import LocalServices
from shared.audit.lake_records import unrecorded_loads
from shared.identity import blob_service
from shared.isolation.leases import job_lease
from shared.loading.attempt import run_attempt
from shared.loading.maintenance import maintain_tables
from shared.models.attempt import AttemptOrder, JobStatus
from shared.models.job import Job
from shared.secrets import Secret

_DATABASE = "benchmark"
_CONTAINER = "benchmark"
_MEASURED = 5
_ROOT = Path(__file__).parents[1]


class Traffic:
    """What this process has asked of storage since `clear`."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin to count anew."""
        self.requests = self.listings = self.sent = self.received = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count the requests of both HTTP clients of the SDK as long as the context lasts."""
        ask, feed, send = aiohttp.ClientSession._request, aiohttp.StreamReader.feed_data, requests.Session.send

        async def asked(session: Any, method: str, url: Any, **options: Any) -> Any:
            self._count(str(url), options.get("data"))
            return await ask(session, method, url, **options)

        def fed(reader: Any, data: bytes, *rest: Any) -> Any:
            self.received += len(data)
            return feed(reader, data, *rest)

        def sent(session: Any, request: Any, **options: Any) -> Any:
            self._count(str(request.url), request.body)
            answer = send(session, request, **options)
            self.received += int(answer.headers.get("Content-Length") or 0)
            return answer

        patched: Any = aiohttp.ClientSession, aiohttp.StreamReader, requests.Session
        patched[0]._request, patched[1].feed_data, patched[2].send = asked, fed, sent
        try:
            yield
        finally:
            patched[0]._request, patched[1].feed_data, patched[2].send = ask, feed, send

    def _count(self, url: str, body: Any) -> None:
        self.requests += 1
        self.listings += "comp=list" in url
        self.sent += len(body) if isinstance(body, bytes | bytearray | str) else 0


def main() -> int:
    """Make the lakes, measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many_loads", description=__doc__)
    parser.add_argument("--loads", type=int, nargs="+", default=[10, 1_000, 35_000], help="earlier loads")
    parser.add_argument("--compact", action="store_true", help="maintain the table before the loads are measured")
    parser.add_argument("--root", type=Path, default=_ROOT, help="the app that loads, for a comparison")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    figures: list[dict[str, Any]] = []
    with TemporaryDirectory(prefix="benchmarks-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # PostgreSQL may run as another user
        with LocalServices(Path(folder)) as services:
            services.postgres.create_database(_DATABASE)
            for container in (_CONTAINER, "config"):
                services.create_container(container)
            for loads in arguments.loads:
                figures.append(_measure(services, loads, arguments.root, compact=arguments.compact))
                print(json.dumps(figures[-1]), file=sys.stderr, flush=True)
    if arguments.json:
        print(json.dumps(figures, indent=1))
    else:
        Console().print(_table(figures))
    return 0


def _measure(services: LocalServices, loads: int, root: Path, *, compact: bool) -> dict[str, Any]:
    table = f"events_{loads}"
    connection = services.postgres.secret(_DATABASE)
    url = "postgresql://{username}:{password}@{host}:{port}/{database}".format(**connection)
    order = {"table": table, "url": url, "connection": connection, "loads": loads}
    with psycopg.connect(url, autocommit=True) as source:
        source.execute(f"CREATE TABLE {table} (id bigint PRIMARY KEY, note text)")
    _child(services, root, {**order, "step": "load"})
    _child(services, _ROOT, {**order, "step": "history"})
    maintained = _child(services, root, {**order, "step": "compact"}) if compact else {}
    return {"loads": loads, **maintained, **_child(services, root, {**order, "step": "measure"})}


def _child(services: LocalServices, root: Path, order: dict[str, Any]) -> dict[str, Any]:
    """A step in a process of its own, whose memory is that of the step alone."""
    command = [sys.executable, "-c", "from benchmarks.many_loads import step; step()"]
    environment = os.environ | services.environment() | {"AUDIT_TABLE": "IngestionAudit", "CONFIG_CONTAINER": "config"}
    done = subprocess.run(
        command, input=json.dumps(order), env=environment, cwd=root, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def step() -> None:
    """Do what standard input says, and print the figures."""
    order = json.load(sys.stdin)
    job = _job(order["table"])
    container = blob_service("LakeStorage").get_container_client(_CONTAINER)
    figures: dict[str, Any] = {}
    if order["step"] == "load":
        with psycopg.connect(order["url"], autocommit=True) as connection:
            for number in (1, 2):
                connection.execute(f"INSERT INTO {order['table']} VALUES ({number}, 'note 1')")
                _load(order, job, f"run-{number}")
    elif order["step"] == "history":
        _make_history(order, Template.of(container, job))
    elif order["step"] == "compact":
        figures = _compact(job)
    else:
        figures = _figures(order, job)
    print(json.dumps(figures))


def _make_history(order: dict[str, Any], template: Template) -> None:
    loads = order["loads"]
    with psycopg.connect(order["url"], autocommit=True) as connection:
        statement = f"INSERT INTO {order['table']} SELECT n, 'note 1' FROM generate_series(3, %s) n"
        connection.execute(statement, [loads])
    make_history(template, loads, time.time() - SECONDS_APART)


def _compact(job: Job) -> dict[str, Any]:
    """One maintenance of the table; what it took."""
    started, cpu = time.monotonic(), _cpu()
    with TemporaryDirectory(prefix="work-") as folder, job_lease(job.job_id, "maintenance") as lease:
        options: dict[str, Any] = {"secret": Secret({}), "report": lambda _stage, _tables: None}
        ages = {"retention": timedelta(days=7), "records_kept": timedelta(days=30)}
        options |= ages | {"file_bytes": 128 * 1024 * 1024}
        (table,) = maintain_tables(lease.lease_id, job, Path(folder), **options)
    return {
        "compaction_seconds": round(time.monotonic() - started, 1),
        "compaction_cpu_seconds": round(_cpu() - cpu, 1),
        "compaction_peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "files_before": table.files_before,
        "files_after": table.files_after,
    }


def _figures(order: dict[str, Any], job: Job) -> dict[str, Any]:
    """Of some loads, each of one row: the medians."""
    traffic, found = Traffic(), []
    with psycopg.connect(order["url"], autocommit=True) as connection, traffic.counted():
        for number in range(1, _MEASURED + 2):
            row = order["loads"] + number
            connection.execute(f"INSERT INTO {order['table']} VALUES ({row}, 'note 1')")
            traffic.clear()
            started, cpu = time.monotonic(), _cpu()
            loaded = _load(order, job, f"measured-{number}")
            assert loaded == (1, str(row)), f"{loaded} was loaded in place of row {row}"
            spent = {"seconds": time.monotonic() - started, "cpu_seconds": _cpu() - cpu}
            found.append(spent | {name: getattr(traffic, name) for name in vars(traffic)})
    medians = {name: round(statistics.median(one[name] for one in found[1:]), 3) for name in found[0]}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {**medians, "peak_rss_mb": round(peak)}


def _load(order: dict[str, Any], job: Job, run_id: str) -> tuple[int, str | None]:
    """One attempt, and what the app asks of the lake before it; the rows and the watermark."""
    with TemporaryDirectory(prefix="work-") as folder, job_lease(job.job_id, run_id) as lease:
        attempt = AttemptOrder(
            run_id=run_id,
            run_started_at=datetime.now(UTC),
            job_id=job.job_id,
            config_sha256="0",
            lease_id=lease.lease_id,
        )
        unrecorded_loads(job, f"{time.time() - SECONDS_APART:f}")
        result = run_attempt(attempt, job, Secret(order["connection"]), Path(folder), lambda _stage, _rows: None)
    if result.status is not JobStatus.SUCCESS:
        raise RuntimeError(result.error)
    return result.rows_written, result.watermark_after


def _cpu() -> float:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime


def _job(table: str) -> Job:
    return Job.model_validate(
        {
            "job_id": table,
            "source_type": "PostgreSQL",
            "source_name": "benchmark",
            "schema_name": "public",
            "table_name": table,
            "load_type": "INCREMENTAL",
            "watermark_column": "id",
            "enabled": True,
            "target_container": _CONTAINER,
            "target_folder_path": "raw",
        }
    )


def _table(figures: Sequence[dict[str, Any]]) -> Table:
    table = Table("earlier loads", "requests", "listings", "sent kB", "received kB", "CPU s", "seconds", "peak MB")
    for one in figures:
        table.add_row(
            f"{one['loads']:,}",
            *(f"{one[name]:g}" for name in ("requests", "listings")),
            *(f"{one[name] / 1000:,.0f}" for name in ("sent", "received")),
            *(f"{one[name]:.2f}" for name in ("cpu_seconds", "seconds")),
            f"{one['peak_rss_mb']:g}",
        )
    return table


if __name__ == "__main__":
    raise SystemExit(main())
