"""The app's lake in a local folder: its storage account is what it cannot have there, and its lease."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from shared.lake.adls import Lake, lake_at
from shared.lake.listed import LoadSession
from shared.models.job import Job


@contextmanager
def lake_in(folder: Path) -> Iterator[None]:
    """Let `run_attempt` write below a folder as long as the context lasts."""

    def local_lake(_job: Job, session: LoadSession) -> Lake:
        return lake_at(folder.as_uri(), session, kwargs={"auto_mkdir": True})

    with patch("shared.lake.adls.lake_destination", local_lake), patch("shared.loading.attempt.assert_held"):
        yield
