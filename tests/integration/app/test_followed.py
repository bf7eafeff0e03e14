"""Partitions that are followed: what was written since is read, and nothing is missed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from azure.data.tables import UpdateMode

from shared.audit import followed
from shared.audit.followed import FollowedPartition
from shared.audit.table import audit_table

pytestmark = pytest.mark.usefixtures("app_settings")


def write(*job_ids: str, **values: Any) -> None:
    for job_id in job_ids:
        row = {"PartitionKey": "latest", "RowKey": job_id, "job_id": job_id, **values}
        audit_table().upsert_entity(row, mode=UpdateMode.REPLACE)


@pytest.fixture
def read_entities(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each reading got from the table."""
    counts: list[int] = []
    read: Callable[..., followed.Rows] = FollowedPartition._read

    def counted(self: FollowedPartition, *since: Any) -> followed.Rows:
        rows = read(self, *since)
        counts.append(len(rows.by_key))
        return rows

    monkeypatch.setattr(FollowedPartition, "_read", counted)
    monkeypatch.setattr(followed, "_OVERLAP", timedelta(seconds=-2))  # the storage's answers say whole seconds
    return counts


def test_a_partition_without_rows_and_a_table_that_is_gone_have_none() -> None:
    assert FollowedPartition("latest").read().by_key == {}
    audit_table().delete_table()
    assert FollowedPartition("latest").read().by_key == {}


def test_rows_that_are_written_later_replace_and_join_the_known_ones_in_order() -> None:
    partition = FollowedPartition("latest")
    write("a", "c", status="FAILED")
    before = partition.read()
    write("b", "c", status="SUCCESS")
    rows = partition.read()
    assert [(key, row["status"]) for key, row in rows.by_key.items()] == [
        ("a", "FAILED"),
        ("b", "SUCCESS"),
        ("c", "SUCCESS"),
    ]
    assert {"b", "c"} <= rows.changed_since(before.as_of)


def test_only_what_was_written_since_is_read_again(read_entities: list[int]) -> None:
    partition = FollowedPartition("latest")
    write(*(f"job-{number:03d}" for number in range(50)))
    assert len(partition.read().by_key) == 50
    assert len(partition.read().by_key) == 50
    assert read_entities == [50, 0]


def test_rows_that_were_removed_are_gone_once_all_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    partition = FollowedPartition("latest")
    write("kept", "removed")
    partition.read()
    audit_table().delete_entity("latest", "removed")
    assert set(partition.read().by_key) == {"kept", "removed"}
    monkeypatch.setattr(followed, "_WHOLE_AFTER_SECONDS", 0.0)
    assert set(partition.read().by_key) == {"kept"}


def test_what_is_written_during_the_readings_is_never_missed() -> None:
    partition = FollowedPartition("latest")
    with ThreadPoolExecutor(4) as threads:
        writes = [threads.submit(write, f"job-{number % 40:03d}", number=number) for number in range(200)]
        while not all(done.done() for done in writes):
            partition.read()
    assert partition.read().by_key == FollowedPartition("latest").read().by_key
