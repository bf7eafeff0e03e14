"""The values of placeholders in a workbook on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from localhost.host.settings import load_local_settings
from shared.errors.hierarchy import ConfigurationError
from shared.settings import settings

_SETTING = "WORKBOOK_VALUES"


def workbook_values(app_folder: Path, given: Sequence[str] | None = None) -> Mapping[str, str]:
    """The values of the setting WORKBOOK_VALUES, as the local app has them, and those that are given.

    Args:
        app_folder: The folder of `local.settings.json`; the environment comes first.
        given: `name=value`, each in the place of the setting's.

    Raises:
        ConfigurationError: one of `given` is not of that form.
        SettingsError: the setting is wrong.
    """
    if _SETTING not in os.environ:
        found: dict[str, str] = {}
        load_local_settings(app_folder, found)
        if _SETTING in found:
            os.environ[_SETTING] = found[_SETTING]
    pairs = [text.partition("=") for text in given or ()]
    if wrong := [name for name, sign, _ in pairs if not sign or not name]:
        raise ConfigurationError(f"--value '{wrong[0]}' is not NAME=VALUE, such as env=prod.")
    return {**settings().placeholders, **{name: value for name, _, value in pairs}}
