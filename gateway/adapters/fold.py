"""How the commits of the tail become rows of tables.

Nearly all of what is kept is the lives of leases, which are mostly over when they are folded: each is put together
here and written once, and so is what becomes of nodes. All else is SQL of ``schema`` in the order of the effects.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from lamplighter.gateway.adapters.rows import VALUES, Counted, digest
from lamplighter.gateway.adapters.schema import (
    FOLD,
    GIVEN,
    KEEP_SHARE,
    KEEP_STANDING,
    LEASE_ENDED,
    NEW_LEASE,
    OLDER_LEASES,
    OPEN_TASKS,
    OUTCOME,
    SHARE_OF,
    STANDING_OF,
)
from lamplighter.gateway.adapters.sums import Sums
from lamplighter.gateway.core.effects import (
    Durable,
    KeepAnswer,
    KeepEnd,
    KeepLease,
    KeepReceipt,
    KeepSetback,
    KeepStanding,
    KeepTaskEnd,
    KeepVerdict,
)
from lamplighter.gateway.protocol.numbers import Numbers, number_of

Row = Sequence[Any]

_TASK, _NODE, _PRICE = map(GIVEN.index, ("task", "node", "price_kop"))
_ENDED, _VERDICT, _EPOCH, _BOOT, _, _, _ANSWER = range(len(GIVEN), len(GIVEN + OUTCOME))
_UNSENT = ("", "", -1, 0, 0, b"", b"")
"""The outcome of a lease that has none."""
_OF_LEASES = {KeepLease, KeepEnd, KeepReceipt, KeepVerdict}
_PUT_TOGETHER = {*_OF_LEASES, KeepStanding, Counted}
_CARRIED = 1_024
"""Leases, and nodes with their shares, of which no more are carried on."""


class Count:
    """What changes for a node and a task: leases, those done in time, kop earned, and the numbers of receipts."""

    __slots__ = ("done", "kop", "leases", "numbers")

    def __init__(self) -> None:
        self.leases = self.done = self.kop = 0
        self.numbers = Numbers()

    def add(self, leases: int, done: int, kop: int, used: bytes = b"") -> None:
        self.leases += leases
        self.done += done
        self.kop += kop
        self.numbers.take(b"", used)

    def kept(self, task: str, node: str) -> Counted:
        """As it is carried on."""
        return Counted(task, node, self.leases, self.done, self.kop, self.numbers.given(b""))


Counts = dict[tuple[str, str], Count]
"""By (task, node)."""


def fold(db: sqlite3.Connection, sums: Sums, effects: Sequence[Durable | Counted], whole: bool) -> list[Any]:
    """Writes ``effects`` into the tables, in a transaction of the caller's, who flushes the sums at its end.

    Unless the ``whole`` is wanted, new leases that are not over, and sums of what becomes of nodes, are not written
    but returned, to be folded with what comes next. A lease that the journal has let go (its task over, an epoch
    sealed since) is not written any more.
    """
    others = (effect for effect in effects if type(effect) not in _PUT_TOGETHER)
    for kind, run in groupby(others, type):
        rows = [VALUES[kind](effect) for effect in run]
        if kind in (KeepTaskEnd, KeepSetback):
            sums.flush()   # segments go that must not come again
            whole = True   # shares go with their task
        db.executemany(FOLD[kind], rows)
        if kind is KeepAnswer:
            for task, round_, index, answer, audited in rows:
                sums.note((f"answer {task}", round_), digest((task, round_, index, answer, int(audited))))
    counts: Counts = defaultdict(Count)
    for effect in effects:
        if type(effect) is Counted:
            counts[effect.task, effect.node].add(effect.leases, effect.done, effect.kop, effect.used)
    lives: list[Any] = [effect for effect in effects if type(effect) in _OF_LEASES]
    open_ = set() if whole else _open(lives)
    _fold_leases(db, sums, [effect for effect in lives if effect.lease not in open_], counts)
    standing = {effect.node: effect for effect in effects if type(effect) is KeepStanding}   # the last word on each
    left = [effect for effect in lives if effect.lease in open_]
    if not whole and len(standing) + len(counts) < _CARRIED:
        return [*left, *standing.values(), *(count.kept(*key) for key, count in counts.items())]
    _fold_shares(db, sums, counts)
    fold_standing(db, sums, standing, counts)
    return left


def _open(lives: Sequence[Any]) -> set[int]:
    """The newest leases that began here and are not judged or over: no more than a few."""
    began = {effect.lease for effect in lives if type(effect) is KeepLease}
    over = {effect.lease for effect in lives if type(effect) in (KeepEnd, KeepVerdict)}
    return set(sorted(began - over)[-_CARRIED:])


def _fold_leases(db: sqlite3.Connection, sums: Sums, effects: Sequence[Any], counts: Counts) -> None:
    """Adds to ``counts`` by (task, node)."""
    new = {effect.lease: [*VALUES[KeepLease](effect), *_UNSENT] for effect in effects if type(effect) is KeepLease}
    wanted = json.dumps(list({effect.lease for effect in effects if effect.lease not in new}))
    before = {row[0]: row for row in db.execute(OLDER_LEASES, (wanted,))}
    older = {number: list(row) for number, row in before.items()}
    for effect in effects:
        kind, lease = type(effect), new.get(effect.lease) or older.get(effect.lease)
        if kind is KeepLease or lease is None:
            continue
        if kind is not KeepVerdict:
            lease[_ENDED] = effect.ended
            if kind is KeepReceipt:
                lease[_BOOT:] = effect.boot, effect.seq, effect.proof, effect.answer
                counts[lease[_TASK], lease[_NODE]].numbers.use(b"", number_of(effect.boot, effect.seq))
        elif lease[_EPOCH] in (-1, effect.epoch):   # what an ended epoch paid stays
            lease[_VERDICT], lease[_EPOCH], lease[_ANSWER] = effect.verdict, effect.epoch, b""
    db.executemany(NEW_LEASE, new.values())
    db.executemany(LEASE_ENDED, [(*row[_ENDED:], number) for number, row in older.items()])
    for number, row in new.items():
        sums.note(("lease", number >> 8), digest(row))
    for number, row in older.items():
        sums.note(("lease", number >> 8), digest(before[number]) ^ digest(row))
    for rows, sign, leases in ((new, 1, 1), (older, 1, 0), (before, -1, 0)):
        for row in rows.values():
            counts[row[_TASK], row[_NODE]].add(leases, sign * (row[_ENDED] == "done"),
                                               sign * row[_PRICE] if row[_VERDICT] == "ok" else 0)


def _fold_shares(db: sqlite3.Connection, sums: Sums, counts: Counts) -> None:
    """Adds to how many leases of open tasks nodes were given, and have done."""
    tasks = {task for task, in db.execute(OPEN_TASKS)}
    made = []
    for (task, node), count in counts.items():
        leases, done = count.leases, count.done
        if task in tasks and (leases or done):
            before = db.execute(SHARE_OF, (task, node)).fetchone()
            row = (task, node, before[2] + leases, before[3] + done) if before else (task, node, leases, done)
            sums.note(("share", 0), (digest(before) if before else 0) ^ digest(row))
            made.append(row)
    db.executemany(KEEP_SHARE, made)


def fold_standing(db: sqlite3.Connection, sums: Sums, kept: dict[str, KeepStanding], counts: Counts) -> None:
    """The last word on each node, what it has earned, and the numbers that it has used."""
    of_node: dict[str, Count] = defaultdict(Count)
    for (_, node), count in counts.items():
        of_node[node].add(0, 0, count.kop, count.numbers.given(b""))
    made = []
    for node in {**kept, **of_node}:
        before = db.execute(STANDING_OF, (node,)).fetchone()
        *own, kop, used = before or (node, 0, 0, 0, 0, 0, -1, 0, b"")
        count = of_node[node]
        count.numbers.take(b"", used)
        own = VALUES[KeepStanding](kept[node]) if node in kept else own
        row = (*own, kop + count.kop, count.numbers.given(b""))
        sums.note(("standing", 0), (digest(before) if before else 0) ^ digest(row))
        made.append(row)
    db.executemany(KEEP_STANDING, made)
