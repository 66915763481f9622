"""How the commits of the tail become rows of tables.

Nearly all of what is kept is the lives of leases, which are mostly over when they are folded: each is put together
as its commits come, and written once. All else is SQL of ``schema`` in the order of the effects.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, NamedTuple

from lamplighter.gateway.adapters.rows import CODES, KINDS, Row, digest
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
_LEASE, _OVER, _RECEIPT, _JUDGED, _STANDING, _ANSWERED, _TASK_ENDED = map(
    CODES.__getitem__, (KeepLease, KeepEnd, KeepReceipt, KeepVerdict, KeepStanding, KeepAnswer, KeepTaskEnd))
_OUTCOMES = (_RECEIPT, _JUDGED, _OVER)
_SHORTENS = (CODES[KeepTaskEnd], CODES[KeepSetback])


class Count:
    """What changes for a node and a task: leases, those done in time, kop earned, and the numbers of receipts."""

    __slots__ = ("done", "kop", "leases", "used")

    def __init__(self) -> None:
        self.leases = self.done = self.kop = 0
        self.used: list[int] = []


Counts = dict[tuple[str, str], Count]
"""By (task, node)."""


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """(first, last) of each row of numbers without a gap; those of an honest device are one."""
    for _, run in groupby(enumerate(sorted(numbers)), lambda pair: pair[1] - pair[0]):
        row = [number for _, number in run]
        yield row[0], row[-1]


class Commit(NamedTuple):
    """One that is not in the tables yet, and how many bytes it has there where it is."""

    number: int
    hash: bytes
    size: int
    new: list[int]
    """Leases that begin with it."""
    later: list[Row]
    """What becomes of leases that are in the tables."""
    standing: list[Row]
    ended: dict[str, int]
    """Tasks that end with it: no lease up to that number is one of another task of the name."""
    others: list[Row]


class Tail:
    """The commits that are not in the tables yet, the oldest first, and what has become of the leases that began with
    them: when they are folded most are over, and their rows are written once."""

    def __init__(self) -> None:
        self.size = 0
        self._commits: deque[Commit] = deque()
        self._leases: dict[int, list[Any]] = {}

    def append(self, number: int, hash_: bytes, size: int, rows: Iterable[Row]) -> None:
        """One more, of ``size`` bytes."""
        commit, leases = Commit(number, hash_, size, [], [], [], {}, []), self._leases
        for row in rows:
            code = row[0]
            if code in _OUTCOMES:
                lease = leases.get(row[1])
                if lease is None:
                    commit.later.append(row)
                else:
                    _become(lease, row)
            elif code == _LEASE:
                leases[row[1]] = [*row[1:], *_UNSENT]
                commit.new.append(row[1])
            elif code == _STANDING:
                commit.standing.append(row)
            else:
                if code == _TASK_ENDED:
                    commit.ended[row[1]] = next(reversed(leases), 0)
                commit.others.append(row)
        self._commits.append(commit)
        self.size += size

    def oldest(self, size: int, last: int) -> list[Commit]:
        """Those first ones that have so many bytes together, none after the number ``last``."""
        found: list[Commit] = []
        for commit in self._commits:
            if size <= 0 or commit.number > last:
                break
            found.append(commit)
            size -= commit.size
        return found

    def drop(self, commits: Sequence[Commit]) -> None:
        """The oldest, now that they are in the tables."""
        for commit in commits:
            self._commits.popleft()
            self.size -= commit.size
            for number in commit.new:
                del self._leases[number]

    def leases(self, commits: Sequence[Commit]) -> list[list[Any]]:
        """Rows of the leases that began with these commits, as they are after all commits."""
        return [self._leases[number] for commit in commits for number in commit.new]

    def tells(self, codes: set[int]) -> bool:
        """Whether something of these kinds is in it, which is not of leases and nodes."""
        return any(row[0] in codes for commit in self._commits for row in commit.others)

    @property
    def top(self) -> int:
        """The newest lease that began in it, 0 where there is none."""
        return max(self._leases, default=0)


def _become(lease: list[Any], row: Row) -> None:
    """What a row says becomes of a lease. To say it again changes nothing, if all that came after is said again."""
    code = row[0]
    if code == _RECEIPT:
        lease[_ENDED] = row[2]
        lease[_BOOT:] = row[3:]
    elif code == _JUDGED:
        if lease[_EPOCH] in (-1, row[3]):   # what an ended epoch paid stays
            lease[_VERDICT], lease[_EPOCH], lease[_ANSWER] = row[2], row[3], b""
    else:
        lease[_ENDED] = row[2]


def fold(db: sqlite3.Connection, sums: Sums, tail: Tail, commits: Sequence[Commit]) -> None:
    """Writes the oldest commits of the tail into the tables, in a transaction of the caller's, who flushes the sums
    at its end and drops the commits then.

    What later commits tell of their leases is written with them; when those come they say it once more. A lease that
    the journal has let go (its task over, an epoch sealed since) is not written any more.
    """
    others = chain.from_iterable(commit.others for commit in commits)
    for code, run in groupby(others, itemgetter(0)):
        values = [row[1:] for row in run]
        if code in _SHORTENS:
            sums.flush()   # segments go that must not come again
        db.executemany(FOLD[KINDS[code]], values)
        if code == _ANSWERED:
            for task, round_, index, answer, audited, here in values:
                sums.note((f"answer {task}", round_), digest((task, round_, index, answer, int(audited), here)))
    counts: Counts = defaultdict(Count)
    ended = {task: number for commit in commits for task, number in commit.ended.items()}
    _fold_new(db, sums, tail.leases(commits), ended, counts)
    later = [row for commit in commits for row in commit.later]
    if later:
        _fold_later(db, sums, later, ended, counts)
    _fold_shares(db, sums, counts)
    fold_standing(db, sums, {row[1]: row for commit in commits for row in commit.standing}, counts)


def _fold_new(db: sqlite3.Connection, sums: Sums, rows: Sequence[list[Any]], ended: Mapping[str, int],
              counts: Counts) -> None:
    """Leases that are in no table yet."""
    db.executemany(NEW_LEASE, rows)
    segments: dict[int, int] = defaultdict(int)
    for row in rows:
        segments[row[0] >> 8] ^= digest(row)
        count = counts[row[_TASK], row[_NODE]]
        if row[0] > ended.get(row[_TASK], 0):
            count.leases += 1
            count.done += row[_ENDED] == "done"
        count.kop += row[_PRICE] * (row[_VERDICT] == "ok")
        if row[_SEQ]:
            count.used.append(number_of(row[_BOOT], row[_SEQ]))
    for segment, change in segments.items():
        sums.note(("lease", segment), change)


def _fold_later(db: sqlite3.Connection, sums: Sums, told: Sequence[Row], ended: Mapping[str, int],
                counts: Counts) -> None:
    """What becomes of leases that are in their table."""
    wanted = json.dumps(list({row[1] for row in told}))
    before = {row[0]: row for row in db.execute(OLDER_LEASES, (wanted,))}
    older = {number: list(row) for number, row in before.items()}
    for row in told:
        lease = older.get(row[1])
        if lease is not None:
            _become(lease, row)
            if row[0] == _RECEIPT:
                counts[lease[_TASK], lease[_NODE]].used.append(number_of(lease[_BOOT], lease[_SEQ]))
    db.executemany(LEASE_ENDED, [(*lease[_ENDED:], number) for number, lease in older.items()])
    for number, lease in older.items():
        sums.note(("lease", number >> 8), digest(before[number]) ^ digest(lease))
        count, was = counts[lease[_TASK], lease[_NODE]], before[number]
        if lease[_TASK] not in ended:
            count.done += (lease[_ENDED] == "done") - (was[_ENDED] == "done")
        count.kop += lease[_PRICE] * ((lease[_VERDICT] == "ok") - (was[_VERDICT] == "ok"))


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
        numbers.take(b"", used)
        for count in of_node[node]:
            for first, last in _runs(count.used):
                numbers.add(b"", first, last)
            kop += count.kop
        row = (*(kept[node][1:] if node in kept else own), kop, numbers.given(b""))
        sums.note(("standing", 0), (digest(before) if before else 0) ^ digest(row))
        made.append(row)
    db.executemany(KEEP_STANDING, made)
