"""dlt's own settings, all of them: it reads neither the environment nor files, which costs it most of a small load."""

from __future__ import annotations

from typing import Any

from dlt.common.configuration.container import Container
from dlt.common.configuration.providers import CustomLoaderDocProvider
from dlt.common.configuration.specs.config_providers_context import ConfigProvidersContainer
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from shared.parquet_writer import use_plain_parquet

FILE_BYTES = 128 * 1024 * 1024  # of one Parquet file; the files of a table are uploaded at the same time

SETTINGS: dict[str, Any] = {
    "runtime": {"dlthub_telemetry": False, "log_level": "WARNING"},
    "schema": {"naming": "direct"},  # tables and columns keep the source's names
    "normalize": {"parquet_normalizer": {"add_dlt_load_id": False}},
    "data_writer": {"compression": "zstd", "file_max_bytes": FILE_BYTES},
}


def configure_dlt() -> None:
    """Make `SETTINGS` the only place where this process's dlt looks for settings."""
    provider = CustomLoaderDocProvider("app", lambda: SETTINGS, supports_secrets=False)
    use_plain_parquet()
    Container()[PluggableRunContext].providers = ConfigProvidersContainer([provider])
