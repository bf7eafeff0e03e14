"""Connection secrets of sources: Key Vault in Azure, `config/secrets.toml` on a laptop, one Protocol for both.

A secret is a JSON object of connection fields, or a connection URL. It is looked up for the source's name first and
for its type second; values print as ****** wherever they end up.
"""

from __future__ import annotations

import json
import time
import tomllib
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, quote_plus, unquote, urlsplit

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError, ServiceRequestError

from shared.errors.hierarchy import ConfigurationError, SecretNotFoundError, TransientError
from shared.errors.texts import SHOWN, cut, one_line, printable
from shared.identity import secret_client
from shared.models.job import Source
from shared.settings import settings

MASK = "******"
SOURCE_PREFIX = "source-"
DESTINATION_PREFIX = "destination-"
MASK_PREFIX = "mask-"
_SECTIONS = {DESTINATION_PREFIX: "destinations", MASK_PREFIX: "masks"}
ADMITTING_TAG = "ingestion-source"
"""A Key Vault secret of another name may be named in secret_name if it carries this tag."""

_SHORTEST = 3  # characters; a shorter value would blacken every text
_SHORTEST_ENCODED = 4
_LOGGED = 20_000  # characters of one message of a log
_PLAIN_FIELDS = frozenset(
    {"auth", "base_url", "database", "dialect", "driver", "host", "port", "schema", "service_name", "sid", "tns_alias"}
    | {"trusted_connection", "encrypt", "trust_server_certificate", "sslmode", "username", "user"}
    | {"connect_timeout", "statement_timeout"}
    | {"api_key_in", "api_key_name", "client_id", "scope", "timeout", "token_auth", "token_url"}
    | {"http_path", "server_hostname"}
)


class Secret(Mapping[str, Any]):
    """The fields of one connection; it prints no value, and takes its values out of any text."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = dict(fields)
        self._learned: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        return self._fields[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"Secret({', '.join(f'{name}={MASK}' for name in self._fields)})"

    def learn(self, value: str) -> None:
        """Take `value` out of texts from now on, too: a token that this secret was exchanged for."""
        if len(value) >= _SHORTEST:
            self._learned.add(value)

    def learn_from(self, other: Secret) -> None:
        """Hide what another secret has learned, too."""
        self._learned |= other._learned

    def redact(self, text: str) -> str:
        """`text` with every secret value of this connection replaced by ******, in each of its spellings."""
        for value in sorted(self._hidden(), key=len, reverse=True):
            text = text.replace(value, MASK)
        return text

    def shown(self, text: str, limit: int = SHOWN) -> str:
        """Foreign text as a message may quote it: in one line, without secrets and control characters, and cut."""
        return one_line(self.redact(" ".join(text.split())), limit)

    def logged(self, text: str) -> str:
        """Text of a log or a traceback: as `shown`, with its lines."""
        return cut(printable(self.redact(text)), _LOGGED)

    def _hidden(self) -> set[str]:
        spelled = {*_secret_values(self._fields), *(s for value in self._learned for s in _spellings(value))}
        if username := self._fields.get("username"):
            spelled.update(_in_base64(f"{username}:{self._fields.get('password') or ''}"))
        return spelled


def _secret_values(value: Any, name: str = "") -> Iterator[str]:
    """Every text of a secret that must not be seen, in each of its spellings."""
    if isinstance(value, Secret):
        yield from value._hidden()
    elif isinstance(value, Mapping):
        for inner_name, inner in value.items():
            yield from _secret_values(inner, inner_name)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _secret_values(inner, name)
    elif name not in _PLAIN_FIELDS and value is not None and not isinstance(value, bool):
        yield from _spellings(str(value))


def _spellings(text: str) -> Iterator[str]:
    """A value as it is, as a URL, a form, JSON and base64 spell it; of a URL also the password within."""
    password = _password_of(text)
    for value in {text, password, unquote(password)}:
        in_json = json.dumps(value)[1:-1]
        for spelled in {value, " ".join(value.split()), quote(value, safe=""), quote_plus(value), in_json}:
            if len(spelled) >= _SHORTEST:
                yield spelled
        if len(value) >= _SHORTEST:
            yield from _in_base64(value)


def _in_base64(text: str) -> Iterator[str]:
    """The base64 of a text in both alphabets, without padding, wherever it begins among other bytes."""
    content = text.encode("utf-8", "surrogatepass")
    for before in range(3):
        encoded = b64encode(b"\0" * before + content).decode().rstrip("=")
        whole = encoded[(0, 2, 3)[before] : len(encoded) if (before + len(content)) % 3 == 0 else -1]
        if len(whole) >= _SHORTEST_ENCODED:
            yield whole
            yield whole.replace("+", "-").replace("/", "_")


def _password_of(text: str) -> str:
    """The password within a connection URL, as it is spelled there; empty if the text is no such URL."""
    try:
        return urlsplit(text).password or ""
    except ValueError:
        return ""


class SecretStore(Protocol):
    """A place that may hold the secret of a source."""

    def places(self, names: list[str]) -> list[str]:
        """Where this place looks for the secrets called `names`, for an error message."""

    def get(self, name: str) -> str | Mapping[str, Any] | None:
        """The secret called `name`, or None if this place has none."""


class KeyVaultSecrets:
    """Secrets of one Key Vault, each kept in memory for some minutes.

    Args:
        vault_url: The vault.
        cache_seconds: How long a secret is kept.
        prefix: The prefix of every name in the vault, whose names may not hold underscores.
        clock: Gives seconds.
    """

    def __init__(
        self,
        vault_url: str,
        cache_seconds: float,
        prefix: str = SOURCE_PREFIX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._vault_url = vault_url
        self._prefix = prefix
        self._cache_seconds = cache_seconds
        self._clock = clock
        self._cached: dict[str, tuple[float, str | None]] = {}

    def places(self, names: list[str]) -> list[str]:
        return [f"Key Vault {self._vault_url} secret '{self._vault_name(name)}'" for name in names]

    def get(self, name: str) -> str | None:
        kept = self._cached.get(name)
        if kept and self._clock() - kept[0] < self._cache_seconds:
            return kept[1]
        value = self._read(self._vault_name(name))
        if value is not None:  # a missing secret is asked for again, so that adding it helps at once
            self._cached[name] = (self._clock(), value)
        return value

    def forget(self) -> None:
        """Drop what is kept in memory: a password may have been rotated."""
        self._cached.clear()

    def _vault_name(self, name: str) -> str:
        return self._prefix + name.replace("_", "-")

    def _read(self, secret_name: str) -> str | None:
        try:
            found = secret_client(self._vault_url).get_secret(secret_name)
            ours = bool(self._prefix) or secret_name.lower().startswith(SOURCE_PREFIX)
            if not ours and ADMITTING_TAG not in (found.properties.tags or {}):
                raise ConfigurationError(
                    f"Key Vault {self._vault_url} secret '{secret_name}' is not a source's: its name does not begin "
                    f"with {SOURCE_PREFIX}. Name such a secret, or give this one the tag {ADMITTING_TAG}."
                )
            return found.value
        except ResourceNotFoundError:
            return None
        except ServiceRequestError as error:
            raise TransientError(f"Key Vault {self._vault_url} cannot be reached: {error.message}") from None
        except HttpResponseError as error:
            if error.status_code in (429, 500, 502, 503, 504):
                raise TransientError(f"Key Vault {self._vault_url} answered {error.status_code}; try later.") from None
            raise ConfigurationError(
                f"Key Vault {self._vault_url} refused to give secret '{secret_name}' ({error.status_code}): "
                "give the app's identity the role Key Vault Secrets User, and see that the secret is enabled."
            ) from None


class TomlSecrets:
    """Tables `[sources.{name}]` of a local TOML file, or those of another section."""

    def __init__(self, path: Path, section: str = "sources") -> None:
        self._path = path
        self._section = section

    def places(self, names: list[str]) -> list[str]:
        return [f"{self._path} [{self._section}.{name}]" for name in names]

    def get(self, name: str) -> str | Mapping[str, Any] | None:
        if not self._path.is_file():
            return None
        try:
            content = tomllib.loads(self._path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"{self._path} is not valid TOML: {error}.") from None
        value: str | Mapping[str, Any] | None = content.get(self._section, {}).get(name)
        return value


@cache
def secret_stores(prefix: str, /) -> tuple[SecretStore, ...]:
    """The places to look in, in order: the local file if it exists, then Key Vault if one is set.

    Each prefix has stores of its own, whoever asks: `forget_cached_secrets` has to find the ones that are in use.

    Args:
        prefix: The prefix of every name in Key Vault.
    """
    stores: list[SecretStore] = [TomlSecrets(settings().secrets_file, _SECTIONS.get(prefix, "sources"))]
    if url := settings().key_vault_url:
        stores.append(KeyVaultSecrets(url, settings().secret_cache_seconds, prefix))
    return tuple(stores)


def connection_secret(source: Source, source_type: str) -> Secret:
    """The connection of a source, as its row of the sheet Sources asks for it.

    Args:
        source: the row, or one with defaults.
        source_type: the name of its type, whose secret is taken if the source has none of its own.

    Raises: as `source_secret`.
    """
    if source.secret_name:
        secret = _look_up([source.secret_name], f"source '{source.source_name}'", secret_stores(""))
    else:
        secret = source_secret(source.source_name, source_type)
    return Secret({**secret, "auth": source.auth}) if source.auth == "managed_identity" else secret


def source_secret(source_name: str, source_type: str, stores: tuple[SecretStore, ...] | None = None) -> Secret:
    """The connection of a source.

    Raises:
        SecretNotFoundError: no place has it; the message lists every place that was looked up.
        ConfigurationError: what was found is neither a JSON object nor a connection URL.
        TransientError: Key Vault could not be asked just now.
    """
    places = stores if stores is not None else secret_stores(SOURCE_PREFIX)
    return _look_up([source_name, source_type], f"source '{source_name}'", places)


def destination_secret(name: str) -> Secret:
    """The connection of a destination. Raises as `source_secret`."""
    return _look_up([name], f"destination '{name}'", secret_stores(DESTINATION_PREFIX))


def _look_up(names: list[str], wanted_for: str, stores: tuple[SecretStore, ...]) -> Secret:
    for store in stores:
        for name in names:
            if (found := store.get(name)) is not None:
                return Secret(_fields(found, store.places([name])[0]))
    looked_up = "; ".join(place for store in stores for place in store.places(names))
    hint = "" if any(isinstance(store, KeyVaultSecrets) for store in stores) else " Setting KEY_VAULT_URL is not set."
    raise SecretNotFoundError(f"No connection secret for {wanted_for}. Looked up: {looked_up}.{hint}")


def forget_cached_secrets() -> None:
    """Read every secret again at its next use: after a failed login the password may have been rotated."""
    prefixes = SOURCE_PREFIX, "", DESTINATION_PREFIX, MASK_PREFIX
    for store in (one for prefix in prefixes for one in secret_stores(prefix)):
        if isinstance(store, KeyVaultSecrets):
            store.forget()


def _fields(found: str | Mapping[str, Any], place: str) -> Mapping[str, Any]:
    if isinstance(found, Mapping):
        return found
    if "://" in found and not found.lstrip().startswith("{"):
        return {"url": found.strip()}
    try:
        value = json.loads(found)
    except json.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise ConfigurationError(
            f'{place} is neither a JSON object of connection fields, such as {{"host": …, "password": …}}, '
            "nor a connection URL."
        )
    return value
