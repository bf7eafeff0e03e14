"""How the dashboard's page is put together."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest

from shared.dashboard import dashboard_page
from shared.dashboard.modules import joined_modules
from shared.errors.hints import HINTS


@pytest.fixture(scope="module")
def page() -> str:
    content, _ = dashboard_page()
    return content.decode()


def write(folder: Path, **modules: str) -> Path:
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")
    return folder


def test_modules_are_joined_once_each_and_after_what_they_import(tmp_path: Path) -> None:
    write(
        tmp_path,
        main='import { a } from "./first.js";\nimport { b, c } from "./second.js";\na(b);\n',
        first='import { b } from "./second.js";\nexport function a() {}\n',
        second="export const b = 1;\nexport async function c() {}\nconst d = 2;\n",
    )
    joined = joined_modules(tmp_path, "main")
    assert re.findall(r"^const (\w+)Module", joined, re.MULTILINE) == ["second", "first", "main"]
    assert re.findall(r"^return .*", joined, re.MULTILINE) == ["return { b, c };", "return { a };", "return {  };"]
    assert re.findall(r"^const \{.*", joined, re.MULTILINE) == [
        "const { b } = secondModule;",
        "const { a } = firstModule;",
        "const { b, c } = secondModule;",
    ]


@pytest.mark.parametrize(
    ("main", "message"),
    [
        ('import x from "./other.js";\n', "main.js: 'import x from"),
        ('export { x } from "./other.js";\n', "main.js: 'export { x }"),
        ("export let x = 1;\n", "neither `import"),
        ('import { x } from "./back.js";\n', "main.js imports itself by way of main → back"),
    ],
)
def test_a_module_of_another_form_is_refused(tmp_path: Path, main: str, message: str) -> None:
    write(tmp_path, main=main, back='import { y } from "./main.js";\n')
    with pytest.raises(ValueError, match=re.escape(message)):
        joined_modules(tmp_path, "main")


def test_the_policy_lets_run_what_is_in_the_page_and_nothing_else(page: str) -> None:
    _, headers = dashboard_page()
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    for directive, tag in (("script-src", '<script type="module">'), ("style-src", "<style>")):
        text = page.split(tag)[1].split("</")[0]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert policy[directive] == f"'sha256-{digest}'"
    assert (policy["default-src"], policy["connect-src"]) == ("'none'", "'self'")
    assert policy["require-trusted-types-for"] == "'script'"


def test_the_page_loads_nothing_and_handles_no_event_inline(page: str) -> None:
    markup = re.sub(r"(<(?:script|style)[^>]*>).*?(</)", r"\1\2", page, flags=re.DOTALL)
    assert re.findall(r"\s(?:src|srcset|on\w+|style)=", markup) == []
    assert [link for link in re.findall(r'href="([^"]*)"', markup) if not link.startswith(("#", "data:"))] == []


def test_the_hint_of_every_kind_of_error_is_in_the_page(page: str) -> None:
    embedded = page.split('<script type="application/json" id="hints">')[1].split("</script>")[0]
    assert json.loads(embedded) == HINTS
