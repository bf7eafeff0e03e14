"""Where a source keeps what an attempt has read, for later attempts of the same run."""

from __future__ import annotations

from typing import Protocol


class Stage(Protocol):
    """Named contents that the attempts of one run share and no reader of the lake sees.

    It is a help and no part of the data: what cannot be kept is read again.
    """

    def names(self) -> list[str]:
        """The names of what is kept, in no order."""

    def read(self, name: str) -> bytes:
        """A content that was kept."""

    def write(self, name: str, content: bytes) -> None:
        """Keep a content; one of the same name is replaced."""

    def clear(self) -> None:
        """Remove everything, once it is loaded."""
