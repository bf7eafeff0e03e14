"""What a Delta table's log says of loads.

Each commit names its load, and one that never got its record in `_dlt_loads` is taken back by the job's next attempt.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from itertools import takewhile
from typing import Any

from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError
from dlt.common.libs.deltalake import deltalake_storage_options
from dlt.destinations.impl.filesystem.configuration import FilesystemDestinationClientConfiguration

from shared.errors.hierarchy import LakeError

log = logging.getLogger(__name__)

LOAD_ID = "load_id"

NO_LOAD = "none"  # what a commit names that empties a table without a committed load

COMMITS_READ = 10
"""By a reader that opens a table, at most about so many: a checkpoint has the rest. Spark's default is ten, too."""


def delta_storage_options(config: FilesystemDestinationClientConfiguration) -> dict[str, str]:
    """The options by which deltalake reaches the client's storage."""
    return deltalake_storage_options(config.credentials, config.deltalake_storage_options)


def open_delta_table(location: str, storage_options: dict[str, str]) -> DeltaTable | None:
    """The Delta table at `location`, or None if there is none yet."""
    try:
        return DeltaTable(location, storage_options=storage_options)
    except TableNotFoundError:
        return None


def uncommitted_loads(table: DeltaTable, committed: Callable[[str], bool]) -> list[str]:
    """The ids of the loads on top of a table, the newest first, that never committed; usually none.

    Args:
        table: The table, at its newest version.
        committed: Whether the load of an id was committed.
    """
    return [commit[LOAD_ID] for commit in takewhile(lambda commit: not _stands(commit, committed), _loads(table))]


def take_back(table: DeltaTable, committed: Callable[[str], bool]) -> None:
    """Undo the loads on top of a table that never committed; commits of no load, such as a vacuum, are passed over.

    Raises:
        LakeError: there is no earlier version to go back to.
    """
    loads = _loads(table)
    newest = next(loads, None)
    if newest is None or _stands(newest, committed):
        return
    last_good = next((commit for commit in loads if _stands(commit, committed)), None)
    if last_good:
        # the restoring commit names the load it goes back to, so that nothing is undone twice
        table.restore(last_good["version"], commit_properties=naming(last_good[LOAD_ID]))
    elif table.history()[-1]["version"] == 0:
        table.delete(commit_properties=naming(NO_LOAD))
    else:
        raise LakeError(
            f"The newest version of Delta table '{table.table_uri.rsplit('/', 1)[-1]}' is of a load that never "
            "committed, and the log no longer reaches back to the one before: request a full refresh of the job."
        )


def keep_short(table: DeltaTable, version_before: int) -> None:
    """Write a checkpoint of the log from time to time; deltalake alone does so at each hundredth version.

    A load opens its table several times and reads every commit since the last checkpoint. A checkpoint that cannot be
    written is no reason to fail a load that is in the table.

    Args:
        table: The table after a load.
        version_before: Its version when the load began.
    """
    if table.version() // COMMITS_READ == version_before // COMMITS_READ:
        return
    try:
        table.create_checkpoint()
    except (DeltaError, OSError) as error:
        log.warning("Delta table '%s' has no checkpoint of version %d: %s", table.table_uri, table.version(), error)


def added_bytes(entry: bytes) -> int:
    """The size of the files that a commit has added; its metrics have their number only.

    Args:
        entry: Its file in the log.
    """
    actions = (json.loads(line) for line in entry.splitlines() if line)
    return sum(action["add"]["size"] for action in actions if "add" in action)


def newest_load(table: DeltaTable) -> str | None:
    """The id of the load that a table is at; None if no commit in its log names one."""
    newest = next(_loads(table), None)
    return str(newest[LOAD_ID]) if newest else None


def _loads(table: DeltaTable) -> Iterator[dict[str, Any]]:
    """The commits that name a load, the newest first; the whole log is read only where the newest is not enough."""
    newest = [commit for commit in table.history(1) if LOAD_ID in commit]
    yield from newest
    yield from (commit for commit in table.history()[len(newest) :] if LOAD_ID in commit)


def _stands(commit: Mapping[str, Any], committed: Callable[[str], bool]) -> bool:
    return commit[LOAD_ID] == NO_LOAD or committed(commit[LOAD_ID])


def naming(load_id: str) -> CommitProperties:
    """Properties of a commit that names its load, and fails where the table is no longer as it was opened."""
    return CommitProperties(custom_metadata={LOAD_ID: load_id}, max_commit_retries=0)
