"""What a connection URL may look like, and what is said of one that may not."""

from __future__ import annotations

import pytest

from shared.errors.hierarchy import ConfigurationError
from shared.secrets import Secret
from shared.sources.connection import ServerConnection, SqlConnection
from shared.sources.fallback import UrlConnection


@pytest.mark.parametrize(
    ("connection", "scheme"),
    [(ServerConnection, "postgresql"), (UrlConnection, "mysql+pymysql"), (UrlConnection, "sqlite")],
)
@pytest.mark.parametrize("password", ["canary@tail", "@canary", "can@ary/x", "can@ary?x", "c@n?a=r@y"])
def test_a_url_with_an_unescaped_at_sign_is_refused_without_printing_any_of_it(
    password: str, connection: type[SqlConnection], scheme: str
) -> None:
    secret = Secret({"url": f"{scheme}://reader:{password}@db.example.org/shop"})
    with pytest.raises(ConfigurationError, match=r"more than one '@'.*%40") as refused:
        connection.of(secret, "shop")
    assert not any(part in str(refused.value) for part in ("canary", "tail", "ary", "db.example"))


def test_an_escaped_at_sign_is_a_part_of_the_password() -> None:
    connection, _ = ServerConnection.of(Secret({"url": "postgresql://reader:a%40b@db.example.org/shop"}), "shop")
    assert (connection.host, connection.secret_password()) == ("db.example.org", "a@b")
