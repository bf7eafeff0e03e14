#!/bin/sh
# Makes a key that opens what reads and nothing that changes anything, and prints it: one value under one name, set on
# every function of the app that answers GET. Call it again, with another name, for another reader; with the same name,
# to change the key; and after a deployment that has brought new routes. The outputs of main.bicep are expected in the
# environment. The key is never on a command line.
set -eu
: "${AZURE_RESOURCE_GROUP:?}" "${FUNCTION_APP_NAME:?}" "${FUNCTION_APP_HOST:?}"
name=${1:-reader}
umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

app=$(az functionapp show --resource-group "$AZURE_RESOURCE_GROUP" --name "$FUNCTION_APP_NAME" --query id --output tsv)
printf 'x-functions-key: %s' "$(az functionapp keys list --resource-group "$AZURE_RESOURCE_GROUP" \
    --name "$FUNCTION_APP_NAME" --query functionKeys.default --output tsv)" >"$work/header"
curl --fail --silent --show-error --header @"$work/header" --output "$work/openapi.json" \
    "https://$FUNCTION_APP_HOST/api/openapi.json"
python3 -c 'import json, sys
reading = (methods["get"] for methods in json.load(sys.stdin)["paths"].values() if "get" in methods)
print(*(operation["operationId"] for operation in reading if operation["security"]), sep="\n")' \
    <"$work/openapi.json" >"$work/functions"

head -c 48 /dev/urandom | base64 | tr -d '+/=\n' >"$work/key"
printf '{"properties": {"name": "%s", "value": "%s"}}' "$name" "$(cat "$work/key")" >"$work/body.json"
while read -r function; do
    az rest --method put --output none --body @"$work/body.json" \
        --url "https://management.azure.com$app/functions/$function/keys/$name?api-version=2024-11-01"
done <"$work/functions"
echo "The key '$name' opens $(wc -l <"$work/functions") functions of $FUNCTION_APP_NAME, all of them reading ones." >&2
cat "$work/key"
