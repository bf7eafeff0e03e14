"""The queries find what the app logs: their patterns are the app's own log lines."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.unit.infra.templates import INFRA, ROOT

QUERIES = sorted((INFRA / "queries").glob("*.kql"))
PLACEHOLDER = re.compile(r"%(?:\.\d+)?[sdf]")
OUTCOMES = {"SUCCEEDED", "PARTLY_FAILED", "FAILED", "CANCELLED", "SUCCESS", "SKIPPED"}


@cache
def log_lines() -> list[str]:
    """The texts that the app logs, as its code has them."""
    return list(_found())


def _found() -> Iterator[str]:
    for path in (*(ROOT / "activities").glob("*.py"), *(ROOT / "shared").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                first = node.args[0]
                is_log = isinstance(node.func.value, ast.Name) and node.func.value.id == "log"
                if is_log and isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_query_looks_for_lines_that_the_app_writes(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for start in re.findall(r'Message startswith "([^"]+)"', text):
        assert any(line.startswith(start) for line in log_lines())
    for pattern in re.findall(r"parse Message with (.+)", text):
        literals = re.findall(r'"([^"]*)"', pattern)
        assert literals in [[part for part in PLACEHOLDER.split(line) if part] for line in log_lines()]


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_query_knows_only_outcomes_that_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert set(re.findall(r'"([A-Z_]{6,})"', text)) <= OUTCOMES
    assert text.startswith("// ")


def test_every_query_is_an_alert_or_saved() -> None:
    modules = [(INFRA / f"modules/{name}.bicep").read_text(encoding="utf-8") for name in ("alerts", "monitoring")]
    loaded = {name for module in modules for name in re.findall(r"queries/([\w-]+\.kql)", module)}
    assert loaded == {path.name for path in QUERIES}


def test_every_placeholder_is_filled_in() -> None:
    alerts = (INFRA / "modules/alerts.bicep").read_text(encoding="utf-8")
    for path in QUERIES:
        for placeholder in re.findall(r"\{\w+\}", path.read_text(encoding="utf-8")):
            assert f"replace(loadTextContent('../queries/{path.name}'), '{placeholder}'" in alerts


def test_an_alert_looks_back_further_than_its_evaluations_are_apart() -> None:
    """What is logged arrives minutes later: the evaluation before it did not see it yet."""
    alerts = (INFRA / "modules/alerts.bicep").read_text(encoding="utf-8")
    found = re.findall(r"every: '(PT\w+)'\n    window: '(PT?\w+)'\n    query: .*queries/([\w-]+\.kql)'", alerts)
    assert len(found) == 5
    for every, window, query in found:
        own = re.findall(r"> ago\((\d+[mdh])\)", (INFRA / "queries" / query).read_text(encoding="utf-8"))
        assert min(_minutes(span) for span in own or [window]) >= _minutes(every) + 10


def _minutes(span: str) -> int:
    """Of `75m` as of `PT1H`."""
    number, unit = re.fullmatch(r"P?T?(\d+)([mhd])", span, re.IGNORECASE).groups()  # type: ignore[union-attr]
    return int(number) * {"m": 1, "h": 60, "d": 24 * 60}[unit.lower()]


def test_every_alert_has_its_heading_in_the_runbook() -> None:
    alerts = (INFRA / "modules/alerts.bicep").read_text(encoding="utf-8")
    runbook = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    names = re.findall(r"^    name: '([a-z-]+)'$", alerts, flags=re.MULTILINE)
    assert len(names) == 5
    assert [name for name in names if f"\n### {name}\n" not in runbook] == []
