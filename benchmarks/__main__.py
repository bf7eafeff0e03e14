"""`python -m benchmarks [--quick] [--json] [--case NAME]`: measure, print, and write benchmarks/results/latest.json."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.cases import CASES, SMALL_TABLES, Case, make_small_tables, make_table
from benchmarks.measure import Figure, WayFailedError, measure
from benchmarks.small_tables import measure_app
from localhost.local_app import LocalApp, local_app

RESULTS = Path(__file__).parent / "results" / "latest.json"
_DATABASE = "benchmark"
_CONTAINER = "benchmark"
_FLOOR = "copy-floor"


def main() -> int:
    """Measure what the arguments ask for. Returns 1 if a way failed."""
    arguments = _arguments()
    out = Console(stderr=arguments.json)
    figures: list[Figure] = []
    failed = False
    with TemporaryDirectory(prefix="benchmarks-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # PostgreSQL may run as another user
        with local_app(Path(folder)) as app:
            app.services.postgres.create_database(_DATABASE)
            for case in arguments.case or [*(case.name for case in CASES), SMALL_TABLES]:
                try:
                    figures += _measure(app, case, arguments.quick, arguments.runs, out.print)
                except WayFailedError as error:
                    out.print(f"[red]{case}: {error}")
                    failed = True
    _write(figures)
    if arguments.json:
        print(json.dumps([figure.to_json() for figure in figures], indent=1))
    else:
        out.print(_table(figures))
    return int(failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, one run of each: under two minutes")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON; progress goes to stderr")
    names = [*(case.name for case in CASES), SMALL_TABLES]
    parser.add_argument("--case", action="append", choices=names, help="only this case; may be given again")
    parser.add_argument("--runs", type=int, help="runs of each way (3, or 1 with --quick)")
    arguments = parser.parse_args()
    arguments.runs = arguments.runs or (1 if arguments.quick else 3)
    return arguments


def _measure(app: LocalApp, name: str, quick: bool, runs: int, progress: Callable[[str], None]) -> list[Figure]:
    if name == SMALL_TABLES:
        return _measure_small(app, quick, progress)
    case = next(case for case in CASES if case.name == name)
    ways = [way for way in case.ways if not (quick and _is_too_slow(case, way))]
    with app.services.postgres.connect(_DATABASE, autocommit=True) as connection:
        table = make_table(connection, case, case.quick_rows if quick else case.rows)
        figures = measure(name, ways, _order(app, table), app.services.environment(), runs, progress)
        connection.execute(f"DROP TABLE {table}")
    return figures


def _is_too_slow(case: Case, way: str) -> bool:
    """Whether a way would take most of a quick benchmark's two minutes alone."""
    return way == "dlt-pyarrow" and case.name != "narrow"


def _measure_small(app: LocalApp, quick: bool, progress: Callable[[str], None]) -> list[Figure]:
    with app.services.postgres.connect(_DATABASE, autocommit=True) as connection:
        tables = list(make_small_tables(connection, 10 if quick else 200))
    ours = measure_app(app, _DATABASE, tables, _CONTAINER)
    progress(f"{SMALL_TABLES} {ours.way}: {ours.seconds:.2f} s")
    plain = ["dlt-pyarrow"] if quick else ["dlt-pyarrow", "dlt-pyarrow-azurite"]
    return [ours, *measure(SMALL_TABLES, plain, _order(app, *tables), app.services.environment(), 1, progress)]


def _order(app: LocalApp, *tables: str) -> dict[str, Any]:
    connection = app.postgres_connection(_DATABASE)
    return {"connection": connection, "tables": tables, "container": _CONTAINER}


def _write(figures: list[Figure]) -> None:
    """Write the figures; those of cases that were not measured this time stay."""
    RESULTS.parent.mkdir(exist_ok=True)
    earlier = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    measured = {figure.case for figure in figures}
    kept = [figure for figure in earlier if figure["case"] not in measured]
    content = kept + [figure.to_json() for figure in figures]
    RESULTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _table(figures: list[Figure]) -> Table:
    floors = {figure.case: figure.seconds for figure in figures if figure.way == _FLOOR}
    table = Table("case", "way", "rows", "seconds", "times the floor", "peak RSS, MB")
    for figure in figures:
        floor = floors.get(figure.case)
        times = f"{figure.seconds / floor:.2f}" if floor else ""
        table.add_row(
            figure.case, figure.way, f"{figure.rows:,}", f"{figure.seconds:.2f}", times, f"{figure.peak_rss_mb:.0f}"
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
