"""Every seed is a street with its own mix of faults; the invariants are looked at after every event."""

from __future__ import annotations

import os

import pytest

from tests.simulation.run import report, run_seed

SEEDS = 1_000
CHUNK = 50


def run_all(first: int, count: int) -> None:
    failures = [report(world, broken) for world, broken in map(run_seed, range(first, first + count)) if broken]
    assert not failures, f"{len(failures)} of {count} seeds failed; the first:\n{failures[0]}"


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_no_seed_breaks_an_invariant(first: int) -> None:
    """Fifty seeds: no invariant broken, every task ends right, every credit is paid once."""
    run_all(first, CHUNK)


@pytest.mark.soak
def test_no_seed_of_a_long_run_breaks_an_invariant() -> None:
    """As many further seeds as LAMPLIGHTER_SEEDS says."""
    run_all(SEEDS, int(os.environ.get("LAMPLIGHTER_SEEDS", "20000")))
