"""Storage that answers with errors, breaks off, stalls or crawls: every load ends whole."""

from __future__ import annotations

import random
from itertools import product
from pathlib import Path

import pytest

from localhost.services import LocalServices
from tests.faults.rig import FLOWS, BrokenApp, broken_app, loaded_job
from tests.faults.stages import StorageRequest
from tests.faults.storage_proxy import Fault, Once

pytestmark = pytest.mark.campaign

WRITES = {
    "FULL Parquet": ("write data file", "write record", "write manifest", "delete data file", "ledger row"),
    "INCREMENTAL Parquet": ("write state", "write record"),
    "Delta upsert": ("write delta log", "write record"),
}
LOST = {"answer is lost": Fault("reset", "after"), "500 after the deed": Fault("answer", "after", status=500)}
RANDOM = {
    "429, 500, 503": [Fault("answer", status=429), Fault("answer", status=500), Fault("answer", status=503)],
    "resets": [Fault("reset"), Fault("reset", "after")],
    "truncated answers": [Fault("truncate", "after")],
    "throttled": [Fault("throttle", "after")],
    "short stalls": [Fault("stall", seconds=3)],
}


class AtRandom:
    """Breaks one request in so many, the same ones for the same seed and order."""

    def __init__(self, seed: int, one_in: int, faults: list[Fault]) -> None:
        self._random = random.Random(seed)
        self._one_in = one_in
        self._faults = faults
        self.count = 0

    def __call__(self, _: StorageRequest) -> Fault | None:
        if self._random.randrange(self._one_in):
            return None
        self.count += 1
        return self._random.choice(self._faults)


@pytest.mark.fault("storage does what is asked but its answer is lost")
@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize(("flow", "stage"), [point for flow in WRITES for point in product([flow], WRITES[flow])])
def test_an_answer_that_is_lost(app: BrokenApp, flow: str, stage: str, fault: str) -> None:
    job = loaded_job(app, flow)
    once = Once(stage, LOST[fault])
    with app.breaking(once):
        run = app.run(job_ids=[job])
    assert once.met.is_set()
    assert run["status"] == "SUCCEEDED", run["jobs"]
    app.assert_whole(job, FLOWS[flow])


@pytest.mark.fault("storage errors, resets, truncation, throttling at random")
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("faults", RANDOM)
@pytest.mark.parametrize("flow", ["FULL Parquet", "INCREMENTAL Parquet", "Delta upsert"])
def test_storage_that_fails_at_random(app: BrokenApp, flow: str, faults: str, seed: int) -> None:
    job = loaded_job(app, flow)
    decide = AtRandom(seed, 12, RANDOM[faults])
    with app.breaking(decide):
        app.wait(app.start_run(job_ids=[job]))
    again = app.run(job_ids=[job])
    assert decide.count
    assert again["status"] == "SUCCEEDED", again["jobs"]
    app.assert_whole(job, FLOWS[flow])


@pytest.mark.fault("storage stalls for 30 s")
@pytest.mark.parametrize("stage", ["write data file", "write record"])
def test_a_stall_of_half_a_minute(app: BrokenApp, stage: str) -> None:
    job = loaded_job(app, "FULL Parquet")
    with app.breaking(Once(stage, Fault("stall", seconds=30))):
        assert app.run(job_ids=[job])["status"] == "SUCCEEDED"
    app.assert_whole(job, FLOWS["FULL Parquet"])


@pytest.mark.fault("storage refuses for good")
def test_a_missing_role_fails_once_and_says_which_role(app: BrokenApp) -> None:
    job = loaded_job(app, "FULL Parquet")
    before = app.lake_rows(job)

    def refuse(request: StorageRequest) -> Fault | None:
        return Fault("answer", status=403) if request.stage == "write data file" else None

    with app.breaking(refuse):
        ended = app.load(job)
    assert (ended["status"], ended["error_kind"], ended["attempt"]) == ("FAILED", "lake", 1), ended
    assert "Storage Blob Data Contributor" in ended["error_message"]
    assert app.lake_rows(job) == before


@pytest.mark.fault("storage away until the host ends itself")
@pytest.mark.parametrize("flow", ["FULL Parquet", "Delta upsert"])
def test_an_outage_that_ends_the_host_loses_no_run(services: LocalServices, tmp_path: Path, flow: str) -> None:
    with broken_app(services, tmp_path, hub_behind_proxy=True) as app:
        job = loaded_job(app, flow)
        with app.locked(job, readers=1) as until_readers_wait:
            run_id = app.start_run(job_ids=[job])
            until_readers_wait()
            with app.breaking(lambda _: Fault("reset")):
                app.until(lambda: not app.host.is_running, "the host ends itself")
        assert "AzureWebJobsStorage has been away" in app.host.log_text()
        app.restart()
        run = app.wait(run_id)
        assert run["status"] == "SUCCEEDED", run["jobs"]
        app.assert_no_attempt_is_left()
        app.assert_whole(job, FLOWS[flow])
