"""The functions that the worker reported, with the settings that their bindings refer to filled in.

A setting that does not exist, or a schedule that cannot be read, disables the function that refers to it and no other:
it is listed, and nothing runs it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from localhost.host import settings
from localhost.host.errors import IndexingError, SettingsError
from localhost.host.worker.channel import Description

logger = logging.getLogger(__name__)

TRIGGERS = ("httpTrigger", "timerTrigger", "blobTrigger", "queueTrigger", "orchestrationTrigger", "activityTrigger")
_OTHER_BINDINGS = ("http", "durableClient")


@dataclass(frozen=True)
class IndexedFunction:
    """One function: `trigger` is its trigger binding with settings filled in."""

    name: str
    trigger: Mapping[str, Any]

    @property
    def trigger_type(self) -> str:
        return str(self.trigger["type"])


@dataclass(frozen=True)
class FunctionApp:
    """The functions of the app by name; `disabled` are the names of those that failed indexing."""

    functions: Mapping[str, IndexedFunction]
    disabled: frozenset[str] = field(default=frozenset())

    def of_type(self, trigger_type: str) -> list[IndexedFunction]:
        """The functions with this trigger, in the order of their registration."""
        return [function for function in self.functions.values() if function.trigger_type == trigger_type]

    def find(self, name: str, trigger_type: str) -> IndexedFunction | None:
        """The function of this name if it has this trigger."""
        function = self.functions.get(name)
        return function if function is not None and function.trigger_type == trigger_type else None


Check = Callable[[IndexedFunction], None]


def index(descriptions: Iterable[Description], checks: Mapping[str, Check]) -> FunctionApp:
    """Take the worker's functions.

    Args:
        descriptions: what the worker reported.
        checks: by type of trigger, what raises IndexingError for a binding that its listener cannot take.

    Raises:
        IndexingError: a function has a binding that this host does not have.
    """
    functions: dict[str, IndexedFunction] = {}
    disabled: set[str] = set()
    for description in descriptions:
        trigger = _trigger(description)
        try:
            if _is_disabled(description.name):
                disabled.add(description.name)
                continue
            function = IndexedFunction(description.name, _resolved(trigger, description.name))
            if check := checks.get(function.trigger_type):
                check(function)
        except (SettingsError, IndexingError) as error:
            logger.error("%s: failed indexing and will be disabled. %s", description.name, error)  # noqa: TRY400
            disabled.add(description.name)
        else:
            functions[function.name] = function
    return FunctionApp(functions, frozenset(disabled))


def _is_disabled(function: str) -> bool:
    """Whether a setting switches the function off."""
    names = (f"AzureWebJobs.{function}.Disabled", f"AzureWebJobs_{function}_Disabled")
    return any(os.environ.get(name, "").lower() in ("true", "1") for name in names)


def _trigger(description: Description) -> Mapping[str, Any]:
    for binding in description.bindings:
        if binding["type"] not in TRIGGERS and binding["type"] not in _OTHER_BINDINGS:
            raise IndexingError(
                f"function {description.name}: the local host has no binding {binding['type']!r}; "
                f"it has {', '.join(TRIGGERS + _OTHER_BINDINGS)}"
            )
    return next(binding for binding in description.bindings if binding["type"] in TRIGGERS)


def _resolved(binding: Mapping[str, Any], function: str) -> dict[str, Any]:
    return {
        key: settings.resolve(value, function) if isinstance(value, str) else value for key, value in binding.items()
    }
