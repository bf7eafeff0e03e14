#!/bin/sh
# Publishes the files of the app that git tracks, as they are here, without those of .funcignore: what `azd deploy`
# does, for those who work without azd, and for Elastic Premium, where azd cannot. The outputs of main.bicep are
# expected in the environment.
# Flex Consumption installs requirements.txt itself, by the hashes in it. Premium runs from a package that has its
# dependencies: they are fetched for the platform's image and Python, whatever machine this is.
set -eu
: "${AZURE_RESOURCE_GROUP:?}" "${FUNCTION_APP_NAME:?}" "${HOST_STORAGE_NAME:?}" "${PACKAGE_CONTAINER:?}" "${PLAN:?}"
python=${PYTHON_VERSION:-3.11}
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

git ls-files --cached --ignored --exclude-from=.funcignore >"$work/ignored"
git ls-files | grep -vxFf "$work/ignored" | tar -cf "$work/app.tar" -T -
mkdir "$work/app"
tar -xf "$work/app.tar" -C "$work/app"

# The image has glibc 2.31: a wheel for a newer one installs, and fails when it is imported.
install_dependencies() {
    set --
    for glibc in 2_28 2_27 2_26 2_25 2_24 2_17 2_12 2_5; do set -- "$@" --platform "manylinux_${glibc}_x86_64"; done
    for year in 2014 2010 1; do set -- "$@" --platform "manylinux${year}_x86_64"; done
    python3 -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --no-compile \
        --only-binary=:all: --implementation cp --python-version "$python" "$@" \
        --requirement requirements.txt --target "$site"
}

# What no deployed app imports: commands, tests, headers and stubs of libraries, Arrow's server and its access to other
# clouds' storage, SQL Server's bulk insert, and its ODBC driver for other systems. Together 96 of 624 MB.
leave_out_the_unused() {
    (
        cd "$site"
        rm -rf bin mssql_py_core mssql_python_odbc/libs/linux/rhel mssql_python_odbc/libs/linux/suse
        cd pyarrow
        rm -rf include src
        for part in flight s3 s3fs gcsfs hdfs pyarrow_cpp_tests; do
            rm -f "_$part".*.so "libarrow_$part".so* "libarrow_python_$part".so*
        done
    )
    find "$site" -depth -type d \( -name tests -o -name test \) -exec rm -rf {} +
    find "$site" -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.h' -o -name '*.c' -o -name '*.cc' \) -delete
}

# Bytecode that is never compared with its source, which a read-only package cannot change: a quicker start.
compile_bytecode() {
    if ! command -v "python$python" >/dev/null; then
        echo "There is no python$python here: the package has no bytecode, and each start compiles what it imports." >&2
        return
    fi
    "python$python" -m compileall -q -j 0 --invalidation-mode unchecked-hash \
        -s "$work/app" -p /home/site/wwwroot "$work/app"
}

if [ "$PLAN" = FlexConsumption ]; then
    (cd "$work/app" && python3 -m zipfile --create "$work/app.zip" ./*)
    az functionapp deployment source config-zip --resource-group "$AZURE_RESOURCE_GROUP" \
        --name "$FUNCTION_APP_NAME" --src "$work/app.zip" --build-remote true
else
    site="$work/app/.python_packages/lib/site-packages"
    install_dependencies
    leave_out_the_unused
    compile_bytecode
    (cd "$work/app" && python3 -m zipfile --create "$work/app.zip" .python_packages ./*)
    az storage blob upload --auth-mode login --overwrite --only-show-errors --output none \
        --account-name "$HOST_STORAGE_NAME" --container-name "$PACKAGE_CONTAINER" --name app.zip --file "$work/app.zip"
    az functionapp restart --resource-group "$AZURE_RESOURCE_GROUP" --name "$FUNCTION_APP_NAME"
    app=$(az functionapp show --resource-group "$AZURE_RESOURCE_GROUP" --name "$FUNCTION_APP_NAME" --query id --output tsv)
    az rest --method post --url "https://management.azure.com$app/syncfunctiontriggers?api-version=2025-03-01" --output none
fi
