"""The options with which deltalake reaches the lake."""

from __future__ import annotations

import os

import pytest
from azure.storage.blob import BlobServiceClient

from shared.lake.adls import _delta_options

KEY = "AccountName=devstoreaccount1;AccountKey=a2V5;"


@pytest.mark.parametrize("origin", ["http://127.0.0.1:10000", "https://127.0.0.1:41234"])
def test_an_emulator_is_reached_as_one_at_its_own_port(origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURITE_BLOB_STORAGE_URL", "http://elsewhere:1")
    service = BlobServiceClient.from_connection_string(f"{KEY}BlobEndpoint={origin}/devstoreaccount1")
    options = _delta_options(service)
    assert options["azure_storage_use_emulator"] == "true"
    assert options["azure_storage_endpoint"] == f"{origin}/devstoreaccount1"
    assert os.environ["AZURITE_BLOB_STORAGE_URL"] == origin


def test_an_account_in_azure_is_no_emulator() -> None:
    assert set(_delta_options(BlobServiceClient("https://lake.blob.core.windows.net"))) == {"timeout"}
