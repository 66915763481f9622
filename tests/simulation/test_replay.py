"""The same seed is the same story: in one process, in another, under any hash seed, at any wall-clock time."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.simulation.journal import Journal
from tests.simulation.world import World, with_faults

ROOT = Path(__file__).parents[2]
SEEDS = range(12)
PRINT_DIGESTS = f"""
from tests.simulation.test_replay import digest
print(*[digest(seed) for seed in range({len(SEEDS)})])
"""


def digest(seed: int) -> str:
    world = World(seed, hashing=True)
    world.run()
    return world.digest()


@cache
def first_digest(seed: int) -> str:
    return digest(seed)


def ledger(journal: Journal) -> list[tuple[object, ...]]:
    return [(r.kept, r.ended, r.verdict, r.epoch, r.paid, r.answer) for r in journal.leases.values()]


def test_seed_replays_in_this_process() -> None:
    """Running a seed twice gives the same trace."""
    assert [digest(seed) for seed in SEEDS] == [first_digest(seed) for seed in SEEDS]


def test_seeds_differ() -> None:
    """The trace hash sees what happens: no two seeds share one."""
    assert len({first_digest(seed) for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_seed_replays_under_any_hash_seed(hash_seed: str) -> None:
    """Neither sets nor dicts with hashed order leak into what the core says."""
    env = {**os.environ, "PYTHONHASHSEED": hash_seed}
    other = subprocess.run([sys.executable, "-c", PRINT_DIGESTS], cwd=ROOT, env=env, capture_output=True, text=True)
    assert other.returncode == 0, other.stderr
    assert other.stdout.split() == [first_digest(seed) for seed in SEEDS]


@pytest.mark.parametrize("seed", range(12))
def test_wall_clock_jumps_change_nothing(seed: int) -> None:
    """Invariant 10: the same leases, verdicts and credits whether the wall clock jumps by years or stands still."""
    mix = with_faults(seed, wall_jumps=8)
    jumping, still = World(seed, mix), World(seed, mix, wall=False)
    jumping.run()
    still.run()
    assert jumping.wall_ms != still.wall_ms
    assert ledger(jumping.journal) == ledger(still.journal)


def test_failing_seed_says_how_to_replay_it() -> None:
    """The command that a failing seed prints runs that seed and shows the same end."""
    told = subprocess.run([sys.executable, "-m", "tests.simulation", "--seed", "7", "--tail", "3"], cwd=ROOT,
                          capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert f"trace {first_digest(7)}" in told.stdout
