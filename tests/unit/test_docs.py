"""The documentation says what is so: its generated parts are current, its links lead somewhere, nothing is left out."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from localhost.docs import PAGES, PARTS, ROOT, current, generated
from shared.settings import Settings
from tests.unit.indexed_routes import INDEXED

DOCS = ROOT / "docs"
EVERY_PAGE = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
README_LINES = 170
LINK = re.compile(r"\]\(([^)#\s]*)(#[^)\s]*)?\)")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", generated(), ids=named)
def test_what_is_generated_is_current(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == generated()[path], "run `make docs`"


def test_every_part_has_its_place() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [name for name in PARTS if text.count(f"<!-- {name}:start -->") != 1] == []


def test_a_part_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(KeyError, match="nothing"):
        current("<!-- nothing:start -->\n<!-- nothing:end -->\n")


@pytest.mark.parametrize("page", EVERY_PAGE, ids=named)
def test_every_file_and_heading_that_a_page_links_to_exists(page: Path) -> None:
    broken = []
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        file = (page.parent / target) if target else page
        if not file.exists() or (anchor and anchor[1:] not in anchors(file)):
            broken.append(target + anchor)
    assert broken == []


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"[`*]|\]\([^)]*\)|\[", "", heading) for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", [*EVERY_PAGE, ROOT / "SECURITY.md"], ids=named)
def test_every_test_that_a_page_names_as_proof_exists(page: Path) -> None:
    proofs = re.findall(r"`(tests/[\w/.-]+)", page.read_text(encoding="utf-8"))
    assert [proof for proof in proofs if not (ROOT / proof).exists()] == []


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md") if path.name != "index.md"))
def test_the_index_lists_every_page(page: str) -> None:
    assert f"[{page}]({page})" in (DOCS / "index.md").read_text(encoding="utf-8")


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= README_LINES


def test_every_target_and_command_of_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = (ROOT / "localhost" / "cli.py").read_text(encoding="utf-8")
    targets = set(re.findall(r"\bmake ([a-z-]+)\b(?=[`\s])", README)) - {"up"}
    assert {"demo", "test", "start"} <= targets
    assert [name for name in targets if f"\n{name}:" not in makefile] == []
    ours = set(re.findall(r"python -m localhost ([a-z]+)", README))
    assert {"template", "validate", "run", "demo"} <= ours
    assert [name for name in ours if f"def {name}(" not in commands] == []


def test_every_setting_has_a_description() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("route", [" ".join(route) for route in INDEXED])
def test_every_route_is_described(route: str) -> None:
    assert f"`{route}`" in (DOCS / "api.md").read_text(encoding="utf-8")


def test_every_runtime_package_says_why_it_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = [name for extra in project["optional-dependencies"].values() for name in extra]
    wanted = {re.match(r"[\w.-]+(\[\w+\])?", name)[0] for name in [*project["dependencies"], *optional]}  # type: ignore[index]
    table = (DOCS / "dependencies.md").read_text(encoding="utf-8")
    listed = {
        name for row in re.findall(r"^(?:\| `|With).*", table, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)
    }
    assert wanted - listed == set()
