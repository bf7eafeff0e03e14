"""Which links lead to the API's own host."""

from __future__ import annotations

import pytest

from shared.secrets import Secret
from shared.sources.rest.connection import RestConnection


@pytest.mark.parametrize(
    ("base_url", "link", "expected"),
    [
        ("https://api.example.com/v1", "https://api.example.com/v1/a?b=c", "https://api.example.com/v1/a?b=c"),
        ("https://api.example.com/v1", "https://api.example.com:443/a", "https://api.example.com/a"),
        ("https://api.example.com/v1", "http://api.example.com/a", "https://api.example.com/a"),
        ("http://api.example.com", "https://api.example.com/a", "https://api.example.com/a"),
        ("http://api.example.com:8080", "https://api.example.com:8443/a", None),
        ("http://api.example.com:8080", "http://api.example.com:8080/a", "http://api.example.com:8080/a"),
        ("https://api.example.com", "https://API.example.com/a", "https://api.example.com/a"),
        ("https://api.example.com", "https://user:pass@api.example.com/a", "https://api.example.com/a"),
        ("https://api.example.com", "https://evil.example/a", None),
        ("https://api.example.com", "https://api.example.com.evil.example/a", None),
        ("https://api.example.com", "https://api.example.com@evil.example/a", None),
        ("https://api.example.com", "https://api.example.com:8443/a", None),
        ("https://api.example.com", "https://api.example.com:port/a", None),
        ("https://api.example.com", "ftp://api.example.com/a", None),
        ("https://api.example.com", "file:///etc/passwd", None),
    ],
)
def test_a_link_is_followed_on_the_apis_own_host_only(base_url: str, link: str, expected: str | None) -> None:
    assert RestConnection(base_url=base_url).at_home(link) == expected


def test_a_secret_that_is_one_address_is_the_base_url() -> None:
    assert RestConnection.of(Secret({"url": "https://api.example.com"}), "crm").base_url == "https://api.example.com"
