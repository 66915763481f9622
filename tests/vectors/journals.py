"""Makes ``journals/schema-N.db``: a small journal of this version's schema, as a kill leaves it.

    python -m tests.vectors.journals

Run it for a new schema; the files of released ones stay as they are, since journals like them are in the field.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from pathlib import Path

from lamplighter.gateway.adapters.schema import SCHEMA_VERSION
from lamplighter.gateway.adapters.store import Store
from lamplighter.gateway.core.effects import (
    Durable,
    KeepAnswer,
    KeepClock,
    KeepEnd,
    KeepEpoch,
    KeepLease,
    KeepReceipt,
    KeepRound,
    KeepSetback,
    KeepStanding,
    KeepTask,
    KeepTaskEnd,
    KeepVerdict,
)

FOLDER = Path(__file__).with_name("journals")


def lives() -> list[list[Durable]]:
    """Commits: three tasks, one of them over and one set back, in two epochs; leases of every end."""
    dice, at = random.Random(3), 1_700_000_000_000
    commits: list[list[Durable]] = [[
        KeepTask("over", "traffic.signals", b'{"a": 1}', 3, 60_000, at, 40), KeepRound("over", 0, 0, 1),
        KeepTask("open", "energy.flow", dice.randbytes(5_000), 0, 90_000, at, 50), KeepRound("open", 0, 0, 21),
        KeepTask("back", "toy", b"", 0, 90_000, at, 60)]]
    for number in range(1, 61):
        name, round_, node = ("over", 0, "aa") if number <= 20 else ("open", number // 40, f"b{number % 3}")
        made: list[Durable] = [KeepRound(name, round_, 0, number)] if number == 40 else []
        made.append(KeepLease(number, name, round_, number // 2, number % 2, node, "owner-" + node,
                              dice.randbytes(16), 10 + number % 3))
        if number % 10 == 3:
            made.append(KeepEnd(number, "expired"))
        elif number % 10 != 7:
            made += [KeepReceipt(number, "done", 7, number, dice.randbytes(158), dice.randbytes(20)),
                     KeepStanding(node, number, 0, 0)]
        if made[-1] == KeepStanding(node, number, 0, 0) and number % 10 != 9:
            made += [KeepVerdict(number, "ok" if number % 6 else "minority", int(number > 40)),
                     KeepAnswer(name, round_, number // 2, dice.randbytes(20), number % 9 == 0)]
        commits.append(made)
        if number == 25:
            commits.append([KeepTaskEnd("over", "done", b'{"v": 1}')])
        if number == 40:
            commits.append([KeepEpoch(1)])
    commits += [[KeepRound("back", 0, 0, 61), KeepRound("back", 1, 0, 61), KeepSetback("back", 0, 1)],
                [KeepClock(99)]]
    return commits


def make() -> Path:
    """The journal of this version."""
    path = FOLDER / f"schema-{SCHEMA_VERSION}.db"
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "journal.db")
        store.tail_bytes = 2_000
        for number, commit in enumerate(lives()):
            store.commit(commit)
            if number == 45:
                store.load(10)
        store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(Path(folder) / "journal.db", path)
        store.close()
    return path


if __name__ == "__main__":
    print(make())
