"""dlt's own settings, all of them: it reads neither the environment nor files, which costs it most of a small load."""

from __future__ import annotations

from typing import Any

from dlt.common.configuration.container import Container
from dlt.common.configuration.providers import ConfigProvider
from dlt.common.configuration.specs.config_providers_context import ConfigProvidersContainer
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from shared.loading.dlt_patches import (
    count_fields_once,
    flush_by_bytes,
    keep_schemas,
    keep_type_hints,
    use_plain_parquet,
)

FILE_BYTES = 128 * 1024 * 1024  # of one Parquet file; the files of a table are uploaded at the same time


SETTINGS: dict[str, Any] = {
    "dlthub_telemetry": False,
    "enable_runtime_trace": False,  # it would keep the texts of errors in the working folder, and nothing reads it
    "log_level": "WARNING",
    "naming": "shared.loading.naming",  # tables and columns keep their names
    "allow_identifier_change_on_table_with_data": True,  # a lake of 0.1.0 has another naming; this one changes no name
    "add_dlt_load_id": False,
    "compression": "zstd",
    "file_max_bytes": FILE_BYTES,
}


class _Provider(ConfigProvider):
    """Finds a setting by its name alone: dlt looks at six sections and more for each one where a provider has any."""

    name = "app"
    supports_secrets = True  # it has none, and dlt need not find out which settings are
    supports_sections = False

    def get_value(
        self,
        key: str,
        hint: Any,  # noqa: ARG002
        pipeline_name: str | None,  # noqa: ARG002
        *sections: str,
    ) -> tuple[Any, str]:
        return SETTINGS.get(key), ".".join((*sections, key))


def configure_dlt() -> None:
    """Make `SETTINGS` the only place where this process's dlt looks for settings."""
    use_plain_parquet()
    flush_by_bytes()
    keep_type_hints()
    keep_schemas()
    count_fields_once()
    Container()[PluggableRunContext].providers = ConfigProvidersContainer([_Provider()])
