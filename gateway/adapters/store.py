"""The journal: everything durable about tasks, leases, receipts and verdicts, in one SQLite file.

WAL with ``synchronous=FULL``: a commit has reached the disk when ``commit`` returns (SQLite documentation,
"Write-Ahead Logging"). The file is locked for as long as it is open, so that one gateway writes it.

A lease has one row for its whole life. Verdict and epoch are written into it and can be replaced within the
same epoch only: what an ended epoch paid stays as it is, however late a correction comes.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from errno import EACCES
from functools import partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from threading import Lock
from typing import Any

from lamplighter.gateway.adapters.schema import (
    APPLICATION_ID,
    COMMIT,
    FORGET,
    LEASE,
    LOAD_LEASES,
    LOAD_PENDING,
    LOAD_SHARES,
    LOAD_STANDING,
    LOAD_USED,
    SCHEMA,
    SCHEMA_VERSION,
    TASK,
    WORK,
)
from lamplighter.gateway.core.effects import (
    Durable,
    KeepAnswer,
    KeepEnd,
    KeepLease,
    KeepReceipt,
    KeepStanding,
    KeepVerdict,
)
from lamplighter.gateway.core.events import RoundRecalled
from lamplighter.gateway.core.snapshot import (
    AnswerRow,
    LeaseRow,
    PendingRow,
    ShareRow,
    Snapshot,
    StandingRow,
    TaskRow,
    UsedRow,
)

_SLICE = 1000
"""Rows that are read or deleted while the lock is held: commits wait for milliseconds, not for a whole epoch."""

class StoreError(Exception):
    """The journal cannot be used or written. The text is one sentence on what happened and the next step."""


def _connect(path: Path) -> sqlite3.Connection:
    """Transactions are ours to begin; any thread may use it, one at a time."""
    return sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)


class Store:
    """An open journal. Its methods block and may be called from any thread; they take turns.

    All of them raise StoreError. After a failed ``commit`` nothing of it is in the journal, and a later one
    may succeed (when the disk has room again).
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Use ``Store.open``."""
        self._path = path
        self._db = connection
        self._turn = Lock()

    @classmethod
    def open(cls, path: Path, connect: Callable[[Path], sqlite3.Connection] = _connect) -> Store:
        """Open the journal at ``path``, made with its directory where it does not exist, and lock it."""
        with _explained(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
                raise PermissionError(EACCES, "it is read-only")  # SQLite calls this a failing disk
            wal = path.with_name(path.name + "-wal")
            unclean = wal.exists() and wal.stat().st_size > 0
            connection = connect(path)
        try:
            with _explained(path):
                _prepare(path, connection, unclean)
        except StoreError:
            connection.close()
            raise
        return cls(path, connection)

    def close(self) -> None:
        """Fold the write-ahead log into the file and unlock it."""
        with self._turn:
            self._db.close()

    def commit(self, effects: Sequence[Durable]) -> None:
        """Write all of ``effects`` in their order, or none. When it returns they survive a power cut.

        A lease that the journal has let go (its task over, an epoch sealed since) is not written any more.
        """
        with self._transaction() as db:
            for kind, rows in _in_runs(effects):
                db.executemany(COMMIT[kind], map(_ROW[kind], rows))

    def load(self, remember: int) -> Snapshot:
        """What a restarted gateway needs at once: tasks, standing, open leases, the ``remember`` newest others."""
        words = _Words()
        with self._turn, _explained(self._path):
            db = self._db
            (epoch, sealed, last, clock_ms), = db.execute("SELECT epoch, sealed, last_lease, clock_ms FROM life")
            (top,), = db.execute("SELECT coalesce(max(lease), 0) FROM lease")
            db.text_factory = words.__getitem__
            try:
                return Snapshot(
                    tasks=_rows(TaskRow, db.execute(
                        f"SELECT {TASK}, (SELECT count(*) FROM round WHERE round.task = task.task),"  # noqa: S608
                        " (SELECT coalesce(sum(audited), 0) FROM answer WHERE answer.task = task.task)"
                        " FROM task ORDER BY number")),
                    leases=_rows(LeaseRow, db.execute(LOAD_LEASES, (sealed, top, remember))),
                    shares=_rows(ShareRow, db.execute(LOAD_SHARES)),
                    standing=_rows(StandingRow, db.execute(LOAD_STANDING)),
                    pending=_rows(PendingRow, db.execute(LOAD_PENDING, (sealed,))),
                    used=_rows(UsedRow, db.execute(LOAD_USED, (sealed,))),
                    next_lease=max(top, last) + 1,
                    epoch=epoch,
                    clock_ms=clock_ms,
                )
            finally:
                db.text_factory = str

    def recall(self, task: str, round_: int, jobs: int, leases: bool) -> RoundRecalled | None:
        """What is known of a round of ``jobs`` jobs; None when it is void or its task over.

        Its leases are looked up where answers are missing or ``leases`` says so.
        """
        found = self._query("SELECT run, first_lease FROM round WHERE task = ? AND round = ?", task, round_)
        if not found:
            return None
        run, first = found[0]
        answers = self._query("SELECT job_index, answer, audited FROM answer WHERE task = ? AND round = ?"
                              " ORDER BY job_index", task, round_)
        whole = leases or len(answers) < jobs
        rows = self._query(
            f"SELECT {LEASE} FROM lease WHERE task = ?1 AND round = ?2 AND lease >= ?3 AND lease <"  # noqa: S608
            " coalesce((SELECT first_lease FROM round WHERE task = ?1 AND round = ?2 + 1), 1 << 62) ORDER BY lease",
            task, round_, first) if whole else []
        return RoundRecalled(task, round_, run, tuple(map(AnswerRow._make, answers)),
                             tuple(map(LeaseRow._make, rows)), whole)

    def work_of(self, node: str) -> list[tuple[str, int, int]]:
        """(task, round, job) of all that a node did in open tasks, that is accepted, not sealed, not recomputed."""
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
        (clock, ahead, known), = self._query("SELECT clock_ms, ahead_ms, machine FROM life")
        if known != machine or ahead + monotonic_ms < clock:
            ahead = int(clock) - monotonic_ms
            with self._transaction() as db:
                db.execute("UPDATE life SET ahead_ms = ?, machine = ?", (ahead, machine))
        return int(ahead)

    def epoch(self) -> int:
        """The epoch that verdicts are counted in."""
        (epoch,), = self._query("SELECT epoch FROM life")
        return int(epoch)

    def unsealed(self) -> list[int]:
        """The epochs that have ended and are not forgotten yet, oldest first: after a crash they are to be sealed."""
        (epoch, sealed), = self._query("SELECT epoch, sealed FROM life")
        return list(range(sealed + 1, epoch))

    def judged(self, epoch: int) -> Iterator[tuple[bytes, int, str]]:
        """(proof of 158 bytes, price in kop, verdict) of every receipt judged in ``epoch``, by lease number.

        The same rows each time once the epoch has ended, until it is forgotten.
        """
        last = 0
        while rows := self._query(
            "SELECT lease, proof, price_kop, verdict FROM lease"
            " WHERE lease > ? AND epoch = ? AND proof <> x'' ORDER BY lease LIMIT ?", last, epoch, _SLICE,
        ):
            last = rows[-1][0]
            for row in rows:
                yield row[1:]

    def forget_epoch(self, epoch: int) -> None:
        """Once ``epoch`` is sealed: drop the rows that no task needs.

        Epochs are forgotten in order; raises ValueError for any but the oldest of ``unsealed()``.
        """
        if self.unsealed()[:1] != [epoch]:
            raise ValueError(f"epoch {epoch} is not the oldest unsealed one of {self.unsealed()}")
        with self._transaction() as db:
            db.execute("UPDATE life SET sealed = ?, last_lease = max(last_lease,"
                       " (SELECT coalesce(max(lease), 0) FROM lease))", (epoch,))
        gone = _SLICE
        while gone == _SLICE:  # a crash in between leaves rows that load() passes over and the next call drops
            with self._transaction() as db:
                gone = db.execute(FORGET, (epoch, _SLICE)).rowcount

    def _query(self, sql: str, *values: Any) -> list[Any]:
        with self._turn, _explained(self._path):
            return self._db.execute(sql, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._turn, _explained(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # SQLite has rolled back already after some errors
                    self._db.execute("ROLLBACK")
                raise


class _Words(dict[bytes, str]):
    """One string object for each word of a load, however many rows hold it: a third of the memory."""

    def __missing__(self, raw: bytes) -> str:
        word = self[raw] = raw.decode()
        return word


_RUNS = (KeepLease, KeepEnd, KeepReceipt, KeepVerdict, KeepAnswer, KeepStanding)
"""What a lease brings, in the order of its life: of many leases all of one kind can be written in one run."""


def _in_runs(effects: Sequence[Durable]) -> Iterator[tuple[type, Iterable[Durable]]]:
    """The effects in as few runs of one kind as give the same rows: long ones are what makes a commit cheap."""
    for common, part in groupby(effects, lambda effect: type(effect) in _RUNS):
        if not common:
            yield from groupby(part, type)
            continue
        runs: dict[type, list[Any]] = {kind: [] for kind in _RUNS}
        for effect in part:
            runs[type(effect)].append(effect)
        standing = {effect.node: effect for effect in runs.pop(KeepStanding)}   # the last word on each node
        yield from ((kind, rows) for kind, rows in runs.items() if rows)
        yield KeepStanding, standing.values()


def _row_maker(kind: type) -> Callable[[Any], tuple[Any, ...]]:
    names = [field.name for field in fields(kind)]
    many = attrgetter(*names)
    return many if len(names) > 1 else lambda effect: (many(effect),)


_ROW = {kind: _row_maker(kind) for kind in COMMIT}


def _rows(kind: type, cursor: sqlite3.Cursor) -> list[Any]:
    """All rows as ``kind``, a NamedTuple with the columns in this order; no Python code runs per row."""
    return list(map(partial(tuple.__new__, kind), cursor))


def _prepare(path: Path, db: sqlite3.Connection, unclean: bool) -> None:
    """Lock the file, see that it is ours and whole, make the tables in a new one. The lock comes first."""
    db.execute("PRAGMA locking_mode = EXCLUSIVE")
    db.execute("PRAGMA trusted_schema = OFF")
    db.execute("PRAGMA cell_size_check = ON")
    db.execute("PRAGMA synchronous = FULL")
    (app,), (version,), (tables,) = (
        db.execute(sql).fetchone()
        for sql in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_schema")
    )
    new = (app, version, tables) == (0, 0, 0)
    if not new and app != APPLICATION_ID:
        raise StoreError(f"{path} is not a Lamplighter journal; choose another data directory.")
    if not new and version != SCHEMA_VERSION:
        raise StoreError(f"{path} was written by another version of Lamplighter (journal {version}, this one reads"
                         f" {SCHEMA_VERSION}); start that version, or choose another data directory.")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA journal_size_limit = {16 << 20}")
    db.executescript(f"BEGIN IMMEDIATE; {SCHEMA if new else ''} COMMIT;")
    if unclean and (found := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise sqlite3.DatabaseError(found)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn the errors of SQLite and the file system into a StoreError that a person can act on."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"The data directory {path.parent} cannot be used ({error.strerror}); make it"
                         " writable for this user, or choose another one.") from error
    except (sqlite3.Error, UnicodeDecodeError) as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        says = _SENTENCES.get(code, f"The journal {{path}} cannot be used ({error}); see the log of the system.")
        raise StoreError(says.format(path=path)) from error


_CORRUPT = ("The journal {path} is damaged and was not used; move it and its -wal file away and restore a backup,"
            " or start with a new data directory.")
_READ_ONLY = "The journal {path} cannot be written; make it and its directory writable for this user."
_SENTENCES = {
    sqlite3.SQLITE_FULL: "The disk is full, the journal {path} cannot grow; free some space, then start again.",
    sqlite3.SQLITE_BUSY: "The journal {path} is in use by another gateway; stop that one or choose another data"
                         " directory.",
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: _READ_ONLY,
    sqlite3.SQLITE_PERM: _READ_ONLY,
    sqlite3.SQLITE_IOERR: "The disk failed while the journal {path} was used; check the disk and its cable or card,"
                          " then start again.",
    sqlite3.SQLITE_CORRUPT: _CORRUPT,
    sqlite3.SQLITE_NOTADB: _CORRUPT,
}
