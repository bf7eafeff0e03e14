"""The simulation finds faults: each one that is put into the app on purpose is reported within a thousand seeds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulation.edges import edges
from tests.simulation.mutations import MUTATIONS, Mutation
from tests.simulation.world import simulate

WITHIN = 1000  # seeds: most are found by the first fifty, and which ones changes with each request of the app


@pytest.fixture(scope="module", autouse=True)
def simulated() -> Iterator[None]:
    with edges():
        yield


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_simulation_finds_it(mutation: Mutation) -> None:
    with mutation.made():
        for seed in range(WITHIN):
            violations = simulate(seed, mixture=mutation.mixture).violations
            if any(mutation.words in text for text in violations):
                return
    pytest.fail(f"{WITHIN} seeds have not found it")
