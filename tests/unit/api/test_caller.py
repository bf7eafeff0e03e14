"""Who calls, and what they lack."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from shared.api.caller import Caller, caller_of


def principal(*roles: str, **fields: Any) -> dict[str, str]:
    """The headers that App Service sends for an account."""
    claims = [{"typ": "roles", "val": role} for role in roles]
    content = {"auth_typ": "aad", "role_typ": "roles", "claims": claims, **fields}
    return {
        "X-MS-CLIENT-PRINCIPAL": b64encode(json.dumps(content).encode()).decode(),
        "X-MS-CLIENT-PRINCIPAL-NAME": "ada@example.com",
    }


def test_a_key_is_named_by_its_fingerprint_wherever_it_was_given() -> None:
    by_header = caller_of({"X-Functions-Key": "a-key"}, {}, sign_in=False)
    assert by_header == caller_of({}, {"code": "a-key"}, sign_in=False)
    assert by_header.name == "key 2a8a1240"
    assert by_header != caller_of({"x-functions-key": "another"}, {}, sign_in=False)


def test_without_a_key_the_caller_is_unknown() -> None:
    assert caller_of({}, {}, sign_in=False).name == "unknown key"


def test_an_account_counts_only_where_the_platform_signs_in() -> None:
    headers = principal("Ingestion.Operator")
    assert caller_of(headers, {}, sign_in=True) == Caller("ada@example.com", frozenset({"Ingestion.Operator"}))
    assert caller_of(headers, {}, sign_in=False) == Caller("unknown key")


def test_an_account_without_a_name_has_an_id() -> None:
    headers = principal() | {"X-MS-CLIENT-PRINCIPAL-NAME": "", "X-MS-CLIENT-PRINCIPAL-ID": "a-guid"}
    assert caller_of(headers, {}, sign_in=True).name == "a-guid"


@pytest.mark.parametrize(
    ("roles", "reads", "changes"),
    [
        (["Ingestion.Reader"], True, False),
        (["Ingestion.Operator"], True, True),
        (["Ingestion.Reader", "Ingestion.Operator"], True, True),
        (["Something.Else"], False, False),
        ([], False, False),
    ],
)
def test_reading_and_changing_need_different_roles(roles: list[str], reads: bool, changes: bool) -> None:
    caller = caller_of(principal(*roles), {}, sign_in=True)
    assert (caller.lacks(changes=False) is None, caller.lacks(changes=True) is None) == (reads, changes)


def test_what_is_lacking_is_said_with_the_role_that_would_do() -> None:
    reader = caller_of(principal("Ingestion.Reader"), {}, sign_in=True)
    assert reader.lacks(changes=True) == "ada@example.com does not have the app role Ingestion.Operator."
    assert Caller("key 1").lacks(changes=False) == (
        "Sign in with an account that has the app role Ingestion.Reader or Ingestion.Operator."
    )


@pytest.mark.parametrize(
    "broken", ["", "not base64", b64encode(b"[]").decode(), b64encode(b'{"claims": [1]}').decode()]
)
def test_an_account_that_cannot_be_read_may_do_nothing(broken: str) -> None:
    caller = caller_of({"x-ms-client-principal": broken}, {}, sign_in=True)
    assert caller.lacks(changes=False)
    assert caller.lacks(changes=True)
