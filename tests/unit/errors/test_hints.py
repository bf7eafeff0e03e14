"""Every kind of error has its hint, and its heading in the runbook."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from shared.errors.hints import HINTS, hint

ROOT = Path(__file__).parents[3]
RUNBOOK = (ROOT / "docs/operations.md").read_text(encoding="utf-8")


def _kinds_in_the_code() -> Iterator[str]:
    """What is written as `kind = "…"` in an error's class, as `JobError(kind="…")`, or as `"error_kind": "…"`."""
    for folder in ("shared", "activities", "orchestrators"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                for value in _kind_values(node):
                    if isinstance(value, ast.Constant) and isinstance(value.value, str):
                        yield value.value


def _kind_values(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
        for line in node.body:
            if isinstance(line, ast.Assign) and [getattr(name, "id", "") for name in line.targets] == ["kind"]:
                yield line.value
    elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "JobError":
        yield from (keyword.value for keyword in node.keywords if keyword.arg == "kind")
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == "error_kind":
                yield value


def test_the_hints_are_those_of_the_kinds_that_the_code_produces() -> None:
    assert set(_kinds_in_the_code()) == set(HINTS)


def test_every_kind_has_its_heading_and_its_hint_in_the_runbook() -> None:
    for kind, sentence in HINTS.items():
        assert f"\n### {kind}\n\n{sentence}\n" in RUNBOOK


def test_a_kind_that_is_not_known_gets_the_hint_of_an_unexpected_error() -> None:
    assert hint("never heard of") == HINTS["unexpected"]
