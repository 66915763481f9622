"""How the commits of the tail become rows of tables.

Nearly all of what is kept is the lives of leases, which are mostly over when they are folded: each is put together
here and written once. Everything else is SQL of ``schema`` in the order of the effects.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from lamplighter.gateway.adapters.rows import VALUES
from lamplighter.gateway.adapters.schema import ADD_EARNED, ADD_SHARE, FOLD, GIVEN, KEEP_LEASE, OLDER_LEASES
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

_TASK, _NODE, _PRICE = map(GIVEN.index, ("task", "node", "price_kop"))
_OF_LEASES = {KeepLease, KeepEnd, KeepReceipt, KeepVerdict}
_ANY_ORDER = (KeepAnswer, KeepStanding)
"""Of many of these in a row, all of one kind can be written in one run."""


class _Lease:
    """The row of a lease: what was ``given``, and what became of it."""

    __slots__ = ("answer", "boot", "counted", "ended", "epoch", "given", "proof", "seq", "verdict")

    def __init__(self, given: Sequence[Any], outcome: Sequence[Any] = ("", "", -1, 0, 0, b"", b""),
                 new: bool = True) -> None:
        self.given = given
        self.ended, self.verdict, self.epoch, self.boot, self.seq, self.proof, self.answer = outcome
        self.counted = (0, 0, 0) if new else self.counts()

    def row(self) -> tuple[Any, ...]:
        return (*self.given, self.ended, self.verdict, self.epoch, self.boot, self.seq, self.proof, self.answer)

    def counts(self) -> tuple[int, int, int]:
        """What it adds to the sums: leases, leases done, kop earned."""
        return 1, self.ended == "done", self.given[_PRICE] if self.verdict == "ok" else 0

    def apply(self, effect: Any) -> None:
        kind = type(effect)
        if kind is KeepVerdict:
            if self.epoch in (-1, effect.epoch):   # what an ended epoch paid stays
                self.verdict, self.epoch, self.answer = effect.verdict, effect.epoch, b""
            return
        self.ended = effect.ended
        if kind is KeepReceipt:
            self.boot, self.seq, self.proof, self.answer = effect.boot, effect.seq, effect.proof, effect.answer


def fold(db: sqlite3.Connection, effects: Sequence[Durable], flush: Callable[[], None]) -> None:
    """Writes ``effects`` into the tables, in a transaction of the caller's, who flushes the sums at its end.

    A lease that the journal has let go (its task over, an epoch sealed since) is not written any more.
    """
    for kind, rows in _in_runs(effect for effect in effects if type(effect) not in _OF_LEASES):
        if kind in (KeepTaskEnd, KeepSetback):
            flush()   # segments go that must not come again
        db.executemany(FOLD[kind], map(VALUES[kind], rows))
    _fold_leases(db, [effect for effect in effects if type(effect) in _OF_LEASES])


def _fold_leases(db: sqlite3.Connection, effects: Sequence[Any]) -> None:
    given = {effect.lease for effect in effects if type(effect) is KeepLease}
    older = json.dumps([number for number in {effect.lease for effect in effects} if number not in given])
    cut = len(GIVEN)
    leases = {row[0]: _Lease(row[:cut], row[cut:], new=False) for row in db.execute(OLDER_LEASES, (older,))}
    for effect in effects:
        if type(effect) is KeepLease:
            leases[effect.lease] = _Lease(VALUES[KeepLease](effect))
        elif effect.lease in leases:
            leases[effect.lease].apply(effect)
    db.executemany(KEEP_LEASE, [lease.row() for lease in leases.values()])
    shares: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    earned: dict[str, int] = defaultdict(int)
    for lease in leases.values():
        count, done, kop = (now - then for now, then in zip(lease.counts(), lease.counted, strict=True))
        share = shares[lease.given[_TASK], lease.given[_NODE]]
        share[0] += count
        share[1] += done
        earned[lease.given[_NODE]] += kop
    db.executemany(ADD_SHARE, [(*key, *share) for key, share in shares.items() if any(share)])
    db.executemany(ADD_EARNED, [(node, kop) for node, kop in earned.items() if kop])


def _in_runs(effects: Iterable[Durable]) -> Iterator[tuple[type, Iterable[Durable]]]:
    """The effects in as few runs of one kind as give the same rows: long ones are what makes a fold cheap."""
    for common, part in groupby(effects, lambda effect: type(effect) in _ANY_ORDER):
        if not common:
            yield from groupby(part, type)
            continue
        answers: list[Durable] = []
        standing: dict[str, Durable] = {}   # the last word on each node
        for effect in part:
            if isinstance(effect, KeepStanding):
                standing[effect.node] = effect
            else:
                answers.append(effect)
        yield KeepAnswer, answers
        yield KeepStanding, standing.values()
