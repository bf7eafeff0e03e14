"""Secrets: where they are looked for, what they print, and what they take out of a text."""

from __future__ import annotations

import json
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
    spelt = quote(password, safe="")
    secret = Secret({"url": f"postgresql://reader:{spelt}@db.example.org/shop"})
    assert secret.redact(f"{secret['url']}\n{spelt}\n{password}") == f"{MASK}\n{MASK}\n{MASK}"


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


def test_an_object_of_json_is_read_as_it_stands() -> None:
    fields = {"host": "a", "password": "p://q"}
    assert dict(source_secret("shop", "API", (Shelf(shop=json.dumps(fields)),))) == fields
