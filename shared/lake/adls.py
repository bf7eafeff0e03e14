"""The lake as a dlt destination: ADLS Gen2 (or any blob storage) through the app's one credential."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import dlt
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.storage.blob import BlobServiceClient
from dlt.common.configuration.specs import AzureCredentials, AzureCredentialsWithoutDefaults
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.libs.deltalake import deltalake_storage_options
from dlt.common.schema.typing import TTableFormat
from dlt.destinations import filesystem

from shared.errors.hierarchy import LakeError
from shared.identity import blob_service, credential
from shared.jobs.lake_layout import bucket_path, dataset_name
from shared.lake.folding import MaintainingClient
from shared.lake.listed import LoadSession
from shared.lake.load import BeforeCommit, LoadOrder, LoadOutcome, Written, newest_load_id
from shared.models.job import Job
from shared.settings import settings

_EMULATOR = "devstoreaccount1"
DELTA_TIMEOUT = "300s"  # of one request: deltalake's own 30 s end an upload over a slow link


class Lake(filesystem):
    """dlt's filesystem destination with loads that are all or nothing."""

    session: LoadSession  # set after construction: dlt reads its settings off the signature of __init__

    _resolved: dict[tuple[str | None, str | None], Any]

    def configuration(self, initial_config: Any, accept_partial: bool = False) -> Any:
        """The settings, looked up once for each dataset: dlt asks some twenty times in one load."""
        key = (initial_config.dataset_name, initial_config.default_schema_name)
        if key not in self._resolved:
            self._resolved[key] = super().configuration(initial_config, accept_partial)
        return self._resolved[key]

    def capabilities(self, config: Any = None, naming: Any = None) -> DestinationCapabilitiesContext:
        """What the destination can do; it does not depend on the rest of the settings, which need no looking up."""
        known = super().capabilities(config or self.spec(bucket_url=self.config_params["bucket_url"]), naming)
        # else dlt warns of each Parquet table, whose hint takes back that it was a Delta table before
        known.supported_table_formats = [*(known.supported_table_formats or ()), "native"]
        return known

    @property
    def client_class(self) -> type[MaintainingClient]:
        """A client that knows the load it is to commit; dlt makes several of them in one load."""
        return type("LakeClient", (MaintainingClient,), {"session": self.session})


class AdlsDestination:
    """The lake itself, as Parquet or Delta."""

    def __init__(self, job: Job, before_commit: BeforeCommit) -> None:
        self._job = job
        self._session = LoadSession(before_commit)
        self.table_format: TTableFormat | None = "delta" if job.table_format == "delta" else "native"

    def pipeline_arguments(self) -> dict[str, Any]:
        return {"destination": lake_destination(self._job, self._session), "dataset_name": dataset_name(self._job)}

    def begin_attempt(self, pipeline: dlt.Pipeline) -> Mapping[str, Any] | None:
        with pipeline.destination_client() as client:
            assert isinstance(client, MaintainingClient)
            return client.begin_attempt()

    def rows_in(self, pipeline: dlt.Pipeline, table_name: str) -> int | None:
        with pipeline.destination_client() as client:
            assert isinstance(client, MaintainingClient)
            return client.rows_in(table_name)

    def load(self, pipeline: dlt.Pipeline, order: LoadOrder) -> LoadOutcome:
        """Raises LeaseLostError or ReconciliationError, mostly as cause of one of dlt; then nothing is committed."""
        self._session.order = order
        self._session.before_commit()  # a process that paused while it read leaves no file beside the successor's
        load_id = newest_load_id(pipeline.load())
        return LoadOutcome(load_id, Written.total(self._session.written.values()))

    def explain(self, error: BaseException) -> BaseException:
        return error  # `shared.lake.faults` knows them


def lake_destination(job: Job, session: LoadSession) -> Lake:
    """The destination of one job, for one load.

    Raises:
        ConfigurationError: the lake's connection is not set.
        LakeError: the container does not exist and may not be made.
    """
    service = blob_service("LakeStorage")
    ensure_container(service, job.target_container)
    url = f"az://{bucket_path(job)}"
    return lake_at(url, session, deltalake_storage_options=_delta_options(service), **lake_credentials(service))


def lake_at(bucket_url: str, session: LoadSession, **options: Any) -> Lake:
    """The lake below an address, for one load.

    Args:
        bucket_url: The container, as fsspec spells it.
        session: What the clients of the load share.
        options: As dlt's filesystem destination takes them.
    """
    lake = Lake(
        bucket_url=bucket_url,
        destination_name="lake",
        enable_dataset_name_normalization=False,
        warn_unsafe_layout_separators=False,  # one dataset holds one job's tables, and each has its own folder
        **options,
    )
    lake.session = session
    lake._resolved = {}
    return lake


def lake_credentials(service: BlobServiceClient) -> dict[str, Any]:
    """The arguments by which dlt's filesystem destination signs in to a storage account."""
    connection = settings().connection("LakeStorage")
    account_name = str(service.account_name)
    host = urlsplit(service.url)
    if connection.connection_string:
        key = AzureCredentialsWithoutDefaults(
            azure_storage_account_name=account_name,
            azure_storage_account_key=service.credential.account_key,
        )
        return {"credentials": key, "kwargs": {"connection_string": connection.connection_string.get_secret_value()}}
    identity = AzureCredentials.from_credential(credential())
    identity.azure_storage_account_name = account_name
    identity.azure_account_host = f"{host.netloc}{host.path}".rstrip("/")
    return {"credentials": identity}


def delta_storage_options_of(service: BlobServiceClient) -> dict[str, str]:
    """The options by which deltalake reaches any table of the lake, as a load gets them from its client."""
    return deltalake_storage_options(lake_credentials(service)["credentials"], _delta_options(service))


def _delta_options(service: BlobServiceClient) -> dict[str, str]:
    options = {"timeout": DELTA_TIMEOUT}
    if not urlsplit(service.url).netloc.endswith((".core.windows.net", ".core.chinacloudapi.cn")):
        options["azure_storage_endpoint"] = service.url.rstrip("/")
        options["allow_http"] = str(service.url.startswith("http://")).lower()
    if service.account_name == _EMULATOR:
        # Azurite before 3.37 ignores `startFrom` of List Blobs, by which deltalake lists a table's log; as a client of
        # an emulator it does without, and takes the emulator's address from the environment.
        options["azure_storage_use_emulator"] = "true"
        os.environ["AZURITE_BLOB_STORAGE_URL"] = service.url.rstrip("/").removesuffix(f"/{_EMULATOR}")
    return options


@cache  # by process: a load that does not find its container later fails, and its process goes with it
def ensure_container(service: BlobServiceClient, name: str) -> None:
    """Make a container of the lake where it does not exist yet.

    Raises:
        LakeError: it may not be made.
    """
    container = service.get_container_client(name)
    try:
        if container.exists():
            return
        container.create_container()
    except ResourceExistsError:  # another job made it meanwhile
        return
    except HttpResponseError as error:
        if error.status_code not in (401, 403):
            raise
        raise LakeError(
            f"Container '{name}' of the lake does not exist and the app's identity may not create it: create it, or "
            "give the identity the role Storage Blob Data Contributor on the storage account."
        ) from None
