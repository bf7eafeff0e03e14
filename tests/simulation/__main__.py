"""`python -m tests.simulation`: one seed with its trace, or many with a count."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.progress import track

from tests.simulation.edges import edges
from tests.simulation.world import simulate


def main(
    seed: Annotated[int | None, typer.Option(help="One world, with everything that happens in it.")] = None,
    seeds: Annotated[int, typer.Option(help="How many worlds.")] = 2_000,
    first: Annotated[int, typer.Option(help="The first of them.")] = 0,
) -> None:
    """Simulate the app; the exit code is 1 if anything is not as it must be."""
    with edges():
        if seed is not None:
            found = simulate(seed, is_traced=True)
            print("\n".join(found.trace))
            raise typer.Exit(bool(found.violations))
        began, broken = time.perf_counter(), 0
        for number in track(range(first, first + seeds), "Seeds"):
            found = simulate(number)
            if found.violations:
                broken += 1
                print(f"seed {number}: {'; '.join(found.violations)}", flush=True)
        print(f"{seeds} seeds in {time.perf_counter() - began:.0f} s, {broken} broken")
        raise typer.Exit(bool(broken))


if __name__ == "__main__":
    typer.run(main)
