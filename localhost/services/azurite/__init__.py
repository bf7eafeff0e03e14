"""Azurite: how it is installed and how it is run."""

from localhost.services.azurite.install import install_azurite
from localhost.services.azurite.server import ACCOUNT, ACCOUNT_KEY, Azurite

__all__ = ["ACCOUNT", "ACCOUNT_KEY", "Azurite", "install_azurite"]
