"""The scripts, run with a stand-in for the Azure CLI that notes how it was called."""

from __future__ import annotations

import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.unit.infra.templates import INFRA

KEY = "canary-key"
AZ = """#!/bin/sh
echo "$@" >>"$CALLS"
case "$1 $2" in
"functionapp keys") [ "$(grep -c 'functionapp keys' "$CALLS")" -gt {refusals} ] && echo {key} || exit 1 ;;
"deployment group") echo "key in the environment: $BLOBS_EXTENSION_KEY" >>"$CALLS" ;;
esac
"""


def _subscribe(folder: Path, refusals: int) -> tuple[subprocess.CompletedProcess[str], str]:
    az = folder / "az"
    az.write_text(AZ.format(refusals=refusals, key=KEY), encoding="utf-8")
    az.chmod(0o755)
    calls = folder / "calls"
    environment = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "CALLS": str(calls),
        "RETRY_SECONDS": "0",
        "AZURE_RESOURCE_GROUP": "rg",
        "FUNCTION_APP_NAME": "app",
        "WORKBOOK_TOPIC_NAME": "topic",
        "CONFIG_CONTAINER": "config",
        "CONFIG_BLOB": "ingestion_config.xlsx",
    }
    done = subprocess.run(
        [str(INFRA / "subscribe-workbook.sh")], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    return done, calls.read_text(encoding="utf-8")


def test_the_subscription_waits_for_the_key_and_keeps_it_off_every_command_line(tmp_path: Path) -> None:
    done, calls = _subscribe(tmp_path, refusals=2)
    assert done.returncode == 0
    assert calls.count("functionapp keys list --resource-group rg --name app") == 3
    assert f"key in the environment: {KEY}" in calls
    assert [line for line in calls.splitlines() if KEY in line] == [f"key in the environment: {KEY}"]
    assert KEY not in done.stdout + done.stderr


def test_an_app_that_never_answers_ends_the_script_with_advice(tmp_path: Path) -> None:
    done, calls = _subscribe(tmp_path, refusals=99)
    assert done.returncode == 1
    assert "The app app does not take events yet. See its log, then run" in done.stderr
    assert "deployment group" not in calls


def test_the_published_package_holds_the_app_and_nothing_else(tmp_path: Path) -> None:
    az = tmp_path / "az"
    az.write_text('#!/bin/sh\nfor argument; do case "$argument" in *.zip) cp "$argument" "$COPY" ;; esac; done\n')
    az.chmod(0o755)
    outputs = ("AZURE_RESOURCE_GROUP", "FUNCTION_APP_NAME", "HOST_STORAGE_NAME", "PACKAGE_CONTAINER")
    environment = dict.fromkeys(outputs, "any") | {"PLAN": "FlexConsumption", "COPY": str(tmp_path / "copy.zip")}
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run([str(INFRA / "publish.sh")], env=environment | path, check=True, timeout=60)
    with zipfile.ZipFile(tmp_path / "copy.zip") as package:
        names = {name.removeprefix("./") for name in package.namelist()}
    assert {"function_app.py", "host.json", "requirements.txt", "shared/settings.py"} <= names
    folders = {name.partition("/")[0] for name in names if "/" in name}
    assert folders == {"activities", "orchestrators", "shared"}


@pytest.mark.parametrize("name", ["AZURE_RESOURCE_GROUP", "FUNCTION_APP_NAME"])
def test_a_script_without_the_outputs_says_which_one_it_lacks(name: str) -> None:
    others = {"AZURE_RESOURCE_GROUP": "rg", "FUNCTION_APP_NAME": "app", "PATH": os.environ["PATH"]}
    environment = {other: value for other, value in others.items() if other != name}
    for script in INFRA.glob("*.sh"):
        done = subprocess.run([str(script)], env=environment, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode != 0
        assert name in done.stderr
