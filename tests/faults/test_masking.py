"""A load with masks that is killed at any step: no plain value is left anywhere, and the lake is the masked source."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from io import BytesIO
from itertools import product
from typing import Any

import pyarrow.parquet as pq
import pytest

from localhost.services import LocalServices
from shared.jobs.lake_layout import STAGE
from tests.api_server import ApiServer, Handler, Reply, Request
from tests.e2e.app import jobs_of
from tests.faults.rig import FLOWS, BrokenApp, Flow, broken_app
from tests.faults.storage_proxy import Fault, Once
from tests.sightings import files_below, seen_in, spellings

KEY = "the key of the masked loads that are killed"
CANARY = "Plain7f3eValue"
WANTED = spellings(CANARY)
CHILD = {
    "FULL Parquet": ("list", "write data file", "read data file", "write record", "write manifest", "delete data file"),
    "Delta upsert": ("list", "write data file", "write delta log", "write state", "write record"),
    "Delta deletes": ("write data file", "write delta log", "write record"),
}
IN_MAKE_TEST = {("FULL Parquet", "write record", "before"), ("Delta deletes", "write delta log", "after")}
PARENTS = range(1, 6)
KEPT_AT_ONCE = 5_000_000  # characters: what has been read is written for the next attempt


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    with ApiServer() as started:
        started.endpoints["/parents"] = lambda _: Reply([{"id": n} for n in PARENTS])
        yield started


@pytest.fixture(scope="module")
def app(services: LocalServices, server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokenApp]:
    """The app with a masked job for each way to load, loaded once, and one of an API."""
    services.key_vault.set_secret("mask-key", KEY)
    with broken_app(services, tmp_path_factory.mktemp("masked"), API_PRIVATE_HOSTS="127.0.0.1") as started:
        started.put_source("masked_api", {"base_url": server.url})
        rows = [started.row(job_of(name), job_of(name), **flow.cells, **masks(name)) for name, flow in flows().items()]
        for flow in flows():
            started.create_versioned_table(job_of(flow))
            started.execute(f"update {job_of(flow)} set name = '{CANARY} ' || id")
        started.put_workbook(*rows, *_of_api(started))
        run = started.run(job_ids=[job_of(flow) for flow in flows()])
        assert run["status"] == "SUCCEEDED", run["jobs"] or run["error"]
        yield started


def _of_api(app: BrokenApp) -> list[dict[str, object]]:
    cells: dict[str, object] = {"source_name": "masked_api", "source_type": "API", "schema_name": None}
    parents = app.row("masked_parents", "parents") | cells | {"api_endpoint": "/parents"}
    children = app.row("masked_children", "children") | cells | {"api_endpoint": "/parents/{each}/children"}
    return [parents, children | {"api_for_each": "masked_parents.id", "masked_columns": "name:hash"}]


def flows() -> dict[str, Flow]:
    """The ways to load, whose changes bring plain values, too."""
    return {
        name: Flow(
            FLOWS[name].cells,
            tuple(
                one.replace("'new'", f"'{CANARY} new'").replace("'changed", f"'{CANARY}") for one in FLOWS[name].changes
            ),
        )
        for name in CHILD
    }


def masks(flow: str) -> dict[str, object]:
    """A mask of the text and, where a key updates rows, of the key."""
    return {"masked_columns": "name:hash" if flow == "FULL Parquet" else "name:hash, id:hash"}


def job_of(flow: str) -> str:
    """The job and the table of a flow."""
    return f"masked_{flow.lower().replace(' ', '_')}"


def hashed(value: object) -> str:
    return hmac.new(KEY.encode(), str(value).encode(), hashlib.sha256).hexdigest()


@pytest.mark.fault("kill -9 of a load with masks")
@pytest.mark.parametrize(
    ("flow", "stage", "when"),
    [
        pytest.param(*point, marks=() if point in IN_MAKE_TEST else pytest.mark.campaign, id="-".join(point))
        for flow, stages in CHILD.items()
        for point in product((flow,), stages, ("before", "after"))
    ],
)
def test_a_killed_load_leaves_no_plain_value(app: BrokenApp, flow: str, stage: str, when: Any) -> None:
    job, found = job_of(flow), dict[str, bytes]()
    app.change(job, flows()[flow])
    assert CANARY in str(app.source_rows(job))

    def kill() -> None:
        found.update(files_below(app.work_folder))
        app.kill_attempts()
        found.update(contents_of(app))

    once = Once(stage, Fault("call", when, function=kill))
    with app.breaking(once):
        run = app.run(job_ids=[job])
    assert once.met.is_set(), f"the run had no '{stage}'"
    assert run["status"] == "SUCCEEDED", run
    assert jobs_of(run)[job]["masked_columns"] == str(masks(flow)["masked_columns"]).split(", ")
    masked = [
        (hashed(id_) if "Delta" in flow else id_, hashed(name), *more) for id_, name, *more in app.source_rows(job)
    ]
    assert sorted(app.rows_in_lake(job, FLOWS[flow]), key=str) == sorted(masked, key=str)
    assert found
    assert seen_in({**found, **contents_of(app), **files_below(app.work_folder)}, WANTED) == []


@pytest.mark.fault("kill -9 of a load with masks that keeps what it has read")
def test_what_a_killed_load_of_an_api_has_kept_for_the_next_attempt_is_masked(
    app: BrokenApp, server: ApiServer
) -> None:
    killed: list[dict[str, bytes]] = []
    for number in PARENTS:
        server.endpoints[f"/parents/{number}/children"] = _children(app, number, killed)
    run = app.run(job_ids=["masked_children"])
    assert run["status"] == "SUCCEEDED", run["jobs"]
    (found,) = killed
    assert any(STAGE in name for name in found), "the first attempt has kept what it had read"
    assert len(server.asked("/parents/1/children")) == 1, "the second attempt took it up"
    names = {name for content in app.lake_files("children", "masked_api").values() for name in _names(content)}
    assert names == {hashed(f"{CANARY} {number}") for number in PARENTS}
    assert seen_in({**found, **contents_of(app)}, WANTED) == []


def _children(app: BrokenApp, number: int, killed: list[dict[str, bytes]]) -> Handler:
    """Rows so large that each is kept at once; the last parent's kill the attempt that asks for them first."""

    def answer(_: Request) -> Reply:
        if number == max(PARENTS) and not killed:
            killed.append(files_below(app.work_folder))
            app.kill_attempts()
            killed[0].update(contents_of(app))
        return Reply([{"id": number, "name": f"{CANARY} {number}", "filling": "x" * KEPT_AT_ONCE}])

    return answer


def _names(content: bytes) -> list[Any]:
    return list(pq.read_table(BytesIO(content)).column("name").to_pylist())


def contents_of(app: BrokenApp) -> dict[str, bytes]:
    """All that the lake, the audit table and the host's folder hold now."""
    lake = app.services.blob_service().get_container_client(app.lake_name)
    blobs = {name: lake.download_blob(name).readall() for name in lake.list_blob_names()}
    table = app.services.table_service().get_table_client(app.settings["AUDIT_TABLE"])
    rows = {f"{row['PartitionKey']}/{row['RowKey']}": repr(row).encode() for row in table.list_entities()}
    return {**blobs, **rows, **files_below(app.work_folder.parent / "host")}
