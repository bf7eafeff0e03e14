"""What every transaction at PostgreSQL runs under, set by statement: a pooler such as PgBouncer passes no options.

Casts to text then print the same on any configuration of the server, and nothing is written. The settings are local to
the transaction: a pooler gives the next one another server connection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from shared.errors.hierarchy import SourceError

_SETTINGS = {
    "transaction_read_only": "on",
    "idle_in_transaction_session_timeout": "0",  # the snapshot's own connection waits while others read
    "timezone": "UTC",
    "datestyle": "ISO,MDY",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
}

Ask = Callable[[str], Sequence[Any]]
"""Runs a statement and gives its only row."""


def set_session(ask: Ask, statement_timeout: int) -> None:
    """Set the settings of a transaction that has begun, and see that they hold in its next statement.

    Args:
        ask: Runs a statement in the transaction.
        statement_timeout: Seconds that one statement may take; 0 means no limit.

    Raises:
        SourceError: they do not hold, as behind a pooler that gives each statement another server connection.
    """
    settings = _SETTINGS | {"statement_timeout": f"{statement_timeout}s"}
    wanted = ask("SELECT " + ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items()))
    found = ask("SELECT " + ", ".join(f"current_setting('{name}')" for name in settings))
    changed = [name for name, asked, holds in zip(settings, wanted, found, strict=True) if asked != holds]
    if changed:
        raise SourceError(
            f"The server does not keep the settings of a transaction ({', '.join(changed)}): between it and the app is "
            "a pooler that gives each statement another connection. Set its pool_mode to transaction or session, or "
            "connect to the server itself."
        )


def set_in_every_transaction(engine: sa.Engine, statement_timeout: int) -> None:
    """Let every transaction of an engine begin with `set_session`."""

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        set_session(lambda statement: connection.exec_driver_sql(statement).one(), statement_timeout)
