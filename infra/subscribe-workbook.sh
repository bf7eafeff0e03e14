#!/bin/sh
# Second phase of a deployment: once the app's code runs, Event Grid is set up to report new workbooks to it.
# azd calls it after every deploy and gives it the outputs of main.bicep; without azd export them yourself.
set -eu
: "${AZURE_RESOURCE_GROUP:?}" "${FUNCTION_APP_NAME:?}" "${WORKBOOK_TOPIC_NAME:?}" "${CONFIG_CONTAINER:?}" "${CONFIG_BLOB:?}"
here=$(dirname "$0")

subscribe() {
    BLOBS_EXTENSION_KEY=$(az functionapp keys list --resource-group "$AZURE_RESOURCE_GROUP" \
        --name "$FUNCTION_APP_NAME" --query systemKeys.blobs_extension --output tsv)
    [ -n "$BLOBS_EXTENSION_KEY" ] || return 1
    export BLOBS_EXTENSION_KEY
    az deployment group create --resource-group "$AZURE_RESOURCE_GROUP" --name workbook-subscription \
        --parameters "$here/workbook-subscription.bicepparam" --output none
}

attempt=1
until subscribe; do
    if [ "$attempt" -ge 12 ]; then
        echo "The app $FUNCTION_APP_NAME does not take events yet. See its log, then run $0 again." >&2
        exit 1
    fi
    echo "The app has no key for blob events yet, or does not answer Event Grid; trying again ($attempt of 11)." >&2
    attempt=$((attempt + 1))
    sleep "${RETRY_SECONDS:-20}"
done
echo "Event Grid reports $CONFIG_CONTAINER/$CONFIG_BLOB to $FUNCTION_APP_NAME."
