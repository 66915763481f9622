"""A proven liar's unpaid work is checked again, also in rounds that the solver has gone on from."""

from __future__ import annotations

import pytest

from lamplighter.gateway.core import judging, replay, state
from tests.simulation.run import report, run_seed
from tests.simulation.world import World, with_faults

SEEDS = range(60)


def cartel(seed: int) -> World:
    """A street in which nearly half of the devices, each of its own owner, agree on wrong answers; tasks of so many
    rounds that one may be caught when its work lies behind."""
    world = World(seed, with_faults(seed, cartel=True, liars=0.45, devices=9, owners=9, cancels=0, bad_tasks=0,
                                    hurry=False, where=("fleet",)))
    world.bodies = {name: (kind, {**given, "rounds": 8}) for name, (kind, given) in world.bodies.items()}
    return world


def test_wrong_answers_of_past_rounds_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks are replayed and set back; no invariant breaks, and no task ends with a liar's work unchecked."""
    seen = {"replays": 0, "setbacks": 0}
    for seed in SEEDS:
        world, broken = run_seed(seed, cartel(seed))
        assert not broken, report(world, broken)
        seen["setbacks"] += sum(record.run for record in world.journal.tasks.values())
        seen["replays"] += world.gateway.machine.state.counters["replays"]
    assert seen["replays"] > 5 and seen["setbacks"] > 0, seen


@pytest.mark.parametrize("bug", [
    (replay, "on_work_found", lambda b, event: None),
    (state.State, "find_work", lambda self, node: None),
    (judging, "_set_back", lambda b, task: None),
], ids=["never looks", "never asks", "never sets back"])
def test_without_it_an_invariant_breaks(bug: tuple[object, str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    """What catches a core that does not check again is that it does not."""
    monkeypatch.setattr(*bug)
    assert any(run_seed(seed, cartel(seed))[1] for seed in SEEDS)
