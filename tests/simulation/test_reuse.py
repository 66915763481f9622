"""An id may come again once its task has left the list, also while its old leases are still in the journal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.simulation import auditor, gateway, witness
from tests.simulation import world as worlds
from tests.simulation.mix import Mix, mix_of

CALM = {**dict.fromkeys(Mix.__slots__, 0), "where": ("fleet",)}


def test_restart_does_not_mix_a_task_with_an_older_one_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in the second run of an id, the gateway judges nobody by what they answered in the first."""
    policy = replace(gateway.POLICY, max_finished=0)
    monkeypatch.setattr(gateway, "POLICY", policy)
    monkeypatch.setattr(worlds, "POLICY", policy)
    for module in (auditor, witness):   # their rules take ids for unique
        monkeypatch.setattr(module, "need", lambda *about: None)
    changes = {"devices": 5, "owners": 5, "tasks": 1, "jobs": 24, "session_kept": True}
    mix = replace(mix_of(0), **CALM | changes)
    world = worlds.World(0, mix)
    while "task-0" not in world.results:
        world.step()
    first = len(world.journal.leases)
    world.results.clear()
    world.journal.answers.clear()   # as the store does when a task ends
    kind_name, given = world.bodies["task-0"]
    world.insist("task.submit", id="task-0", kind=kind_name, input=given, where="fleet")
    while len(world.journal.leases) < first + 8:
        world.step()
    world.gateway.kill()
    while "task-0" not in world.results:
        world.step()
    world.close()
    assert len(world.journal.leases) > first + 8
    assert {record.verdict for record in world.journal.leases.values()} <= {"", "ok", "late"}
    assert all(lies == 0 for _, lies, *_ in world.journal.standing.values())
