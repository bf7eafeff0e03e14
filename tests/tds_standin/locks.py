"""Locks of tables, and who waits for whom."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from .schema import Table, Transaction
from .tokens import SqlError


class Locks:
    """The part of the engine that locks."""

    changed: threading.Condition

    def wait(self, session: Any, own: Transaction | None, blockers: Callable[[], set[Transaction]]) -> None:
        """Wait until no session blocks; errors 1222 and 1205 as the session and the others have it."""
        started = time.monotonic()
        with self.changed:
            while others := blockers() - {own}:
                if session.lock_timeout >= 0 and time.monotonic() - started >= session.lock_timeout / 1000:
                    raise SqlError(1222, "Lock request time out period exceeded.", state=51)
                blocker = next(iter(others))
                if own:
                    own.waits_for = blocker
                    if self._in_circle(own):
                        own.waits_for = None
                        raise SqlError(1205, _DEADLOCK.format(session.id), level=13, state=51)
                try:
                    self.changed.wait(0.05)
                finally:
                    if own:
                        own.waits_for = None
                session.check()

    def _in_circle(self, start: Transaction) -> bool:
        seen, at = set(), start.waits_for
        while at and at not in seen:
            if at is start:
                return True
            seen.add(at)
            at = at.waits_for
        return False

    def lock_shared(self, session: Any, transaction: Transaction, table: Table) -> None:
        with self.changed:
            self.wait(session, transaction, lambda: table.writers | table.exclusive)
            table.shared.add(transaction)

    def lock_exclusive(self, session: Any, transaction: Transaction, table: Table) -> None:
        with self.changed:
            self.wait(session, transaction, lambda: table.writers | table.exclusive | table.shared)
            table.exclusive.add(transaction)

    def lock_write(self, session: Any, transaction: Transaction, table: Table) -> None:
        with self.changed:
            self.wait(session, transaction, lambda: table.shared | table.exclusive)
            table.writers.add(transaction)


_DEADLOCK = (
    "Transaction (Process ID {}) was deadlocked on lock resources with another process and has been chosen as the "
    "deadlock victim. Rerun the transaction."
)
