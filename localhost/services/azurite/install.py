"""Where the pinned Azurite is."""

from __future__ import annotations

from pathlib import Path

from localhost.services.node import installed


def install_azurite() -> Path:
    """Return Azurite's script; install it first, in about 20 s, when it is not there yet. Raises ServiceError."""
    return installed("azurite", Path(__file__).parent) / "azurite" / "dist" / "src" / "azurite.js"
