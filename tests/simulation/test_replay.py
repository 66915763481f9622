"""The same seed is the same story: in one process, in another, under any hash seed, at any wall-clock time."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.simulation.journal import Journal
from tests.simulation.run import digest, run_seed
from tests.simulation.world import World, with_faults

ROOT = Path(__file__).parents[2]
SEEDS = range(12)
PRINT_DIGESTS = f"""
from tests.simulation.run import digest, run_seed
print(*[digest(seed) for seed in range({len(SEEDS)})])
"""


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


def digests_in(python: str, **env: str) -> list[str]:
    """What another process of ``python`` makes of the same seeds, with the packages of this environment."""
    other = subprocess.run([python, "-c", PRINT_DIGESTS], cwd=ROOT, env={**os.environ, **env}, capture_output=True,
                           text=True)
    assert other.returncode == 0, other.stderr
    return other.stdout.split()


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_seed_replays_under_any_hash_seed(hash_seed: str) -> None:
    """Neither sets nor dicts with hashed order leak into what the core says."""
    assert digests_in(sys.executable, PYTHONHASHSEED=hash_seed) == [first_digest(seed) for seed in SEEDS]


def test_seed_replays_on_another_python() -> None:
    """The trace is the same on every Python from 3.11 on that this machine has."""
    others = {name: version_of(name) for name in ("python3", "python3.11", "python3.12", "python3.13")}
    others = {name: version for name, version in others.items() if version not in ("", version_of(sys.executable))}
    if not others:
        pytest.skip("no other Python from 3.11 on is installed")
    for python in others:
        assert digests_in(python) == [first_digest(seed) for seed in SEEDS], python


def version_of(python: str) -> str:
    """Such as 3.12; empty where there is none, or one before 3.11."""
    show = "import sys; print('%d.%d' % sys.version_info[:2] if sys.version_info >= (3, 11) else '')"
    try:
        return subprocess.run([python, "-c", show], capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


@pytest.mark.parametrize("seed", range(12))
def test_wall_clock_jumps_change_nothing(seed: int) -> None:
    """Invariant 10: the same leases, verdicts and credits whether the wall clock jumps by years or stands still."""
    mix = with_faults(seed, wall_jumps=8)
    jumping, still = World(seed, mix), World(seed, mix, wall=False)
    for world in (jumping, still):
        assert run_seed(seed, world) == (world, "")
    assert jumping.wall_ms != still.wall_ms
    assert ledger(jumping.journal) == ledger(still.journal)


def test_failing_seed_says_how_to_replay_it() -> None:
    """The command that a failing seed prints runs that seed and shows the same end."""
    told = subprocess.run([sys.executable, "-m", "tests.simulation", "--seed", "7", "--tail", "3"], cwd=ROOT,
                          capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert f"trace {first_digest(7)}" in told.stdout
