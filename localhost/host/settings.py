"""What the host reads before the app is loaded: `host.json`, `local.settings.json` and `%SETTING%` references."""

import json
import os
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localhost.host.errors import SettingsError

_OVERRIDE_PREFIX = "AzureFunctionsJobHost__"
_TIME_SPAN = re.compile(r"(?:(?P<days>\d+)\.)?(?P<hours>\d{1,2}):(?P<minutes>\d{2}):(?P<seconds>\d{2})")
_LEVELS = {
    "trace": "DEBUG",
    "debug": "DEBUG",
    "information": "INFO",
    "warning": "WARNING",
    "error": "ERROR",
    "critical": "CRITICAL",
    "none": "CRITICAL",
}


@dataclass(frozen=True)
class HostConfig:
    """The parts of `host.json` that this host honours. Times are seconds; no `function_timeout` means no limit.

    The two `…hold_seconds` are `workItemQueueVisibilityTimeout` and `controlQueueVisibilityTimeout`: how long the work
    of a host that died, or is frozen, stays its own.
    """

    route_prefix: str = "api"
    hub_name: str = "TestHubName"
    default_version: str = ""
    max_activities: int = 10
    max_orchestrators: int = 10
    function_timeout: float | None = None
    activity_hold_seconds: float = 300.0
    instance_hold_seconds: float = 300.0
    log_level: str = "INFO"


def load_local_settings(app_folder: Path, environment: MutableMapping[str, str] = os.environ) -> None:
    """Add `local.settings.json`'s `Values` to `environment`, as `func start` does: what is set already wins.

    Raises:
        SettingsError: the file is encrypted, or a value is not a string.
    """
    path = app_folder / "local.settings.json"
    if not path.exists():
        return
    content = _read_json(path)
    if content.get("IsEncrypted"):
        raise SettingsError(f"{path}: IsEncrypted is true; run `func settings decrypt` or set it to false")
    for name, value in content.get("Values", {}).items():
        if not isinstance(value, str):
            raise SettingsError(f"{path}: Values.{name} is {type(value).__name__}, not a string; put it in quotes")
        environment.setdefault(name, value)


def load_host_config(app_folder: Path, environment: Mapping[str, str] = os.environ) -> HostConfig:
    """Read `host.json`; settings named `AzureFunctionsJobHost__a__b` override its `a.b`, as in the real host."""
    path = app_folder / "host.json"
    if not path.exists():
        raise SettingsError(f"{path} does not exist: {app_folder} is not a Functions app folder")
    content = _read_json(path)
    for name, value in environment.items():
        if name.startswith(_OVERRIDE_PREFIX):
            _override(content, name.removeprefix(_OVERRIDE_PREFIX).split("__"), value)
    durable = _section(content, "extensions", "durableTask")
    storage = _section(durable, "storageProvider")
    default = HostConfig()
    timeout = str(content.get("functionTimeout", "-1"))
    level = str(_section(content, "logging", "logLevel").get("default", "Information"))
    if level.lower() not in _LEVELS:
        raise SettingsError(f"{path}: logging.logLevel.default is {level!r}; valid: {', '.join(_LEVELS)}")
    return HostConfig(
        route_prefix=str(_section(content, "extensions", "http").get("routePrefix", default.route_prefix)).strip("/"),
        hub_name=str(durable.get("hubName", default.hub_name)),
        default_version=_version(path, durable),
        max_activities=_positive(path, durable, "maxConcurrentActivityFunctions", default.max_activities),
        max_orchestrators=_positive(path, durable, "maxConcurrentOrchestratorFunctions", default.max_orchestrators),
        function_timeout=None if timeout == "-1" else _seconds(path, "functionTimeout", timeout),
        activity_hold_seconds=_span(path, storage, "workItemQueueVisibilityTimeout", default.activity_hold_seconds),
        instance_hold_seconds=_span(path, storage, "controlQueueVisibilityTimeout", default.instance_hold_seconds),
        log_level=_LEVELS[level.lower()],
    )


def resolve(text: str, function: str, environment: Mapping[str, str] = os.environ) -> str:
    """Replace each `%NAME%` in a binding's text by that setting.

    Raises:
        SettingsError: a setting is missing; names it and the function.
    """

    def value_of(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in environment:
            raise SettingsError(
                f"function {function}: its binding refers to %{name}%, but there is no setting {name}; "
                "add it to Values in local.settings.json or to the environment"
            )
        return environment[name]

    return re.sub(r"%([^%\s]+)%", value_of, text)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise SettingsError(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from error
    if not isinstance(content, dict):
        raise SettingsError(f"{path}: holds {type(content).__name__}; expected a JSON object")
    return content


def _override(content: dict[str, Any], keys: list[str], value: str) -> None:
    for key in keys[:-1]:
        content = content.setdefault(key, {})
    content[keys[-1]] = value


def _section(content: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    for key in keys:
        content = content.get(key, {})
    return content


def _version(path: Path, durable: Mapping[str, Any]) -> str:
    """The version of new orchestrations; this host takes those of every version, as the strategy None does.

    Raises:
        SettingsError: another strategy is asked for.
    """
    version, strategy = str(durable.get("defaultVersion", "")), durable.get("versionMatchStrategy", "CurrentOrOlder")
    if version and strategy != "None":
        raise SettingsError(
            f"{path}: extensions.durableTask.versionMatchStrategy is {strategy!r}; the local host knows 'None' alone"
        )
    return version


def _positive(path: Path, section: Mapping[str, Any], key: str, default: int) -> int:
    value = section.get(key, default)
    if not str(value).isdigit() or int(value) < 1:
        raise SettingsError(f"{path}: extensions.durableTask.{key} is {value!r}; expected a whole number from 1")
    return int(value)


def _span(path: Path, section: Mapping[str, Any], key: str, default: float) -> float:
    return _seconds(path, f"extensions.durableTask.storageProvider.{key}", section[key]) if key in section else default


def _seconds(path: Path, key: str, text: str) -> float:
    match = _TIME_SPAN.fullmatch(str(text))
    if match is None:
        raise SettingsError(f"{path}: {key} is {text!r}; expected [days.]hh:mm:ss" + " or -1" * (key[0] == "f"))
    days, hours, minutes, seconds = (int(part or 0) for part in match.group("days", "hours", "minutes", "seconds"))
    return ((days * 24 + hours) * 60 + minutes) * 60.0 + seconds
