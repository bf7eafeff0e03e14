"""Whole partitions of the audit table, newest first, as tests look at them."""

from __future__ import annotations

from collections.abc import Iterator

from shared.audit.table import RUNS, Row, partition


def run_rows() -> Iterator[Row]:
    """The runs."""
    return partition(RUNS)


def job_history(job_id: str) -> Iterator[Row]:
    """The loads of one job over all runs."""
    return partition(f"job:{job_id}")
