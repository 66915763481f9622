"""The simulator finds bugs: each one planted is caught within a few seeds, as what it is."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from lamplighter.gateway.core.machine import Machine
from tests.simulation.bugs import BUGS, HANDLERS, Bug
from tests.simulation.mix import Mix
from tests.simulation.run import report, run_seed
from tests.simulation.world import World, with_faults

SEEDS = 40


def harsh(seed: int) -> Mix:
    """The mix of a seed with every kind of fault in it that these bugs need to show."""
    return with_faults(seed, double=0.2, partitions=3, reboots=2, liars=0.3, cartel=False, hostile=20, crash=0.08,
                       second_tries=6, worker_ends=0.1, epochs=8, cancels=1, revoked=1, hurry=False, transfers=6,
                       floods=2, replays=seed % 2 * 40, amnesias=seed % 2 * 2, upgrades=4)


@pytest.fixture
def patched(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Lets a bug replace the handlers of the machines to come."""
    init = Machine.__init__

    def with_handlers(self: Any, *args: Any, **named: Any) -> None:
        init(self, *args, **named)
        for kind in list(self._handlers):
            self._handlers[kind] = HANDLERS.get(kind.__name__, self._handlers[kind])
    monkeypatch.setattr(Machine, "__init__", with_handlers)
    return monkeypatch


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.plant.__name__)
def test_planted_bug_is_caught(bug: Bug, patched: pytest.MonkeyPatch) -> None:
    """A core with this bug breaks its invariant within a few seeds, and the report says how to see it again. Most
    are bugs of leases: devices get all tasks unless one wants it otherwise."""
    bug.plant(patched)
    for seed in range(SEEDS):
        world, broken = run_seed(seed, World(seed, replace(harsh(seed), **{"where": ("fleet",), **bug.faults})))
        if re.search(bug.broken, broken):
            told = report(world, broken)
            assert f"python -m tests.simulation --seed {seed}" in told and len(told.splitlines()) > 2
            return
    pytest.fail(f"{SEEDS} seeds did not catch it as {bug.broken}")


def test_harsh_seeds_break_nothing_without_a_bug() -> None:
    """What catches the bugs is the bugs: the same seeds pass, crashing at every write and between messages."""
    stages = set()
    for seed in range(SEEDS):
        world, broken = run_seed(seed, World(seed, harsh(seed)))
        assert not broken, report(world, broken)
        stages |= world.stages
    assert stages == {"registry", "log", "commit", "committed", "leaving", "fold", "forget"}
