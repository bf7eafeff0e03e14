"""The stand-in's worker takes and refuses what the real one does, function for function."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from localhost.host.worker.app import load_functions
from tests.unit.localhost_host.verdict_apps import app_source

ROOT = Path(__file__).parents[3]
VERDICTS = list(csv.DictReader((ROOT / "tests/fixtures/worker_verdicts.csv").read_text(encoding="utf-8").splitlines()))


@pytest.fixture
def module() -> Iterator[ModuleType]:
    """An empty module under the app's name, where annotations are looked up."""
    before = sys.modules.get("function_app")
    sys.modules["function_app"] = ModuleType("function_app")
    yield sys.modules["function_app"]
    if before is None:
        del sys.modules["function_app"]
    else:
        sys.modules["function_app"] = before


@pytest.mark.parametrize("row", VERDICTS, ids=lambda row: row["function"])
def test_the_verdict_is_the_real_workers(row: dict[str, str], module: ModuleType) -> None:
    source = app_source(row["function"])
    if row["verdict"] == "ok":
        _load(source, module)
        return
    with pytest.raises(Exception) as refused:
        _load(source, module)
    says = row["what the worker says"]
    kind, _, text = says.partition(": ") if says.startswith(("NameError", "ValueError")) else ("", "", says)
    assert text in str(refused.value)
    assert kind in ("", type(refused.value).__name__)


def _load(source: str, module: ModuleType) -> None:
    exec(compile(source, "function_app.py", "exec"), vars(module))
    load_functions(module)
