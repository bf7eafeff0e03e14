"""This process in the app's place: its settings name the local services."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure.storage.blob import ContainerClient

from localhost.services import LocalServices
from tests.app_process import app_process
from tests.conftest import unique_name


@pytest.fixture
def app_settings(services: LocalServices, container: ContainerClient) -> Iterator[None]:
    """The app's settings, with a configuration container and an audit table of the test's own."""
    with app_process(services, CONFIG_CONTAINER=container.container_name, AUDIT_TABLE=unique_name()):
        yield
