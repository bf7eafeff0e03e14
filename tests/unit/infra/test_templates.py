"""The Bicep files fit together: what is used exists, what is demanded is given, and no secret comes in or out.

A parser is no compiler: types, schemas and the service's own rules are not checked here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

from tests.unit.infra.templates import (
    INFRA,
    PARAMETER_FILES,
    ROOT,
    TEMPLATES,
    body,
    module_calls,
    parameters,
    required_parameters,
    resources,
    resources_of,
    template,
)

MAIN = INFRA / "main.bicep"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_declares_only_what_it_uses(path: Path) -> None:
    parsed, text = template(path), path.read_text(encoding="utf-8")
    names = [*parsed.get("parameters", {}), *parsed.get("variables", {})]
    assert [name for name in names if len(re.findall(rf"\b{name}\b", text)) < 2] == []


def test_every_module_exists_and_is_used() -> None:
    used = {module for _, _, module, _ in module_calls()}
    assert used == set((INFRA / "modules").glob("*.bicep"))


@pytest.mark.parametrize(
    ("module", "arguments"), [pytest.param(module, args, id=name) for _, name, module, args in module_calls()]
)
def test_a_module_gets_every_parameter_it_demands_and_no_unknown_one(
    module: Path, arguments: dict[str, object]
) -> None:
    assert set(arguments) <= set(parameters(module))
    assert required_parameters(module) <= set(arguments)


def test_every_output_that_is_read_is_one_of_the_module() -> None:
    modules = {(caller, name): module for caller, name, module, _ in module_calls()}
    reads = {
        (modules[caller, name], output)
        for caller in {caller for caller, _ in modules}
        for name, output in re.findall(r"\b(\w+)!?\.outputs\.(\w+)", caller.read_text(encoding="utf-8"))
    }
    assert reads
    assert {(module.name, output) for module, output in reads if output not in template(module)["outputs"]} == set()


@pytest.mark.parametrize("path", PARAMETER_FILES, ids=lambda path: path.stem)
def test_a_parameter_file_gives_what_its_template_demands(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    target = path.parent / re.findall(r"^using '(.+)'$", text, flags=re.MULTILINE)[0]
    given = set(re.findall(r"^param (\w+) =", text, flags=re.MULTILINE))
    assert required_parameters(target) <= given <= set(parameters(target))


def test_the_guide_and_the_workflow_know_every_variable_of_the_environment() -> None:
    variables = set(re.findall(r"readEnvironmentVariable\('(\w+)'", (INFRA / "main.bicepparam").read_text("utf-8")))
    guide, workflow = (ROOT / "docs/deploy.md", ROOT / ".github/workflows/deploy.yml")
    assert [name for name in variables if f"`{name}`" not in guide.read_text(encoding="utf-8")] == []
    assert [name for name in variables if f"      {name}: ${{{{ vars.{name}" not in workflow.read_text("utf-8")] == []


def test_a_script_finds_the_variables_it_needs_among_the_outputs() -> None:
    outputs = set(template(MAIN)["outputs"])
    scripts = list(INFRA.glob("*.sh"))
    needed = {
        name for script in scripts for name in re.findall(r'"\$\{([A-Z_]+):\?\}"', script.read_text(encoding="utf-8"))
    }
    assert needed
    assert needed <= outputs


def test_azd_finds_the_template_the_app_and_the_script() -> None:
    text = (ROOT / "azure.yaml").read_text(encoding="utf-8")
    service = re.findall(r"^services:\n  (\w+):", text, flags=re.MULTILINE)[0]
    assert f"'azd-service-name': '{service}'" in (INFRA / "modules/flex-app.bicep").read_text(encoding="utf-8")
    assert (ROOT / re.findall(r"run: (\S+)", text)[0]).is_file()
    assert MAIN.name == re.findall(r"module: (\w+)", text)[0] + ".bicep"


def test_a_type_of_resource_has_one_api_version() -> None:
    versions = defaultdict(set)
    for path in TEMPLATES:
        for resource in template(path).get("resources", {}).values():
            versions[resource["type"]].add(resource["api_version"])
    assert {kind: found for kind, found in versions.items() if len(found) > 1} == {}


def test_no_template_reads_a_key_or_puts_out_a_secret() -> None:
    for path in TEMPLATES:
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"\blist\w*\(|getSecret\(|AccountKey|SharedAccessKey", text) == [], path
        secure = {name for name, found in parameters(path).items() if {"type": "secure"} in found["decorators"]}
        assert [line for line in text.splitlines() if line.startswith("output") and secure & set(line.split())] == []
    assert parameters(INFRA / "workbook-subscription.bicep")["blobsExtensionKey"]["default"] is None


def test_no_key_and_no_password_opens_anything() -> None:
    for account in resources_of("Microsoft.Storage/storageAccounts"):
        properties = account["properties"]
        assert (properties["allowSharedKeyAccess"], properties["allowBlobPublicAccess"]) == (False, False)
        assert properties["minimumTlsVersion"] == "TLS1_2"
    for vault in resources_of("Microsoft.KeyVault/vaults"):
        assert vault["properties"]["enableRbacAuthorization"] is vault["properties"]["enablePurgeProtection"] is True
    for insights in resources_of("Microsoft.Insights/components"):
        assert insights["properties"]["DisableLocalAuth"] is True
    for policy in resources_of("Microsoft.Web/sites/basicPublishingCredentialsPolicies"):
        assert policy["properties"]["allow"] is False


def test_both_plans_serve_https_only_and_no_ftp() -> None:
    apps = resources_of("Microsoft.Web/sites")
    assert len(apps) == 2
    for app in apps:
        site = app["properties"]["siteConfig"]
        assert app["properties"]["httpsOnly"] is True
        assert (site["minTlsVersion"], site["scmMinTlsVersion"], site["ftpsState"]) == ("1.2", "1.2", "Disabled")
        assert app["identity"]["type"] == "UserAssigned"


def test_every_resource_with_a_region_has_the_tags_of_the_environment() -> None:
    made = {f"{path.stem}.{name}": body(resource) for path, name, resource in resources()}
    assert [name for name, config in made.items() if "location" in config and "tags" not in config] == []
