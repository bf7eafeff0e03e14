"""What may import what, where import-linter cannot look; its contracts are in pyproject.toml."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

MODULES_OF_INDEXING, OWN_MODULES_OF_INDEXING = 1_350, 200
ROOT = Path(__file__).parents[2]
APP = [
    ROOT / "function_app.py",
    *(path for name in ("orchestrators", "activities", "shared") for path in (ROOT / name).rglob("*.py")),
]
OUTSIDE = {"localhost", "tests", "benchmarks"}
HEAVY = {"adbc_driver_manager", "adbc_driver_postgresql", "adlfs", "deltalake", "dlt", "duckdb", "mssql_python"}
HEAVY |= {"oracledb", "pandas", "psycopg", "pyarrow", "sqlalchemy"}
HEAVY |= {"openpyxl", "sqlglot"}  # of the child that judges workbooks
FUNCTION_APP_MAY_IMPORT = {
    "activities",
    "orchestrators",
    "shared.api",
    "shared.dashboard",
    "shared.housekeeping",
    "shared.runs",
    "shared.settings",
    "shared.telemetry",
}
STATEMENTS_OF_A_FUNCTION = 2  # apart from its docstring: register and delegate, nothing else


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield str(node.module)


@pytest.mark.parametrize("path", APP, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_app_imports_nothing_of_what_surrounds_it(path: Path) -> None:
    assert {name for name in imports(path) if name.partition(".")[0] in OUTSIDE} == set()


def test_function_app_imports_the_layers_below_it_and_the_sdk() -> None:
    own = {name for name in imports(ROOT / "function_app.py") if not name.startswith(("azure.", "__future__"))}
    own -= sys.stdlib_module_names
    assert {name for name in own if not name.startswith(tuple(FUNCTION_APP_MAY_IMPORT))} == set()


def test_nothing_imports_function_app() -> None:
    assert [path for path in APP if "function_app" in imports(path)] == []


def test_function_app_registers_and_delegates() -> None:
    tree = ast.parse((ROOT / "function_app.py").read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    assert len(functions) >= 10
    assert [function.name for function in functions if not function.decorator_list] == []
    assert [function.name for function in functions if len(function.body) - 1 > STATEMENTS_OF_A_FUNCTION] == []


@cache
def _loaded_by_indexing() -> frozenset[str]:
    script = "import json, sys, function_app; function_app.app.get_functions(); print(json.dumps(list(sys.modules)))"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return frozenset(json.loads(done.stdout))


def test_indexing_the_app_loads_neither_dlt_nor_pyarrow_nor_a_driver() -> None:
    loaded = {name.partition(".")[0] for name in _loaded_by_indexing()}
    assert "function_app" in loaded
    assert loaded & HEAVY == set()


def test_indexing_the_app_loads_no_exporter_where_telemetry_goes_nowhere() -> None:
    assert {"opentelemetry.sdk", "opentelemetry.exporter", "azure.monitor"} & _loaded_by_indexing() == set()


def test_indexing_the_app_stays_light() -> None:
    """The worker has to answer soon after a cold start. Modules are counted: seconds depend on the machine."""
    own = [
        name for name in _loaded_by_indexing() if name.partition(".")[0] in ("shared", "activities", "orchestrators")
    ]
    assert len(_loaded_by_indexing()) < MODULES_OF_INDEXING
    assert len(own) < OWN_MODULES_OF_INDEXING
