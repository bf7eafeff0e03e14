"""The next page of a header Link, in every way in which it may be written."""

from __future__ import annotations

import pytest

from shared.sources.rest.link_header import linked


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ('</a?page=2>; rel="next"', "/a?page=2"),
        ("<http://x/?a=1,2&b=;c>;rel=next", "http://x/?a=1,2&b=;c"),
        ('</a?page=9>; rel="last", </a?page=2>; rel="next"', "/a?page=2"),
        ('</a>; rel=prev, </b>; REL=Next; type="x"', "/b"),
        ('</a>; rel="prev next"', "/a"),
        ('</a>; title="40, and on; rel=self"; rel="next"', "/a"),
        ('</a>; title="a \\" b, c"; rel= "next"', "/a"),
        ("</a>; results; rel=\"next\"; title*=UTF-8''n%e4", "/a"),
        ('</a>; rel="self"', None),
        ('</a>; title="rel=next", </b>; xrel="next"', None),
        ("", None),
    ],
)
def test_the_link_with_the_relation_is_found(header: str, address: str | None) -> None:
    assert linked(header, "next") == address
