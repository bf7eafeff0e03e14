"""The simulation at its full size; a failing seed is replayed with `python -m tests.simulation --seed N`."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.simulation.edges import edges
from tests.simulation.world import simulate

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "100000"))
BLOCKS = 100
FIRST = 1_000_000  # beyond those of `make test`


@pytest.mark.campaign
@pytest.mark.timeout(0)
@pytest.mark.fault("a simulated hour of faults, by seed")
@pytest.mark.parametrize("block", range(BLOCKS))
def test_seeds(block: int, record_property: Callable[[str, object], None]) -> None:
    seeds = range(FIRST + block * SEEDS // BLOCKS, FIRST + (block + 1) * SEEDS // BLOCKS)
    record_property("points", len(seeds))
    with edges():
        broken = {seed: found for seed in seeds if (found := simulate(seed).violations)}
    assert broken == {}, f"python -m tests.simulation --seed {min(broken)}"
