"""The Bicep files fit together: what is used exists, what is required is given, and no secret comes in or out.

A parser is no compiler: types, schemas and the service's own rules are not checked here.
"""

from __future__ import annotations

import ipaddress
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

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


def _variables() -> dict[str, tuple[str, str | None]]:
    """Parameters of main.bicepparam: the variable that each reads, and its default."""
    text = (INFRA / "main.bicepparam").read_text("utf-8")
    reads = re.findall(r"^param (\w+) = .*?readEnvironmentVariable\('(\w+)'(?:, '(.*)')?\)+$", text, flags=re.MULTILINE)
    return {parameter: (variable, default or None) for parameter, variable, default in reads}


def test_every_parameter_that_differs_between_environments_is_a_variable() -> None:
    same_everywhere = {"configContainer", "configBlob", "auditTable", "resourceGroupName"}
    assert set(_variables()) == set(parameters(MAIN)) - same_everywhere


@pytest.mark.parametrize("parameter", _variables())
def test_a_variable_that_is_not_set_means_the_default_of_the_template(parameter: str) -> None:
    _, default = _variables()[parameter]
    line = re.findall(
        rf"^param {parameter} (?:[\w\[\]]+|{{ \*: \w+ }})(?: = (.*))?$", MAIN.read_text("utf-8"), flags=re.MULTILINE
    )[0]
    written = line.strip("'").replace("'", '"').replace("durable:", '"durable":') or None
    assert (written or None) == default


def test_the_guide_knows_every_variable_and_the_workflow_hands_on_whatever_is_set() -> None:
    guide, workflow = (ROOT / "docs/deploy.md", ROOT / ".github/workflows/deploy.yml")
    names = [variable for variable, _ in _variables().values()]
    assert [name for name in names if f"`{name}`" not in guide.read_text(encoding="utf-8")] == []
    assert "${{ toJSON(vars) }}" in workflow.read_text("utf-8")


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
        assert (site["minTlsVersion"], site["scmMinTlsVersion"]) == ("1.2", "1.2")
        assert app["identity"]["type"] == "UserAssigned"
    by_name = {app["name"]: app for path in ("flex", "premium") for app in _publishing_passwords(path)}
    assert set(by_name) == {"ftp", "scm"}


def _publishing_passwords(plan: str) -> list[dict[str, Any]]:
    found = [body(made) for made in template(INFRA / f"modules/{plan}-app.bicep")["resources"].values()]
    passwords = [made for made in found if "allow" in made.get("properties", {})]
    assert len(passwords) == 2
    return passwords


REFUSED_ON_FLEX = {
    *("alwaysOn", "containerSize", "ftpsState", "functionAppScaleLimit", "isReserved", "isXenon", "javaVersion"),
    *("linuxFxVersion", "minimumElasticInstanceCount", "netFrameworkVersion", "powerShellVersion"),
    *("preWarmedInstanceCount", "vnetContentShareEnabled", "vnetImagePullEnabled", "vnetRouteAllEnabled"),
    *("windowsFxVersion", "use32BitWorkerProcess"),
}
SETTINGS_REFUSED_ON_FLEX = {
    *(
        "ENABLE_ORYX_BUILD",
        "FUNCTIONS_EXTENSION_VERSION",
        "FUNCTIONS_WORKER_RUNTIME",
        "FUNCTIONS_WORKER_RUNTIME_VERSION",
    ),
    *("FUNCTIONS_MAX_HTTP_CONCURRENCY", "FUNCTIONS_WORKER_PROCESS_COUNT", "SCM_DO_BUILD_DURING_DEPLOYMENT"),
    *("FUNCTIONS_WORKER_DYNAMIC_CONCURRENCY_ENABLED", "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING"),
    *("WEBSITE_CONTENTOVERVNET", "WEBSITE_CONTENTSHARE", "WEBSITE_DNS_SERVER", "WEBSITE_RUN_FROM_PACKAGE"),
    *("WEBSITE_MAX_DYNAMIC_APPLICATION_SCALE_OUT", "WEBSITE_VNET_ROUTE_ALL", "WEBSITE_TIME_ZONE", "TZ"),
}


def test_flex_consumption_gets_no_property_and_no_setting_that_it_refuses() -> None:
    """See learn.microsoft.com/azure/azure-functions/functions-app-settings#flex-consumption-plan-deprecations."""
    flex = body(template(INFRA / "modules/flex-app.bicep")["resources"]["app"])["properties"]
    assert REFUSED_ON_FLEX.isdisjoint(flex["siteConfig"])
    assert REFUSED_ON_FLEX.isdisjoint(flex)
    assert SETTINGS_REFUSED_ON_FLEX.isdisjoint(template(MAIN)["variables"]["ownSettings"]["value"])
    premium = body(template(INFRA / "modules/premium-app.bicep")["resources"]["app"])["properties"]["siteConfig"]
    assert premium["ftpsState"] == "Disabled"


def test_every_resource_with_a_region_has_the_tags_of_the_environment() -> None:
    made = {f"{path.stem}.{name}": body(resource) for path, name, resource in resources()}
    assert [name for name, config in made.items() if "location" in config and "tags" not in config] == []


WITHOUT_A_NEWER_STABLE_VERSION = {
    "Microsoft.Authorization/roleAssignments": "2022-04-01",
    "Microsoft.Insights/actionGroups": "2023-01-01",
    "Microsoft.Insights/components": "2020-02-02",
    "Microsoft.Insights/diagnosticSettings": "2021-05-01-preview",
    "Microsoft.Insights/scheduledQueryRules": "2023-12-01",
    "Microsoft.Network/privateDnsZones": "2024-06-01",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": "2024-06-01",
}


def test_api_versions_are_recent_or_the_newest_stable_ones() -> None:
    versions = {
        resource["type"]: resource["api_version"]
        for path in TEMPLATES
        for resource in template(path).get("resources", {}).values()
    }
    old = {kind: version for kind, version in versions.items() if version < "2024-11-30"}
    assert old == WITHOUT_A_NEWER_STABLE_VERSION


def test_a_second_deployment_may_replace_the_saved_queries() -> None:
    """Without an etag among the properties the service answers 409; the compiler does not know it there."""
    (query,) = resources_of("Microsoft.OperationalInsights/workspaces/savedSearches")
    assert query["properties"]["etag"] == "*"
    assert "#disable-next-line BCP037\n      etag:" in (INFRA / "modules/monitoring.bicep").read_text("utf-8")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_no_parameter_is_an_untyped_list_or_called_a_secret_without_being_one(path: Path) -> None:
    for line in re.findall(r"^(?:@secure\(\)\n)?param .*$", path.read_text("utf-8"), flags=re.MULTILINE):
        assert not re.search(r"^param \w+ (array|object)\b", line)
        assert line.startswith("@secure()") or not re.search(r"(?i)^param \w*(secret|password|accountkey)", line)


@pytest.mark.parametrize("path", [*TEMPLATES, *PARAMETER_FILES], ids=lambda path: path.name)
def test_a_template_looks_as_bicep_format_writes_it(path: Path) -> None:
    """What of the formatter's rules a text shows: a loop of several lines, width, indentation, the end of the file."""
    text = path.read_text("utf-8")
    assert re.findall(r"\[for .*\{$", text, flags=re.MULTILINE) == []
    assert re.findall(r"[ \t]+$|\t|\r|\n\n\n", text, flags=re.MULTILINE) == []
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    lists = [re.sub(r"\s*\n\s*", ", ", one) for one in re.findall(r"\[\n((?: +(?:'[^'\n]*'|[\w.]+)\n)+) +\]", text)]
    assert [one for one in lists if len(one) < 80] == []  # a list that fits into a line is in one line
    breakable = [line for line in text.splitlines() if len(line) > 120 and not line.rstrip("'").endswith(_tail(line))]
    assert breakable == []


def _tail(line: str) -> str:
    """The text of a string that takes the rest of its line: nothing can break it."""
    return re.sub(r"^[\w ]+[:=] '", "", line).rstrip("'") if re.match(r"^[\w ]+[:=] '.*'$", line) else "\0"


def test_private_endpoints_of_one_account_are_made_one_after_the_other() -> None:
    made = template(INFRA / "modules/private-endpoints.bicep")["resources"]
    for name in ("privateEndpoints", "registrations"):
        assert {"type": "batchSize", "argument": 1} in made[name]["decorators"]


def test_the_network_leaves_the_app_half_of_its_range_and_the_parts_do_not_overlap() -> None:
    text = (INFRA / "modules/network.bicep").read_text("utf-8")
    whole = ipaddress.ip_network(parameters(MAIN)["networkAddressRange"]["default"])
    parts: list[Any] = [
        list(whole.subnets(new_prefix=int(prefix)))[int(index)]
        for prefix, index in re.findall(r"cidrSubnet\(addressRange, (\d+), (\d+)\)", text)
    ]
    app, endpoints = parts
    assert app.prefixlen == 25
    assert not app.overlaps(endpoints)


@pytest.mark.parametrize(
    ("guard", "condition", "message"),
    [
        ("closed", "flex || !privateNetwork", "PRIVATE_NETWORK=true needs PLAN=FlexConsumption"),
        ("openTo", "privateNetwork || empty(allowedRanges)", "ALLOWED_RANGES closes nothing"),
        ("flexInstances", "!flex || maximumInstances >= 40", "MAXIMUM_INSTANCES must be at least 40"),
    ],
)
def test_a_combination_that_cannot_work_ends_the_deployment_with_a_sentence(
    guard: str, condition: str, message: str
) -> None:
    text = MAIN.read_text("utf-8")
    guarded, constant = re.findall(rf"^var {guard} = (.*) \? \w+ : fail\((\w+)\)$", text, flags=re.MULTILINE)[0]
    assert guarded == condition
    assert re.findall(rf"^var {constant} = '(.*)'$", text, flags=re.MULTILINE)[0].startswith(message)
    assert len(re.findall(rf"\b{guard}\b", text)) > 1


def test_the_spelling_of_a_region_makes_no_second_lake() -> None:
    text = MAIN.read_text("utf-8")
    assert "var region = toLower(replace(location, ' ', ''))" in text
    assert len(re.findall(r"\blocation\b(?!:)", text)) == 2  # the parameter, and the line that normalises it


def test_what_if_can_name_every_resource() -> None:
    """Names, conditions and loops are made of what is known at the start; outputs of modules are not."""
    unknown = {
        (module.stem, parameter)
        for _, _, module, arguments in module_calls()
        for parameter, value in arguments.items()
        if "outputs" in str(value)
    }
    assert ("roles", "identityPrincipalId") in unknown
    assert [(module, name) for module, name in unknown if _names_with(INFRA / f"modules/{module}.bicep", name)] == []


def _names_with(module: Path, parameter: str) -> list[str]:
    """The lines of a module that name, count or make resources with a parameter."""
    deciding = r"^ +name: .*|^ +scope: .*|^(?:resource|module) .* = if .*|^  for .* in .*:"
    lines = re.findall(deciding, module.read_text("utf-8"), flags=re.MULTILINE)
    return [line for line in lines if re.search(rf"\b{parameter}\b", line)]


def test_every_output_of_a_module_is_read() -> None:
    texts = "".join(path.read_text("utf-8") for path in TEMPLATES)
    made = {(module, output) for _, _, module, _ in module_calls() for output in template(module).get("outputs", {})}
    unread = [(module.stem, output) for module, output in made if not re.search(rf"\.outputs\.{output}\b", texts)]
    assert unread == []


def test_an_instance_has_the_memory_that_a_load_needs() -> None:
    sizes = parameters(MAIN)["instanceMemoryMegabytes"]
    assert [one["argument"] for one in sizes["decorators"] if one["type"] == "allowed"] == [[2048, 4096]]
    assert sizes["default"] == 2048


def test_the_versions_of_python_that_may_be_deployed_have_evidence() -> None:
    """3.13 runs another worker; docs/deploy.md says what is missing."""
    version = parameters(MAIN)["pythonVersion"]
    assert [one["argument"] for one in version["decorators"] if one["type"] == "allowed"] == [["3.11", "3.12"]]
    assert version["default"] == "3.11"


def test_the_alert_of_a_missing_success_can_be_switched_off_and_made_longer_than_two_days() -> None:
    hours = {one["type"]: one.get("argument") for one in parameters(MAIN)["successWithinHours"]["decorators"]}
    assert hours["min_value"] == 0
    assert hours["max_value"] >= 24 * 31
    alerts = {
        alert["name"]: alert["on"] for alert in template(INFRA / "modules/alerts.bicep")["variables"]["alerts"]["value"]
    }
    assert alerts.pop("no-successful-run") not in (True, False)
    assert set(alerts.values()) == {True}
    text = (INFRA / "modules/alerts.bicep").read_text("utf-8")
    assert "\n      enabled: alert.on\n" in text
    assert "\n  for alert in alerts: {\n" in text  # each one is made: a deployment would not remove one that is off
