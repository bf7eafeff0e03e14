"""What the blob trigger does with a new workbook: activate or refuse it, and say so in the audit table."""

from __future__ import annotations

import logging

from shared.activation.store import configuration_store
from shared.activation.uploads import Activation, Outcome
from shared.audit.uploads import record_activation
from shared.notifications.notifier import notify_of_upload

log = logging.getLogger(__name__)


def activate_workbook() -> Activation | None:
    """Take in what stands in the workbook's blob now; None where it is gone again."""
    activation = configuration_store().activate_uploaded()
    if activation is None:
        return None
    if activation.outcome is Outcome.REFUSED:
        log.warning(
            "The uploaded workbook was refused with %d problem(s); see %s/problems.json. First: %s",
            *(len(activation.problems), activation.refused_folder, activation.problems[0]),
        )
    else:
        log.info("The uploaded workbook: %s, version %s", activation.outcome.value, activation.sha256[:12])
    record_activation(activation)
    notify_of_upload(activation)
    return activation
