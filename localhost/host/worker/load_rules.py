"""The rules by which the Functions Python worker takes a function, or refuses it and the whole app with it.

They are those of the worker 4.34 on Python 3.11 and later, tried on the real one (tests/fixtures/worker_verdicts.csv)
and compared with the worker's own library `azure-functions-runtime` in tests/integration/localhost_host.
"""

from __future__ import annotations

import collections.abc
import inspect
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Union

from azure.functions import Out, get_binding_registry
from azure.functions.decorators.core import BindingDirection

_RETURN = "$return"
_NOT_GENERIC = (Union, tuple, ClassVar, collections.abc.Callable)
_ALIASES = (typing._GenericAlias, typing._SpecialGenericAlias)  # type: ignore[attr-defined]  # the worker asks for these
_TEXT = (str, bytes)


class FunctionLoadError(Exception):
    """The worker cannot load a function, and then loads none."""

    def __init__(self, function: str, reason: str) -> None:
        super().__init__(f"cannot load the {function} function: {reason}")


@dataclass(frozen=True)
class Signature:
    """What the worker knows of a function that it took.

    Attributes:
        takes_context: It has a parameter `context` beside its bindings.
        has_return: It may return something: it has an output `$return`, or a trigger that implies one.
    """

    takes_context: bool
    has_return: bool


def load(function: Any) -> Signature:
    """Check one function of the SDK (`azure.functions.decorators.function_app.Function`).

    Raises:
        FunctionLoadError: the worker refuses it.
        NameError: an annotation refers to a name that does not exist.
    """
    name, code = str(function.get_function_name()), function.get_user_function()
    parameters = set(inspect.signature(code).parameters)
    annotations = typing.get_type_hints(code)
    bindings = {binding.name: binding for binding in function.get_bindings()}
    for binding in bindings.values():
        _check_direction(name, binding)
    takes_context = "context" in parameters and "context" not in bindings
    if takes_context:
        parameters.discard("context")
        _check_context(name, annotations)
    _check_names(name, parameters, bindings.keys() - {_RETURN})
    for parameter in sorted(parameters & annotations.keys()):
        _check_parameter(name, parameter, annotations[parameter], bindings[parameter])
    if _RETURN in bindings and "return" in annotations:
        _check_return(name, annotations["return"], bindings[_RETURN].type)
    implied = any(_implies_output(binding.type) for binding in bindings.values() if binding.name != _RETURN)
    return Signature(takes_context, has_return=_RETURN in bindings or implied)


def _check_direction(function: str, binding: Any) -> None:
    direction = BindingDirection(binding.direction)
    if direction == BindingDirection.INOUT:
        raise FunctionLoadError(function, '"inout" bindings are not supported')
    if binding.name == _RETURN and direction != BindingDirection.OUT:
        raise FunctionLoadError(function, '"$return" binding must have direction set to "out"')


def _check_context(function: str, annotations: Mapping[str, Any]) -> None:
    annotation = annotations.get("context")
    if "context" in annotations and not (isinstance(annotation, type) and annotation.__name__ == "Context"):
        raise FunctionLoadError(
            function,
            f'the "context" parameter is expected to be of type azure.functions.Context, got {annotation!r}',
        )


def _check_names(function: str, parameters: set[str], bound: collections.abc.Set[str]) -> None:
    if unbound := parameters - bound:
        raise FunctionLoadError(
            function, f"the following parameters are declared in Python but not in function.json: {unbound!r}"
        )
    if missing := bound - parameters:
        raise FunctionLoadError(
            function, f"the following parameters are declared in function.json but not in Python: {missing!r}"
        )


def _check_parameter(function: str, parameter: str, annotation: Any, binding: Any) -> None:
    if not isinstance(annotation, type) and not _is_generic(annotation):
        raise FunctionLoadError(function, f"binding {parameter} has invalid non-type annotation {annotation!r}")
    if BindingDirection(binding.direction) == BindingDirection.OUT:
        raise FunctionLoadError(function, f"binding {parameter}: the local host has no output parameters")
    if (typing.get_origin(annotation) or annotation) is Out:
        raise FunctionLoadError(
            function,
            f'binding {parameter} is declared to have the "in" direction in the binding decorator, but its annotation '
            "is azure.functions.Out in Python",
        )
    is_text = annotation in _TEXT and not _implies_output(binding.type)
    if not is_text and not _converter(binding.type).check_input_type_annotation(annotation):
        shown = getattr(annotation, "__name__", repr(annotation))
        raise FunctionLoadError(
            function,
            f'\'{parameter}\' binding type "{binding.type}" and dataType "None" in function.json do not match the '
            f'corresponding function parameter\'s Python type annotation "{shown}"',
        )


def _check_return(function: str, annotation: Any, binding_type: str) -> None:
    if not isinstance(annotation, type):
        raise FunctionLoadError(function, f"has invalid non-type return annotation {annotation!r}")
    if not _converter(binding_type).check_output_type_annotation(annotation):
        raise FunctionLoadError(
            function,
            f'Python return annotation "{annotation.__name__}" does not match binding type "{binding_type}"',
        )


def _is_generic(annotation: Any) -> bool:
    """Whether it is a generic of `typing`; `dict[str, int]` and `A | B` are not, on no Python since 3.11."""
    return isinstance(annotation, _ALIASES) and annotation.__origin__ not in _NOT_GENERIC


def _converter(binding_type: str) -> Any:
    converter = get_binding_registry().get(binding_type)  # type: ignore[no-untyped-call]  # the SDK's has no types
    if converter is None:
        raise FunctionLoadError(binding_type, "the local host has no such binding")
    return converter


def _implies_output(binding_type: str) -> bool:
    """Whether what the function returns is the binding's output without a binding `$return`."""
    implies = getattr(_converter(binding_type), "has_implicit_output", None)
    return bool(implies()) if implies is not None else False
