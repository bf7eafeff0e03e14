"""Imports `function_app.py` and asks the installed Functions SDK which functions it registers: all of them, or none."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import azure.functions as func

from localhost.host.worker.load_rules import Signature, load


@dataclass(frozen=True)
class LoadedFunction:
    """A function that the worker took; `bindings` are as the SDK writes them into function.json."""

    name: str
    code: Callable[..., Any]
    bindings: tuple[Mapping[str, Any], ...]
    signature: Signature


def load_app(app_folder: Path) -> list[LoadedFunction]:
    """Import the folder's `function_app` and take its functions.

    Raises:
        Exception: whatever the import raises, or see `load_functions`.
    """
    sys.path.insert(0, str(app_folder))
    return load_functions(importlib.import_module("function_app"))


def load_functions(module: ModuleType) -> list[LoadedFunction]:
    """Take the functions of the one app object in a module.

    Raises:
        FunctionLoadError: the worker refuses one of the functions.
        ValueError: there is no app object, or more than one, or two functions have the same name.
        NameError: an annotation refers to a name that does not exist.
    """
    apps = [value for value in vars(module).values() if isinstance(value, func.FunctionRegister)]
    if not apps:
        raise ValueError("Could not find top level function app instances in function_app.py.")
    if len(apps) > 1:
        kind = type(apps[0]).__name__
        raise ValueError(f"More than one {kind} or other top level function app instances are defined.")
    return [
        LoadedFunction(
            name=str(function.get_function_name()),
            code=function.get_user_function(),
            bindings=tuple(json.loads(function.get_function_json())["bindings"]),
            signature=load(function),
        )
        for function in apps[0].get_functions()
    ]
