"""What an INCREMENTAL load promises, whatever it reads."""

from __future__ import annotations

from shared.audit.ledger import record_rewind
from tests.integration.contract.conftest import MakeJob
from tests.integration.contract.subjects import row

ROWS = [row(1, 1), row(2, 2), row(3, 3), row(4, 3)]
INCREMENTAL = {"load_type": "INCREMENTAL", "watermark_column": "changed"}
DELTA = {**INCREMENTAL, "table_format": "delta"}
KEYED = {**DELTA, "primary_key": "id"}


def test_new_rows_come_once_also_those_at_the_watermark(job: MakeJob) -> None:
    loaded = job(ROWS, **INCREMENTAL)
    first = loaded.load()
    assert (first.rows_written, first.watermark_before) == (4, None)

    rows = [*ROWS, row(5, 3), row(6, 5)]
    loaded.subject.write(rows)
    second = loaded.load()
    assert (second.rows_extracted, second.rows_written) == (2, 2)
    assert second.watermark_before == first.watermark_after
    assert loaded.rows() == rows

    files = loaded.files()
    third = loaded.load()
    assert (third.rows_extracted, third.rows_written) == (0, 0)
    assert third.watermark_after == second.watermark_after
    assert [name for name in loaded.files() if name.endswith(".parquet")] == [
        name for name in files if name.endswith(".parquet")
    ]


def test_the_first_load_starts_at_last_watermark(job: MakeJob) -> None:
    loaded = job(ROWS, **INCREMENTAL, last_watermark="2026-01-02T08:00:00")
    loaded.load()
    assert loaded.rows() == ROWS[1:]


def test_a_table_that_is_empty_at_first_gets_its_rows_later(job: MakeJob) -> None:
    loaded = job([], **INCREMENTAL)
    assert loaded.load().rows_written == 0
    loaded.subject.write(ROWS)
    loaded.load()
    assert loaded.rows() == ROWS


def test_a_full_refresh_starts_over(job: MakeJob) -> None:
    loaded = job(ROWS, **INCREMENTAL)
    loaded.load()
    rows = [row(1, 1, "changed"), row(9, 2)]  # the watermark goes back with them
    loaded.subject.write(rows)
    assert loaded.load(full_refresh=True).rows_written == 2
    assert loaded.rows() == rows

    rows.append(row(10, 3))
    loaded.subject.write(rows)
    assert loaded.load().rows_written == 1
    assert loaded.rows() == rows


def test_a_new_column_is_null_in_earlier_rows_unless_it_is_forbidden(job: MakeJob) -> None:
    loaded = job(ROWS, **INCREMENTAL, schema_contract="freeze")
    loaded.load()
    new = row(5, 5, note="new")
    loaded.subject.write([*(one | {"note": "old"} for one in map(dict, ROWS)), new], ["id", "changed", "name", "note"])

    kind, retryable, message = loaded.fail()
    assert (kind, retryable) == ("source", False)
    assert "Column 'note'" in message
    assert "schema_contract freeze forbids it" in message
    assert loaded.rows() == ROWS
    loaded.change(**INCREMENTAL)
    loaded.load()
    assert loaded.rows() == [*(one | {"note": None} for one in map(dict, ROWS)), new]


def test_delta_updates_rows_by_their_key(job: MakeJob) -> None:
    loaded = job(ROWS, **KEYED)
    loaded.load()
    rows = [row(1, 1), row(2, 8, "changed"), row(3, 3), row(4, 3), row(5, 9)]
    loaded.subject.write(rows)
    assert loaded.load().rows_written == 2
    assert loaded.rows() == rows


def test_a_lookback_takes_rows_that_came_late(job: MakeJob) -> None:
    loaded = job(ROWS, **KEYED, lookback=86_400)
    loaded.load()
    loaded.subject.write([*ROWS, row(5, 1), row(6, 2)])
    loaded.load()
    assert loaded.rows() == [*ROWS, row(6, 2)]  # a day back, and not two


def test_a_backfill_replaces_its_range_as_often_as_wanted_and_moves_no_watermark(job: MakeJob) -> None:
    loaded = job(ROWS, **DELTA)
    first = loaded.load()
    rows = [row(1, 1, "outside"), row(2, 2, "corrected"), *ROWS[2:], row(7, 2)]
    loaded.subject.write(rows)
    for _ in range(2):
        backfill = loaded.load(start="2026-01-02", end="2026-01-03")
        assert backfill.rows_written == 2
        assert backfill.watermark_after == first.watermark_after
        assert loaded.rows() == [ROWS[0], *rows[1:]]

    rows += [row(8, 3), row(9, 4)]
    loaded.subject.write(rows)
    assert loaded.load().rows_written == 2
    assert loaded.rows() == [ROWS[0], *rows[1:]]


def test_a_backfill_with_a_key_updates_the_rows_of_its_range(job: MakeJob) -> None:
    loaded = job(ROWS, **KEYED)
    first = loaded.load()
    corrected = [row(1, 1, "outside"), row(2, 2, "corrected"), *ROWS[2:], row(7, 2)]
    loaded.subject.write(corrected)
    backfill = loaded.load(start="2026-01-02", end="2026-01-03")
    assert (backfill.rows_written, backfill.watermark_after) == (2, first.watermark_after)
    assert loaded.rows() == [ROWS[0], *corrected[1:]]


def test_a_backfill_that_would_double_rows_is_refused(job: MakeJob) -> None:
    loaded = job(ROWS, **INCREMENTAL)
    loaded.load()
    kind, retryable, message = loaded.fail(start="2026-01-02", end="2026-01-03")
    assert (kind, retryable) == ("configuration", False)
    assert "needs load_type INCREMENTAL and table_format delta" in message
    assert loaded.rows() == ROWS


def test_a_rewind_brings_rows_again_once_and_a_backfill_leaves_it_alone(job: MakeJob) -> None:
    loaded = job(ROWS, **KEYED)
    first = loaded.load()
    rows = [row(1, 1, "outside"), row(2, 2, "corrected"), *ROWS[2:], row(7, 2)]
    loaded.subject.write(rows)
    record_rewind(loaded.job, "2026-01-02", {})
    loaded.load(start="2026-01-03", end="2026-01-04")
    assert loaded.rows() == ROWS
    again = loaded.load()
    assert (again.rows_written, again.watermark_before) == (4, "2026-01-02")
    assert again.watermark_after == first.watermark_after
    assert loaded.rows() == [ROWS[0], *rows[1:]]
    assert loaded.load().rows_written == 0


def test_a_rewind_to_the_start_replaces_the_table_once(job: MakeJob) -> None:
    loaded = job(ROWS, **INCREMENTAL)
    loaded.load()
    rows = [row(1, 1, "changed"), row(9, 2)]
    loaded.subject.write(rows)
    record_rewind(loaded.job, None, {})
    assert loaded.load().rows_written == 2
    assert loaded.rows() == rows
    assert loaded.load().rows_written == 0
