"""What becomes of an upload: the version that it makes, and what is said of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from shared.activation.changes import Changes, changes_between
from shared.activation.uploads import Activation, Outcome, Upload
from shared.activation.versions import Refusal, Snapshot
from shared.models.run import ConfigVersion
from shared.workbook.configuration import Configuration, Report

_NOTHING = Configuration()


class Check(NamedTuple):
    """What would become of a workbook.

    Attributes:
        report: What is wrong with it.
        changes: What it would change in the active version; None if it would be refused, or is the first.
        active: The version that it was compared with.
    """

    report: Report
    changes: Changes | None
    active: Snapshot | None


def snapshot_of(
    upload: Upload, configuration: Configuration, active: Snapshot | None, at: datetime | None = None
) -> Snapshot:
    """The version that an upload makes.

    Args:
        upload: The upload.
        configuration: What its workbook says.
        active: The version that it replaces.
        at: When it became active, now by default.
    """
    activated_at = at or datetime.now(UTC)
    return Snapshot(
        version=ConfigVersion(sha256=upload.sha256, etag=upload.etag, activated_at=activated_at),
        workbook_etag=upload.etag,
        uploaded_at=upload.uploaded_at,
        uploaded_by=upload.uploaded_by,
        previous_sha256=active.version.sha256 if active else None,
        changes=changes_between(active.configuration if active else _NOTHING, configuration),
        configuration=configuration,
    )


def refused(refusal: Refusal, active: Snapshot | None) -> Activation:
    """What became of an upload that was refused, with the version that is active in spite of it."""
    return Activation(
        outcome=Outcome.REFUSED,
        sha256=refusal.sha256,
        at=refusal.uploaded_at,
        uploaded_by=refusal.uploaded_by,
        active=active.version if active else None,
        problems=refusal.problems,
        warnings=refusal.warnings,
        refused_folder=refusal.folder,
    )


def activation_of(outcome: Outcome, snapshot: Snapshot) -> Activation:
    """What became of an upload that made a version."""
    return Activation(
        outcome=outcome,
        sha256=snapshot.version.sha256,
        at=snapshot.version.activated_at,
        uploaded_by=snapshot.uploaded_by,
        active=snapshot.version,
        changes=snapshot.changes,
        warnings=snapshot.configuration.warnings,
    )
