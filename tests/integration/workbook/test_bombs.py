"""Whatever is in an uploaded file, a child bears the cost, within limits, and the app goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from shared.activation import judge
from shared.activation.judge import annotated, judged
from shared.errors.hierarchy import WorkbookError
from shared.isolation.parent import Limits, run_in_child
from shared.secrets import Secret
from shared.settings import settings
from shared.workbook.configuration import Report
from tests.bombs import BOMBS
from tests.builders import a_workbook

MEGABYTES = 300
"""The largest size of a child that judges and annotates one workbook."""


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The settings can be changed, and are read again."""
    settings.cache_clear()
    yield monkeypatch
    settings.cache_clear()


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_or_read_in_little_memory(name: str) -> None:
    content = BOMBS[name]()
    report, cost = run_in_child(
        "tests.integration.workbook.entries:judge_and_measure",
        {"content": content},
        Secret({}),
        Limits(300, settings().workbook_memory_megabytes),
        name="bomb",
    )
    assert isinstance(report, Report)
    assert report.problems, "every bomb has something that is refused"
    assert all(len(str(problem)) < 600 for problem in report.problems)
    assert cost.megabytes < MEGABYTES


def test_a_workbook_that_takes_too_long_is_refused_with_the_limits_name(tight: pytest.MonkeyPatch) -> None:
    tight.setattr(judge, "ENTRIES", "tests.integration.workbook.entries")
    tight.setenv("WORKBOOK_SECONDS", "5")
    settings.cache_clear()
    (problem,) = judged(b"endless", 20).problems
    assert str(problem) == (
        "The workbook cannot be judged. It takes more than 5 s (setting WORKBOOK_SECONDS). Copy the rows into a new "
        "workbook, or remove what is not configuration."
    )
    with pytest.raises(WorkbookError, match=r"cannot be annotated\. It takes more than 5 s"):
        annotated(b"endless", Report())


@pytest.mark.parametrize("how", [b"memory", b"crash"])
def test_a_workbook_that_breaks_its_child_is_refused(tight: pytest.MonkeyPatch, how: bytes) -> None:
    tight.setattr(judge, "ENTRIES", "tests.integration.workbook.entries")
    (problem,) = judged(how, 20).problems
    expected = {
        b"memory": "It needs more than 512 MiB of memory (setting WORKBOOK_MEMORY_MEGABYTES).",
        b"crash": "Its process was ended by SIGSEGV.",
    }
    assert f"The workbook cannot be judged. {expected[how]}" in str(problem)


def test_a_good_workbook_of_thousands_of_jobs_is_within_the_limits() -> None:
    jobs = [{"load_type": "INCREMENTAL", "watermark_column": "id", "query_filter": f"id <> {n}"} for n in range(5000)]
    report = judged(a_workbook(*jobs), 20)
    assert report.configuration is not None
    assert len(report.configuration.jobs) == 5000


async def test_the_app_answers_while_workbooks_are_judged() -> None:
    content = BOMBS["many requests"]()
    judging = [asyncio.create_task(asyncio.to_thread(judged, content, 20)) for _ in range(4)]
    late = 0.0
    while not all(task.done() for task in judging):
        asked = time.monotonic()
        await asyncio.sleep(0.01)
        late = max(late, time.monotonic() - asked)
    assert all(task.result().problems for task in judging)
    assert late < 5  # in the app's own process it was as long as the judging
