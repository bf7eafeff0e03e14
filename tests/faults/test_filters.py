"""Filters that were never tried before: none may get more through than a condition."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest

from shared.jobs.filters import FilterError, checked_filter
from shared.jobs.filters.grammars import GRAMMARS
from tests.filters import filter_of, leak_of

SECONDS = 120


@pytest.mark.campaign
@pytest.mark.fault("query_filter: grammar and mutations")
@pytest.mark.parametrize("dialect", GRAMMARS)
def test_no_filter_gets_more_through_than_a_condition(
    dialect: str, record_property: Callable[[str, object], None]
) -> None:
    ends, tried = time.monotonic() + SECONDS, 0
    first = random.SystemRandom().randrange(10**12)
    while time.monotonic() < ends:
        number = first + tried
        tried += 1
        text = filter_of(number, dialect)
        try:
            sent = checked_filter.__wrapped__(text, dialect)
        except FilterError:
            continue
        assert leak_of(sent, dialect) is None, (number, text)
    record_property("points", tried)
