"""The clients reach their services by the way that the environment names."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.core.exceptions import AzureError

from shared.identity import blob_service, table_service
from tests.app_process import KEPT

KEY = "AccountName=lake;AccountKey=a2V5;BlobEndpoint=https://lake.invalid/;TableEndpoint=https://lake.invalid/"


@pytest.fixture(autouse=True)
def _forgetful(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LakeStorage", KEY)
    monkeypatch.setenv("AuditStorage", KEY)
    for function in KEPT:
        function.cache_clear()  # type: ignore[attr-defined]
    yield
    for function in KEPT:
        function.cache_clear()  # type: ignore[attr-defined]


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The proxy that the environment names."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.getsockname()[1]}")
        yield server


def call(connection: str) -> AzureError | None:
    """Call a service once; how that failed."""
    try:
        if connection == "LakeStorage":
            blob_service(connection).get_service_properties(retry_total=0)
        else:
            table_service(connection).get_service_properties(retry_total=0)
    except AzureError as error:
        return error
    return None


@pytest.mark.parametrize("connection", ["LakeStorage", "AuditStorage"])
def test_a_service_is_called_through_the_proxy_of_the_environment(proxy: socket.socket, connection: str) -> None:
    with ThreadPoolExecutor() as pool:
        failed = pool.submit(call, connection)
        with proxy.accept()[0] as connected:
            assert connected.recv(1000).startswith(b"CONNECT lake.invalid:443 ")
        assert failed.result(), "the proxy hung up"


def test_a_service_that_needs_no_proxy_is_called_without_one(
    proxy: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", ".invalid")
    assert "resolve" in str(call("LakeStorage"))


def test_the_certificates_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/bundle.pem")
    with pytest.raises(OSError, match="/no/such/bundle"):
        call("LakeStorage")
