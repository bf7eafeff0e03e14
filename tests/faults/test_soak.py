"""Many jobs, many rounds, processes killed at random: nothing lost, doubled or stuck, nothing left over."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from localhost.services import LocalServices
from tests.faults.rig import FLOWS, BrokenApp, broken_app

JOBS = int(os.environ.get("SOAK_JOBS", "16"))
ROUNDS = int(os.environ.get("SOAK_ROUNDS", "3"))
AT_ONCE = 4
SECONDS_OF_A_LOAD = 2  # with its killed attempts
KILLED_PART = 0.1  # of all loads
NAMES = {f"soak_{number}": list(FLOWS)[number % len(FLOWS)] for number in range(JOBS)}


@pytest.mark.campaign
@pytest.mark.timeout(6 * 3600)
@pytest.mark.fault("soak: many jobs and rounds with random kills")
def test_many_rounds_with_random_kills(
    services: LocalServices, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    record_property("points", JOBS * ROUNDS)
    with broken_app(services, tmp_path, SOURCE_CONCURRENCY=str(AT_ONCE), JOB_MAX_ATTEMPTS="6") as app:
        app.patience_seconds += 2 * JOBS * SECONDS_OF_A_LOAD
        for name in NAMES:
            app.create_versioned_table(name)
        app.put_workbook(*(app.row(name, name, **FLOWS[flow].cells) for name, flow in NAMES.items()))
        killed = 0
        for number in range(ROUNDS):
            with killing(app, seed=number) as victims:
                run = app.run()
            killed += len(victims)
            assert run["status"] == "SUCCEEDED", [job for job in run["jobs"] if job["status"] != "SUCCESS"]
            for name, flow in NAMES.items():
                app.assert_whole(name, FLOWS[flow])
                app.change(name, FLOWS[flow])
        assert killed
        assert [blob.name for blob in app.config.list_blobs("leases/") if blob.lease.state == "leased"] == []


@contextmanager
def killing(app: BrokenApp, seed: int) -> Iterator[list[int]]:
    """Kill about one attempt in ten, at random moments; gives the ids of those that were killed."""
    chance = random.Random(seed)
    killed: list[int] = []
    ended = threading.Event()

    def kill() -> None:
        while not ended.wait(chance.uniform(0, 2 * SECONDS_OF_A_LOAD / AT_ONCE / KILLED_PART)):
            if attempts := app.attempts:
                victim = chance.choice(attempts)
                killed.append(victim.pid)
                victim.kill()

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        ended.set()
        thread.join()
