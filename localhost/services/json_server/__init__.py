"""json-server: a REST API over a JSON file, written by others and used as its users do."""

from localhost.services.json_server.server import JsonServer

__all__ = ["JsonServer"]
