"""`.ci/templates`, run with a stand-in for the Azure CLI: it fails for all that the compiler says, and nothing else."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.unit.infra.templates import PARAMETER_FILES, ROOT, TEMPLATES

# The file that a command is about is its fourth argument; `az bicep lint` prints an empty line when it finds nothing.
AZ = """#!/bin/sh
echo "$2 $4" >>"$CALLS"
case "$2 $4" in
"lint "*) echo ;;
"format "*) cp "$4" "$6" ;;
esac
{fault}
exit 0
"""


def check(folder: Path, fault: str = "") -> subprocess.CompletedProcess[str]:
    az = folder / "az"
    az.write_text(AZ.format(fault=fault), encoding="utf-8")
    az.chmod(0o755)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "CALLS": str(folder / "calls")}
    script = [str(ROOT / ".ci/templates")]
    return subprocess.run(script, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_every_file_is_compiled_linted_and_formatted(tmp_path: Path) -> None:
    done = check(tmp_path)
    assert done.returncode == 0, done.stdout
    calls = set((tmp_path / "calls").read_text(encoding="utf-8").splitlines())
    names = [str(path.relative_to(ROOT)) for path in TEMPLATES]
    parameters = [str(path.relative_to(ROOT)) for path in PARAMETER_FILES]
    wanted = {f"{verb} {name}" for verb in ("build", "lint", "format") for name in names}
    wanted |= {f"{verb} {name}" for verb in ("build-params", "format") for name in parameters}
    assert wanted <= calls


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ('[ "$2 $4" != "build infra/main.bicep" ] || echo "WARNING: BCP037" >&2', "WARNING: BCP037"),
        ('[ "$2 $4" != "lint infra/modules/roles.bicep" ] || echo "no-unused-params"', "no-unused-params"),
        ('[ "$2 $4" != "build-params infra/main.bicepparam" ] || exit 1', "This failed: az bicep build-params"),
        ('[ "$2 $4" != "format infra/main.bicep" ] || echo >>"$6"', "+++"),
    ],
)
def test_what_the_compiler_says_and_a_command_that_fails_are_failures(tmp_path: Path, fault: str, said: str) -> None:
    done = check(tmp_path, fault)
    assert done.returncode == 1
    assert said in done.stdout


def test_a_compiler_that_cannot_be_installed_is_a_failure(tmp_path: Path) -> None:
    assert check(tmp_path, '[ "$2" != install ] || exit 1').returncode != 0
