"""How the journal's file is opened: locked, known for ours, made or brought up to this version; what errors mean."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from errno import EACCES
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast

from lamplighter.gateway.adapters.files import make_folder
from lamplighter.gateway.adapters.rows import DecodeError
from lamplighter.gateway.adapters.schema import (
    APPLICATION_ID,
    FIRST_ROW,
    FROM_3,
    MARK,
    RENAME,
    SCHEMA_VERSION,
    TABLES,
)
from lamplighter.gateway.adapters.sums import Sums
from lamplighter.gateway.protocol.numbers import Numbers, number_of

OLDEST_VERSION = 3


class StoreError(Exception):
    """The journal cannot be used or written. The text is one sentence on what happened and the next step."""


class _Undone(Exception):
    """A dry run has come to its end."""


class Migration(NamedTuple):
    """What a journal of an older version becomes: its version, and how many rows of each table are kept."""

    version: int
    rows: dict[str, int]


def connect(path: Path) -> sqlite3.Connection:
    """Transactions are ours to begin; any thread may use it, one at a time."""
    return sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All that is done in it, or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # SQLite has rolled back already after some errors
            db.execute("ROLLBACK")
        raise


def usable(path: Path) -> None:
    """Makes the folder and an empty file where there is none. Raises OSError."""
    make_folder(path.parent, 0o700)
    path.touch(mode=0o600)
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        raise PermissionError(EACCES, "it is read-only")  # SQLite calls this a failing disk


def existing(path: Path) -> Path:
    """Raises StoreError where there is none."""
    if not path.exists():
        raise StoreError(f"There is no journal {path}; name the gateway's folder with --data.")
    return path


def newest(path: Path) -> Path:
    """Raises StoreError where it is not of this version, which is the only one that can be checked."""
    with explained(path), closing(connect(existing(path))) as db:
        if (version := _version(path, db)) != SCHEMA_VERSION:
            raise StoreError(f"The journal {path} is of version {version}, which has no sums to check; its gateway's"
                             " next start makes them, or `lamplighter journal migrate`.")
    return path


def prepare(path: Path, db: sqlite3.Connection) -> None:
    """Lock the file, see that it is ours, make the tables in a new one, migrate an old one. The lock comes first."""
    version = _version(path, db)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA journal_size_limit = {16 << 20}")
    with transaction(db):
        if version == 0:
            _script(db, f"{TABLES}; {FIRST_ROW}; {MARK};")
            Sums(db).flush()
        elif version < SCHEMA_VERSION:
            _migrate(db)
    if _tables(db) != _tables_of_this_version():
        raise sqlite3.DatabaseError("its tables are not those that were made")


def migrate(path: Path, dry: bool) -> Migration | None:
    """Brings the journal at ``path`` up to this version, which each start does too; None where it is.

    With ``dry`` it is done and then undone, so that what it says is what would be. Raises StoreError.
    """
    with explained(path), closing(connect(existing(path))) as db, suppress(_Undone):
        version, made = _version(path, db), None
        with transaction(db):
            if 0 < version < SCHEMA_VERSION:
                made = Migration(version, _migrate(db))
            if dry:
                raise _Undone
    return made


def _version(path: Path, db: sqlite3.Connection) -> int:
    """That of the journal, 0 for a new one. The file is locked from here on; raises StoreError if it is not ours."""
    db.execute("PRAGMA locking_mode = EXCLUSIVE")
    db.execute("PRAGMA trusted_schema = OFF")
    db.execute("PRAGMA cell_size_check = ON")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA secure_delete = OFF")   # Debian's SQLite would write pages of zeros over what is folded
    db.execute("PRAGMA recursive_triggers = ON")   # a row that is replaced is a row that goes
    (app,), (version,), (tables,) = (
        db.execute(sql).fetchone()
        for sql in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_schema")
    )
    if (app, version, tables) == (0, 0, 0):
        return 0
    if app != APPLICATION_ID:
        raise StoreError(f"{path} is not a Lamplighter journal; choose another data directory.")
    if not OLDEST_VERSION <= version <= SCHEMA_VERSION:
        raise StoreError(f"{path} was written by another version of Lamplighter (journal {version}, this one reads"
                         f" {SCHEMA_VERSION}); start that version, or choose another data directory.")
    return int(version)


class _Ranges:
    """An aggregate for SQL: the numbers of receipts, as the standing of a node has them."""

    def __init__(self) -> None:
        self._numbers = Numbers()

    def step(self, boot: int, seq: int) -> None:
        if seq:
            self._numbers.use(b"", number_of(boot, seq))

    def finalize(self) -> bytes:
        return self._numbers.given(b"")


def _migrate(db: sqlite3.Connection) -> dict[str, int]:
    """In a transaction: new tables with the rows of the old ones, which nothing but SQLite has checked so far."""
    if (found := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise sqlite3.DatabaseError(found)
    _script(db, RENAME)
    _script(db, TABLES)
    db.create_aggregate("ranges", 2, cast(Any, _Ranges))   # finalize() may give bytes, too
    _script(db, FROM_3)
    Sums(db).rebuild()
    _script(db, f"{MARK};")
    return {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - constants only
            for table in ("task", "round", "lease", "answer", "standing")}


def _script(db: sqlite3.Connection, sql: str) -> None:
    """Statement by statement: ``executescript`` would end the transaction."""
    for statement in _statements(sql):
        db.execute(statement)


@cache
def _statements(sql: str) -> list[str]:
    found, statement = [], ""
    for part in sql.split(";"):
        statement += part + ";"
        if sqlite3.complete_statement(statement):
            found.append(statement)
            statement = ""
    return found


def _tables(db: sqlite3.Connection) -> set[tuple[str, ...]]:
    return set(db.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema"))


@cache
def _tables_of_this_version() -> set[tuple[str, ...]]:
    with closing(sqlite3.connect(":memory:")) as db:
        _script(db, TABLES)
        return _tables(db)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the errors of SQLite and the file system into a StoreError that a person can act on."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"The data directory {path.parent} cannot be used ({error.strerror}); make it"
                         " writable for this user, or choose another one.") from error
    except (sqlite3.Error, UnicodeDecodeError, DecodeError) as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        says = _SENTENCES.get(code, "The journal {path} cannot be used ({error}); see the log of the system.")
        raise StoreError(says.format(path=path, error=error)) from error


_CORRUPT = ("The journal {path} is damaged ({error}) and was not used; move it and its -wal file away and"
            " restore a backup, or start with a new data directory.")
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
