"""What an attempt costs: only the job's own failures count against JOB_MAX_ATTEMPTS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

FREE = 5  # interruptions of a job that cost nothing
_NOT_ITS_OWN = ("activity", "lease_lost", "still_held", "waiting", "busy")


class Attempts:
    """Counts how often each job of each run was tried, and how that ended.

    Args:
        violate: Reports what must not be.
    """

    def __init__(self, violate: Callable[[str], None]) -> None:
        self._violate = violate
        self._began: Counter[tuple[str, str]] = Counter()
        self._ended: Counter[tuple[str, str]] = Counter()
        self._own_failures: Counter[tuple[str, str]] = Counter()
        self._lost_leases: Counter[tuple[str, str]] = Counter()

    def began(self, order: Mapping[str, Any]) -> None:
        """An execution of an attempt begins: its number follows from the failures before it."""
        key = order["run_id"], order["job_id"]
        interruptions = self._began[key] - self._ended[key] + self._lost_leases[key]
        most = 1 + self._own_failures[key] + max(0, interruptions - FREE)
        if order["attempt"] > most:
            self._violate(f"job {key[1]} of run {key[0]} is at attempt {order['attempt']} for no fault of its own")
        self._began[key] += 1

    def ended(self, order: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """An execution has come to a result."""
        key = order["run_id"], order["job_id"]
        self._ended[key] += 1
        kind = (result.get("error") or {}).get("kind")
        self._own_failures[key] += kind is not None and kind not in _NOT_ITS_OWN
        self._lost_leases[key] += kind == "lease_lost"
