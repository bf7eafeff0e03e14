"""`make demo` does what the README promises, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import service_folder
from tests.e2e.commands import left_over, processes_with, read_until, running


@pytest.fixture
def temporary_folder() -> Iterator[Path]:
    """Replaces the system's temporary folder, and marks the processes of a test."""
    with service_folder() as folder:
        yield folder


def test_the_demo_keeps_every_promise_and_tidies_up(temporary_folder: Path) -> None:
    with running("demo", "--json", temporary_folder=temporary_folder) as process:
        output, _ = process.communicate(timeout=480)
    assert process.returncode == 0, output
    shown, _, summary = output.partition("\n{\n")
    outcome = json.loads("{" + summary)
    assert len(outcome["promises"]) >= 5
    assert all(outcome["promises"].values())
    first, second = outcome["runs"]
    assert [job["job_id"] for job in first["jobs"]] == [
        "api_carriers_full",
        *("pg_airlines_full", "pg_airports_full", "pg_flights_incr", "pg_planes_full", "pg_weather_full"),
    ]
    assert [(job["job_id"], job["rows_written"]) for job in second["jobs"]] == [("pg_flights_incr", 6064)]
    assert {row["PartitionKey"] for row in outcome["audit_rows"]} == {"runs", first["run_id"], second["run_id"]}
    assert "United Air Lines Inc." in shown
    assert "The blob trigger activated it: 5 disabled" in shown
    assert (left_over(temporary_folder), list(temporary_folder.iterdir())) == ([], [])


def test_ctrl_c_in_a_run_ends_the_demo_with_all_its_processes_and_files(temporary_folder: Path) -> None:
    with running("demo", temporary_folder=temporary_folder) as process:
        read_until(process, "POST /api/runs")
        assert len(processes_with(temporary_folder)) > 3
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in output
    assert (left_over(temporary_folder), list(temporary_folder.iterdir())) == ([], [])


def test_a_signal_to_the_demo_alone_while_it_starts_is_enough(temporary_folder: Path) -> None:
    with running("demo", temporary_folder=temporary_folder) as process:
        read_until(process, "Starting")
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 143
    assert "Traceback" not in output
    assert (left_over(temporary_folder), list(temporary_folder.iterdir())) == ([], [])
