"""Loads `function_app.py` and asks the installed Functions SDK which functions it registers."""

import importlib
import inspect
import json
import logging
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import azure.functions as func

from localhost.host import settings
from localhost.host.errors import IndexingError

logger = logging.getLogger(__name__)

TRIGGERS = ("httpTrigger", "timerTrigger", "blobTrigger", "orchestrationTrigger", "activityTrigger")
_OTHER_BINDINGS = ("http", "durableClient")


@dataclass(frozen=True)
class IndexedFunction:
    """One function: `trigger` is its trigger binding with settings filled in, `client_names` its durable clients."""

    name: str
    code: Callable[..., Any]
    trigger: Mapping[str, Any]
    client_names: tuple[str, ...]
    takes_context: bool

    @property
    def trigger_type(self) -> str:
        return str(self.trigger["type"])


@dataclass(frozen=True)
class FunctionApp:
    """Every function of the app by name; names are unique, the SDK sees to that."""

    functions: Mapping[str, IndexedFunction]

    def of_type(self, trigger_type: str) -> list[IndexedFunction]:
        """The functions with this trigger, in the order of their registration."""
        return [function for function in self.functions.values() if function.trigger_type == trigger_type]

    def find(self, name: str, trigger_type: str) -> IndexedFunction | None:
        """The function of this name if it has this trigger."""
        function = self.functions.get(name)
        return function if function is not None and function.trigger_type == trigger_type else None


def index(app_folder: Path) -> FunctionApp:
    """Import the folder's `function_app` and index it once; logs how long that took.

    Raises:
        IndexingError: no app object, more than one, or a binding that this host does not have.
        SettingsError: a binding refers to a missing setting.
    """
    began = time.perf_counter()
    sys.path.insert(0, str(app_folder))
    module = importlib.import_module("function_app")
    apps = [value for value in vars(module).values() if isinstance(value, func.FunctionRegister)]
    if len(apps) != 1:
        raise IndexingError(
            f"{app_folder / 'function_app.py'}: found {len(apps)} FunctionApp/DFApp objects; expected exactly one"
        )
    functions = [_indexed(function) for function in apps[0].get_functions()]
    milliseconds = round((time.perf_counter() - began) * 1000)
    names = ", ".join(function.name for function in functions)
    logger.info("indexed %d functions in %d ms: %s", len(functions), milliseconds, names)
    return FunctionApp({function.name: function for function in functions})


def _indexed(function: Any) -> IndexedFunction:
    name = str(function.get_function_name())
    bindings = [
        {key: settings.resolve(value, name) if isinstance(value, str) else value for key, value in binding.items()}
        for binding in json.loads(function.get_function_json())["bindings"]
    ]
    for binding in bindings:
        if binding["type"] not in TRIGGERS and binding["type"] not in _OTHER_BINDINGS:
            raise IndexingError(
                f"function {name}: the local host has no binding {binding['type']!r}; "
                f"it has {', '.join(TRIGGERS + _OTHER_BINDINGS)}"
            )
    trigger = next(binding for binding in bindings if binding["type"] in TRIGGERS)
    code = function.get_user_function()
    return IndexedFunction(
        name=name,
        code=code,
        trigger=trigger,
        client_names=tuple(binding["name"] for binding in bindings if binding["type"] == "durableClient"),
        takes_context=trigger["name"] != "context" and "context" in inspect.signature(code).parameters,
    )
