"""If no identity is available, a connection string with an account key does the same work."""

from __future__ import annotations

from pathlib import Path

import pytest

from localhost.services import LocalServices
from localhost.services.azurite import ACCOUNT, ACCOUNT_KEY
from tests.e2e.app import App, jobs_of


@pytest.fixture(scope="module")
def app(services: LocalServices, tmp_path_factory: pytest.TempPathFactory) -> App:
    """An app that has no identity to sign in with: storage by account key, secrets from a file."""
    storage = services.azurite
    connection_string = (
        f"DefaultEndpointsProtocol=https;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};"
        f"BlobEndpoint={storage.blob_url};TableEndpoint={storage.table_url};"
    )
    folder: Path = tmp_path_factory.mktemp("host")
    secrets = folder / "secrets.toml"
    without_identity = {
        "ConfigStorage": connection_string,
        "LakeStorage": connection_string,
        "AuditStorage": connection_string,
        "ConfigStorage__blobServiceUri": "",
        "LakeStorage__blobServiceUri": "",
        "AuditStorage__tableServiceUri": "",
        "KEY_VAULT_URL": "",
        "IDENTITY_ENDPOINT": "",
        "IDENTITY_HEADER": "",
        "SECRETS_FILE": str(secrets),
    }
    started = App(services, folder, **without_identity)
    fields = started.postgres_connection(started.database)
    secrets.write_text("[sources.PostgreSQL]\n" + "".join(f"{name} = {value!r}\n" for name, value in fields.items()))
    return started


def test_both_formats_load_with_account_keys_and_a_secrets_file(app: App) -> None:
    with app.host:
        app.create_tables("plain", "versioned")
        app.put_workbook(
            app.row("plain", "plain"),
            app.row("versioned", "versioned", table_format="delta"),
        )
        jobs = jobs_of(app.run())
    assert {name: (job["status"], job["rows_written"]) for name, job in jobs.items()} == {
        "plain": ("SUCCESS", 3),
        "versioned": ("SUCCESS", 3),
    }
    assert len(app.lake_rows("plain")) == 3
