"""Secrets: where they are looked for, what they print, and what they take out of a text."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors.hierarchy import ConfigurationError, SecretNotFoundError
from shared.secrets import MASK, Secret, TomlSecrets, source_secret

PASSWORDS = st.text(st.characters(exclude_categories=["C"], exclude_characters="*"), min_size=3, max_size=30)


class Shelf:
    """A place that holds the given secrets."""

    def __init__(self, **secrets: str | Mapping[str, Any]) -> None:
        self._secrets = secrets

    def places(self, names: list[str]) -> list[str]:
        return [f"shelf {name}" for name in names]

    def get(self, name: str) -> str | Mapping[str, Any] | None:
        return self._secrets.get(name)


@given(st.lists(st.one_of(PASSWORDS, st.just(" at ")), max_size=6), st.lists(PASSWORDS, min_size=1, max_size=3))
def test_no_value_of_a_secret_is_left_in_a_text(words: list[str], passwords: list[str]) -> None:
    secret = Secret({f"password_{number}": password for number, password in enumerate(passwords)})
    left = secret.redact("".join([*words, *passwords, *words]))
    assert [password for password in passwords if password in left.replace(MASK, "*")] == []


@given(PASSWORDS)
def test_no_secret_prints(password: str) -> None:
    shown = f"{Secret({'password': password, 'nested': {'token': password}})!r}"
    assert shown == f"Secret(password={MASK}, nested={MASK})"


@given(PASSWORDS)
def test_values_within_values_are_taken_out(password: str) -> None:
    secret = Secret({"headers": {"keys": [password]}})
    assert password not in secret.redact(f"\n{password}\n")


@given(PASSWORDS)
def test_the_password_of_a_url_is_taken_out_in_every_spelling(password: str) -> None:
    encoded = quote(password, safe="")
    secret = Secret({"url": f"postgresql://reader:{encoded}@db.example.org/shop"})
    assert secret.redact(f"{secret['url']}\n{encoded}\n{password}") == f"{MASK}\n{MASK}\n{MASK}"


def test_a_number_is_a_password_too() -> None:
    assert Secret({"password": 123456, "port": 5432}).redact("123456 at 5432") == f"{MASK} at 5432"


def test_names_and_places_stay_in_a_text() -> None:
    fields: dict[str, Any] = {
        "host": "db.example.org",
        "port": "5432",
        "database": "shop",
        "username": "reader",
        "password": "secret!",
    }
    fields |= {"sslmode": None, "encrypt": True, "connect_timeout": 120}
    text = "reader at db.example.org:5432/shop: None is True after 120 s"
    assert Secret(fields).redact(text) == text


@pytest.mark.parametrize(
    ("shelves", "expected"),
    [
        ([Shelf(shop='{"host": "a"}')], {"host": "a"}),
        ([Shelf(shop={"host": "a"})], {"host": "a"}),
        ([Shelf(PostgreSQL='{"host": "b"}')], {"host": "b"}),
        ([Shelf(PostgreSQL='{"host": "b"}', shop='{"host": "a"}')], {"host": "a"}),
        ([Shelf(), Shelf(shop=" postgresql://h/d\n")], {"url": "postgresql://h/d"}),
        ([Shelf(PostgreSQL='{"host": "first"}'), Shelf(shop='{"host": "second"}')], {"host": "first"}),
    ],
    ids=["as JSON", "as a table", "by type", "name before type", "as a URL", "shelf before shelf"],
)
def test_a_secret_is_found(shelves: list[Shelf], expected: dict[str, str]) -> None:
    assert dict(source_secret("shop", "PostgreSQL", tuple(shelves))) == expected


def test_a_missing_secret_names_every_place() -> None:
    with pytest.raises(SecretNotFoundError, match=r"'shop'\. Looked up: shelf shop; shelf PostgreSQL\."):
        source_secret("shop", "PostgreSQL", (Shelf(),))


@pytest.mark.parametrize("content", ["canary", '{"password": "canary"', '["canary"]', '"canary"', ""])
def test_a_secret_of_another_shape_is_refused_without_its_value(content: str) -> None:
    with pytest.raises(ConfigurationError, match="shelf shop is neither a JSON object") as refused:
        source_secret("shop", "PostgreSQL", (Shelf(shop=content),))
    assert "canary" not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_a_local_file_holds_secrets_by_name(tmp_path: Path) -> None:
    file = tmp_path / "secrets.toml"
    store = TomlSecrets(file)
    assert store.get("shop") is None
    file.write_text('[sources.shop]\nhost = "a"\n', encoding="utf-8")
    assert store.get("shop") == {"host": "a"}
    assert store.get("crm") is None
    assert store.places(["shop"]) == [f"{file} [sources.shop]"]


def test_a_local_file_that_is_no_toml_is_refused_without_its_content(tmp_path: Path) -> None:
    file = tmp_path / "secrets.toml"
    file.write_text('[sources.shop]\npassword = "canary', encoding="utf-8")
    with pytest.raises(ConfigurationError, match="is not valid TOML") as refused:
        TomlSecrets(file).get("shop")
    assert "canary" not in str(refused.value)


def test_an_object_of_json_is_read_as_it_is() -> None:
    fields = {"host": "a", "password": "p://q"}
    assert dict(source_secret("shop", "API", (Shelf(shop=json.dumps(fields)),))) == fields


@given(st.text(st.characters(exclude_categories=["C"]), max_size=5), PASSWORDS)
def test_basic_auth_and_base64_of_a_password_are_taken_out_wherever_they_begin(before: str, password: str) -> None:
    password = f"canary{password}"
    secret = Secret({"username": "ada", "password": password})
    for text in (f"ada:{password}", f"{before}{password}"):
        for encode in (b64encode, urlsafe_b64encode):
            left = secret.redact(encode(text.encode()).decode())
            assert MASK in left
            assert len(left.replace(MASK, "")) <= 4 * len(before.encode()) / 3 + 8  # what is beside the password


def test_what_a_secret_was_exchanged_for_is_taken_out_too() -> None:
    secret = Secret({"client_secret": "canary"})
    secret.learn("token-12345")
    assert Secret({"of": secret}).redact("Bearer token-12345") == f"Bearer {MASK}"
    later = Secret({"client_secret": "canary"})
    later.learn_from(secret)
    assert later.redact("dG9rZW4tMTIzNDU=").startswith(MASK)


def test_foreign_text_is_quoted_in_one_line_without_what_steers_a_terminal() -> None:
    said = "a\x1b[31m red\r\n\x9b2J \u202egpj.exe\x00" + "x" * 5000
    assert Secret({"password": "gpj"}).shown(said, 20) == f"a?[31m red ?2J ?{MASK}"[:19] + "…"
    assert Secret({}).logged("one\n\ttwo\x1b]0;x\x07") == "one\n\ttwo?]0;x?"
