"""The only reader of the environment: every app setting with its type, default and meaning.

A storage connection follows the Functions convention for connections
(https://learn.microsoft.com/azure/azure-functions/functions-reference#connections): `<Name>` holds a connection
string, or `<Name>__blobServiceUri` and `<Name>__tableServiceUri` hold endpoints that the app's identity signs in to.
"""

from __future__ import annotations

import json
import logging
import os
import re
from datetime import UTC, tzinfo
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.errors.hierarchy import ConfigurationError, SettingsError
from shared.models.named_texts import named_texts

log = logging.getLogger(__name__)


_OF_THE_HOST = "The host reads it and has no default: without it, it switches the function off."
TriggerSource = Literal["EventGrid", "LogsAndContainerScan"]
POLLING: TriggerSource = "LogsAndContainerScan"
READ_BY_HOST = frozenset(
    {
        "ingestion_schedule",
        "housekeeping_schedule",
        "maintenance_schedule",
        "watch_schedule",
        "config_container",
        "config_blob",
    }
)
"""Fields of settings that function_app.py's bindings refer to, and that therefore have no default."""


def _vault_url(value: str) -> str:
    if not re.fullmatch(r"https://[^\s/]+/?", value):
        raise ValueError("is not the address of a Key Vault, such as https://my-vault.vault.azure.net")
    return value


class Connection(BaseModel):
    """One storage connection: an endpoint for the app's identity, or a connection string where one must be used."""

    name: str
    endpoint: str | None = None
    connection_string: SecretStr | None = None


class Settings(BaseSettings):
    """Every setting that the app reads. Field names are the settings' names in lower case."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    ingestion_schedule: str = Field(
        "", description=f"When the timer starts a run, e.g. `0 0 2 * * *`: NCRONTAB of six fields. {_OF_THE_HOST}"
    )
    past_due: Literal["run", "run_unless_quiet", "skip"] = Field(
        "run_unless_quiet",
        description="What happens with a tick that was missed while the app was down, and fires at its next start: "
        "run_unless_quiet loads what is due, except from sources in their quiet hours; run loads from those, "
        "too; skip leaves it to the next tick. Missed ticks of HOUSEKEEPING_SCHEDULE and MAINTENANCE_SCHEDULE are made "
        "up for with run only.",
    )
    config_container: str = Field(
        "config", description=f"Container that holds the workbook and what is kept beside it. {_OF_THE_HOST}"
    )
    config_blob: str = Field(
        "ingestion_config.xlsx",
        description="Blob name of the workbook; no braces, which the host would take for a pattern. " + _OF_THE_HOST,
    )
    website_time_zone: str | None = Field(
        None,
        description="Time zone of the timers' schedules, like Europe/Berlin; blank: that of TZ, else UTC. The host "
        "reads it, too; Flex Consumption has neither of the two.",
    )
    workbook_trigger_source: TriggerSource = Field(
        POLLING,
        description="How the app detects an upload: EventGrid (required on Flex Consumption) or polling.",
    )
    workbook_max_megabytes: int = Field(20, gt=0, description="A larger workbook is refused, in MiB.")
    workbook_values: Annotated[str, AfterValidator(named_texts)] = Field(
        "",
        description='What placeholders in the workbook stand for, as JSON: with `{"env": "dev"}` the cell `raw-{env}` '
        "is `raw-dev`. No secrets: the values are shown. A change takes effect with the next upload.",
    )
    workbook_seconds: int = Field(
        60, ge=5, description="A workbook that takes longer to validate or to annotate is refused."
    )
    workbook_memory_megabytes: int = Field(
        512, ge=320, description="A workbook that needs more memory than this, in MiB, is refused."
    )
    audit_table: str = Field("IngestionAudit", description="Table that holds run and job rows.")

    config_storage: SecretStr | None = Field(
        None,
        alias="ConfigStorage",
        description="Connection string of the configuration storage, instead of an identity.",
    )
    config_storage_blob: str | None = Field(
        None, alias="ConfigStorage__blobServiceUri", description="Blob endpoint of the configuration storage."
    )
    lake_storage: SecretStr | None = Field(
        None, alias="LakeStorage", description="Connection string of the lake, instead of an identity."
    )
    lake_storage_blob: str | None = Field(
        None, alias="LakeStorage__blobServiceUri", description="Blob endpoint of the lake's storage account."
    )
    audit_storage: SecretStr | None = Field(
        None, alias="AuditStorage", description="Connection string of the audit storage, instead of an identity."
    )
    audit_storage_table: str | None = Field(
        None, alias="AuditStorage__tableServiceUri", description="Table endpoint of the audit storage."
    )
    azure_client_id: str | None = Field(None, description="Client id of a user-assigned managed identity.")

    website_auth_enabled: bool = Field(
        False, description="Set by App Service if callers must sign in (Easy Auth); they then need an app role."
    )

    key_vault_url: Annotated[str, AfterValidator(_vault_url)] | None = Field(
        None, description="Key Vault with the secrets `source-{source_name}`, like https://my-vault.vault.azure.net."
    )
    secret_cache_seconds: int = Field(300, ge=0, description="How long a secret that was read is kept in memory.")
    mask_key: str = Field(
        "key",
        pattern=r"[A-Za-z0-9-]{1,100}$",
        description="Which key masked_columns hashes with: the Key Vault secret `mask-{name}`, locally the entry of "
        "that name under `[masks]` of SECRETS_FILE. Another key makes other hashes: see docs/protection.md.",
    )
    secrets_file: Path = Field(
        Path("config/secrets.toml"), description="Secrets for local work; read if the file exists, never deployed."
    )

    api_private_hosts: str = Field(
        "",
        description="Hosts (host or host:port, with commas between) that API jobs may call even if their addresses are "
        "loopback, link-local or of a metadata service.",
    )
    api_max_megabytes: int = Field(64, ge=1, description="A larger answer of an API is refused, in MiB.")

    query_filter_functions: str = Field(
        "",
        description="Functions that query_filter may call besides those of docs/query_filter.md, with commas between "
        "(`similarity, dbo.fiscal_year`). They have the rights of the source's login.",
    )
    query_filter_subqueries: bool = Field(
        False, description="Whether query_filter may read other tables that the source's login can read."
    )

    source_concurrency: int = Field(
        4, ge=1, description="Jobs of one source system that run at once, over the whole app."
    )
    job_max_attempts: int = Field(3, ge=1, description="Attempts of a job whose failure is transient.")
    job_retry_seconds: int = Field(
        30, ge=0, description="Wait before the second attempt; doubled for each further one."
    )
    job_timeout_minutes: int = Field(
        25,
        ge=1,
        description="An attempt that takes longer is ended and tried again; functionTimeout of host.json, less two "
        "minutes, is the most it can have.",
    )
    lease_seconds: int = Field(
        60, ge=15, le=60, description="How long a job stays locked after the process that ran it died."
    )
    job_memory_megabytes: int | None = Field(
        None, ge=256, description="Memory that one attempt may use, in MiB; blank: no limit."
    )
    process_idle_seconds: float = Field(
        20.0,
        ge=0,
        description="How long a process that has loaded a job waits for the next one; 0 gives every attempt a new "
        "process, which costs a small load more than the load itself.",
    )
    work_folder: Path | None = Field(
        None, description="Where an attempt keeps its files while it runs; the system's temporary folder when blank."
    )

    maintenance_schedule: str = Field(
        "",
        description="When tables in the lake are compacted and vacuumed, e.g. `0 0 5 * * 0`: NCRONTAB of six fields. "
        + _OF_THE_HOST,
    )
    delta_retention_hours: int = Field(
        168,
        ge=24,
        description="How long to keep files that the newest version of a Delta table does not need; at least a day, "
        "for readers of an older one.",
    )
    parquet_file_megabytes: int = Field(
        128,
        ge=0,
        le=1024,
        description="The size of the files, in MiB, to which a maintenance joins small Parquet files of INCREMENTAL "
        "jobs; 0 leaves them as they are.",
    )
    load_record_days: int = Field(
        30,
        ge=7,
        description="How long a maintenance keeps the records of loads in the lake, and dlt's states and schemas; the "
        "newest are always kept, and those of tables with few files.",
    )
    housekeeping_schedule: str = Field(
        "", description=f"When old things are removed, e.g. `0 30 4 * * *`: NCRONTAB of six fields. {_OF_THE_HOST}"
    )
    housekeeping_limit: int = Field(
        20_000, ge=1, description="Rows and blobs that one tick of it removes at most; the next one continues."
    )
    durable_history_days: int = Field(
        30, ge=2, description="How long the Durable history of runs that have ended is kept."
    )
    audit_days: int = Field(
        400, ge=30, description="How long audit rows are kept; the last load of each job is always kept."
    )
    refused_upload_days: int = Field(90, ge=1, description="How long refused uploads are kept.")
    workbook_history_days: int = Field(
        1095, ge=30, description="How long earlier versions of the workbook are kept, for rollback."
    )
    workbook_versions: int = Field(
        1000, ge=10, description="Refused uploads, and earlier versions of the workbook, that are kept at most."
    )

    instance_hour_price: float = Field(
        0.0,
        ge=0,
        description="What an hour of one instance costs, like 0.19 (docs/costs.md), for the price of a run in its "
        "timeline; 0: instance seconds alone.",
    )
    price_currency: str = Field("USD", max_length=10, description="The currency of INSTANCE_HOUR_PRICE.")

    notify_webhook_url: SecretStr | None = Field(
        None,
        description="Webhook of Teams, Slack or your own service for notifications; in Azure a reference to "
        "a secret of the Key Vault. Blank: no notification.",
    )
    notify_overdue_minutes: int = Field(
        60, ge=0, description="How long a job may be overdue (GET /api/jobs) before a notification is sent."
    )
    watch_schedule: str = Field(
        "",
        description="How often the app looks for runs that ended without their last step, uploads that no trigger "
        "handled, jobs that are overdue and messages that could not be sent, e.g. `0 */5 * * * *`: NCRONTAB of six "
        f"fields. {_OF_THE_HOST}",
    )
    public_url: str | None = Field(
        None,
        description="Base address of links in messages, like https://lake.example.com; blank: WEBSITE_HOSTNAME.",
    )
    website_hostname: str | None = Field(None, description="The app's own host name; Azure sets it.")

    applicationinsights_connection_string: SecretStr | None = Field(
        None, description="Application Insights that traces, metrics and logs go to; the app's identity signs in."
    )
    otel_exporter_otlp_endpoint: str | None = Field(
        None, description="OTLP receiver (HTTP) that they go to; OpenTelemetry's other variables OTEL_… apply, too."
    )

    @property
    def time_zone(self) -> tzinfo:
        """The zone whose clock the timers' schedules mean.

        Raises:
            ConfigurationError: there is no such zone.
        """
        name = self.website_time_zone or os.environ.get("TZ")
        try:
            return ZoneInfo(name.removeprefix(":")) if name else UTC
        except (KeyError, ValueError, OSError):
            raise SettingsError(f"Setting WEBSITE_TIME_ZONE (or TZ): there is no time zone '{name}'.") from None

    @property
    def base_url(self) -> str | None:
        """Where people reach the app, without a slash at the end; None if unknown."""
        if self.public_url:
            return self.public_url.rstrip("/")
        return f"https://{self.website_hostname}" if self.website_hostname else None

    @property
    def private_hosts(self) -> frozenset[str]:
        """The hosts of `api_private_hosts`."""
        return frozenset(host.strip().lower() for host in self.api_private_hosts.split(",") if host.strip())

    @property
    def placeholders(self) -> dict[str, str]:
        """The texts of `workbook_values` by name."""
        return dict(json.loads(self.workbook_values)) if self.workbook_values.strip() else {}

    @property
    def filter_functions(self) -> frozenset[str]:
        """The functions of `query_filter_functions`, in lower case."""
        names = (name.strip().lower() for name in self.query_filter_functions.split(","))
        return frozenset(name for name in names if name)

    def connection(self, name: str) -> Connection:
        """The storage connection `name` (ConfigStorage, LakeStorage or AuditStorage).

        Raises:
            ConfigurationError: neither its endpoint nor its connection string is set.
        """
        pairs = {
            "ConfigStorage": (self.config_storage, self.config_storage_blob, "blobServiceUri"),
            "LakeStorage": (self.lake_storage, self.lake_storage_blob, "blobServiceUri"),
            "AuditStorage": (self.audit_storage, self.audit_storage_table, "tableServiceUri"),
        }
        connection_string, endpoint, service = pairs[name]
        if not connection_string and not endpoint:
            raise ConfigurationError(
                f"Setting {name}__{service} is missing: set it to the storage account's endpoint "
                f"(or set {name} to a connection string)."
            )
        return Connection(name=name, endpoint=endpoint, connection_string=connection_string)


@cache
def settings() -> Settings:
    """The settings of this process, read once.

    Raises:
        SettingsError: a setting has a value that cannot be used; the message names it, never its value.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(f"setting {str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors())
        raise SettingsError(f"The app's settings are wrong: {problems}.") from None


def workbook_trigger_source() -> str:
    """How an upload is noticed, for the binding; polling if the setting is wrong.

    A wrong setting must not take the app away: an exception while function_app.py is imported leaves it without a
    single function, and no caller could ask it what is wrong.
    """
    try:
        return settings().workbook_trigger_source
    except ConfigurationError as error:
        log.error("%s", error)  # noqa: TRY400
    given = os.environ.get("WORKBOOK_TRIGGER_SOURCE", "")
    return given if given in get_args(TriggerSource) else POLLING
