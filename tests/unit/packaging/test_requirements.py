"""The requirements files are a lock of the ranges in pyproject.toml, and say nothing of where it was made."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RANGES = {
    "requirements.txt": PROJECT["project"]["dependencies"],
    "requirements-databricks.txt": PROJECT["project"]["optional-dependencies"]["databricks"],
    "requirements-dev.txt": PROJECT["dependency-groups"]["dev"],
    ".github/requirements-audit.txt": PROJECT["dependency-groups"]["audit"],
}
SUPPORTED = ("3.11", "3.12", "3.13")
PIN = re.compile(r"^([\w.-]+)==(\S+)( ; [^\\]+)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)


def _text(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


def _pins(file: str) -> dict[str, set[str]]:
    """The versions that a file installs, with those of the files it names; more than one only by Python's version."""
    text = _text(file)
    found: dict[str, set[str]] = {}
    for name, version, _, _ in PIN.findall(text):
        found.setdefault(canonicalize_name(name), set()).add(version)
    for other in re.findall(r"^-r (\S+)", text, flags=re.MULTILINE):
        found |= _pins(other)
    return found


@pytest.mark.parametrize("file", RANGES)
def test_every_range_is_locked_to_a_version_inside_it(file: str) -> None:
    pins = _pins(file)
    for requirement in map(Requirement, RANGES[file]):
        versions = pins[canonicalize_name(requirement.name)]
        assert list(requirement.specifier.filter(versions, prereleases=True)), requirement


@pytest.mark.parametrize("file", RANGES)
def test_every_line_is_a_version_with_hashes_or_another_file_and_no_address(file: str) -> None:
    rest = PIN.sub("", _text(file))
    lines = [line for line in rest.splitlines() if not line.lstrip().startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"-r requirements[\w-]*\.txt", line)] == []
    assert re.findall(r"\w+://|/tmp/|--(?:extra-)?index-url|--find-links", _text(file)) == []


def test_a_package_has_one_version_in_the_files_that_are_installed_together() -> None:
    """The files that requirements-dev.txt names hold each package once: pip refuses two versions of one."""
    files = ["requirements.txt", "requirements-databricks.txt", "requirements-dev.txt"]
    pins = [(canonicalize_name(name), marker) for file in files for name, _, marker, _ in PIN.findall(_text(file))]
    for python in SUPPORTED:
        here = {"python_version": python, "python_full_version": f"{python}.1"}
        names = [name for name, marker in pins if not marker or Marker(marker.strip(" ;")).evaluate(here)]
        assert len(names) == len(set(names))


def test_the_checkers_look_at_the_code_as_the_oldest_supported_python_does() -> None:
    oldest = PROJECT["project"]["requires-python"].removeprefix(">=")
    assert PROJECT["tool"]["mypy"]["python_version"] == oldest
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
