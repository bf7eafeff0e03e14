"""Databricks as a destination: dlt's, with files in the lake as its staging, which Databricks takes over by COPY INTO.

The driver is not installed from the start, see requirements-databricks.txt. Databricks reads the files by a Unity
Catalog external location, so that no key and no token of the storage account is part of a statement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from importlib.util import find_spec
from typing import Any, Literal
from urllib.parse import urlsplit

import dlt
from dlt.common.configuration import configspec
from dlt.common.schema.typing import TTableFormat
from dlt.destinations import databricks, filesystem
from dlt.destinations.exceptions import DatabaseException, DatabaseUndefinedRelation, DestinationConnectionError
from dlt.destinations.impl.databricks.configuration import DatabricksCredentials
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from shared.errors.hierarchy import ConfigurationError, IngestionError, LakeError, TransientError
from shared.identity import blob_service, credential
from shared.jobs.lake_layout import abfss_url, lake_path
from shared.lake.adls import ensure_container, lake_credentials
from shared.lake.load import BeforeCommit, LoadOrder, LoadOutcome, Written, newest_load_id
from shared.models.job import Job
from shared.secrets import Secret, destination_secret

SECRET = "databricks"  # noqa: S105 - its name
SCOPE = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default"
"""Azure Databricks as a resource in Microsoft Entra ID, the same in every tenant."""

RETRIES = {"_retry_stop_after_attempts_count": 5, "_retry_stop_after_attempts_duration": 120}
"""Of one request, in the driver's words; its own are half an hour."""

_SHOWN = 500  # characters of the driver's text
_FAULTS: tuple[tuple[re.Pattern[str], type[IngestionError], str], ...] = (
    (
        re.compile(r"SSLError|certificate|WRONG_VERSION", re.IGNORECASE),
        LakeError,
        "is not Databricks, or its certificate is not trusted: check server_hostname",
    ),
    (
        re.compile(r"\b40[13]\b|invalid access token|unauthorized|PERMISSION_DENIED|forbidden", re.IGNORECASE),
        LakeError,
        "does not let the app in: check the secret and the rights of its user",
    ),
    (
        re.compile(r"connection refused|timed out|resolve|max retries|reset by peer|\b(429|50[234])\b", re.IGNORECASE),
        TransientError,
        "does not answer: check server_hostname, the warehouse and the firewall between",
    ),
)


class DatabricksConnection(BaseModel):
    """Where a SQL warehouse is and how to sign in. Fields as in the secret's JSON object."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    server_hostname: str
    http_path: str
    port: int = Field(443, ge=1, le=65535)
    auth: Literal["token", "client_credentials", "managed_identity"] = "token"
    access_token: SecretStr | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None

    @model_validator(mode="after")
    def _has_what_auth_needs(self) -> DatabricksConnection:
        needed = {"token": ("access_token",), "client_credentials": ("client_id", "client_secret")}.get(self.auth, ())
        missing = [name for name in needed if not getattr(self, name)]
        if missing:
            raise ValueError(f"auth {self.auth} needs {', '.join(missing)}")
        return self

    @classmethod
    def of(cls, secret: Secret) -> DatabricksConnection:
        """The connection that the secret describes.

        Raises:
            ConfigurationError: a field is missing, unknown or wrong; values are not repeated.
        """
        try:
            return cls.model_validate(dict(secret))
        except ValidationError as error:
            problems = "; ".join(
                ": ".join(filter(None, (".".join(map(str, item["loc"])), item["msg"].removeprefix("Value error, "))))
                for item in error.errors(include_input=False)
            )
            raise ConfigurationError(
                f"The connection secret of destination '{SECRET}' is wrong: {problems}. "
                f"Fields: {', '.join(cls.model_fields)}."
            ) from None

    def signed_in(self) -> dict[str, Any]:
        """The credentials in dlt's words; for `managed_identity` a token of the app's identity, good for an hour."""
        if self.auth == "managed_identity":
            return {"access_token": credential().get_token(SCOPE).token}
        if self.auth == "client_credentials":
            return {"client_id": str(self.client_id), "client_secret": _text(self.client_secret)}
        return {"access_token": _text(self.access_token)}


@configspec
class _Credentials(DatabricksCredentials):
    """dlt's credentials, complete as they are: dlt would look for others in the environment and in home folders."""

    def on_resolved(self) -> None:
        """Nothing is left to be found."""


class _Databricks(databricks):
    """dlt's destination, whose loads end where the job's lease is lost."""

    before_commit: BeforeCommit  # set after construction: dlt reads its settings off the signature of __init__

    @property
    def client_class(self) -> Any:
        base = super().client_class
        before_commit = self.before_commit

        class Client(base):  # type: ignore[misc, valid-type]  # dlt's, which imports the driver
            def update_stored_schema(self, *arguments: Any, **options: Any) -> Any:
                before_commit()
                return super().update_stored_schema(*arguments, **options)

            def complete_load(self, load_id: str) -> None:
                before_commit()
                super().complete_load(load_id)

        return Client


class DatabricksDestination:
    """A schema of Unity Catalog, filled from files in the lake."""

    table_format: TTableFormat | None = None  # Databricks' own, which is Delta

    def __init__(self, job: Job, before_commit: BeforeCommit) -> None:
        self._job = job
        self._before_commit = before_commit

    @cached_property
    def _secret(self) -> Secret:
        return destination_secret(SECRET)

    @cached_property
    def connection(self) -> DatabricksConnection:
        """The warehouse's connection. Raises ConfigurationError as `DatabricksConnection.of`."""
        return DatabricksConnection.of(self._secret)

    def pipeline_arguments(self) -> dict[str, Any]:
        _require_driver()
        connection = self.connection
        warehouse = _Databricks(
            credentials=_Credentials(
                catalog=str(self._job.databricks_catalog),
                server_hostname=connection.server_hostname,
                http_path=connection.http_path,
                connection_parameters={"_port": connection.port, "enable_telemetry": False, **RETRIES},
                user_agent_entry="excel-to-lake",
                **connection.signed_in(),
            ),
            is_staging_external_location=True,
            replace_strategy="staging-optimized",  # readers see the old table until the new one takes its place
        )
        warehouse.before_commit = self._before_commit
        return {"destination": warehouse, "staging": staging(self._job), "dataset_name": self._job.databricks_schema}

    def begin_attempt(self, pipeline: dlt.Pipeline) -> Mapping[str, Any] | None:
        """What dlt's own table of loads knows of this job. It names no run, so a repeated attempt loads again."""
        try:
            with pipeline.destination_client() as client:
                load_id = _last_load_id(client, pipeline.pipeline_name)
        except Exception as error:  # the driver also raises what urllib3, thrift and requests raise
            raise self._explained(error) from None
        return {"load_id": load_id} if load_id else None

    def rows_in(self, pipeline: dlt.Pipeline, table_name: str) -> int | None:
        try:
            with pipeline.destination_client() as client:
                return _rows_in(client, table_name)
        except Exception as error:
            raise self._explained(error) from None

    def load(self, pipeline: dlt.Pipeline, order: LoadOrder) -> LoadOutcome:
        """Counts what was handed over: Databricks counts for itself what COPY INTO took."""
        loaded = pipeline.load()
        jobs = [job for package in loaded.load_packages for job in package.jobs["completed_jobs"]]
        files = [job for job in jobs if job.file_path.endswith(".parquet")]
        written = Written(
            rows_written=sum(order.expected_rows.values()),
            files_written=len(files),
            bytes_written=sum(job.file_size for job in files),
        )
        return LoadOutcome(newest_load_id(loaded), written)

    def explain(self, error: BaseException) -> BaseException:
        is_drivers = type(error).__module__.split(".")[0] == "databricks"
        is_dlts = isinstance(error, (DatabaseException, DestinationConnectionError))
        return self._explained(error) if is_drivers or is_dlts else error

    def _explained(self, error: BaseException) -> IngestionError:
        if isinstance(error, IngestionError):
            return error
        connection, text = self.connection, self._secret.shown(str(error))
        place = f"Databricks ({connection.server_hostname}:{connection.port}{connection.http_path})"
        for pattern, kind, meaning in _FAULTS:
            if pattern.search(text):
                return kind(f"{place} {meaning}. The driver says: {text[:_SHOWN]}")
        return LakeError(f"{place} refused. The driver says: {text[:_SHOWN]}")


def _last_load_id(client: Any, schema_name: str) -> str | None:
    loads = client.sql_client.make_qualified_table_name(client.schema.loads_table_name)
    query = f"SELECT MAX(load_id) FROM {loads} WHERE schema_name = %s AND status = 0"  # noqa: S608 - dlt quotes it
    try:
        found = client.sql_client.execute_sql(query, schema_name)
    except DatabaseUndefinedRelation:
        return None
    return found[0][0] if found else None


def _rows_in(client: Any, table_name: str) -> int | None:
    table = client.sql_client.make_qualified_table_name(table_name)
    try:
        found = client.sql_client.execute_sql(f"SELECT COUNT(*) FROM {table}")  # noqa: S608 - dlt quotes it
    except DatabaseUndefinedRelation:
        return None
    return int(found[0][0]) if found else None


def staging(job: Job) -> filesystem:
    """The files in the lake from which Databricks takes a job's tables.

    Raises: as `lake_destination`.
    """
    service = blob_service("LakeStorage")
    ensure_container(service, job.target_container)
    return filesystem(
        bucket_url=staging_url(job, service.url),
        destination_name="staging",
        warn_unsafe_layout_separators=False,
        **lake_credentials(service),
    )


def staging_url(job: Job, account_url: str) -> str:
    """The job's folder in the lake, in the form that Databricks needs if the account is one of Azure's."""
    host = urlsplit(account_url).netloc
    if ".blob.core." in host:
        return abfss_url(lake_path(job), host.replace(".blob.", ".dfs.", 1))
    return f"az://{lake_path(job)}"


def _require_driver() -> None:
    if find_spec("databricks") is None or find_spec("databricks.sql") is None:
        raise ConfigurationError(
            "The destination databricks needs a driver that this app was deployed without: add the line "
            "`-r requirements-databricks.txt` to requirements.txt and deploy again."
        )


def _text(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
