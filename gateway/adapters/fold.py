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
from operator import itemgetter
from typing import Any

from lamplighter.gateway.adapters.rows import CODES, KINDS, Counted, Row, digest
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

_TASK, _NODE, _PRICE = map(GIVEN.index, ("task", "node", "price_kop"))
_ENDED, _VERDICT, _EPOCH, _BOOT, _SEQ, _, _ANSWER = range(len(GIVEN), len(GIVEN + OUTCOME))
_UNSENT = ("", "", -1, 0, 0, b"", b"")
"""The outcome of a lease that has none."""
_LEASE, _OVER, _RECEIPT, _JUDGED, _STANDING, _COUNTED, _ANSWERED, _TASK_ENDED = map(CODES.__getitem__, (
    KeepLease, KeepEnd, KeepReceipt, KeepVerdict, KeepStanding, Counted, KeepAnswer, KeepTaskEnd))
_OUTCOMES = (_RECEIPT, _JUDGED, _OVER)
_SHORTENS = (CODES[KeepTaskEnd], CODES[KeepSetback])
_CARRIED = 4_096
"""Leases, and nodes with their shares, of which no more are carried on."""


class Count:
    """What changes for a node and a task: leases, those done in time, kop earned, and the numbers of receipts."""

    __slots__ = ("done", "kop", "leases", "ranges", "used")

    def __init__(self) -> None:
        self.leases = self.done = self.kop = 0
        self.used: list[int] = []
        self.ranges = b""

    def numbers(self) -> bytes:
        """All of them as ranges, of which an honest device has one."""
        numbers, used = Numbers(), sorted(self.used)
        for _, run in groupby(enumerate(used), lambda pair: pair[1] - pair[0]):
            row = [number for _, number in run]
            numbers.add(b"", row[0], row[-1])
        numbers.take(b"", self.ranges)
        return numbers.given(b"")


Counts = dict[tuple[str, str], Count]
"""By (task, node)."""


class _Sorted:
    """What rows mean, put together in one look at each."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.new: dict[int, list[Any]] = {}
        """Leases that begin here, by number, as rows of their table."""
        self.later: list[Row] = []
        """What becomes of others."""
        self.standing: dict[str, Row] = {}
        """The last word on each node."""
        self.counts: Counts = defaultdict(Count)
        self.ended: dict[str, int] = {}
        """Tasks that end here: no lease up to that number is one of another task of the name."""
        self.others: list[Row] = []
        for row in rows:
            code = row[0]
            if code == _LEASE:
                self.new[row[1]] = [*row[1:], *_UNSENT]
            elif code in _OUTCOMES:
                lease = self.new.get(row[1])
                if lease is None:
                    self.later.append(row)
                else:
                    _become(lease, row)
            elif code == _STANDING:
                self.standing[row[1]] = row
            elif code == _COUNTED:
                self._count(Counted(*row[1:]))
            else:
                if code == _TASK_ENDED:
                    self._end(row[1])
                self.others.append(row)

    def _end(self, task: str) -> None:
        self.ended[task] = next(reversed(self.new), 0)
        for (name, _), count in self.counts.items():
            if name == task:
                count.leases = count.done = 0

    def _count(self, counted: Counted) -> None:
        count = self.counts[counted.task, counted.node]
        count.leases += counted.leases
        count.done += counted.done
        count.kop += counted.kop
        count.ranges += counted.used

    def carry_on(self) -> list[Row]:
        """The newest leases that are not judged or over, no more than a few; they are not ``new`` any more."""
        open_ = [number for number, row in self.new.items() if not row[_VERDICT] and row[_ENDED] in ("", "done")]
        left: list[Row] = []
        for number in open_[-_CARRIED:]:
            row = self.new.pop(number)
            left.append((_LEASE, *row[:_ENDED]))
            if row[_ENDED]:
                left.append((_RECEIPT, number, row[_ENDED], *row[_BOOT:]))
        return left


def _become(lease: list[Any], row: Row) -> None:
    """What a row says becomes of a lease."""
    if row[0] == _JUDGED:
        if lease[_EPOCH] in (-1, row[3]):   # what an ended epoch paid stays
            lease[_VERDICT], lease[_EPOCH], lease[_ANSWER] = row[2], row[3], b""
    else:
        lease[_ENDED] = row[2]
        if row[0] == _RECEIPT:
            lease[_BOOT:] = row[3:]


def fold(db: sqlite3.Connection, sums: Sums, rows: Sequence[Row], whole: bool) -> list[Row]:
    """Writes the rows of commits into the tables, in a transaction of the caller's, who flushes the sums at its end.

    Unless the ``whole`` is wanted, new leases that are not over, and sums of what becomes of nodes, are not written
    but returned, to be folded with what comes next. A lease that the journal has let go (its task over, an epoch
    sealed since) is not written any more.
    """
    found = _Sorted(rows)
    for code, run in groupby(found.others, itemgetter(0)):
        values = [row[1:] for row in run]
        if code in _SHORTENS:
            sums.flush()   # segments go that must not come again
            whole = True   # shares go with their task
        db.executemany(FOLD[KINDS[code]], values)
        if code == _ANSWERED:
            for task, round_, index, answer, audited in values:
                sums.note((f"answer {task}", round_), digest((task, round_, index, answer, int(audited))))
    left = [] if whole else found.carry_on()
    _fold_leases(db, sums, found)
    if not whole and len(found.standing) + len(found.counts) < _CARRIED:
        counted = [(_COUNTED, *key, count.leases, count.done, count.kop, count.numbers())
                   for key, count in found.counts.items()]
        return [*left, *found.standing.values(), *counted]
    _fold_shares(db, sums, found.counts)
    fold_standing(db, sums, found.standing, found.counts)
    return left


def _fold_leases(db: sqlite3.Connection, sums: Sums, found: _Sorted) -> None:
    """Adds to the counts."""
    wanted = json.dumps(list({row[1] for row in found.later}))
    before = {row[0]: row for row in db.execute(OLDER_LEASES, (wanted,))} if found.later else {}
    older = {number: list(row) for number, row in before.items()}
    for told in found.later:
        lease = older.get(told[1])
        if lease is not None:
            _become(lease, told)
            if told[0] == _RECEIPT:
                found.counts[lease[_TASK], lease[_NODE]].used.append(number_of(lease[_BOOT], lease[_SEQ]))
    db.executemany(NEW_LEASE, found.new.values())
    db.executemany(LEASE_ENDED, [(*row[_ENDED:], number) for number, row in older.items()])
    for number, row in older.items():
        sums.note(("lease", number >> 8), digest(before[number]) ^ digest(row))
        count, was = found.counts[row[_TASK], row[_NODE]], before[number]
        if row[_TASK] not in found.ended:
            count.done += (row[_ENDED] == "done") - (was[_ENDED] == "done")
        count.kop += row[_PRICE] * ((row[_VERDICT] == "ok") - (was[_VERDICT] == "ok"))
    for number, row in found.new.items():
        sums.note(("lease", number >> 8), digest(row))
        count = found.counts[row[_TASK], row[_NODE]]
        if number > found.ended.get(row[_TASK], 0):
            count.leases += 1
            count.done += row[_ENDED] == "done"
        count.kop += row[_PRICE] * (row[_VERDICT] == "ok")
        if row[_SEQ]:
            count.used.append(number_of(row[_BOOT], row[_SEQ]))


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


def fold_standing(db: sqlite3.Connection, sums: Sums, kept: dict[str, Row], counts: Counts) -> None:
    """The last word on each node, what it has earned, and the numbers that it has used."""
    of_node: dict[str, list[Count]] = defaultdict(list)
    for (_, node), count in counts.items():
        of_node[node].append(count)
    made = []
    for node in {**kept, **of_node}:
        before = db.execute(STANDING_OF, (node,)).fetchone()
        *own, kop, used = before or (node, 0, 0, 0, 0, 0, -1, 0, b"")
        numbers = Numbers()
        for count in of_node[node]:
            numbers.take(b"", count.numbers())
            kop += count.kop
        numbers.take(b"", used)
        row = (*(kept[node][1:] if node in kept else own), kop, numbers.given(b""))
        sums.note(("standing", 0), (digest(before) if before else 0) ^ digest(row))
        made.append(row)
    db.executemany(KEEP_STANDING, made)
