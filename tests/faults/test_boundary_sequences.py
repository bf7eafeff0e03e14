"""The property of `tests/unit/sources/test_boundary.py`, with 10,000 sequences."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.sources.boundary_sequences import CURSORS, STEPS, run_sequence

pytestmark = [pytest.mark.campaign, pytest.mark.fault("rows at the watermark")]


@settings(max_examples=10_000, deadline=None)
@given(st.sampled_from(sorted(CURSORS)), st.booleans(), st.booleans(), STEPS)
def test_each_row_comes_once_in_any_sequence(
    family: str, keyed: bool, upserts: bool, steps: list[tuple[str, int]]
) -> None:
    run_sequence(family, keyed, upserts, steps)
