"""Whether the storage lists the log of a Delta table as deltalake needs it: asked by day, not by a table's third load.

deltalake looks for newer versions by List Blobs' `startFrom`, and a storage that ignores it gives versions from the
first one on. To open a table works there, and so do its first two loads: the question takes a log of two versions.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from shared.errors import faults
from shared.identity import blob_service
from shared.lake.adls import delta_storage_options_of, ensure_container
from shared.lake.delta.log import open_delta_table
from shared.secrets import Secret

CHECK = "_delta_log_check"
"""The folder of a container with the table of two rows; engines pass over names that begin with an underscore."""


def check_log_listing(
    container: str,
    secret: Secret,  # noqa: ARG001  no source has a part in it
    report: Any,  # noqa: ARG001
) -> None:
    """List the log of a table of two versions by the call of a load's commit; the first check writes the table.

    Args:
        container: The container of the lake, created if it does not exist yet.
        secret: Nothing: no source is read.
        report: Not called.

    Raises:
        IngestionError: the storage ignores `startFrom`, refuses, or cannot be reached now.
    """
    try:
        service = blob_service("LakeStorage")
        ensure_container(service, container)
        _two_versions(f"az://{container}/{CHECK}", delta_storage_options_of(service))._table.get_latest_version()
    except Exception as error:
        raise faults.explain(error) or error from error


def _two_versions(location: str, storage_options: dict[str, str]) -> DeltaTable:
    rows = pa.table({"version": pa.array([0], pa.int64())})
    while (table := open_delta_table(location, storage_options)) is None or table.version() == 0:
        write_deltalake(location, rows, mode="append", storage_options=storage_options)
    return table
