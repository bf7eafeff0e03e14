"""host.json, local settings and `%NAME%` in bindings."""

import json
from pathlib import Path

import pytest

from localhost.host.errors import SettingsError
from localhost.host.settings import HostConfig, load_host_config, load_local_settings, resolve


def write(folder: Path, name: str, content: object) -> Path:
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def test_an_empty_host_json_means_the_defaults(tmp_path: Path) -> None:
    assert load_host_config(write(tmp_path, "host.json", {}), {}) == HostConfig()


def test_host_json_is_read(tmp_path: Path) -> None:
    durable = {"hubName": "Hub", "maxConcurrentActivityFunctions": 3, "maxConcurrentOrchestratorFunctions": 2}
    content = {
        "functionTimeout": "1.00:10:30",
        "logging": {"logLevel": {"default": "Warning"}},
        "extensions": {"http": {"routePrefix": ""}, "durableTask": durable},
    }
    assert load_host_config(write(tmp_path, "host.json", content), {}) == HostConfig(
        route_prefix="",
        hub_name="Hub",
        max_activities=3,
        max_orchestrators=2,
        function_timeout=87030.0,
        log_level="WARNING",
    )


def test_settings_override_host_json(tmp_path: Path) -> None:
    environment = {"AzureFunctionsJobHost__extensions__durableTask__maxConcurrentActivityFunctions": "7"}
    assert load_host_config(write(tmp_path, "host.json", {}), environment).max_activities == 7


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"host\.json:1:2: not JSON"),
        ("[]", "holds list; expected a JSON object"),
        ({"functionTimeout": "5"}, "functionTimeout is '5'; expected"),
        ({"logging": {"logLevel": {"default": "Loud"}}}, "default is 'Loud'; valid: trace, debug"),
        (
            {"extensions": {"durableTask": {"maxConcurrentActivityFunctions": 0}}},
            "maxConcurrentActivityFunctions is 0; expected a whole number from 1",
        ),
    ],
)
def test_a_host_json_that_cannot_be_used_is_refused(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_host_config(write(tmp_path, "host.json", content), {})


def test_a_folder_without_host_json_is_no_app_folder(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is not a Functions app folder"):
        load_host_config(tmp_path, {})


def test_only_the_strategy_that_takes_every_version_is_known(tmp_path: Path) -> None:
    durable = {"defaultVersion": "2", "versionMatchStrategy": "None"}
    write(tmp_path, "host.json", {"extensions": {"durableTask": durable}})
    assert load_host_config(tmp_path, {}).default_version == "2"
    write(tmp_path, "host.json", {"extensions": {"durableTask": {"defaultVersion": "2"}}})
    with pytest.raises(SettingsError, match="versionMatchStrategy is 'CurrentOrOlder'; the local host knows 'None'"):
        load_host_config(tmp_path, {})


def test_local_settings_do_not_replace_what_is_set(tmp_path: Path) -> None:
    write(tmp_path, "local.settings.json", {"Values": {"A": "file", "B": "file"}})
    environment = {"A": "environment"}
    load_local_settings(tmp_path, environment)
    assert environment == {"A": "environment", "B": "file"}


@pytest.mark.parametrize(
    ("content", "message"),
    [({"IsEncrypted": True}, "IsEncrypted is true"), ({"Values": {"A": 1}}, "Values.A is int, not a string")],
)
def test_local_settings_that_cannot_be_used_are_refused(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_local_settings(write(tmp_path, "local.settings.json", content), {})


def test_references_are_replaced_and_a_missing_one_names_function_and_setting() -> None:
    assert resolve("%A%/{name}-%B%", "read", {"A": "a", "B": "b"}) == "a/{name}-b"
    with pytest.raises(SettingsError, match=r"function read: its binding refers to %C%, but there is no setting C"):
        resolve("%C%", "read", {})
