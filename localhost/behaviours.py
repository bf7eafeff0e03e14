"""The behaviours that every source type keeps, as a Markdown table, read off the tests that prove them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

CONTRACT = Path(__file__).parents[1] / "tests" / "integration" / "contract"


def behaviours_table() -> str:
    """One row for each test of the contract, one column for each source type that it runs on."""
    sources = _sources()
    rows = [
        f"| What is proved | {' | '.join(sources)} |",
        f"| --- |{' --- |' * len(sources)}",
    ]
    for file in sorted(CONTRACT.glob("test_*.py")):
        rows += [f"| {name} |{' yes |' * len(sources)}" for name in _behaviours(file)]
    return "\n".join(rows)


def _sources() -> list[str]:
    """The keys of `SOURCE_TYPES`: the subjects of the fixture `job`."""
    for node in ast.walk(ast.parse((CONTRACT / "subjects.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "SOURCE_TYPES":
            assert isinstance(node.value, ast.Dict)
            return [str(ast.literal_eval(key)) for key in node.value.keys if key]
    raise LookupError(f"{CONTRACT / 'subjects.py'} has no SOURCE_TYPES")


def _behaviours(file: Path) -> Iterator[str]:
    """The tests that run on every source: those that take the fixture `job` and are not marked for some of them."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            takes = {argument.arg for argument in node.args.args}
            if "job" in takes and "source_type" not in takes:
                sentence = node.name.removeprefix("test_").replace("_", " ")
                yield sentence[0].upper() + sentence[1:]
