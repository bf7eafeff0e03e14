"""The tests' process in the app's place: its settings name the local services."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import aiohttp.connector
import pytest

from localhost.services import LocalServices
from shared.activation.store import configuration_store
from shared.audit import followed
from shared.audit.table import audit_table
from shared.identity import blob_service, credential, secret_client, table_service
from shared.secrets import Secret, secret_stores
from shared.settings import settings

# What the app keeps for the life of its process, which here is another one for each test or module.
KEPT: list[Callable[..., Any]] = [settings, credential, blob_service, table_service, secret_client]
KEPT += [secret_stores, audit_table, configuration_store, followed._of_all_jobs, followed._of_run]


@contextmanager
def app_process(services: LocalServices, **variables: str) -> Iterator[None]:
    """Set the variables by which the app and the SDKs find the services, and forget what was kept under others.

    Args:
        services: The local services.
        variables: Further settings.
    """
    with pytest.MonkeyPatch.context() as patch:
        set_environment(services, patch)
        for name, value in variables.items():
            patch.setenv(name, value)
        _forget()
        try:
            yield
        finally:
            _forget()


def set_environment(services: LocalServices, patch: pytest.MonkeyPatch) -> dict[str, str]:
    """Set the variables by which the app and the SDKs find the services, and return them."""
    variables = services.environment()
    for name, value in variables.items():
        patch.setenv(name, value)
    # aiohttp read SSL_CERT_FILE when it was imported; a process that starts with these variables has no such trouble.
    verified = ssl.create_default_context(cafile=variables["SSL_CERT_FILE"])
    patch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", verified)
    return variables


def _forget() -> None:
    for function in KEPT:
        function.cache_clear()  # type: ignore[attr-defined]


def run_here(
    entry: str,
    arguments: Mapping[str, Any],
    secret: Secret,
    *_: object,
    progress: Callable[[str, int], None] = lambda _stage, _rows: None,
    **__: Any,
) -> Any:
    """In the place of `run_in_child`: a fork server keeps the variables of the test that started it."""
    module, name = entry.split(":")
    return getattr(import_module(module), name)(**arguments, secret=secret, report=progress)
