#!/bin/sh
# Publishes the files of the app that git tracks, as they stand here, without those of .funcignore: what `azd deploy`
# does, for who works without azd, and for Elastic Premium, where azd cannot. The outputs of main.bicep are expected in
# the environment.
# Flex Consumption installs the dependencies itself. Premium runs from a package that has them: call it on Linux
# (x86-64) with the app's version of Python.
set -eu
: "${AZURE_RESOURCE_GROUP:?}" "${FUNCTION_APP_NAME:?}" "${HOST_STORAGE_NAME:?}" "${PACKAGE_CONTAINER:?}" "${PLAN:?}"
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

git ls-files --cached --ignored --exclude-from=.funcignore >"$work/ignored"
git ls-files | grep -vxFf "$work/ignored" | tar -cf "$work/app.tar" -T -
mkdir "$work/app"
tar -xf "$work/app.tar" -C "$work/app"

if [ "$PLAN" = FlexConsumption ]; then
    (cd "$work/app" && python3 -m zipfile --create "$work/app.zip" ./*)
    az functionapp deployment source config-zip --resource-group "$AZURE_RESOURCE_GROUP" \
        --name "$FUNCTION_APP_NAME" --src "$work/app.zip" --build-remote true
else
    python3 -m pip install --quiet --disable-pip-version-check --requirement requirements.txt \
        --target "$work/app/.python_packages/lib/site-packages"
    (cd "$work/app" && python3 -m zipfile --create "$work/app.zip" .python_packages ./*)
    az storage blob upload --auth-mode login --overwrite --only-show-errors --output none \
        --account-name "$HOST_STORAGE_NAME" --container-name "$PACKAGE_CONTAINER" --name app.zip --file "$work/app.zip"
    az functionapp restart --resource-group "$AZURE_RESOURCE_GROUP" --name "$FUNCTION_APP_NAME"
    app=$(az functionapp show --resource-group "$AZURE_RESOURCE_GROUP" --name "$FUNCTION_APP_NAME" --query id --output tsv)
    az rest --method post --url "https://management.azure.com$app/syncfunctiontriggers?api-version=2024-11-01" --output none
fi
