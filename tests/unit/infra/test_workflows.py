"""The workflows: what they run is fixed, what they may do is little, and CI does not deploy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.infra.templates import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def _read(name: str) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text("utf-8"))
    return found


def _steps(name: str, job: str) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = _read(name)["jobs"][job]["steps"]
    return steps


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_pinned_by_commit_and_says_its_version(path: Path) -> None:
    lines = re.findall(r"uses: (.*)", path.read_text("utf-8"))
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_read_and_nothing_else_unless_a_job_asks(path: Path) -> None:
    assert _read(path.stem)["permissions"] == {"contents": "read"}


def test_ci_runs_on_every_push_and_pull_request_with_the_oldest_and_the_newest_python() -> None:
    assert set(_read("ci")[True]) == {"push", "pull_request"}  # YAML 1.1 reads `on` as true
    assert _read("ci")["jobs"]["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.13"]
    assert ".ci/run" in [step.get("run") for step in _steps("ci", "test")]


def test_what_is_deployed_is_the_commit_that_ci_has_passed() -> None:
    assert set(_read("deploy")[True]) == {"workflow_run", "workflow_dispatch"}
    checkout = _steps("deploy", "deploy")[0]
    assert checkout["with"]["ref"].startswith("${{ github.event.workflow_run.head_sha")
    assert "workflow_run.conclusion == 'success'" in _read("deploy")["jobs"]["deploy"]["if"]


def test_the_deployment_signs_in_again_before_it_uploads() -> None:
    """The federated token is valid for minutes; making the infrastructure takes longer."""
    steps = [step.get("name") or step.get("uses", "").partition("@")[0] for step in _steps("deploy", "deploy")]
    assert [steps[steps.index(step) - 1] for step in ("Infrastructure", "App")] == ["azure/login"] * 2


def test_each_script_that_a_workflow_runs_exists_and_may_be_run() -> None:
    text = "".join(path.read_text("utf-8") for path in WORKFLOWS)
    scripts = {ROOT / name for name in re.findall(r"(?<![\w/])((?:\.ci|infra)/[\w.-]+)(?=[\s\"]|$)", text)}
    assert {path.name for path in scripts} >= {"run", "templates", "snapshot", "audit", "publish.sh"}
    assert [path for path in scripts if path.suffix != ".bicepparam" and not path.stat().st_mode & 0o100] == []
