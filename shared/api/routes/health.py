"""What `GET /api/health` tells anybody: whether the app can work, without a name or an address of anything."""

from __future__ import annotations

import logging

from shared.activation.store import configuration_store
from shared.api.answers import Health, Unhealthy
from shared.audit.table import audit_table
from shared.errors.hierarchy import ConfigurationError
from shared.settings import settings

log = logging.getLogger(__name__)


def health() -> Health | Unhealthy:
    """Whether all is well, and the state of each part: `ok`, `missing` or `unreachable`."""
    checks = {"settings": _settings(), "configuration": _configuration(), "audit": _audit()}
    healthy = all(state != "unreachable" for state in checks.values())
    if healthy:
        return Health.model_validate({"status": "healthy", "checks": checks})
    return Unhealthy.model_validate({"status": "unhealthy", "checks": checks})


def _settings() -> str:
    try:
        settings()
    except ConfigurationError:
        return "unreachable"
    return "ok"


def _configuration() -> str:
    try:
        return "ok" if configuration_store().active() else "missing"
    except Exception:
        log.exception("The configuration storage cannot be read")
        return "unreachable"


def _audit() -> str:
    try:
        audit_table()
    except Exception:
        log.exception("The audit storage cannot be reached")
        return "unreachable"
    return "ok"
