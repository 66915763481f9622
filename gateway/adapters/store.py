"""The journal: everything durable about tasks, leases, receipts and verdicts, in one SQLite file.

WAL with ``synchronous=FULL``: a commit has reached the disk when ``commit`` returns (SQLite documentation,
"Write-Ahead Logging"). The file is locked for as long as it is open, so that one gateway writes it.

A lease has one row for its whole life. Verdict and epoch are written into it and can be replaced within the
same epoch only: what an ended epoch paid stays as it is, however late a correction comes.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from lamplighter.gateway.adapters.fold import Commit, Count, Counts, Tail, fold, fold_standing
from lamplighter.gateway.adapters.opening import StoreError, connect, explained, prepare, transaction, usable
from lamplighter.gateway.adapters.rows import CODES, Row, chained, coded, decode, encode
from lamplighter.gateway.adapters.schema import (
    APPEND,
    CUT_TAIL,
    EARNED,
    FIRST_OPEN,
    FORGET,
    JUDGED,
    LEASE,
    LOAD_LEASES,
    LOAD_SHARES,
    LOAD_STANDING,
    LOAD_TASKS,
    WORK,
)
from lamplighter.gateway.adapters.sums import Sums
from lamplighter.gateway.core.effects import Durable, KeepClock, KeepEpoch, KeepLease
from lamplighter.gateway.core.events import RoundRecalled
from lamplighter.gateway.core.snapshot import AnswerRow, LeaseRow, Made, ShareRow, Snapshot, StandingRow, TaskRow

__all__ = ["Store", "StoreError"]

_LEASE = CODES[KeepLease]
_PARTS = 8
"""Of the tail, of which one is folded at a time."""
_SLICE = 1000
"""Rows that are read or deleted while the lock is held: commits wait for milliseconds, not for a whole epoch."""


class Store:
    """An open journal. Its methods block and may be called from any thread; they take turns.

    All of them raise StoreError. After a failed ``commit`` nothing of it is in the journal, and a later one
    may succeed (when the disk has room again).
    """

    tail_bytes = 1 << 20
    """Of commits that are not in the tables yet: as many of the oldest as a commit finds too many are written there
    with it, and then an eighth of all, which takes some 3 milliseconds."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Use ``Store.open``."""
        self._path = path
        self._db = connection
        self._turn = Lock()
        self._sums = Sums(connection)
        self._sums.check_sums()
        (last, self._commits, self._hash), = connection.execute("SELECT last_lease, commits, hash FROM life")
        self._tail = Tail()
        for number, body, hash_ in connection.execute("SELECT number, body, hash FROM tail ORDER BY number"):
            if number != self._commits + 1 or hash_ != chained(self._hash, body):
                raise sqlite3.DatabaseError(f"its commit {self._commits + 1} is not what was written")
            self._appended(number, hash_, body, decode(body))
        (top,), = connection.execute("SELECT coalesce(max(lease), 0) FROM lease")
        self._top = max(last, top, self._tail.top)

    @classmethod
    def open(cls, path: Path, opened: Callable[[Path], sqlite3.Connection] = connect) -> Store:
        """Open the journal at ``path``, made with its directory where it does not exist, and lock it.

        One of an older version is made one of this, in one transaction.
        """
        with explained(path):
            usable(path)
            connection = opened(path)
        try:
            with explained(path):
                prepare(path, connection)
                return cls(path, connection)
        except StoreError:
            connection.close()
            raise

    @property
    def commits(self) -> int:
        """How many there were over the life of the journal."""
        return int(self._commits)

    @property
    def starts(self) -> int:
        """The number of the last start that it has seen; below 0 where earlier versions did not keep it."""
        (starts,), = self._query("SELECT starts FROM life")
        return int(starts)

    def started(self, number: int) -> None:
        """Keeps the number of a start."""
        with self._turn, explained(self._path), self._transaction() as db:
            db.execute("UPDATE life SET starts = ?", (number,))

    def close(self) -> None:
        """Fold tail and write-ahead log into the file and unlock it."""
        with suppress(StoreError):   # the tail is as durable
            self._settle()
        self.release()

    def release(self) -> None:
        """Unlock the file as it is."""
        with self._turn:
            self._db.close()

    def commit(self, effects: Sequence[Durable]) -> None:
        """Write all of ``effects`` in their order, or none. When it returns they survive a power cut.

        Raises ValueError for a lease whose number does not rise.
        """
        rows = coded(effects)
        body = encode(rows)
        with self._turn, explained(self._path):
            top = _newest_lease(rows, self._top)
            number, hash_ = self._commits + 1, chained(self._hash, body)
            over = self._tail.size + len(body) - self.tail_bytes
            if over > 0 and (old := self._tail.oldest(max(over, self.tail_bytes // _PARTS), number)):
                with self._folded(old) as db:
                    db.execute(APPEND, (number, body, hash_))
            else:
                self._db.execute(APPEND, (number, body, hash_))
            self._appended(number, hash_, body, rows)
            self._top = top

    def _appended(self, number: int, hash_: bytes, body: bytes, rows: list[Row]) -> None:
        self._tail.append(number, hash_, len(body), rows)
        self._commits, self._hash = number, hash_

    @contextmanager
    def _folded(self, commits: Sequence[Commit]) -> Iterator[sqlite3.Connection]:
        """A transaction that writes the oldest commits of the tail into the tables."""
        with self._transaction() as db:
            fold(db, self._sums, self._tail, commits)
            last = commits[-1]
            db.execute(CUT_TAIL, (last.number,))
            db.execute("UPDATE life SET commits = ?, hash = ?", (last.number, last.hash))
            yield db
        self._tail.drop(commits)

    def _settle(self, *kinds: type) -> None:
        """Whoever reads tables wants the tail in them, unless it has nothing of these ``kinds``."""
        wanted = {CODES[kind] for kind in kinds}
        last, left = self._commits, True
        while left:   # others may commit in between
            with self._turn, explained(self._path):
                old = self._tail.oldest(max(self.tail_bytes // _PARTS, 1), last)
                left = bool(old) and not (kinds and not self._tail.tells(wanted))
                if left:
                    with self._folded(old):
                        pass

    def load(self, remember: int) -> Snapshot:
        """What a restarted gateway needs at once: tasks, standing, open leases, the ``remember`` newest others."""
        self._settle()
        words = _Words()
        with self._turn, explained(self._path):
            db = self._db
            (epoch, sealed, last, clock_ms), = db.execute("SELECT epoch, sealed, last_lease, clock_ms FROM life")
            (top,), = db.execute("SELECT coalesce(max(lease), 0) FROM lease")
            (first_open,), = db.execute(FIRST_OPEN)
            newest = top - remember + 1
            first = max(0, min(newest, first_open))
            for table in ("task", "round", "share", "standing"):
                self._sums.check(table)
            self._sums.check("lease", first=first >> 8, last=1 << 50)
            db.text_factory = words.__getitem__
            try:
                return Snapshot(
                    tasks=_rows(TaskRow, db.execute(LOAD_TASKS)),
                    leases=_rows(LeaseRow, db.execute(LOAD_LEASES, (first, sealed, newest))),
                    shares=_rows(ShareRow, db.execute(LOAD_SHARES)),
                    standing=_rows(StandingRow, db.execute(LOAD_STANDING)),
                    next_lease=max(top, last) + 1,
                    epoch=epoch,
                    clock_ms=clock_ms,
                )
            finally:
                db.text_factory = str

    def rows(self) -> int:
        """How many rows ``verify`` checks, beside the commits that are not in tables yet."""
        with self._turn, explained(self._path):
            return self._sums.rows()

    def verify(self, seen: Callable[[int], object]) -> None:
        """Checks every page and row; commits were checked at ``open``. ``seen`` is told of so many more rows."""
        with self._turn, explained(self._path):
            if (found := self._db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
                raise sqlite3.DatabaseError(found)
            self._sums.check_all(seen)

    def recall(self, task: str, round_: int, jobs: int, leases: bool) -> RoundRecalled | None:
        """What is known of a round of ``jobs`` jobs, or of spans of them; None when it is void or its task over.

        Its leases are looked up where answers are missing or ``leases`` says so.
        """
        self._settle()
        found = self._query("SELECT run, first_lease, cuts, here, version, kernel, digest FROM round"
                            " WHERE task = ? AND round = ?", task, round_)
        if not found:
            return None
        run, first, cuts, here, *made = found[0]
        with self._turn, explained(self._path):
            self._sums.check("answer", "answer " + task, round_, round_)
        answers = self._query("SELECT job_index, answer, audited FROM answer WHERE task = ? AND round = ?"
                              " ORDER BY job_index", task, round_)
        whole = leases or len(answers) < (len(cuts) or jobs)
        rows = self._leases_of(task, round_, first) if whole else ()
        return RoundRecalled(task, round_, run, tuple(map(AnswerRow._make, answers)), tuple(rows), whole,
                             Made._make(made), cuts, here)

    def _leases_of(self, task: str, round_: int, first: int) -> Iterator[LeaseRow]:
        """Those of a round, which began with the lease ``first``."""
        (end,), = self._query("SELECT coalesce((SELECT first_lease FROM round WHERE task = ? AND round = ?),"
                              " (SELECT max(lease) + 1 FROM lease), 0)", task, round_ + 1)
        for at in range(first >> 8, (end + 255) >> 8):
            with self._turn, explained(self._path):
                self._sums.check("lease", first=at, last=at)
            yield from map(LeaseRow._make, self._query(
                f"SELECT {LEASE} FROM lease WHERE lease BETWEEN ? AND ? AND task = ? AND round = ?"  # noqa: S608
                " ORDER BY lease", max(first, at << 8), min(end - 1, (at << 8) + 255), task, round_))

    def work_of(self, node: str) -> list[tuple[str, int, int]]:
        """(task, round, job) of all that a node did in open tasks, that is accepted, not sealed, not recomputed.

        What would be missing here for a damaged row is noticed when its epoch is sealed, which is before it pays.
        """
        self._settle()
        (sealed, least, top), = self._query(
            "SELECT sealed, (SELECT coalesce(min(lease), 1) FROM lease), (SELECT coalesce(max(lease), 0) FROM lease)"
            " FROM life")
        found: list[tuple[str, int, int]] = []
        for at in range(least - 1, top, _SLICE):
            found += self._query(WORK, at, node, sealed, _SLICE)
        return found

    def ahead_ms(self, machine: str, monotonic_ms: int) -> int:
        """How far the journal's clock is ahead of the monotonic one, which starts anew with the computer.

        ``machine`` names this start of the computer. While it runs the difference stays, so that the time in which
        no gateway ran counts too; after another start the clock goes on from where it was last kept.
        """
        self._settle(KeepClock)
        (clock, ahead, known), = self._query("SELECT clock_ms, ahead_ms, machine FROM life")
        if known != machine or ahead + monotonic_ms < clock:
            ahead = int(clock) - monotonic_ms
            with self._turn, explained(self._path), self._transaction() as db:
                db.execute("UPDATE life SET ahead_ms = ?, machine = ?", (ahead, machine))
        return int(ahead)

    def epoch(self) -> int:
        """The epoch that verdicts are counted in."""
        self._settle(KeepEpoch)
        (epoch,), = self._query("SELECT epoch FROM life")
        return int(epoch)

    def unsealed(self) -> list[int]:
        """The epochs that have ended and are not forgotten yet, oldest first: after a crash they are to be sealed."""
        self._settle(KeepEpoch)
        (epoch, sealed), = self._query("SELECT epoch, sealed FROM life")
        return list(range(sealed + 1, epoch))

    def judged(self, epoch: int) -> Iterator[tuple[bytes, int, str]]:
        """(proof of 158 bytes, price in credits, verdict) of every receipt judged in ``epoch``, by lease number.

        The same rows each time once the epoch has ended, until it is forgotten.
        """
        self._settle()
        for number, in self._query("SELECT number FROM segment WHERE name = 'lease' ORDER BY number"):
            with self._turn, explained(self._path):
                self._sums.check("lease", first=number, last=number)
            yield from self._query(JUDGED, number, epoch)

    def forget_epoch(self, epoch: int) -> None:
        """Once ``epoch`` is sealed: drop the rows that no task needs.

        Epochs are forgotten in order; raises ValueError for any but the oldest of ``unsealed()``.
        """
        if self.unsealed()[:1] != [epoch]:
            raise ValueError(f"epoch {epoch} is not the oldest unsealed one of {self.unsealed()}")
        self._settle()
        with self._turn, explained(self._path), self._transaction() as db:
            paid: Counts = defaultdict(Count)
            for node, credits in db.execute(EARNED, (epoch,)):
                paid["", node].kop -= credits
            fold_standing(db, self._sums, {}, paid)
            db.execute("UPDATE life SET sealed = ?, last_lease = max(last_lease,"
                       " (SELECT coalesce(max(lease), 0) FROM lease))", (epoch,))
        gone = _SLICE
        while gone == _SLICE:  # a crash in between leaves rows that load() passes over and the next call drops
            with self._turn, explained(self._path), self._transaction() as db:
                gone = db.execute(FORGET, (epoch, _SLICE)).rowcount

    def _query(self, sql: str, *values: Any) -> list[Any]:
        with self._turn, explained(self._path):
            return self._db.execute(sql, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Changes of rows and of their sums, or neither."""
        try:
            with transaction(self._db):
                yield self._db
                self._sums.flush()
        except BaseException:
            self._sums.drop()
            raise


class _Words(dict[bytes, str]):
    """One string object for each word of a load, however many rows hold it: a third of the memory."""

    def __missing__(self, raw: bytes) -> str:
        word = self[raw] = raw.decode()
        return word


def _rows(kind: type, cursor: sqlite3.Cursor) -> list[Any]:
    """All rows as ``kind``, a NamedTuple with the columns in this order; no Python code runs per row."""
    return list(map(partial(tuple.__new__, kind), cursor))


def _newest_lease(rows: Iterable[Row], top: int = 0) -> int:
    for row in rows:
        if row[0] == _LEASE:
            if row[1] <= top:
                raise ValueError(f"lease {row[1]} comes after {top}")
            top = row[1]
    return top
