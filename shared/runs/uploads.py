"""What became of an upload of the workbook: a line of the log, a row of the audit table, a message."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from typing import Any

from shared.activation.store import configuration_store
from shared.activation.uploads import Activation, Outcome
from shared.audit.patience import patiently
from shared.audit.uploads import has_row, record_activation
from shared.errors.hierarchy import ConfigurationError
from shared.errors.texts import one_line
from shared.notifications.notifier import notify_of_given_up, notify_of_upload

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 60.0  # the host calls a blob function five times within half a second, and never again


def take_in_upload() -> Activation | None:
    """Activate or refuse what is in the workbook's blob now, and announce it; None if there is no blob."""
    activation = patiently(configuration_store().activate_uploaded, "The uploaded workbook", PATIENCE_SECONDS)
    if activation:
        _announce(activation)
    return activation


def take_in_workbook(content: bytes, uploaded_by: str, replaces: str | None) -> Activation | None:
    """Put a workbook into its blob, activate or refuse it, and announce it; see `ConfigurationStore.upload`."""
    activation = configuration_store().upload(content, uploaded_by, replaces)
    if activation:
        _announce(activation)
    return activation


def take_in_given_up(message: bytes) -> None:
    """Announce an upload that the host has given up, and take it in if that works now; never raises.

    Args:
        message: What the host has left in the poison queue: a JSON object that names container, blob and ETag.
    """
    try:
        left: dict[str, Any] = json.loads(message)
        place = one_line(f"{left['ContainerName']}/{left['BlobName']}, ETag {left['ETag']}")
    except (ValueError, KeyError, TypeError):
        place = "a blob that the host's message does not name"
    log.error("The host gave up an upload after five failures: %s. The watch takes it in", place)
    notify_of_given_up(place)
    try:
        take_in_upload()
    except Exception as error:
        log.warning("The upload cannot be taken in yet, the watch tries again: %s", error)


def take_in_missed_uploads() -> None:
    """Announce what is active, or was refused last, and has no audit row.

    A trigger may have given up, or a run may have taken the upload in before it: that activates without a row.
    """
    store = configuration_store()
    with suppress(ConfigurationError):  # there is no valid workbook; what was refused is announced all the same
        store.refresh()
    for activation in store.last_activations():
        if not has_row(activation):
            _announce(activation)


def _announce(activation: Activation) -> None:
    if activation.outcome is Outcome.REFUSED:
        log.warning(
            "The uploaded workbook was refused with %d problem(s); see %s/problems.json. First: %s",
            *(len(activation.problems), activation.refused_folder, activation.problems[0]),
        )
    else:
        log.info("The uploaded workbook: %s, version %s", activation.outcome.value, activation.sha256[:12])
    patiently(lambda: record_activation(activation), "The upload's audit row", PATIENCE_SECONDS)
    notify_of_upload(activation)
