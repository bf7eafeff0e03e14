"""Rows that are gone from the source: marked or removed by the next load, whatever happened to the one before."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.lake.commit import CommittingClient
from tests.integration.app.delta_loads import DeltaLoads


@pytest.fixture(params=["hard", "soft"])
def detecting(request: pytest.FixtureRequest, loads: DeltaLoads) -> DeltaLoads:
    """A job that detects deletes in either way, loaded once."""
    loads.change_job(detect_deletes=request.param, max_deleted_percent=50)
    assert loads.load().rows_deleted == 0
    return loads


@pytest.fixture
def soft(loads: DeltaLoads) -> DeltaLoads:
    loads.change_job(detect_deletes="soft", max_deleted_percent=50)
    loads.load()
    return loads


@pytest.fixture
def hard(loads: DeltaLoads) -> DeltaLoads:
    loads.change_job(detect_deletes="hard", max_deleted_percent=50)
    loads.load()
    return loads


def alive(loads: DeltaLoads) -> list[int]:
    """The ids that a reader takes to be there."""
    marked = loads.job.detect_deletes == "soft"
    rows = loads.rows("id", "_deleted_at") if marked else [(*row, None) for row in loads.rows("id")]
    return sorted(number for number, deleted_at in rows if deleted_at is None)


def test_what_is_gone_goes_with_the_load_that_brings_what_is_new(detecting: DeltaLoads) -> None:
    detecting.execute(
        f"delete from {detecting.table} where id in (3, 4)",
        f"insert into {detecting.table} values (11, 'new', 11)",
        f"update {detecting.table} set name = 'changed', version = 12 where id = 5",
    )
    version = detecting.delta.version()
    result = detecting.load()
    assert (result.rows_extracted, result.rows_written, result.rows_deleted) == (2, 2, 2)
    assert alive(detecting) == [1, 2, 5, 6, 7, 8, 9, 10, 11]
    assert detecting.delta.version() == version + 1  # rows and deletes come in one commit
    assert {row[:2] for row in detecting.rows()} >= {(5, "changed"), (11, "new")}


def test_deletes_are_found_although_nothing_else_has_changed_and_only_once(detecting: DeltaLoads) -> None:
    detecting.execute(f"delete from {detecting.table} where id = 10")  # the row of the watermark
    assert detecting.load().rows_deleted == 1
    before = detecting.rows()
    version = detecting.delta.version()
    again = detecting.load()
    assert (again.rows_extracted, again.rows_written, again.rows_deleted) == (0, 0, 0)
    assert (detecting.rows(), detecting.delta.version()) == (before, version)


def test_more_deletes_than_allowed_fail_the_load_and_change_nothing(detecting: DeltaLoads) -> None:
    detecting.change_job(max_deleted_percent=10)
    detecting.execute(
        f"delete from {detecting.table} where id < 3", f"insert into {detecting.table} values (11, 'new', 11)"
    )
    before, version = detecting.rows(), detecting.delta.version()
    assert detecting.fails() == (
        f"too_many_deletes: Delta table '{detecting.table}': 2 of 10 rows are gone from the source, more than the "
        "10 % of max_deleted_percent; nothing was loaded and the table is as it was before. See whether the source and "
        "query_filter are whole. If the rows are truly gone, raise max_deleted_percent for one load, or request a full "
        "refresh of the job."
    )
    assert (detecting.rows(), detecting.delta.version()) == (before, version)

    detecting.change_job(max_deleted_percent=20)
    result = detecting.load()
    assert (result.rows_written, result.rows_deleted) == (1, 2)
    assert alive(detecting) == [*range(3, 12)]


def test_an_emptied_source_stops_at_the_brake(hard: DeltaLoads) -> None:
    hard.execute(f"delete from {hard.table}")
    assert hard.fails().startswith("too_many_deletes: ")
    hard.change_job(max_deleted_percent=100)
    assert hard.load().rows_deleted == 10
    assert hard.rows() == []


def test_a_mark_has_the_time_of_the_load_that_missed_the_row_and_keeps_it(soft: DeltaLoads) -> None:
    soft.execute(f"delete from {soft.table} where id = 3")
    result = soft.load()
    soft.execute(f"delete from {soft.table} where id = 4")
    soft.load()
    marks: dict[int, datetime] = dict(soft.rows("id", "_deleted_at"))
    assert marks[3] == datetime.fromtimestamp(float(str(result.load_id)), UTC)
    assert marks[4] > marks[3]


@pytest.mark.parametrize("version", [3, 20], ids=["as it was", "changed"])
def test_a_row_that_returns_loses_its_mark(soft: DeltaLoads, version: int) -> None:
    soft.execute(f"delete from {soft.table} where id = 3")
    soft.load()
    soft.execute(f"insert into {soft.table} values (3, 'order 3', {version})")
    assert soft.load().rows_deleted == 0
    assert soft.rows()[2] == (3, "order 3", version, None)
    assert alive(soft) == [*range(1, 11)]


def test_marks_do_not_count_against_the_brake_again(soft: DeltaLoads) -> None:
    soft.execute(f"delete from {soft.table} where id <= 5")
    soft.load()
    soft.execute(f"delete from {soft.table} where id in (6, 7)")
    assert soft.load().rows_deleted == 2  # of five, not seven of ten


def test_a_filter_counts_as_the_source_s_whole(hard: DeltaLoads) -> None:
    hard.change_job(query_filter="name <> 'closed'")
    hard.load(full_refresh=True)
    hard.execute(
        f"update {hard.table} set name = 'closed' where id <= 2", f"insert into {hard.table} values (11, 'new', 11)"
    )
    result = hard.load()
    assert (result.rows_written, result.rows_deleted) == (1, 2)
    assert alive(hard) == [*range(3, 12)]


def test_a_table_that_was_loaded_without_marks_gets_their_column(loads: DeltaLoads) -> None:
    loads.load()
    loads.change_job(detect_deletes="soft")
    loads.execute(f"delete from {loads.table} where id = 1")
    assert loads.load().rows_deleted == 1
    assert alive(loads) == [*range(2, 11)]


def test_marks_end_with_a_full_refresh(soft: DeltaLoads) -> None:
    soft.execute(f"delete from {soft.table} where id = 1")
    soft.load()
    soft.load(full_refresh=True)
    assert soft.rows("id", "_deleted_at") == [(number, None) for number in range(2, 11)]


def test_a_backfill_finds_deletes_too(hard: DeltaLoads) -> None:
    hard.execute(f"update {hard.table} set name = 'late' where id = 2", f"delete from {hard.table} where id = 9")
    result = hard.load(start="1", end="4")
    assert (result.rows_written, result.rows_deleted) == (3, 1)
    assert (2, "late", 2) in hard.rows()


def test_a_column_of_the_source_with_the_mark_s_name_is_refused(loads: DeltaLoads) -> None:
    loads.change_job(detect_deletes="soft")
    loads.execute(f'alter table {loads.table} add "_deleted_at" timestamptz')
    assert loads.fails().startswith(
        f"source: Table 'public.{loads.table}' has a column _deleted_at of its own, where detect_deletes soft marks"
    )


def test_keys_of_every_type_are_compared_exactly(loads: DeltaLoads) -> None:
    keys = {
        "code": ("text", "'it''s ' || n"),
        "part": ("uuid", "md5(n::text)::uuid"),
        "amount": ("numeric(12, 3)", "n + 0.125"),
        "Any Number": ("numeric", "n + 12345678901234567890.123456789"),
        "day": ("date", "date '2024-01-01' + n"),
        "at": ("timestamptz", "timestamptz '2024-01-01 00:00+05' + n * interval '1 microsecond'"),
        "local": ("timestamp", "timestamp '2024-01-01' + n * interval '1 microsecond'"),
        "clock": ("time", "time '00:00' + n * interval '1 second'"),
    }
    columns = ", ".join(f'"{name}" {sql_type} not null' for name, (sql_type, _) in keys.items())
    values = ", ".join(value for _, value in keys.values())
    loads.execute(
        f"drop table {loads.table}",
        f"create table {loads.table} (version bigint not null, {columns})",
        f"insert into {loads.table} select n, {values} from generate_series(1, 10) n",
    )
    loads.change_job(primary_key=tuple(reversed(keys)), detect_deletes="hard")
    loads.load()
    loads.execute(f"delete from {loads.table} where version = 3")
    assert loads.load().rows_deleted == 1
    assert loads.rows("version") == [(1,), (2,), *((number,) for number in range(4, 11))]


@pytest.mark.parametrize("step", ["complete_load", "_store_load", "_finish_load"])
def test_a_load_that_breaks_off_after_delta_s_own_commit_is_healed_by_the_next(
    hard: DeltaLoads, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    hard.execute(f"delete from {hard.table} where id = 3", f"insert into {hard.table} values (11, 'new', 11)")

    def break_off(*_: object) -> None:
        raise ConnectionResetError("the process ends here")

    with monkeypatch.context() as breaking:
        breaking.setattr(CommittingClient, step, break_off)
        assert hard.attempt(run_id="broken").error is not None
    result = hard.load(run_id="broken")
    assert (result.rows_written, result.rows_deleted) == (1, 1)
    assert alive(hard) == [1, 2, *range(4, 12)]


def test_the_figures_of_a_load_have_the_bytes_of_the_files_that_its_commit_has_added(loads: DeltaLoads) -> None:
    def files() -> dict[str, int]:
        actions = loads.delta.get_add_actions(flatten=True)
        return dict(zip(actions["path"].to_pylist(), actions["size_bytes"].to_pylist(), strict=True))

    first, before = loads.load(), files()
    assert (first.bytes_written, first.files_written) == (sum(before.values()), len(before))
    loads.execute(f"update {loads.table} set name = 'changed', version = 99 where id = 1")
    second, after = loads.load(), files()
    assert second.bytes_written == sum(size for path, size in after.items() if path not in before) > 0
