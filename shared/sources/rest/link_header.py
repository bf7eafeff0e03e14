"""The header Link, which names pages by their relations (RFC 8288): requests' reader stops at a comma in a title."""

from __future__ import annotations

import re

_PARAMETER = r"\s*;\s*([^\s=;,]+)(?:\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;,\"]*)))?"
_LINK = re.compile(rf"<([^>]*)>((?:{_PARAMETER})*)")


def linked(header: str, relation: str) -> str | None:
    """The address of the first link with a relation; None if there is none.

    Args:
        header: The header's value; several headers are one, with commas between them.
        relation: Its name in lower case, such as `next`.
    """
    for link in _LINK.finditer(header):
        for name, quoted, plain in re.findall(_PARAMETER, link[2]):
            if name.lower() == "rel" and relation in (quoted or plain).lower().split():
                return link[1]
    return None
