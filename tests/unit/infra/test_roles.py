"""Roles: each with a reason, a scope and a name that a second deployment finds again; the guide names them all."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.unit.infra.templates import INFRA, ROOT, body, template

ROLES = INFRA / "modules/roles.bicep"
TEXT = ROLES.read_text(encoding="utf-8")
ASSIGNMENTS: dict[str, dict[str, Any]] = {
    name: body(resource) for name, resource in template(ROLES)["resources"].items() if not resource["existing"]
}
BUILT_IN = {  # https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Storage Blob Data Reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "Storage Queue Data Contributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "Storage Table Data Contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "Storage Table Data Reader": "76199698-9eea-4c19-bc75-cec21354c6b6",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "Key Vault Secrets Officer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
}
OF_THE_APP = {
    ("hostStorage", "Storage Blob Data Owner"),
    ("hostStorage", "Storage Queue Data Contributor"),
    ("hostStorage", "Storage Table Data Contributor"),
    ("config", "Storage Blob Data Contributor"),
    ("audit", "Storage Table Data Contributor"),
    ("lake", "Storage Blob Data Contributor"),
    ("vault", "Key Vault Secrets User"),
    ("insights", "Monitoring Metrics Publisher"),
}
NAMES = re.compile(r"\b(?:Storage (?:Blob|Queue|Table) Data|Key Vault Secrets|Monitoring Metrics)\s[A-Z]\w+")


def _title(variable: str) -> str:
    return re.sub(r"([A-Z])", r" \1", variable).title()


def _role_and_scope(name: str) -> tuple[str, str]:
    block = TEXT[TEXT.index(f"resource {name} ") :]
    scope = re.findall(r"^ +scope: (\w+)", block, flags=re.MULTILINE)[0]
    return scope, _title(re.findall(r"roles\.(\w+)\)", block)[0])


def test_the_ids_are_those_of_the_roles_that_they_are_called_after() -> None:
    variables = template(ROLES)["variables"]["roles"]["value"]
    assert {_title(name): role for name, role in variables.items()} == BUILT_IN


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_an_assignment_has_a_reason_a_scope_and_a_name_made_of_what_it_joins(name: str) -> None:
    before = TEXT[: TEXT.index(f"resource {name} ")].rstrip().splitlines()
    comment = [line for line in before[-3:] if line.startswith("//")]
    assert comment[0].startswith("// Why: ")
    made = ASSIGNMENTS[name]
    assert made["scope"]
    parts = made["name"]["function"]
    assert parts["type"] == "guid"
    of = {"identityPrincipalId": "identityName"}.get(made["properties"]["principalId"], "operatorPrincipalId")
    assert parts["parameters"]["extra_string_1"] == of
    assert made["properties"]["principalType"] in {"ServicePrincipal", "operatorPrincipalType"}


def test_the_app_has_the_roles_it_needs_and_no_more() -> None:
    of_the_app = {
        _role_and_scope(name)
        for name, made in ASSIGNMENTS.items()
        if made["properties"]["principalId"] == "identityPrincipalId"
    }
    assert of_the_app == OF_THE_APP


@pytest.mark.parametrize("place", ["docs/deploy.md", "shared/secrets.py", "shared/lake/adls.py"])
def test_every_role_that_is_named_is_assigned(place: str) -> None:
    named = {" ".join(name.split()) for name in NAMES.findall((ROOT / place).read_text(encoding="utf-8"))}
    assert named
    assert named <= {role for _, role in map(_role_and_scope, ASSIGNMENTS)}


def test_the_guide_names_every_role() -> None:
    guide = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
    assert [role for role in BUILT_IN if role not in guide] == []
