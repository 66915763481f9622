"""How the commits of the tail become rows of tables.

Nearly all of what is kept is the lives of leases, which are mostly over when they are folded: each is put together
here and written once, and so is what becomes of nodes. All else is SQL of ``schema`` in the order of the effects.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from lamplighter.gateway.adapters.rows import VALUES, digest
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
_PUT_TOGETHER = {*_OF_LEASES, KeepStanding}


def fold(db: sqlite3.Connection, effects: Sequence[Durable], sums: Sums) -> None:
    """Writes ``effects`` into the tables, in a transaction of the caller's, who flushes the sums at its end.

    A lease that the journal has let go (its task over, an epoch sealed since) is not written any more.
    """
    others = (effect for effect in effects if type(effect) not in _PUT_TOGETHER)
    for kind, rows in groupby(others, type):
        if kind in (KeepTaskEnd, KeepSetback):
            sums.flush()   # segments go that must not come again
        db.executemany(FOLD[kind], map(VALUES[kind], rows))
    pay = _fold_leases(db, sums, [effect for effect in effects if type(effect) in _OF_LEASES])
    fold_standing(db, sums, {effect.node: effect for effect in effects if isinstance(effect, KeepStanding)}, pay)


def with_numbers(used: bytes, more: Iterable[int]) -> bytes:
    """Stretches of numbers, as ``Numbers`` gives them, and more numbers."""
    numbers = Numbers()
    numbers.take(b"", used)
    for number in more:
        numbers.use(b"", number)
    return numbers.given(b"")


class Pay:
    """What changes for a node: what it has earned, in kop, and the numbers of its new receipts."""

    def __init__(self, earned: int = 0) -> None:
        self.earned = earned
        self.used: list[int] = []


def _fold_leases(db: sqlite3.Connection, sums: Sums, effects: Sequence[Any]) -> dict[str, Pay]:
    """Returns what they pay."""
    new = {effect.lease: [*VALUES[KeepLease](effect), *_UNSENT] for effect in effects if type(effect) is KeepLease}
    wanted = json.dumps(list({effect.lease for effect in effects if effect.lease not in new}))
    before = {row[0]: row for row in db.execute(OLDER_LEASES, (wanted,))}
    older = {number: list(row) for number, row in before.items()}
    pay: dict[str, Pay] = defaultdict(Pay)
    for effect in effects:
        kind, lease = type(effect), new.get(effect.lease) or older.get(effect.lease)
        if kind is KeepLease or lease is None:
            continue
        if kind is not KeepVerdict:
            lease[_ENDED] = effect.ended
            if kind is KeepReceipt:
                lease[_BOOT:] = effect.boot, effect.seq, effect.proof, effect.answer
                pay[lease[_NODE]].used.append(number_of(effect.boot, effect.seq))
        elif lease[_EPOCH] in (-1, effect.epoch):   # what an ended epoch paid stays
            lease[_VERDICT], lease[_EPOCH], lease[_ANSWER] = effect.verdict, effect.epoch, b""
    db.executemany(NEW_LEASE, new.values())
    db.executemany(LEASE_ENDED, [(*row[_ENDED:], number) for number, row in older.items()])
    for number, row in new.items():
        sums.note(("lease", number >> 8), digest(row))
    for number, row in older.items():
        sums.note(("lease", number >> 8), digest(before[number]) ^ digest(row))
    shares: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for rows, sign, leases in ((new, 1, 1), (older, 1, 0), (before, -1, 0)):
        for row in rows.values():
            if row[_VERDICT] == "ok":
                pay[row[_NODE]].earned += sign * row[_PRICE]
            share = shares[row[_TASK], row[_NODE]]
            share[0] += leases
            share[1] += sign * (row[_ENDED] == "done")
    _fold_shares(db, sums, shares)
    return pay


def _fold_shares(db: sqlite3.Connection, sums: Sums, shares: dict[tuple[str, str], list[int]]) -> None:
    """Adds to how many leases of open tasks nodes were given, and have done."""
    tasks = {task for task, in db.execute(OPEN_TASKS)}
    made = []
    for (task, node), (leases, done) in shares.items():
        if task in tasks and (leases or done):
            before = db.execute(SHARE_OF, (task, node)).fetchone()
            row = (task, node, before[2] + leases, before[3] + done) if before else (task, node, leases, done)
            sums.note(("share", 0), (digest(before) if before else 0) ^ digest(row))
            made.append(row)
    db.executemany(KEEP_SHARE, made)


def fold_standing(db: sqlite3.Connection, sums: Sums, kept: dict[str, KeepStanding], pay: dict[str, Pay]) -> None:
    """The last word on each node, what it has earned, and the numbers that it has used."""
    made = []
    for node in {**kept, **pay}:
        before = db.execute(STANDING_OF, (node,)).fetchone()
        *own, kop, used = before or (node, 0, 0, 0, 0, 0, b"")
        if node in pay:
            kop += pay[node].earned
            used = with_numbers(used, pay[node].used)
        row = (*(VALUES[KeepStanding](kept[node]) if node in kept else own), kop, used)
        sums.note(("standing", 0), (digest(before) if before else 0) ^ digest(row))
        made.append(row)
    db.executemany(KEEP_STANDING, made)
