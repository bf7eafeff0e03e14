"""From an uploaded workbook to the active configuration; a bad upload never replaces the last good one.

The blob trigger, every run and the routes come through here. Each step may be repeated: the same upload twice is one
version, one entry in the history, one refusal.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import cache, lru_cache

from azure.storage.blob import ContainerClient

from shared.activation.changes import changes_between, unconfirmed_removal
from shared.activation.judge import annotated, judged
from shared.activation.uploads import Activation, Outcome, Upload, sha256_of
from shared.activation.verdicts import Check, activation_of, refused, snapshot_of
from shared.activation.versions import HistoryEntry, Refusal, Snapshot, VersionStore
from shared.activation.workbook_blob import WorkbookBlob
from shared.errors.hierarchy import ConfigurationError, WorkbookError
from shared.host_settings import most_timeout_minutes
from shared.identity import blob_service
from shared.models.job import Job
from shared.settings import settings
from shared.workbook.configuration import Configuration, Report
from shared.workbook.limits import DEFAULT_MAX_MEGABYTES

log = logging.getLogger(__name__)

_KEPT_IN_MEMORY = 4  # versions; runs in flight pin one or two


class ConfigurationStore:
    """The workbook's blob and the versions kept beside it."""

    def __init__(
        self,
        container: ContainerClient,
        workbook_blob: str,
        max_megabytes: int = DEFAULT_MAX_MEGABYTES,
        max_timeout_minutes: int | None = None,
    ) -> None:
        self._workbook = WorkbookBlob(container.get_blob_client(workbook_blob))
        self._versions = VersionStore(container)
        self._max_megabytes = max_megabytes
        self._max_timeout_minutes = max_timeout_minutes
        self._read_version = lru_cache(_KEPT_IN_MEMORY)(self._find_version)

    def activate(
        self, content: bytes, etag: str, uploaded_at: datetime | None = None, uploaded_by: str | None = None
    ) -> Activation:
        """Validate an upload and make it the active configuration, or refuse it and leave the last good one.

        Args:
            content: The bytes of the workbook.
            etag: The ETag of the workbook's blob with these bytes.
            uploaded_at: When it was uploaded (UTC), now if that is not known. An upload that is older than the
                active one was superseded before its activation: it goes into the history only.
            uploaded_by: Who uploaded it, if known.
        """
        upload = Upload(
            content=content,
            etag=etag.strip('"'),
            uploaded_at=uploaded_at or datetime.now(UTC),
            uploaded_by=uploaded_by,
        )
        return self._activate(upload)

    def upload(self, content: bytes, uploaded_by: str | None = None, replaces: str | None = None) -> Activation | None:
        """Put a workbook into the blob and take it in, as if it had been uploaded there.

        Args:
            content: The bytes of the workbook.
            uploaded_by: Who uploads it, if known.
            replaces: The SHA-256 of the version that must be active (`NO_VERSION` for none); by default any.

        Returns:
            What became of it; None if another version is active, or another upload came first: nothing was written.
        """
        if replaces is None:
            return self._uploaded(self._workbook.write(content, uploaded_by))
        etag = self._workbook.etag()
        if etag and not self._is_known(etag, self.active()):
            self.activate_uploaded()
        active = self.active()
        if sha256_of(active.version if active else None) != replaces:
            return None
        upload = self._workbook.replace(content, uploaded_by, etag)
        return self._uploaded(upload) if upload else None

    def _uploaded(self, upload: Upload) -> Activation:
        """Take an upload in; what the trigger has made of it meanwhile is what became of it."""
        activation = self._activate(upload)
        is_its_own = activation.active is not None and activation.active.etag == upload.etag
        if activation.outcome is Outcome.UNCHANGED and is_its_own:
            return activation.model_copy(update={"outcome": Outcome.ACTIVATED})
        return activation

    def check(self, content: bytes) -> Check:
        """What is wrong with a workbook, were it uploaded now, and what it would change in the active version."""
        report = judged(content, self._max_megabytes, self._max_timeout_minutes)
        active = self.active()
        if active is None or report.configuration is None:
            return Check(report, None, active)
        if problem := unconfirmed_removal(active.configuration, report.configuration):
            return Check(Report(problems=(problem,), warnings=report.warnings), None, active)
        return Check(report, changes_between(active.configuration, report.configuration), active)

    def activate_uploaded(self) -> Activation | None:
        """Activate what the workbook's blob holds now; None if there is no blob."""
        upload = self._workbook.read()
        return self._activate(upload) if upload else None

    def refresh(self) -> Snapshot:
        """The active version, after taking in an upload that no trigger has handled yet.

        The last good version does not depend on that upload: what keeps it from being taken in is logged.

        Raises:
            ConfigurationError: there is no valid workbook yet.
        """
        kept = self._versions.read_active()
        active = kept[0] if kept else None
        etag = self._workbook.etag()
        if etag and not self._is_known(etag, active):
            self._take_in(active)
            kept = self._versions.read_active()
        if kept is None:
            raise ConfigurationError(self._why_nothing_is_active(etag))
        return kept[0]

    def active(self) -> Snapshot | None:
        """The active version as it is, without looking at the workbook; None if there never was one."""
        kept = self._versions.read_active()
        return kept[0] if kept else None

    def last_refusal(self) -> Refusal | None:
        """The last upload that was refused, None if there never was one."""
        return self._versions.read_refusal()

    def is_newest(self, refusal: Refusal) -> bool:
        """Whether a refused upload is the last word: no upload came after it, and no rollback."""
        active = self.active()
        return refusal.etag == self._workbook.etag() and (active is None or active.workbook_etag != refusal.etag)

    def annotated_refusal(self, folder: str) -> bytes | None:
        """The workbook of a refused upload with its problems at their cells, None if no such copy is kept."""
        return self._versions.read_annotated(folder)

    def last_activations(self) -> list[Activation]:
        """What became of the upload that is active, and of the last one that was refused, as far as there are such."""
        active, refusal = self.active(), self.last_refusal()
        found = [activation_of(Outcome.UNCHANGED, active)] if active else []
        return [*found, refused(refusal, active)] if refusal else found

    def read_version(self, sha256: str) -> Configuration:
        """The configuration that a run pinned; kept in memory, as every attempt of a job asks for it.

        Raises:
            ConfigurationError: no version of that SHA-256 was ever active.
        """
        return self._read_version(sha256)

    def read_job(self, sha256: str, job_id: str) -> Job:
        """One job of the configuration that a run pinned; tables of wildcards are jobs, too.

        Raises:
            ConfigurationError: that configuration has no such job, or no version of that SHA-256 was ever active.
        """
        job = self.read_version(sha256).job(job_id)
        if job is None:
            raise ConfigurationError(f"Job '{job_id}' is not in configuration version {sha256}.")
        return job

    def history(self) -> list[HistoryEntry]:
        """Every version that was active or superseded, the newest first."""
        return self._versions.history()

    def rollback(self, sha256: str, by: str | None = None) -> Activation:
        """Make an earlier version active again; the workbook in the blob stays as it is until the next upload.

        Args:
            sha256: The version, as `history` lists it.
            by: Who asked for it, if known.

        Raises:
            ConfigurationError: there is no such version, or it is the active one already.
        """
        while True:
            kept = self._versions.read_active()
            target = self._versions.find(sha256)
            if kept is None or target is None:
                raise ConfigurationError(f"The configuration version {sha256} is not in the history.")
            active, active_etag = kept
            if active.version.sha256 == sha256:
                raise ConfigurationError(f"The configuration version {sha256} is the active one already.")
            snapshot = Snapshot(
                version=target.version.model_copy(update={"activated_at": datetime.now(UTC)}),
                workbook_etag=self._workbook.etag() or active.workbook_etag,
                uploaded_at=active.uploaded_at,
                uploaded_by=by,
                previous_sha256=active.version.sha256,
                changes=changes_between(active.configuration, target.configuration),
                configuration=target.configuration,
            )
            if self._versions.replace_active(snapshot, active_etag):
                self._versions.add_to_history(snapshot)
                return activation_of(Outcome.ROLLED_BACK, snapshot)

    def _activate(self, upload: Upload) -> Activation:
        report = judged(upload.content, self._max_megabytes, self._max_timeout_minutes)
        if report.configuration is None:
            return self._refuse(upload, report)
        configuration = report.configuration
        upload = upload.model_copy(update={"values": configuration.values})
        while True:
            kept = self._versions.read_active()
            active, active_etag = kept or (None, None)
            if active:
                self._versions.add_to_history(active)  # again: its activation may have been interrupted
                if active.version.sha256 == upload.sha256:
                    return self._same_again(upload, active, active_etag)
                if self._is_superseded(upload, active):
                    return self._superseded(upload, configuration, active)
                if problem := unconfirmed_removal(active.configuration, configuration):
                    return self._refuse(upload, Report(problems=(problem,), warnings=report.warnings))
            snapshot = snapshot_of(upload, configuration, active)
            if self._versions.replace_active(snapshot, active_etag):
                self._versions.add_to_history(snapshot)
                return activation_of(Outcome.ACTIVATED, snapshot)

    def _same_again(self, upload: Upload, active: Snapshot, active_etag: str | None) -> Activation:
        if upload.etag != active.workbook_etag and upload.uploaded_at >= active.uploaded_at:
            seen = active.model_copy(update={"workbook_etag": upload.etag, "uploaded_at": upload.uploaded_at})
            self._versions.replace_active(seen, active_etag)  # lost to a newer upload: nothing to repeat
        return activation_of(Outcome.UNCHANGED, active)

    def _is_superseded(self, upload: Upload, active: Snapshot) -> bool:
        if upload.uploaded_at != active.uploaded_at:
            return upload.uploaded_at < active.uploaded_at
        return upload.etag != self._workbook.etag()  # a blob's time has whole seconds only

    def _superseded(self, upload: Upload, configuration: Configuration, active: Snapshot) -> Activation:
        snapshot = snapshot_of(upload, configuration, active, at=upload.uploaded_at)
        self._versions.add_to_history(snapshot, superseded=True)
        return activation_of(Outcome.SUPERSEDED, snapshot).model_copy(update={"active": active.version})

    def _refuse(self, upload: Upload, report: Report) -> Activation:
        refusal = self._versions.read_refusal()
        if refusal is None or (refusal.sha256, refusal.etag) != (upload.sha256, upload.etag):
            refusal = Refusal(
                sha256=upload.sha256,
                etag=upload.etag,
                uploaded_at=upload.uploaded_at,
                uploaded_by=upload.uploaded_by,
                problems=report.problems,
                warnings=report.warnings,
            )
            self._versions.add_refusal(refusal, _annotated(upload.content, report))
        return refused(refusal, self.active())

    def _take_in(self, active: Snapshot | None) -> None:
        try:
            self.activate_uploaded()
        except Exception:
            if active is None:
                raise
            log.exception("The uploaded workbook cannot be taken in; the last good version stays the active one")

    def has_unjudged_upload(self) -> bool:
        """Whether the workbook's blob holds an upload that was neither activated nor refused."""
        etag = self._workbook.etag()
        return etag is not None and not self._is_known(etag, self.active())

    def _is_known(self, etag: str, active: Snapshot | None) -> bool:
        if active and active.workbook_etag == etag:
            return True
        refusal = self._versions.read_refusal()
        return refusal is not None and refusal.etag == etag

    def _why_nothing_is_active(self, etag: str | None) -> str:
        place = self._workbook.place
        refusal = self._versions.read_refusal()
        if etag is None or refusal is None:
            return f"There is no active configuration: upload the workbook to {place}."
        return (
            f"There is no active configuration: {place} was refused with {len(refusal.problems)} problem(s), the first "
            f"is: {refusal.problems[0]}. All are in {self._workbook.container}/{refusal.folder}/problems.json."
        )

    def _find_version(self, sha256: str) -> Configuration:
        active = self.active()
        snapshot = active if active and active.version.sha256 == sha256 else self._versions.find(sha256)
        if snapshot is None:
            raise ConfigurationError(f"The configuration version {sha256} is neither active nor in the history.")
        return snapshot.configuration


@cache
def configuration_store() -> ConfigurationStore:
    """The store that the settings name.

    Raises:
        ConfigurationError: the connection's settings are missing.
    """
    container = blob_service("ConfigStorage").get_container_client(settings().config_container)
    wanted = settings()
    return ConfigurationStore(
        container, wanted.config_blob, wanted.workbook_max_megabytes, max_timeout_minutes=most_timeout_minutes()
    )


def _annotated(content: bytes, report: Report) -> bytes | None:
    try:
        return annotated(content, report)
    except WorkbookError:  # what cannot be opened cannot be annotated either; the report says what is wrong
        return None
