"""The services that the app needs, on this machine: storage, identity, vault, database."""

from localhost.services.postgres import Postgres
from localhost.services.service import ServiceError
from localhost.services.stack import LocalServices

__all__ = ["LocalServices", "Postgres", "ServiceError"]
