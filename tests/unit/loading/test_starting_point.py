"""Where a load starts, by what the lake, the ledger and the user know."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors.hierarchy import ConfigurationError, LakeError
from shared.loading.starting_point import StartingPoint, refuse_impossible_backfill, starting_point
from shared.models.attempt import AttemptOrder, Rewind
from shared.models.job import Job, LoadType
from tests.builders import a_job

TO_VALUE = Rewind(key="r2", watermark="2026-01-01")
TO_THE_START = Rewind(key="r2")


def a_load(**values: Any) -> dict[str, Any]:
    """The record of the last load."""
    return {"load_id": "17.5", "run_id": "run-1", "job_id": "orders"} | values


def a_state(job: Job, watermark: str, column: str = "id") -> dict[str, Any]:
    """The state of dlt after a load that reached a watermark."""
    return {
        "sources": {"sql": {"resources": {job.resource_name: {"incremental": {column: {"last_value": watermark}}}}}}
    }


def an_order(**values: Any) -> AttemptOrder:
    known = {"run_id": "run-2", "run_started_at": "2026-01-02T00:00:00Z", "job_id": "orders", "config_sha256": "0f"}
    return AttemptOrder.model_validate(known | values)


BACKFILL = an_order(start="2025-01-01", end="2025-02-01")


@pytest.fixture
def job() -> Job:
    return a_job(job_id="orders", load_type="INCREMENTAL", watermark_column="ID", table_format="delta")


def test_a_first_load_reads_from_the_start_and_builds_on_none(job: Job) -> None:
    first = starting_point(job, an_order(), None, {})
    assert first == StartingPoint(None, starts_over=False, watermark=None, rewound=False, rewind_key=None)


def test_a_load_continues_from_the_watermark_of_the_last_one(job: Job) -> None:
    start = starting_point(job, an_order(), a_load(), a_state(job, "100"), loaded_before="a load")
    assert start == StartingPoint("17.5", starts_over=False, watermark="100", rewound=False, rewind_key=None)


def test_a_rewind_moves_the_watermark_and_its_key_goes_into_the_record(job: Job) -> None:
    start = starting_point(job, an_order(), a_load(rewind="r1"), a_state(job, "100"), rewind=TO_VALUE)
    assert start == StartingPoint("17.5", starts_over=False, watermark="2026-01-01", rewound=True, rewind_key="r2")


def test_a_rewind_is_carried_out_once(job: Job) -> None:
    start = starting_point(job, an_order(), a_load(rewind="r2"), a_state(job, "100"), rewind=TO_VALUE)
    assert start == StartingPoint("17.5", starts_over=False, watermark="100", rewound=False, rewind_key="r2")


def test_a_rewind_to_the_start_starts_over_once(job: Job) -> None:
    start = starting_point(job, an_order(), a_load(), a_state(job, "100"), rewind=TO_THE_START)
    assert start == StartingPoint("17.5", starts_over=True, watermark=None, rewound=True, rewind_key="r2")
    after = starting_point(job, an_order(), a_load(rewind="r2"), a_state(job, "100"), rewind=TO_THE_START)
    assert after == StartingPoint("17.5", starts_over=False, watermark="100", rewound=False, rewind_key="r2")


def test_a_rewind_that_was_withdrawn_stays_in_the_record(job: Job) -> None:
    assert starting_point(job, an_order(), a_load(rewind="r1"), a_state(job, "100")).rewind_key == "r1"


@pytest.mark.parametrize("rewind", [None, TO_VALUE, TO_THE_START])
def test_a_backfill_leaves_watermark_and_rewind_alone(job: Job, rewind: Rewind | None) -> None:
    start = starting_point(job, BACKFILL, a_load(rewind="r1"), a_state(job, "100"), rewind=rewind)
    assert start == StartingPoint("17.5", starts_over=False, watermark="100", rewound=False, rewind_key="r1")


def test_a_full_refresh_starts_over_and_carries_out_a_rewind(job: Job) -> None:
    order = an_order(full_refresh=True)
    assert starting_point(job, order, a_load(), a_state(job, "100")).starts_over
    start = starting_point(job, order, a_load(), a_state(job, "100"), rewind=TO_VALUE)
    assert (start.starts_over, start.rewind_key) == (True, "r2")


def test_loads_that_the_ledger_knows_and_the_lake_does_not_are_missed(job: Job) -> None:
    with pytest.raises(LakeError, match=r"The ledger knows 3 loads of job 'orders', but the lake has no trace of any"):
        starting_point(job, an_order(), None, {}, loaded_before="3 loads")


@pytest.mark.parametrize(
    ("full_refresh", "rewind"), [(True, None), (False, TO_THE_START)], ids=["full refresh", "rewind to the start"]
)
def test_a_load_that_starts_over_needs_no_earlier_ones(job: Job, full_refresh: bool, rewind: Rewind | None) -> None:
    order = an_order(full_refresh=full_refresh)
    start = starting_point(job, order, None, {}, loaded_before="3 loads", rewind=rewind)
    assert (start.base_load_id, start.starts_over) == (None, True)


def test_a_rewind_to_a_value_does_not_bring_lost_loads_back(job: Job) -> None:
    with pytest.raises(LakeError, match="Bring the folder back"):
        starting_point(job, an_order(), None, {}, loaded_before="3 loads", rewind=TO_VALUE)


def test_a_renamed_job_does_not_continue_the_loads_of_its_old_name(job: Job) -> None:
    with pytest.raises(LakeError, match=r"loaded by job 'old' so far.*Give the job that name again"):
        starting_point(job, an_order(), a_load(job_id="old"), {})


def test_a_renamed_job_may_start_over(job: Job) -> None:
    start = starting_point(job, an_order(full_refresh=True), a_load(job_id="old"), {})
    assert (start.base_load_id, start.starts_over) == ("17.5", True)


def test_a_renamed_full_job_replaces_the_table_as_ever(job: Job) -> None:
    full = job.model_copy(update={"load_type": LoadType.FULL})
    assert starting_point(full, an_order(), a_load(job_id="old"), {}).base_load_id == "17.5"


def test_a_record_without_a_job_is_of_this_one(job: Job) -> None:
    record = {"load_id": "17.5"}  # all that Databricks keeps
    assert starting_point(job, an_order(), record, a_state(job, "100")).watermark == "100"


def test_the_watermark_of_another_column_is_refused_unless_the_load_starts_over(job: Job) -> None:
    state = a_state(job, "100", column="changed_at")
    with pytest.raises(LakeError, match="watermark_column is 'ID' now and was 'changed_at'"):
        starting_point(job, an_order(), a_load(), state)
    assert starting_point(job, an_order(full_refresh=True), a_load(), state).watermark is None


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ({"load_type": "FULL"}, "the job has FULL and delta"),
        ({"table_format": "parquet"}, "the job has INCREMENTAL and parquet"),
        ({"destination": "databricks"}, "with destination databricks a backfill needs primary_key"),
    ],
)
def test_a_backfill_that_the_job_cannot_do_is_refused(job: Job, cells: dict[str, Any], problem: str) -> None:
    impossible = a_job(**job.model_dump() | cells)
    with pytest.raises(ConfigurationError, match=problem):
        refuse_impossible_backfill(impossible, BACKFILL)
    refuse_impossible_backfill(impossible, an_order())


@pytest.mark.parametrize("cells", [{}, {"destination": "databricks", "primary_key": ("id",)}])
def test_a_backfill_that_the_job_can_do_passes(job: Job, cells: dict[str, Any]) -> None:
    refuse_impossible_backfill(a_job(**job.model_dump() | cells), BACKFILL)
