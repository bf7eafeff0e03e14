"""The slots of a source: so many of its jobs run at once, whatever runs and instances they belong to."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from shared.isolation.slots import SourceFullError, source_slot

pytestmark = pytest.mark.usefixtures("app_settings")


def test_the_slots_of_a_source_are_shared_by_all_runs() -> None:
    with ExitStack() as stack:
        stack.enter_context(source_slot("shop/pg", 2, "a", "run-1"))
        stack.enter_context(source_slot("shop/pg", 2, "b", "run-2"))
        with pytest.raises(SourceFullError, match="Source 'shop/pg' has 2 jobs running") as full:
            stack.enter_context(source_slot("shop/pg", 2, "c", "run-3"))
        assert (full.value.kind, full.value.retryable) == ("waiting", True)
        stack.enter_context(source_slot("other", 1, "c", "run-3"))
    with source_slot("shop/pg", 2, "c", "run-3"):
        pass


def test_a_run_that_is_carried_on_takes_its_slot_up_again() -> None:
    with source_slot("shop_pg", 1, "a", "run-1"), source_slot("shop_pg", 1, "a", "run-1"):
        pass
