"""`partition_by`: folders of a Delta table by value, kept as they are until the table is written again."""

from __future__ import annotations

import pytest

from shared.models.attempt import Rewind
from tests.integration.app.delta_loads import DeltaLoads


@pytest.fixture
def by_country(loads: DeltaLoads) -> DeltaLoads:
    """A table partitioned by its country, one of which is unknown, loaded once."""
    loads.execute(
        f"alter table {loads.table} add country text",
        f"update {loads.table} set country = case id % 3 when 0 then null when 1 then 'A/B' else 'DE' end",
    )
    loads.change_job(partition_by=("Country",))
    loads.load()
    return loads


def test_rows_lie_in_folders_by_value(by_country: DeltaLoads) -> None:
    assert by_country.delta.metadata().partition_columns == ["country"]
    assert len(by_country.delta.partitions()) == 3
    assert [row[0] for row in by_country.rows("id")] == [*range(1, 11)]


def test_updates_move_rows_between_partitions_and_deletes_find_them(by_country: DeltaLoads) -> None:
    by_country.change_job(detect_deletes="hard", max_deleted_percent=50)
    by_country.execute(
        f"update {by_country.table} set country = 'FR', version = 11 where id = 1",
        f"delete from {by_country.table} where id = 2",
    )
    result = by_country.load()
    assert (result.rows_written, result.rows_deleted) == (1, 1)
    assert by_country.rows("id", "country")[0] == (1, "FR")
    assert [row[0] for row in by_country.rows("id")] == [1, *range(3, 11)]


def test_other_partitions_are_refused_until_a_full_refresh(by_country: DeltaLoads) -> None:
    by_country.change_job(partition_by=())
    by_country.execute(f"insert into {by_country.table} values (11, 'new', 11, 'DE')")
    assert "partition_by was 'Country' and is blank" in by_country.fails()
    by_country.load(full_refresh=True)
    assert by_country.delta.metadata().partition_columns == []
    assert len(by_country.rows()) == 11


def test_a_watermark_set_by_hand_does_not_change_the_folders_of_a_table(by_country: DeltaLoads) -> None:
    by_country.change_job(partition_by=())
    by_country.execute(f"insert into {by_country.table} values (11, 'new', 11, 'DE')")
    by_country.rewind = Rewind(key="1", watermark="10")
    assert by_country.fails() == (
        f"lake: Delta table '{by_country.table}' is partitioned by country, and the job's partition_by says nothing: "
        "only a load that writes the whole table again can change that. Request a full refresh of the job, or put "
        "partition_by back."
    )
    assert len(by_country.rows()) == 10


def test_a_full_load_takes_up_other_partitions_by_itself(by_country: DeltaLoads) -> None:
    by_country.change_job(load_type="FULL", watermark_column=None, partition_by=("name", "country"))
    by_country.load()
    assert by_country.delta.metadata().partition_columns == ["name", "country"]
    assert len(by_country.rows()) == 10


def test_a_column_that_the_table_does_not_have_is_named(loads: DeltaLoads) -> None:
    loads.change_job(partition_by=("contry",))
    assert loads.fails().startswith(f"source: partition_by 'contry' is not a column of table 'public.{loads.table}'.")
