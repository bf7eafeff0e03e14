"""The app as a later deployment might bring it: other orchestrators, another version."""

from __future__ import annotations

import shutil
from pathlib import Path

from localhost.local_app import APP_FOLDER

CHANGES = {
    "lane": (
        "orchestrators/source_lane.py",
        "    attempts = 0\n",
        "    attempts = 0\n    yield context.create_timer(context.current_utc_datetime)\n",
    ),
    "run": (
        "orchestrators/ingestion_run.py",
        "    plan = yield from _planned(context)\n",
        "    yield context.create_timer(context.current_utc_datetime)\n    plan = yield from _planned(context)\n",
    ),
    "activity": ("function_app.py", "def load_job(order: dict)", "def load_one_job(order: dict)"),
}
"""By what is changed: the file, what it says, and what it says in the later version."""


def changed_app(folder: Path, *changes: str) -> Path:
    """Write the app's files with these changes and the next version of the orchestrators; gives the folder."""
    for name in ("shared", "orchestrators", "activities"):
        shutil.copytree(APP_FOLDER / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("function_app.py", "host.json"):
        shutil.copy(APP_FOLDER / name, folder / name)
    for change in changes:
        _replace(folder, *CHANGES[change])
        if change == "activity":
            _replace(folder, "orchestrators/source_lane.py", '"load_job"', '"load_one_job"')
    _replace(folder, "shared/models/run.py", 'ORCHESTRATORS_VERSION = "1"', 'ORCHESTRATORS_VERSION = "2"')
    _replace(folder, "host.json", '"defaultVersion": "1"', '"defaultVersion": "2"')
    return folder


def _replace(folder: Path, name: str, before: str, after: str) -> None:
    path = folder / name
    text = path.read_text()
    assert text.count(before) == 1, (name, before)
    path.write_text(text.replace(before, after))
