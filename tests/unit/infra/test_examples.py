"""The examples of pipelines: their commands exist, actions are pinned, pull requests get a comment, merges upload."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.infra.templates import ROOT

EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.yml"))


def scripts(path: Path) -> list[str]:
    """Every script that a pipeline runs."""

    def found(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node[name] for name in ("run", "script", "inlineScript") if isinstance(node.get(name), str)]
            return own + [text for inner in node.values() for text in found(inner)]
        return [text for inner in node for text in found(inner)] if isinstance(node, list) else []

    return found(yaml.safe_load(path.read_text("utf-8")))


def test_there_is_one_for_each_of_the_two_services() -> None:
    assert [path.stem for path in EXAMPLES] == ["workbook-azure-pipelines", "workbook-github"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_scripts_are_bash_and_their_commands_exist(path: Path) -> None:
    commands = (ROOT / "localhost" / "cli.py").read_text("utf-8")
    text = "\n".join(scripts(path))
    ours = set(re.findall(r"python -m localhost ((?:workbook )?\w+)", text))
    assert ours == {"diff", "workbook import", "validate"}
    for name in ours:
        group, _, word = name.rpartition(" ")
        assert (f'@workbooks.command("{word}")' if group else f"\ndef {word}(") in commands
    for script in scripts(path):
        plain = re.sub(r"\$\((\w+)\)", r"\1", script)  # Azure replaces its own variables before bash reads them
        subprocess.run(["bash", "-n"], input=plain, text=True, check=True)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_refused_workbook_fails_the_check_after_the_comment_and_is_not_uploaded(path: Path) -> None:
    review = next(script for script in scripts(path) if "localhost diff" in script)
    assert re.search(r"\|\| status=\$\?.*(pr comment|threads).*exit \"\$status\"", review, re.DOTALL)
    order = [script for script in scripts(path) if "localhost validate" in script or "az storage blob upload" in script]
    assert ["localhost validate" in script for script in order] == [True, False]


def test_the_actions_are_those_of_our_own_workflows() -> None:
    own = "".join(path.read_text("utf-8") for path in (ROOT / ".github" / "workflows").glob("*.yml"))
    used = set(re.findall(r"uses: (.*)", (ROOT / "docs/examples/workbook-github.yml").read_text("utf-8")))
    assert used
    assert [action for action in used if action not in own] == []
