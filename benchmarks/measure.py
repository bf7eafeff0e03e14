"""The seconds of several ways and the peak memory of their processes, over several runs."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_TIMEOUT_SECONDS = 1800


class WayFailedError(Exception):
    """A way ended with an error; the text is the end of what it wrote."""


@dataclass(frozen=True)
class Figure:
    """One line of the results: medians of seconds, and the most that the process ever had in memory.

    `cpu_seconds` are those of the loading process alone, whatever the server needs.
    """

    case: str
    way: str
    rows: int
    seconds: float
    peak_rss_mb: float
    cpu_seconds: float = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def measure(
    case: str,
    ways: Sequence[str],
    order: Mapping[str, Any],
    environment: Mapping[str, str],
    runs: int,
    progress: Callable[[str], None],
) -> list[Figure]:
    """The figures of several ways to load one table, from `runs` runs of each.

    The ways take turns, so that none has the first load of all runs, with everything cold, or a quieter machine.

    Args:
        case: The name of the table's case.
        ways: The names of the ways that take turns.
        order: What the measured process gets besides the way: the table and where it goes.
        environment: Variables of that process.
        runs: How often each way loads the table.
        progress: Called with a line for each run that has ended.

    Raises:
        WayFailedError: a run failed.
    """
    results: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
    for turn in range(runs):
        for way in ways:
            results[way].append(_run(way, order, environment))
            progress(f"{case} {way}, {turn + 1} of {runs}: {results[way][-1]['seconds']:.2f} s")
    return [_figure(case, way, of_way) for way, of_way in results.items()]


def _figure(case: str, way: str, results: Sequence[Mapping[str, Any]]) -> Figure:
    return Figure(
        case=case,
        way=way,
        rows=results[0]["rows"],
        seconds=round(statistics.median(result["seconds"] for result in results), 2),
        cpu_seconds=round(statistics.median(result["cpu_seconds"] for result in results), 2),
        peak_rss_mb=round(max(result["peak_rss_mb"] for result in results)),
    )


def _run(way: str, order: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, tempfile.TemporaryFile("w+") as errors:
        child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.ways"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=os.environ | dict(environment),
            cwd=Path(__file__).parents[1],
        )
        try:
            assert child.stdin is not None
            assert child.stdout is not None
            json.dump({**order, "way": way, "folder": folder}, child.stdin)
            child.stdin.close()
            output = child.stdout.read()
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        finally:
            child.kill()
        if child.returncode != 0:
            errors.seek(0)
            raise WayFailedError(f"{way}: {errors.read()[-2000:]}")
        return {**json.loads(output.splitlines()[-1]), "peak_rss_mb": usage.ru_maxrss / 1024}
