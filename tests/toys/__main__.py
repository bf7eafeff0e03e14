"""Add both toys to the app and take one job of them all the way; prints what came out as JSON.

The rows are added before anything else of the app is imported: its modules read the registries when they load.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from shared.jobs.destinations import DESTINATIONS
from shared.jobs.source_types import SOURCE_TYPES
from tests.toys.destination import FOLDER
from tests.toys.source import CSV

SOURCE_TYPES[CSV.name] = CSV
DESTINATIONS[FOLDER.name] = FOLDER

from shared.api.answers import JobOverview  # noqa: E402
from shared.audit.ledger import can_be_rewound  # noqa: E402
from shared.isolation.fork_server import PRELOADED  # noqa: E402
from shared.jobs.destinations import dataset_path, is_delta_in_lake  # noqa: E402
from shared.loading.attempt import run_attempt  # noqa: E402
from shared.models.attempt import AttemptOrder  # noqa: E402
from shared.secrets import connection_secret  # noqa: E402
from shared.sources.probe import examine_job, list_tables  # noqa: E402
from shared.workbook.documentation import columns_table, json_schema  # noqa: E402
from shared.workbook.validation import validate  # noqa: E402
from tests.builders import a_workbook  # noqa: E402


def main(folder: Path) -> None:
    """Everything that the app does with a job, but for its process and its tables in Azure."""
    row = {"source_type": "csv", "source_name": "files", "schema_name": "shop", "table_name": "orders"}
    row |= {"destination": "Folder", "query_filter": "id > 1", "job_id": "toy"}
    wrong = {**row, "job_id": "wrong", "table_format": "delta", "partition_by": "id", "query_filter": "id > 1; DROP"}
    sources = [{"source_name": "files", "auth": "managed_identity"}]
    report = validate(a_workbook(row))
    assert report.configuration, report
    (job,) = report.configuration.jobs
    secret = connection_secret(report.configuration.source("files"), job.source_type)
    examined = examine_job(job, secret, lambda _stage, _rows: None, None, False)
    order = AttemptOrder(run_id="run-1", run_started_at="2026-01-01T00:00:00Z", job_id="toy", config_sha256="0" * 64)
    result = run_attempt(order, job, secret, folder / "work", lambda _stage, _rows: None)
    print(
        json.dumps(
            {
                "problems": [str(one) for one in validate(a_workbook(row, wrong, sources=sources)).problems],
                "tables": list_tables(job, secret, lambda _stage, _rows: None),
                "sql": examined.sql,
                "result": result.to_json(),
                "place": dataset_path(job),
                "in_lake": is_delta_in_lake(job),
                "rewinds": can_be_rewound(job),
                "documented": [name in columns_table() and name in json_schema() for name in (CSV.name, FOLDER.name)],
                "answered": JobOverview.model_json_schema()["properties"]["source_type"]["enum"],
                "preloaded": PRELOADED,
            }
        )
    )


main(Path(sys.argv[1]))
