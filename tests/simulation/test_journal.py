"""The model of the journal and the real one give the same snapshot, whatever was committed and sealed."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamplighter.gateway.adapters.store import Store
from lamplighter.gateway.core import effects as f
from tests.simulation.gateway import Gateway
from tests.simulation.journal import REMEMBERED, Journal
from tests.simulation.world import World, with_faults

Step = list[f.Effect] | int


def story(seed: int) -> list[Step]:
    """What a seed commits, batch by batch, and the epochs that it seals in between."""
    steps: list[Step] = []

    class Recording(Gateway):
        def commit(self, durable: list[f.Effect]) -> None:
            super().commit(durable)
            steps.append(durable)

        def _seal(self, x: f.SealEpoch) -> None:
            super()._seal(x)
            steps.append(x.epoch)

    World(seed, with_faults(seed, crash=0.02, epochs=4, liars=0.3), gateway=Recording).run()
    return steps


def same(store: Store, model: Journal) -> bool:
    """Whether both give the same snapshot, the same of every round, and the same work of every node."""
    snapshot = model.snapshot()
    rounds = [(task.task, round_) for task in snapshot.tasks for round_ in range(task.rounds)]
    asked = [f.RecallRound(*round_, *how) for round_ in rounds for how in ((0, False), (99, False), (0, True))]
    return (store.load(REMEMBERED) == snapshot
            and all(store.recall(x.task, x.round, x.jobs, x.leases) == model.recall(x) for x in asked)
            and all(sorted(store.work_of(row.node)) == sorted(model.work_of(row.node)) for row in snapshot.standing))


@pytest.mark.parametrize("seed", range(4))
def test_store_gives_what_the_model_gives(seed: int, tmp_path: Path) -> None:
    """After every tenth batch and every seal, both restore the same; what seeds prove holds for SQLite."""
    model, store = Journal(), Store.open(tmp_path / "journal.db")
    try:
        for at, step in enumerate(story(seed)):
            if isinstance(step, int):
                if step in store.unsealed():
                    store.forget_epoch(step)
                model.seal(step)
            else:
                store.commit(step)  # type: ignore[arg-type]
                for effect in step:
                    model.apply(effect)
            if at % 10 == 0 or isinstance(step, int):
                assert same(store, model)
        assert same(store, model)
    finally:
        store.close()
