"""Ten thousand workbooks that no program writes, judged in children as the app judges uploads."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

import pytest
import requests

from shared.isolation.parent import Limits, run_in_child
from shared.secrets import Secret
from shared.settings import settings
from tests.bombs import BOMBS
from tests.faults.rig import BrokenApp
from tests.integration.workbook.entries import Cost
from tests.mutations import unforeseen

MUTANTS, BATCH = 10_000, 100
MEGABYTES = 300
"""The largest size of a child."""

ENTRIES = "tests.integration.workbook.entries"
Record = Callable[[str, object], None]


def figures(costs: list[Cost]) -> str:
    """What the dearest of these workbooks cost."""
    largest, longest = max(cost.megabytes for cost in costs), max(cost.seconds for cost in costs)
    return f"at most {largest:.0f} MiB and {longest:.1f} s of a processor"


@pytest.mark.campaign
@pytest.mark.timeout(3600)
@pytest.mark.fault("workbooks: mutants")
def test_every_mutant_gets_an_answer_in_little_memory(record_property: Record) -> None:
    limits = Limits(settings().workbook_seconds * BATCH, settings().workbook_memory_megabytes)

    def judged(first: int) -> Any:
        numbers = {"numbers": range(first, first + BATCH)}
        return run_in_child(f"{ENTRIES}:judge_mutants", numbers, Secret({}), limits, name="mutants")

    costs: list[Cost] = []
    with ThreadPoolExecutor(2) as pool:
        for number, report, cost in chain.from_iterable(pool.map(judged, range(0, MUTANTS, BATCH))):
            assert (report.configuration is None) == bool(report.problems), number
            assert not unforeseen(report), (number, unforeseen(report))
            assert cost.megabytes < MEGABYTES, number
            costs.append(cost)
    record_property("points", len(costs))
    record_property("measured", figures(costs))


@pytest.mark.campaign
@pytest.mark.fault("workbooks: bombs")
def test_every_bomb_is_measured(record_property: Record) -> None:
    limits = Limits(settings().workbook_seconds, settings().workbook_memory_megabytes)
    costs: list[Cost] = []
    for name, bomb in BOMBS.items():
        arguments = {"content": bomb()}
        report, cost = run_in_child(f"{ENTRIES}:judge_and_measure", arguments, Secret({}), limits, name="bomb")
        assert report.problems, name
        assert cost.megabytes < MEGABYTES, name
        costs.append(cost)
    record_property("points", len(costs))
    record_property("measured", figures(costs))


@pytest.mark.campaign
@pytest.mark.fault("workbooks: the app's health during bombs")
def test_the_app_answers_while_bombs_are_judged(app: BrokenApp, record_property: Record) -> None:
    headers = {"x-functions-key": app.host.master_key}
    checks = f"{app.host.url}/api/config/validate"

    def check(content: bytes) -> None:
        for annotated in ("0", "1"):
            answer = requests.post(checks, content, params={"annotated": annotated}, headers=headers, timeout=300)
            assert answer.status_code in (200, 422)

    contents = [bomb() for bomb in BOMBS.values()]
    answered: list[float] = []
    with ThreadPoolExecutor(4) as pool:
        checked = [pool.submit(check, content) for content in contents]
        while not all(one.done() for one in checked):
            asked = time.monotonic()
            assert requests.get(f"{app.host.url}/api/health", timeout=60).status_code == requests.codes.ok
            answered.append(time.monotonic() - asked)
            time.sleep(0.05)
    for one in checked:
        one.result()
    record_property("points", len(answered))
    record_property("measured", f"health at most {max(answered):.2f} s")
