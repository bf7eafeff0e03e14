"""The Functions worker's own library, `azure-functions-runtime`: what the real worker of Python 3.13 indexes with.

It asks for Python 3.13 and is plain Python, so pip installs it here into a folder of its own, without its dependencies.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from localhost.services.cache import cached_folder

_REQUIREMENT = "azure-functions-runtime==1.3.0"
INDEXING = """
from types import SimpleNamespace
from azure_functions_runtime.bindings.meta import load_binding_registry
from azure_functions_runtime.functions import Registry
from azure_functions_runtime.loader import index_function_app, process_indexed_function

class BindingInfo(SimpleNamespace):
    undefined, inout, out = 0, 2, 1

class Message(SimpleNamespace):
    pass

protos = SimpleNamespace(BindingInfo=BindingInfo, RpcFunctionMetadata=Message, RpcRetryOptions=Message)
load_binding_registry()
"""
"""What the worker's answer to FunctionMetadata needs; the messages of its protocol are only built, never sent."""
_SCRIPT = f"""
import json, sys
{INDEXING}
verdicts = {{}}
for folder in sys.argv[1:]:
    sys.path.insert(0, folder)
    sys.modules.pop("function_app", None)
    try:
        functions = index_function_app(folder + "/function_app.py")
        verdicts[folder] = len(process_indexed_function(protos, Registry(), functions, folder)[0])
    except Exception as error:
        verdicts[folder] = type(error).__name__ + ": " + str(error)
    sys.path.remove(folder)
print(json.dumps(verdicts))
"""


@dataclass(frozen=True)
class WorkerPackage:
    """The installed library."""

    folder: Path

    def verdicts(self, *app_folders: Path) -> list[int | str]:
        """How many functions of each app the library takes, or why none."""
        result = subprocess.run(
            [sys.executable, "-c", _SCRIPT, *app_folders],
            cwd=app_folders[0],
            env={**os.environ, "PYTHONPATH": str(self.folder)},
            capture_output=True,
            text=True,
            check=True,
        )
        return list(json.loads(result.stdout.splitlines()[-1]).values())


def worker_package() -> WorkerPackage:
    """The library, installed first if it is not there yet. Raises CalledProcessError if pip cannot reach a registry."""
    return WorkerPackage(cached_folder(_REQUIREMENT.replace("==", "-"), _install))


def _install(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*command, "--ignore-requires-python", "--target", folder, _REQUIREMENT], check=True)
