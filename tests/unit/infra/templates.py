"""The Bicep files as a parser sees them, and what the tests ask of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, cast

from pycep import BicepParser

ROOT = Path(__file__).parents[3]
INFRA = ROOT / "infra"
TEMPLATES = sorted(INFRA.rglob("*.bicep"))
PARAMETER_FILES = sorted(INFRA.rglob("*.bicepparam"))

_parser = cache(lambda: BicepParser(cache=False))


@cache
def template(path: Path) -> dict[str, Any]:
    """A template, parsed: parameters, variables, resources, modules and outputs by name."""
    text = re.sub(r"\{ \*: \w+ \}", "object", path.read_text(encoding="utf-8"))  # a type that the parser does not know
    return cast("dict[str, Any]", _parser().parse(text=text))


def parameters(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = template(path).get("parameters", {})
    return found


def required_parameters(path: Path) -> set[str]:
    text = path.read_text(encoding="utf-8")
    with_default = set(re.findall(r"^param (\w+) (?:[\w\[\]]+|\{ \*: \w+ \}) = ", text, flags=re.MULTILINE))
    return set(parameters(path)) - with_default


def body(declaration: dict[str, Any]) -> dict[str, Any]:
    """What a resource or module says, inside its condition or loop."""
    config: dict[str, Any] = declaration["config"]
    while "config" in config:
        config = config["config"]
    return config


def resources() -> Iterator[tuple[Path, str, dict[str, Any]]]:
    """Every resource that the templates make: file, symbolic name, declaration."""
    for path in TEMPLATES:
        for name, resource in template(path).get("resources", {}).items():
            if not resource["existing"]:
                yield path, name, resource


def resources_of(kind: str) -> list[dict[str, Any]]:
    """The bodies of all resources of a type."""
    return [body(resource) for _, _, resource in resources() if resource["type"] == kind]


def module_calls() -> Iterator[tuple[Path, str, Path, dict[str, Any]]]:
    """Every use of a module: who uses it, under which name, the module's file, the arguments."""
    for path in TEMPLATES:
        for name, module in template(path).get("modules", {}).items():
            yield path, name, path.parent / module["detail"]["path"], body(module)["params"]
