"""What a failed attempt has read, beside the job's tables in the lake, until the run has loaded it.

Spark and other readers pass over names that begin with an underscore, and no manifest names the files.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from hashlib import sha256

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import ContainerClient

from shared.identity import blob_service
from shared.jobs.lake_layout import STAGE, lake_path
from shared.models.job import Job

log = logging.getLogger(__name__)


class LakeStage:
    """The stage of one run of one job. What another run has left is removed when this one first looks.

    Args:
        job: Whose dataset it is in.
        run_id: Names the run.
    """

    def __init__(self, job: Job, run_id: str) -> None:
        self._job = job
        self._folder = f"{lake_path(job).partition('/')[2]}/{STAGE}/"
        self._run = f"{self._folder}{sha256(run_id.encode()).hexdigest()[:16]}/"
        self._is_used = False

    def names(self) -> list[str]:
        """The names of what is kept."""
        self._is_used = True
        try:
            found = list(self._container.list_blob_names(name_starts_with=self._folder))
            self._remove(name for name in found if not name.startswith(self._run))
        except AzureError as error:
            log.warning("Job %s: what an earlier attempt has read cannot be found (%s).", self._job.job_id, error)
            return []
        return [name[len(self._run) :] for name in found if name.startswith(self._run)]

    def read(self, name: str) -> bytes:
        """A content that was kept."""
        return self._container.download_blob(self._run + name).readall()

    def write(self, name: str, content: bytes) -> None:
        """Keep a content; if the lake does not take it, it is read again."""
        self._is_used = True
        try:
            self._container.upload_blob(self._run + name, content, overwrite=True)
        except AzureError as error:
            log.warning("Job %s: what it has read is not kept for a next attempt (%s).", self._job.job_id, error)

    def clear(self) -> None:
        """Remove everything, once it is loaded."""
        if not self._is_used:
            return
        try:
            self._remove(self._container.list_blob_names(name_starts_with=self._folder))
        except AzureError as error:
            log.warning("Job %s: what its attempts have read is still in %s (%s).", self._job.job_id, STAGE, error)

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            with suppress(ResourceNotFoundError):
                self._container.delete_blob(name)

    @cached_property
    def _container(self) -> ContainerClient:
        return blob_service("LakeStorage").get_container_client(self._job.target_container)
