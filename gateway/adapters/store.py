"""The journal: everything durable about tasks, leases, receipts and verdicts, in one SQLite file.

WAL with ``synchronous=FULL``: a commit has reached the disk when ``commit`` returns (SQLite documentation,
"Write-Ahead Logging"). The file is locked for as long as it is open, so that one gateway writes it.

A lease has one row for its whole life. Verdict and epoch are written into it and can be replaced within the
same epoch only: what an ended epoch paid stays as it is, however late a correction comes.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from errno import EACCES
from functools import partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from threading import Lock
from typing import Any

from gateway.core.effects import (
    Durable,
    KeepAnswer,
    KeepClock,
    KeepEnd,
    KeepEpoch,
    KeepLease,
    KeepReceipt,
    KeepStanding,
    KeepTask,
    KeepTaskEnd,
    KeepVerdict,
)
from gateway.core.snapshot import AnswerRow, LeaseRow, Snapshot, StandingRow, TaskRow

APPLICATION_ID = 0x4C414D50
"""``LAMP``, in the header of the file: tells our journals from any other SQLite file."""

SCHEMA_VERSION = 2
FINISHED_KEPT = 256
"""How many finished tasks are kept, newest first, for display and for ids that come again."""

_SLICE = 1000
"""Rows that are read or deleted while the lock is held: commits wait for milliseconds, not for a whole epoch."""

_SCHEMA = f"""
CREATE TABLE life(
    epoch INTEGER NOT NULL, sealed INTEGER NOT NULL, last_lease INTEGER NOT NULL, clock_ms INTEGER NOT NULL,
    ahead_ms INTEGER NOT NULL, machine TEXT NOT NULL
) STRICT;
INSERT INTO life VALUES(0, -1, 0, 0, 0, '');

CREATE TABLE task(
    number INTEGER PRIMARY KEY, task TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, priority INTEGER NOT NULL,
    deadline_ms INTEGER NOT NULL, submitted_at_ms INTEGER NOT NULL, started_ms INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT '',
    finished INTEGER NOT NULL DEFAULT 0, end_epoch INTEGER NOT NULL DEFAULT -1,
    body BLOB NOT NULL, result BLOB NOT NULL DEFAULT x''
) STRICT;

CREATE TABLE lease(
    lease INTEGER PRIMARY KEY, task TEXT NOT NULL, round INTEGER NOT NULL, job_index INTEGER NOT NULL,
    fence INTEGER NOT NULL, node TEXT NOT NULL, owner TEXT NOT NULL, nonce BLOB NOT NULL,
    price_kop INTEGER NOT NULL, ended TEXT NOT NULL DEFAULT '', verdict TEXT NOT NULL DEFAULT '',
    epoch INTEGER NOT NULL DEFAULT -1, boot INTEGER NOT NULL DEFAULT 0, seq INTEGER NOT NULL DEFAULT 0,
    proof BLOB NOT NULL DEFAULT x'', answer BLOB NOT NULL DEFAULT x''
) STRICT;

CREATE TABLE answer(
    task TEXT NOT NULL, round INTEGER NOT NULL, job_index INTEGER NOT NULL, answer BLOB NOT NULL,
    audited INTEGER NOT NULL, PRIMARY KEY(task, round, job_index)
) STRICT, WITHOUT ROWID;

CREATE TABLE standing(
    node TEXT PRIMARY KEY, score INTEGER NOT NULL DEFAULT 0, lies INTEGER NOT NULL DEFAULT 0,
    quarantined_until INTEGER NOT NULL DEFAULT 0, earned_kop INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TRIGGER task_over AFTER UPDATE OF state ON task BEGIN
    DELETE FROM answer WHERE task = NEW.task;
    DELETE FROM task WHERE finished BETWEEN 1 AND NEW.finished - {FINISHED_KEPT};
END;

PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
"""  # noqa: S608 - constants only

# What each durable effect does to the journal; ?1, ?2, ... are the fields of the effect in their order.
_SQL: dict[type, str] = {
    KeepTask: "INSERT OR REPLACE INTO task(task, kind, body, priority, deadline_ms, submitted_at_ms,"
              " started_ms) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    KeepTaskEnd: "UPDATE task SET state = ?2, result = ?3, finished = (SELECT max(finished) + 1 FROM task),"
                 " end_epoch = (SELECT epoch FROM life) WHERE task = ?1 AND state = ''",
    KeepLease: "INSERT INTO lease(lease, task, round, job_index, fence, node, owner, nonce, price_kop)"
               " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    KeepEnd: "UPDATE lease SET ended = ?2 WHERE lease = ?1",
    KeepReceipt: "UPDATE lease SET ended = ?2, boot = ?3, seq = ?4, proof = ?5, answer = ?6 WHERE lease = ?1",
    KeepVerdict: "UPDATE lease SET verdict = ?2, epoch = ?3, answer = x'' WHERE lease = ?1 AND epoch IN (-1, ?3)",
    KeepAnswer: "INSERT OR REPLACE INTO answer(task, round, job_index, answer, audited) VALUES(?1, ?2, ?3, ?4, ?5)",
    KeepStanding: "INSERT INTO standing(node, score, lies, quarantined_until) VALUES(?1, ?2, ?3, ?4)"
                  " ON CONFLICT DO UPDATE SET score = ?2, lies = ?3, quarantined_until = ?4",
    KeepEpoch: "UPDATE life SET epoch = ?1",
    KeepClock: "UPDATE life SET clock_ms = ?1",
}

_ANSWERED = """EXISTS(SELECT 1 FROM answer AS a
    WHERE a.task = lease.task AND a.round = lease.round AND a.job_index = lease.job_index)"""

# Rows of a sealed epoch stay while their job is unanswered: its next lease needs a higher fence than theirs.
_LOAD_LEASES = f"""
SELECT lease, task, round, job_index, fence, node, owner, nonce, price_kop, ended, verdict, boot, seq, answer
FROM lease WHERE epoch > ?1
    OR (task IN (SELECT task FROM task WHERE state = '') AND (epoch < 0 OR NOT {_ANSWERED}))
ORDER BY lease"""  # noqa: S608 - constants only

_FORGET = f"""
DELETE FROM lease WHERE lease IN (
    SELECT lease FROM lease WHERE epoch <= ?1 AND NOT (
        task IN (SELECT task FROM task WHERE state = '' OR end_epoch > ?1) AND (epoch < 0 OR NOT {_ANSWERED}))
    LIMIT {_SLICE})"""  # noqa: S608 - constants only


class StoreError(Exception):
    """The journal cannot be used or written. The text is one sentence on what happened and the next step."""


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
    def open(cls, path: Path) -> Store:
        """Open the journal at ``path``, made with its directory where it does not exist, and lock it."""
        with _explained(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
                raise PermissionError(EACCES, "it is read-only")  # SQLite calls this a failing disk
            wal = path.with_name(path.name + "-wal")
            unclean = wal.exists() and wal.stat().st_size > 0
            connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
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
            for kind, run in groupby(effects, type):
                db.executemany(_SQL[kind], map(_ROW[kind], run))

    def load(self) -> Snapshot:
        """What a restarted gateway needs: unfinished work, what is not sealed yet, and the newest finished tasks."""
        words = _Words()
        with self._turn, _explained(self._path):
            db = self._db
            (epoch, sealed, last, clock_ms), = db.execute("SELECT epoch, sealed, last_lease, clock_ms FROM life")
            (top,), = db.execute("SELECT coalesce(max(lease), 0) FROM lease")
            db.text_factory = words.__getitem__
            try:
                return Snapshot(
                    tasks=_rows(TaskRow, db.execute(
                        "SELECT task, kind, body, priority, deadline_ms, submitted_at_ms, started_ms, state, result"
                        " FROM task ORDER BY number")),
                    leases=_rows(LeaseRow, db.execute(_LOAD_LEASES, (sealed,))),
                    answers=_rows(AnswerRow, db.execute(
                        "SELECT task, round, job_index, answer, audited FROM answer"
                        " ORDER BY task, round, job_index")),
                    standing=_rows(StandingRow, db.execute(
                        "SELECT node, score, lies, quarantined_until, earned_kop FROM standing ORDER BY node")),
                    next_lease=max(top, last) + 1,
                    epoch=epoch,
                    clock_ms=clock_ms,
                )
            finally:
                db.text_factory = str

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
        """Once ``epoch`` is sealed: add it to what nodes have earned and drop the rows that no task needs.

        Epochs are forgotten in order; raises ValueError for any but the oldest of ``unsealed()``.
        """
        if self.unsealed()[:1] != [epoch]:
            raise ValueError(f"epoch {epoch} is not the oldest unsealed one of {self.unsealed()}")
        with self._transaction() as db:
            db.execute(
                "INSERT INTO standing(node, earned_kop) SELECT node, sum(price_kop) FROM lease"
                " WHERE epoch = ? AND verdict = 'ok' AND proof <> x'' GROUP BY node"
                " ON CONFLICT DO UPDATE SET earned_kop = earned_kop + excluded.earned_kop", (epoch,))
            db.execute("UPDATE life SET sealed = ?, last_lease = max(last_lease,"
                       " (SELECT coalesce(max(lease), 0) FROM lease))", (epoch,))
        gone = _SLICE
        while gone == _SLICE:  # a crash in between leaves rows that load() passes over and the next call drops
            with self._transaction() as db:
                gone = db.execute(_FORGET, (epoch,)).rowcount

    def task(self, task: str) -> TaskRow | None:
        """A task by its id, also a finished one while it is among the newest; None when unknown."""
        rows = self._query("SELECT task, kind, body, priority, deadline_ms, submitted_at_ms, started_ms, state,"
                           " result FROM task WHERE task = ?", task)
        return TaskRow._make(rows[0]) if rows else None

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


def _row_maker(kind: type) -> Callable[[Any], tuple[Any, ...]]:
    names = [field.name for field in fields(kind)]
    many = attrgetter(*names)
    return many if len(names) > 1 else lambda effect: (many(effect),)


_ROW = {kind: _row_maker(kind) for kind in _SQL}


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
    db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA if new else ''} COMMIT;")
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
