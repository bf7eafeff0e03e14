"""What a server answered to one request, and what of it a message may show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from shared.secrets import Secret

_SHOWN = 200  # characters of a body in an error message
_KEYS = 50
_LOOKED_AT = 1 << 16
_NOTHING = (204, 205)
LEFT_OUT = "(left out, as masked_columns asks)"


@dataclass(frozen=True)
class Answer:
    """What a server answered to one request.

    `place` names the request for error messages; `url` is its address with all parameters, and `authorization` what
    the request carried in that header: no message shows either, and of the body none of what is `hidden`.
    """

    place: str
    url: str = field(repr=False)
    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    authorization: str = field(default="", repr=False)
    hidden: Secret = field(default_factory=lambda: Secret({}), repr=False)
    is_empty: bool = False
    hides_words: bool = False
    """Whether no message quotes the body: the job masks columns, and a quotation could show one."""

    @property
    def says_nothing(self) -> bool:
        """Whether its status says that there is nothing: no rows, and no body either."""
        return self.is_empty or self.status in _NOTHING

    @property
    def content_type(self) -> str:
        """The declared type, lower case, without parameters; `shown` before a message quotes it."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    def excerpt(self) -> str:
        """The body's beginning in one line."""
        return self.shown(self.body[:_LOOKED_AT].decode("utf-8", errors="replace"))

    def shown(self, said: str, limit: int = _SHOWN) -> str:
        """The beginning in one line of something that the server said; it may repeat what the request carried."""
        if self.hides_words and said:
            return LEFT_OUT
        return self.hidden.shown(said, limit)

    def keys_of(self, document: Any) -> str:
        """The keys of an object that the server sent, or what it sent instead."""
        if not isinstance(document, dict):
            return type(document).__name__
        return self.shown(", ".join(map(str, islice(document, _KEYS)))) or "none"
