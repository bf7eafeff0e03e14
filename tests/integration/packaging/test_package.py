"""The package that a deployment to Elastic Premium runs from, built by publish.sh with a stand-in for the Azure CLI."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from uuid import UUID

import pytest

from localhost.host.process import HostProcess
from localhost.services import LocalServices
from tests.builders import a_workbook
from tests.e2e.app import App, jobs_of
from tests.integration.app.test_indexing import FUNCTIONS
from tests.worker_package import INDEXING, worker_package

pytestmark = pytest.mark.campaign

ROOT = Path(__file__).parents[3]
SITE = ".python_packages/lib/site-packages"
BARE_PYTHON = Path(sys.base_prefix, "bin", f"python{sys.version_info[0]}.{sys.version_info[1]}")
"""The interpreter without the virtual environment's packages."""
INDEX = f"""
import json, sys, time
sys.path[:0] = sys.argv[1:]
{INDEXING}
began = time.process_time()
functions = index_function_app(sys.argv[1] + "/function_app.py")
count = len(process_indexed_function(protos, Registry(), functions, sys.argv[1])[0])
files = [getattr(module, "__file__", None) or "" for module in sys.modules.values()]
print(json.dumps({{"functions": count, "seconds": time.process_time() - began, "files": files}}))
"""
AZ = """#!/bin/sh
for argument; do case "$argument" in *.zip) [ -f "$argument" ] && cp "$argument" "$COPY" ;; esac; done
"""
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
UNCHECKED_HASH = 0b01  # PEP 552: made of a hash of the source, never compared with it


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, unpacked."""
    folder = tmp_path_factory.mktemp("package")
    (folder / "az").write_text(AZ)
    (folder / "az").chmod(0o755)
    outputs = ("AZURE_RESOURCE_GROUP", "FUNCTION_APP_NAME", "HOST_STORAGE_NAME", "PACKAGE_CONTAINER")
    target = {"PLAN": "ElasticPremium", "PYTHON_VERSION": VERSION, "COPY": str(folder / "app.zip")}
    path = {"PATH": f"{folder}:{os.environ['PATH']}"}
    environment = os.environ | dict.fromkeys(outputs, "any") | target | path
    subprocess.run([str(ROOT / "infra/publish.sh")], env=environment, check=True, timeout=900)
    with zipfile.ZipFile(folder / "app.zip") as archive:
        archive.extractall(folder / "app")
    return folder / "app"


def test_everything_that_the_app_imports_is_in_the_package(package: Path) -> None:
    """In an interpreter that sees nothing else: what was left out as unused is unused."""
    names = sorted(_imported(package) - {"databricks.sql"})
    site = package / SITE
    program = f"import importlib, sys; sys.path[:0] = [{str(package)!r}, {str(site)!r}]\n" + "\n".join(
        f"importlib.import_module({name!r})" for name in names
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stderr.splitlines()[-1:] == []


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {
            "APPLICATIONINSIGHTS_CONNECTION_STRING": f"InstrumentationKey={UUID(int=0)};IngestionEndpoint=http://127.0.0.1:9/"
        },
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9/"},
    ],
    ids=["without telemetry", "Application Insights", "OTLP"],
)
def test_the_worker_s_own_library_indexes_the_app_from_the_package_alone(
    package: Path, settings: dict[str, str]
) -> None:
    worker = worker_package().folder
    done = subprocess.run(
        [BARE_PYTHON, "-S", "-s", "-E", "-c", INDEX, package, package / SITE, worker],
        env={"PATH": os.environ["PATH"], **settings},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["functions"] == FUNCTIONS
    assert found["seconds"] < 1.5  # of CPU; 0.65, with telemetry 0.85, on an idle machine
    places = (str(package), str(worker), sys.base_prefix)
    assert [file for file in found["files"] if file and not file.startswith(places)] == []
    heavy = [file for file in found["files"] if f"{SITE}/dlt/" in file or f"{SITE}/pyarrow/" in file]
    assert heavy == []


def test_the_app_loads_parquet_and_delta_from_the_package_alone(
    package: Path, services: LocalServices, tmp_path: Path
) -> None:
    """Host, worker and children see no other site-packages, and write nothing into the package: Azure mounts it so."""
    before = set(package.rglob("*"))
    app = App(services, tmp_path)
    settings = {**app.settings, "PYTHONPATH": str(package / SITE), "PYTHONNOUSERSITE": "1"}
    app.host = HostProcess(package, tmp_path, settings, interpreter=BARE_PYTHON)
    app.create_tables("items", "merged")
    with app.host:
        app.upload(a_workbook(app.row("items", "items"), app.row("merged", "merged", table_format="delta")))
        jobs = jobs_of(app.run())
        assert {name: job["status"] for name, job in jobs.items()} == {"items": "SUCCESS", "merged": "SUCCESS"}
        assert app.lake_rows("items") == app.source_rows("items")
        assert app.delta_rows("merged") == app.source_rows("merged")
        assert app.request("GET", "/api/health").json()["status"] == "healthy"
    assert set(package.rglob("*")) == before


def _imported(package: Path) -> set[str]:
    modules: set[str] = set()
    for path in package.rglob("*.py"):
        if ".python_packages" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module)
    assert len(modules) > 100
    return modules


def test_every_extension_module_loads_on_the_glibc_of_the_image(package: Path) -> None:
    wheels = [path.read_text() for path in package.rglob("*.dist-info/WHEEL")]
    tags = {line.split(": ")[1] for text in wheels for line in text.splitlines() if line.startswith("Tag: ")}
    newest = max(int(tag.split("manylinux_2_")[1].split("_")[0]) for tag in tags if "manylinux_2_" in tag)
    assert newest <= 31


def test_bytecode_is_there_for_every_module_and_is_never_compared_with_its_source(package: Path) -> None:
    for source in (package / "function_app.py", package / "shared/settings.py"):
        code = Path(importlib.util.cache_from_source(str(source))).read_bytes()
        assert code[:4] == importlib.util.MAGIC_NUMBER
        assert int.from_bytes(code[4:8], "little") == UNCHECKED_HASH
        assert b"/home/site/wwwroot/" in code


def test_what_no_deployed_app_uses_is_left_out(package: Path) -> None:
    names = {path.name for path in package.rglob("*")}
    app = {path.name for path in package.iterdir() if path.is_dir()}
    assert app == {".python_packages", "__pycache__", "activities", "orchestrators", "shared"}
    assert names.isdisjoint({"tests", "include", "_flight.pyi", "mssql_py_core", "requirements-dev.txt"})
    assert not [name for name in names if name.startswith(("libarrow_flight", "libarrow_s3"))]
    assert sum(path.stat().st_size for path in package.rglob("*.*") if path.is_file()) < 640e6
