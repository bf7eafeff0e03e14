"""A field that is added to the figures of a load arrives wherever a load is recorded or shown."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.builders import a_job

ROOT = Path(__file__).parents[3]
NEW_FIELD = "rows_rejected"
MODEL = "shared/models/attempt.py"
AFTER = "    rows_written: int = 0\n"

PLACES = """
import json
from datetime import datetime, timezone
from unittest.mock import patch

import function_app
from shared.audit import jobs, ledger
from shared.models.attempt import JobResult, figures_of
from shared.models.job import Job
from shared.planning.overview import Timing, describe_jobs
from shared.workbook.configuration import Configuration

now = datetime.now(timezone.utc)
seen = {}
record = {"load_id": "1.5", "rows_written": 2, "rows_rejected": 7, "tables": {}}
figures = figures_of(record).figures()
seen["record in the lake"] = figures["rows_rejected"]
result = JobResult(run_id="r", job_id="orders", status="SUCCESS", started_at=now, ended_at=now, **figures)
seen["result"] = JobResult.model_validate(result.to_json()).rows_rejected

job = Job.model_validate(JOB)
written = []
replaced = lambda key, values, may_replace, etag=None: written.append({**key, **values}) or True
with (
    patch.object(jobs, "audit_table") as table,
    patch.object(ledger, "audit_table", table),
    patch.object(jobs, "replace_row", replaced),
):
    table.return_value.upsert_entity.side_effect = lambda entity, mode: written.append(entity)
    jobs.record_job(result, now, job)
    ledger.record_load(job, result)
for row in written:
    seen["audit row " + row["PartitionKey"].partition(":")[0]] = row["rows_rejected"]

latest = next(row for row in written if row["PartitionKey"] == "latest")
timing = Timing("0 0 2 * * *", now, now - now, now)
(described,) = describe_jobs(Configuration(jobs=(job,)), {"orders": latest}, {"orders": latest}, timing)
for name in ("last_result", "last_success"):
    seen["job list " + name] = described[name]["rows_rejected"]

schemas = function_app.routes.document()["components"]["schemas"]
for name in ("Load", "JobOfRun", "LastLoad"):
    seen["document " + name] = 7 if "rows_rejected" in schemas[name]["properties"] else None
print(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Where the app shows the new field, in a copy of it that has one more line: the field's."""
    copy = tmp_path_factory.mktemp("app")
    for name in ("shared", "activities", "orchestrators"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "function_app.py", copy)
    model = copy / MODEL
    text = model.read_text(encoding="utf-8")
    assert text.count(AFTER) == 1
    model.write_text(text.replace(AFTER, f"{AFTER}    {NEW_FIELD}: int = 0\n"), encoding="utf-8")
    script = f"JOB = {a_job(job_id='orders').to_json()!r}\n{PLACES}"
    done = subprocess.run([sys.executable, "-c", script], cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    places: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return places


@pytest.mark.parametrize(
    "place",
    [
        "record in the lake",
        "result",
        "audit row r",
        "audit row job",
        "audit row latest",
        "audit row succeeded",
        "audit row ledger",
        "job list last_result",
        "job list last_success",
        "document Load",
        "document JobOfRun",
        "document LastLoad",
    ],
)
def test_a_new_figure_arrives_everywhere_from_one_line(seen: dict[str, Any], place: str) -> None:
    assert seen[place] == 7
