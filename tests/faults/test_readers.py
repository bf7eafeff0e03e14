"""A reader of a table sees one whole version of it, also while it is loaded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from azure.core.exceptions import ResourceNotFoundError

from tests.faults.rig import FLOWS, BrokenApp, loaded_job

pytestmark = pytest.mark.campaign

RELOADS = 50


@pytest.mark.timeout(900)
@pytest.mark.fault("readers during FULL reloads")
@pytest.mark.parametrize("flow", ["FULL Parquet", "FULL Delta"])
def test_a_reader_during_full_reloads(
    app: BrokenApp, flow: str, record_property: Callable[[str, object], None]
) -> None:
    table = loaded_job(app, flow)
    app.run(job_ids=[table])
    with reading(app, table, flow) as versions:
        for version in range(RELOADS):
            # every row of a version is the same and each version has another number of rows: a mixture shows
            content = f"select n, 'a name', {version} from generate_series(1, {version + 1}) n"
            app.execute(f"delete from {table}", f"insert into {table} {content}")
            ended = app.load(table)
            assert ended["status"] == "SUCCESS", ended
    record_property("points", RELOADS)
    assert len(versions) >= RELOADS / 4  # else the reader was too slow, and proves nothing
    for rows in versions:
        numbers = {int(str(number)) for _, _, number in rows}
        assert len(numbers) == 1
        assert len(rows) == numbers.pop() + 1


@contextmanager
def reading(app: BrokenApp, table: str, flow: str) -> Iterator[set[tuple[tuple[object, ...], ...]]]:
    """Read the table again and again; gives the set of what was seen, without what was there at first."""
    seen: set[tuple[tuple[object, ...], ...]] = set()
    failures: list[Exception] = []
    ended = threading.Event()
    first = tuple(_read(app, table, flow))

    def read() -> None:
        while not ended.wait(0.05):
            try:
                seen.add(tuple(_read(app, table, flow)))
            except Exception as error:
                failures.append(error)
                return

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()
    assert failures == []
    seen.discard(first)


def _read(app: BrokenApp, table: str, flow: str) -> list[tuple[object, ...]]:
    if flow == "FULL Delta":
        return app.rows_in_lake(table, FLOWS[flow])
    while True:
        try:
            return app.readable_rows(table)
        except ResourceNotFoundError:  # a file of the version before: the manifest says where the next one is
            continue
