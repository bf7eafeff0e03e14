"""The app has all its functions whatever its settings are; a worker would take none of them if its import failed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from shared.settings import Settings
from tests.worker_package import worker_package

ROOT = Path(__file__).parents[3]
FUNCTIONS = 36
BROKEN = "-1"  # no number of any setting, no choice, no address
ODD = [
    *(" ", "nan", "1e309", "true", "{}", "[]", "null", "\u0661", "ü" * 5000, "\n", "99999999999999999999999999"),
    *("%INGESTION_SCHEDULE%", "@Microsoft.KeyVault(SecretUri=https://vault/)", "https://", "AccountKey=;;;="),
    *("UseDevelopmentStorage=true", "EventGrid ", "InstrumentationKey=none;IngestionEndpoint=http://127.0.0.1:1/"),
]
# Forks a process for each way to break settings: the SDKs are imported once.
SCRIPT = """
import json, os, sys
import azure.durable_functions, azure.data.tables, azure.identity, azure.storage.blob, pydantic_settings
from localhost.host.worker.app import load_app
from pathlib import Path

found = {}
for case, settings in json.load(sys.stdin).items():
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.environ.update(settings)
        try:
            count = len(load_app(Path.cwd()))
        except BaseException as error:
            count = repr(error)
        os.write(writer, json.dumps(count).encode())
        os._exit(0)
    os.close(writer)
    found[case] = json.loads(os.read(reader, 10_000))
    os.close(reader)
    os.wait()
print(json.dumps(found))
"""


def names() -> list[str]:
    return [field.alias or name.upper() for name, field in Settings.model_fields.items()]


def test_all_functions_are_there_whatever_a_setting_is() -> None:
    """Each setting alone is broken, and all of them at once in every odd way."""
    broken = {name: {name: BROKEN} for name in names()}
    odd = {f"all {value[:20]!r}": dict.fromkeys(names(), value) for value in ODD}
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(broken | odd),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(result.stdout)
    assert len(found) == len(names()) + len(ODD)
    assert {case: count for case, count in found.items() if count != FUNCTIONS} == {}


def test_the_worker_s_own_library_takes_all_functions() -> None:
    assert worker_package().verdicts(ROOT) == [FUNCTIONS]
