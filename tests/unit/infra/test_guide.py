"""The guide's commands work when they are pasted into an interactive bash or zsh."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.unit.infra.templates import ROOT

GUIDES = ("docs/deploy.md", "docs/api.md", "docs/costs.md")
BLOCKS = [
    pytest.param(block, id=f"{guide.removeprefix('docs/')}-{number}")
    for guide in GUIDES
    for number, (language, block) in enumerate(
        re.findall(r"^```(\w*)\n(.*?)^```$", (ROOT / guide).read_text("utf-8"), re.DOTALL | re.MULTILINE)
    )
    if not language and not block.startswith("$ ")  # a command with its answer is shown, not to be pasted
]


def _unquoted(block: str) -> str:
    """The block without what is in quotes, in which nothing but `!` and `$` has a meaning."""
    return re.sub(r"'[^']*'|\"(?:[^\"\\]|\\.)*\"", "''", block)


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_is_a_complete_command(block: str) -> None:
    done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, timeout=30, check=False)
    assert done.stderr == ""


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_has_no_comment(block: str) -> None:
    """An interactive zsh takes a # for a command's argument."""
    assert re.findall(r"(?:^|\s)#.*", _unquoted(block)) == []


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_has_no_place_to_fill_in_that_the_shell_takes_for_a_redirection(block: str) -> None:
    assert re.findall(r"<\w[^>\n]*>", block) == []


@pytest.mark.parametrize("block", BLOCKS)
def test_no_exclamation_mark_is_in_double_quotes(block: str) -> None:
    """An interactive bash puts a line of its history there."""
    without_single = re.sub(r"'[^']*'", "", block)
    assert "!" not in without_single


@pytest.mark.parametrize("block", BLOCKS)
def test_no_pattern_is_left_to_the_shell(block: str) -> None:
    """An interactive zsh ends a command whose pattern matches no file."""
    assert re.findall(r"\S*[*?\[][^\s]*", re.sub(r"\$\{[^}]*\}", "", _unquoted(block))) == []


def test_a_deployment_is_called_after_its_environment() -> None:
    guide = (ROOT / "docs/deploy.md").read_text("utf-8")
    names = re.findall(r"deployment sub \w+ --name (\S+)", guide)
    assert names
    assert set(names) == {'"excel-to-lake-$AZURE_ENV_NAME"'}


def test_az_and_azd_are_sent_to_one_subscription() -> None:
    guide = (ROOT / "docs/deploy.md").read_text("utf-8")
    assert 'azd env set AZURE_SUBSCRIPTION_ID "$(az account show --query id --output tsv)"' in guide
