"""The ids of runs, and by what each kind of run is known."""

from __future__ import annotations

import secrets
from datetime import datetime

MAINTENANCE_RUN = "maintenance-"  # how the ids of maintenances begin


SCHEDULED = "scheduled-"


ORDERED = "requests-"


RUN_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"


def new_run_id(kind: str, at: datetime) -> str:
    """An id for a run that a caller asked for; it begins with its kind."""
    return f"{kind}-{at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
