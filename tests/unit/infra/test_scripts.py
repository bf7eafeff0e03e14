"""The scripts, run with a stand-in for the Azure CLI that notes how it was called."""

from __future__ import annotations

import json
import os
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from function_app import routes
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


READER_AZ = """#!/bin/sh
echo "$@" >>"$CALLS"
case "$1 $2" in
"functionapp show") echo /subscriptions/s/app ;;
"functionapp keys") echo {key} ;;
"rest --method") for argument; do case "$argument" in @*) cat "${{argument#@}}" >>"$BODIES" ;; esac; done ;;
esac
"""
CURL = """#!/bin/sh
echo "$@" >>"$CALLS"
while [ "$1" != --output ]; do shift; done
cp "$DOCUMENT" "$2"
"""


def test_the_key_of_a_reader_opens_what_reads_and_nothing_else(tmp_path: Path) -> None:
    document, calls, bodies = (tmp_path / name for name in ("document.json", "calls", "bodies"))
    document.write_text(json.dumps(routes.document()), encoding="utf-8")
    for name, text in {"az": READER_AZ.format(key=KEY), "curl": CURL}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    outputs = {"AZURE_RESOURCE_GROUP": "rg", "FUNCTION_APP_NAME": "app", "FUNCTION_APP_HOST": "app.example.com"}
    places = {"CALLS": str(calls), "BODIES": str(bodies), "DOCUMENT": str(document)}
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    script = [str(INFRA / "reader-key.sh"), "auditors"]
    done = subprocess.run(script, env=outputs | places | path, capture_output=True, text=True, check=True, timeout=30)
    made = done.stdout.removeprefix(
        f"x-functions-key: {KEY}"
    )  # the stand-in for curl shows the header that it was given
    assert re.fullmatch("[A-Za-z0-9]{50,}", made)
    urls = [line for line in calls.read_text(encoding="utf-8").splitlines() if line.startswith("rest")]
    opened = {line.rpartition("/functions/")[2].partition("/keys/auditors")[0] for line in urls}
    assert opened == {
        endpoint.name for endpoint in routes.endpoints if endpoint.method == "GET" and not endpoint.is_open
    }
    body = json.dumps({"properties": {"name": "auditors", "value": made}})
    assert bodies.read_text(encoding="utf-8") == body * len(opened)
    assert made not in calls.read_text(encoding="utf-8")


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
