"""One workbook for several environments: defaults, placeholders, and where a user sees what a job comes to."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from localhost.services import LocalServices
from shared.workbook.template import write_workbook
from tests.conftest import unique_name
from tests.e2e.app import SOURCE, App, jobs_of

ORIGINS = {"source_type", "schema_name", "load_type", "enabled", "target_container", "target_folder_path"}


@pytest.fixture(scope="module")
def staged(services: LocalServices, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app whose setting says what {env} and {lake} stand for."""
    values = json.dumps({"env": "dev", "lake": f"{unique_name()}-lake"})
    app = App(services, tmp_path_factory.mktemp("host"), WORKBOOK_VALUES=values)
    with app.host:
        app.create_tables("orders")
        yield app


def a_workbook(folder: str = "raw/{env}") -> bytes:
    return write_workbook(
        [{"job_id": "orders", "source_name": SOURCE, "table_name": "orders"}],
        sources=[{"source_name": SOURCE, "source_type": "PostgreSQL", "schema_name": "public"}],
        defaults=[
            {
                "scope": "all",
                "load_type": "FULL",
                "enabled": "Y",
                "target_container": "{lake}",
                "target_folder_path": folder,
            }
        ],
    )


def test_three_cells_load_a_table_and_every_view_of_the_job_says_what_it_came_to(staged: App) -> None:
    staged.upload_workbook(a_workbook())
    run = staged.run()
    assert run["status"] == "SUCCEEDED"
    job = staged.request("GET", "/api/jobs/orders").json()
    assert job["cells"]["target_folder_path"] == "raw/dev"
    assert job["target"].endswith(f"/raw/dev/{SOURCE}_orders")
    assert job["origins"].keys() == ORIGINS
    assert job["origins"]["target_folder_path"].endswith("({env} = dev)")

    plan = staged.request("POST", "/api/runs", {"dry_run": True}).json()
    (rehearsed,) = plan["jobs"]
    assert (rehearsed["cells"], rehearsed["origins"]) == (job["cells"], job["origins"])

    resolved = jobs_of(run)["orders"]["resolved"]
    assert (resolved["target_folder_path"], resolved["schema_name"]) == ("raw/dev", "public")


def test_a_job_that_is_not_there_is_a_404(staged: App) -> None:
    staged.upload_workbook(a_workbook())
    response = staged.request("GET", "/api/jobs/nowhere")
    assert (response.status_code, response.json()["detail"]) == (404, "'nowhere' is not a job of the active workbook.")


def test_a_placeholder_without_a_value_refuses_the_upload_at_its_cell(staged: App) -> None:
    refused = staged.upload(a_workbook("raw/{stage}"))
    assert refused["status"] == "REFUSED"
    assert "holds {stage}, which has no value: the setting WORKBOOK_VALUES has {env}, {lake}" in str(
        refused["problems"]
    )
