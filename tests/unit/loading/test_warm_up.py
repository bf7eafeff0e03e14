"""What the fork server has done for its children: all that a first load needs, and nothing that a fork would break."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest


@pytest.fixture(scope="module")
def server() -> dict[str, list[str]]:
    """What a process is that has preloaded what the fork server preloads: its modules, threads and sockets."""
    program = """
        import gc, importlib, inspect, json, sys, threading
        import psutil
        from shared.isolation.fork_server import PRELOADED

        for module in PRELOADED:
            importlib.import_module(module)
        files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
        print(json.dumps({
            "modules": list(sys.modules),
            "collected": [type(one).__name__ for one in gc.get_objects()],
            "threads": [thread.name for thread in threading.enumerate()],
            "connections": [str(one) for one in psutil.Process().net_connections("all")],
            "unknown": [file for file in files if file and file.endswith(".py") and file not in inspect.modulesbyfile],
        }))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True, timeout=120
    )
    answer: dict[str, list[str]] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("module", ["adlfs", "azure.storage.blob.aio", "dlt.sources.helpers.requests", "fsspec.asyn"])
def test_a_first_load_imports_nothing_that_takes_long(server: dict[str, list[str]], module: str) -> None:
    assert module in server["modules"]


def test_no_module_need_be_looked_for_when_dlt_asks_where_it_is_called(server: dict[str, list[str]]) -> None:
    assert len(server["modules"]) > 1000
    assert len(server["unknown"]) < 20, server["unknown"]


def test_nothing_runs_or_is_connected_that_a_child_would_not_have(server: dict[str, list[str]]) -> None:
    assert server["threads"] == ["MainThread"]
    assert server["connections"] == []


def test_the_garbage_collector_of_a_child_looks_at_nothing_that_is_imported(server: dict[str, list[str]]) -> None:
    assert len(server["collected"]) < 1000, "what the modules are made of: some 400,000 objects"
