"""Every seed is a street with its own mix of faults; the invariants are looked at after every event."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.simulation.run import failure

SEEDS = 1_000
CHUNK = 50


@pytest.fixture(scope="module")
def computers() -> Iterator[ProcessPoolExecutor]:
    """A process for each core: a seed is one world, on its own."""
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        yield pool


def run_all(computers: ProcessPoolExecutor, first: int, count: int) -> None:
    failures = [told for told in computers.map(failure, range(first, first + count), chunksize=5) if told]
    assert not failures, f"{len(failures)} of {count} seeds failed; the first:\n{failures[0]}"


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_no_seed_breaks_an_invariant(first: int, computers: ProcessPoolExecutor) -> None:
    """Fifty seeds: no invariant broken, every task ends right, every credit is paid once."""
    run_all(computers, first, CHUNK)


@pytest.mark.soak
def test_no_seed_of_a_long_run_breaks_an_invariant(computers: ProcessPoolExecutor) -> None:
    """As many further seeds as LAMPLIGHTER_SEEDS says."""
    run_all(computers, SEEDS, int(os.environ.get("LAMPLIGHTER_SEEDS", "20000")))
