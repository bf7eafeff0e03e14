"""The settings that a deployment gives the app are those that the app and its host read, no more and no fewer."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest

from shared.settings import READ_BY_HOST, Settings
from tests.unit.infra.templates import INFRA, ROOT, template

NOT_DEPLOYED = {
    "ConfigStorage": "a connection string; the identity signs in instead",
    "LakeStorage": "a connection string; the identity signs in instead",
    "AuditStorage": "a connection string; the identity signs in instead",
    "WEBSITE_TIME_ZONE": "timers follow UTC",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "telemetry goes to Application Insights; the parameter appSettings adds a receiver",
    "PUBLIC_URL": "blank takes the app's own host name; the parameter appSettings sets another",
    "WEBSITE_HOSTNAME": "App Service sets it",
    "WORK_FOLDER": "blank takes the instance's temporary folder; the parameter appSettings sets it",
}
"""Settings without a default that are left out all the same, and why. All others that are left out have a default."""

OF_THE_HOST = {
    "AzureWebJobsStorage__blobServiceUri",
    "AzureWebJobsStorage__queueServiceUri",
    "AzureWebJobsStorage__tableServiceUri",
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__clientId",
    "ConfigStorage__queueServiceUri",
    "ConfigStorage__credential",
    "ConfigStorage__clientId",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "AZURE_TRACING_DISABLED",
    "PYTHON_THREADPOOL_THREAD_COUNT",
}
OF_PREMIUM = {
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_WORKER_RUNTIME",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_RUN_FROM_PACKAGE_BLOB_MI_RESOURCE_ID",
}
HOST_JSON = "AzureFunctionsJobHost__"  # a name that begins so overrides a value of host.json

READ = {field.alias or name.upper(): field for name, field in Settings.model_fields.items()}


@cache
def given() -> dict[str, Any]:
    settings: dict[str, Any] = template(INFRA / "main.bicep")["variables"]["ownSettings"]["value"]
    return settings


@pytest.mark.parametrize("name", READ)
def test_a_setting_is_given_or_has_a_default_or_is_left_out_for_a_reason(name: str) -> None:
    assert name in given() or READ[name].default is not None or name in NOT_DEPLOYED


def test_what_is_left_out_is_a_setting_that_is_not_given() -> None:
    assert set(NOT_DEPLOYED) <= set(READ) - set(given())


def test_every_setting_that_is_given_is_read_by_the_app_or_its_host() -> None:
    assert {name for name in given() if not name.startswith(HOST_JSON)} <= set(READ) | OF_THE_HOST
    assert set(given()) >= OF_THE_HOST


def test_a_value_of_the_hosts_configuration_that_is_replaced_exists_there() -> None:
    host = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    replaced = [name.removeprefix(HOST_JSON).split("__") for name in given() if name.startswith(HOST_JSON)]
    assert replaced
    for path in replaced:
        value = host
        for part in path:
            value = value[part]


def test_every_connection_and_name_of_a_trigger_is_given() -> None:
    app = (ROOT / "function_app.py").read_text(encoding="utf-8")
    connections = set(re.findall(r'connection="(\w+)"', app))
    assert connections == {"ConfigStorage"}
    for service in ("blobServiceUri", "queueServiceUri", "credential", "clientId"):
        assert {f"{connection}__{service}" for connection in connections} <= set(given())
    assert set(re.findall(r"%(\w+)%", app)) <= set(given())


def test_the_blob_trigger_waits_for_events_of_the_function_that_exists() -> None:
    assert given()["WORKBOOK_TRIGGER_SOURCE"] == "EventGrid"
    subscription = (INFRA / "workbook-subscription.bicep").read_text(encoding="utf-8")
    function = re.findall(r"functionName=Host\.Functions\.(\w+)", subscription)[0]
    assert f"async def {function}(" in (ROOT / "function_app.py").read_text(encoding="utf-8")


def test_the_storage_connections_sign_in_with_the_identity() -> None:
    assert {given()[name] for name in given() if name.endswith("__credential")} == {"managedidentity"}
    assert not [name for name, value in given().items() if isinstance(value, str) and "AccountKey" in value]


def test_premium_adds_what_flex_consumption_has_in_its_own_place() -> None:
    union = template(INFRA / "modules/premium-app.bicep")["variables"]["settings"]["value"]["function"]["parameters"]
    assert set(union["arg_2"]) == OF_PREMIUM


def test_the_functions_may_run_longer_than_a_job() -> None:
    variables = template(INFRA / "main.bicep")["variables"]
    operands = variables["functionMinutes"]["value"]["operator"]["operands"]
    assert operands == {"operand_1": "jobTimeoutMinutes", "operand_2": 5}
    assert template(INFRA / "main.bicep")["parameters"]["jobTimeoutMinutes"]["default"] == (
        Settings.model_fields["job_timeout_minutes"].default
    )


def test_the_worker_is_not_asked_for_opentelemetry() -> None:
    """With that setting newer workers for Python up to 3.12 fail every invocation; the app exports by itself."""
    assert not [path for path in INFRA.rglob("*.bicep*") if "PYTHON_ENABLE_OPENTELEMETRY" in path.read_text("utf-8")]


def test_the_worker_has_a_thread_for_every_activity_and_orchestrator_at_once() -> None:
    durable = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))["extensions"]["durableTask"]
    at_once = durable["maxConcurrentActivityFunctions"] + durable["maxConcurrentOrchestratorFunctions"]
    assert int(given()["PYTHON_THREADPOOL_THREAD_COUNT"]) > at_once


def test_limits_that_a_scale_controller_reads_are_in_host_json_only() -> None:
    assert {name for name in given() if name.startswith(HOST_JSON)} == {f"{HOST_JSON}functionTimeout"}


def test_what_only_the_host_reads_is_given_as_it_has_no_default() -> None:
    assert {name.upper() for name in READ_BY_HOST} <= set(given())
