"""`python -m localhost start`: the app at a fixed address until Ctrl-C, and what a newcomer needs to use it."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console

from localhost.host.process import HostStartError
from localhost.local_app import APP_FOLDER, LocalApp, host_folder, local_app
from localhost.rentals import SOURCE as RENTALS
from localhost.rentals import put_rentals
from localhost.terminal import FOLDER

LOCAL_SOURCE = "local_pg"
"""The source_name of the local PostgreSQL server."""

_POLL_SECONDS = 1.0
_LOG_TAIL = 2000

_WELCOME = """\
The app runs at {url}. Ctrl-C ends it; its data stays in {folder}.

  dashboard     {url}/api/dashboard  asks for the function key
  function key  {key}
  log           {log}
  PostgreSQL    {host}:{port}, database {database}, user {user}, password in {password_file};
                for the app it is the source {source}

Try:

  curl {url}/api/health
  curl -X POST {url}/api/runs -H 'x-functions-key: {key}'
  curl {url}/api/runs/RUN_ID -H 'x-functions-key: {key}'

Look into the lake:

  python -m localhost lake ls{folder_option}
  python -m localhost lake query "SELECT …"{folder_option}

  Other tools (Storage Explorer, adlfs, Polars) trust {ca_bundle}
  and connect with {connection}
"""
_NO_WORKBOOK = """\
There is no workbook yet. Make one, fill it in, upload it:

  python -m localhost template FILE.xlsx
  python -m localhost upload FILE.xlsx
"""


def serve(folder: Path, port: int, console: Console, has_example: bool = False) -> None:
    """Run the app until a signal ends it.

    Args:
        folder: Keeps the data of the app and its services.
        port: To listen on; 0 for any free one.
        console: Shows where everything is.
        has_example: Whether the example database of 20 tables is made, too.

    Raises:
        HostStartError: the host cannot be started, or has ended by itself.
        ServiceError: a service cannot be started.
    """
    console.print("Starting the services and the app …")
    schedules = {name: os.environ.get(name) or value for name, value in _example_schedules().items()}
    with local_app(folder, schedules, port) as app:
        put_local_source(app)
        if has_example:
            put_rentals(app)
            console.print(f"The example database of 20 tables is the source {RENTALS}.")
        console.print(_welcome(app, folder), markup=False, soft_wrap=True)
        while _answers(app.url):
            time.sleep(_POLL_SECONDS)
        raise HostStartError(f"The app has ended by itself; its log ends:\n{app.host.log_text()[-_LOG_TAIL:]}")


def put_local_source(app: LocalApp) -> None:
    """Store the connection of the local PostgreSQL, so that a workbook can name it at once, and a key for masks."""
    connection = app.postgres_connection(app.services.postgres.database)
    app.put_source(LOCAL_SOURCE, {"dialect": "postgresql", **connection})
    app.put_mask_key()


def _welcome(app: LocalApp, folder: Path) -> str:
    server = app.services.postgres
    text = _WELCOME.format(
        url=app.url,
        folder=folder,
        key=app.function_key,
        log=host_folder(folder) / "host.log",
        host=server.host,
        port=server.port,
        database=server.database,
        user=server.user,
        password_file=server.folder / "home" / "password",
        source=LOCAL_SOURCE,
        folder_option="" if folder == FOLDER else f" --folder {folder}",
        ca_bundle=app.storage_place.ca_bundle,
        connection=app.storage_place.connection_string,
    )
    return text if app.workbook.exists() else f"{text}\n{_NO_WORKBOOK}"


def _example_schedules() -> dict[str, str]:
    """The schedules of local.settings.json.example: the host has no defaults."""
    values = json.loads((APP_FOLDER / "local.settings.json.example").read_text(encoding="utf-8"))["Values"]
    return {name: value for name, value in values.items() if name.endswith("_SCHEDULE")}


def _answers(url: str) -> bool:
    address = urlsplit(url)
    try:
        with socket.create_connection((str(address.hostname), address.port or 0), timeout=10):
            return True
    except OSError:
        return False
