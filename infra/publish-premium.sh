#!/bin/sh
# Publishes the committed files of the app to Elastic Premium: a package with its dependencies becomes the blob that the
# app runs from. Flex Consumption does not need it: there azd (or az) sends the files and Azure installs what they need.
# Run it on Linux (x86-64) with the app's version of Python and the outputs of main.bicep in the environment.
set -eu
: "${AZURE_RESOURCE_GROUP:?}" "${FUNCTION_APP_NAME:?}" "${HOST_STORAGE_NAME:?}" "${PACKAGE_CONTAINER:?}"
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

git ls-files --cached --ignored --exclude-from=.funcignore >"$work/ignored"
git ls-files | grep -vxFf "$work/ignored" | tar -cf "$work/app.tar" -T -
mkdir "$work/app"
tar -xf "$work/app.tar" -C "$work/app"
python3 -m pip install --quiet --disable-pip-version-check --requirement requirements.txt \
    --target "$work/app/.python_packages/lib/site-packages"
(cd "$work/app" && python3 -m zipfile --create "$work/app.zip" .python_packages ./*)

az storage blob upload --auth-mode login --overwrite --only-show-errors --output none \
    --account-name "$HOST_STORAGE_NAME" --container-name "$PACKAGE_CONTAINER" --name app.zip --file "$work/app.zip"
az functionapp restart --resource-group "$AZURE_RESOURCE_GROUP" --name "$FUNCTION_APP_NAME"
az rest --method post --output none --url "https://management.azure.com$(az functionapp show --query id --output tsv \
    --resource-group "$AZURE_RESOURCE_GROUP" --name "$FUNCTION_APP_NAME")/syncfunctiontriggers?api-version=2024-11-01"
