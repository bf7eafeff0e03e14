"""What became of an upload of the workbook: a line of the log, a row of the audit table, a message."""

from __future__ import annotations

import logging
from contextlib import suppress

from shared.activation.store import configuration_store
from shared.activation.uploads import Activation, Outcome
from shared.audit.patience import patiently
from shared.audit.uploads import has_row, record_activation
from shared.errors.hierarchy import ConfigurationError
from shared.notifications.notifier import notify_of_upload

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 60.0  # the host calls a blob function five times within half a second, and never again


def take_in_upload() -> Activation | None:
    """Activate or refuse what is in the workbook's blob now, and announce it; None if there is no blob."""
    activation = patiently(configuration_store().activate_uploaded, "The uploaded workbook", PATIENCE_SECONDS)
    if activation:
        _announce(activation)
    return activation


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
