"""What survives the gateway's process: its folder, on a disk in memory, and the journal in an SQLite of its own.

The real stores run on it. Writes can fail or be the last thing that a process does; and the power can be cut.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lamplighter.gateway.adapters.opening import transaction
from lamplighter.gateway.adapters.registry import FILE, AtomicStorage, Device, Facts, Registry, no_log
from lamplighter.gateway.adapters.store import Store
from lamplighter.gateway.core.effects import Durable
from lamplighter.gateway.ledger.leaves import Seal
from lamplighter.gateway.ledger.settle import Record
from lamplighter.gateway.publiclog.writer import PublicLog
from lamplighter.gateway.runtime.settings import Settings
from lamplighter.gateway.runtime.stores import Stores
from tests.power import Power
from tests.vectors import journals

MEMORY = next((path for path in ("/dev/shm",) if Path(path).is_dir()), None)
PASSWORD = "the-password-of-no-broker"
_KEY = Ed25519PrivateKey.from_private_bytes(b"the key of every simulated log..")
PEM = _KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@cache
def _kept() -> tuple[int, list[str], dict[str, list[str]]]:
    """Of the newest journal before this version's: its number, the SQL that makes it, and its tables' columns."""
    path = sorted(journals.FOLDER.glob("schema-*.db"))[-2]
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as db:
        made = db.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
        tables = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        columns = {name: [row[0] for row in db.execute("SELECT name FROM pragma_table_info(?)", (name,))]
                   for name, in tables}
        (version,), = db.execute("PRAGMA user_version")
    return version, [sql for sql, in made], columns


def older(db: sqlite3.Connection) -> None:
    """Makes a journal whose tail is in its tables one of the version before, with what that knows of the same."""
    version, script, tables = _kept()
    kept = {}
    for table, columns in tables.items():
        known = {row[0] for row in db.execute("SELECT name FROM pragma_table_info(?)", (table,))}
        names = ", ".join(name for name in columns if name in known)
        kept[table, names] = db.execute(f"SELECT {names} FROM {table}").fetchall()
    with transaction(db):
        for kind in ("trigger", "view", "table"):
            for name, in db.execute("SELECT name FROM sqlite_schema WHERE type = ? AND name NOT LIKE 'sqlite%'",
                                    (kind,)).fetchall():
                db.execute(f"DROP {kind} {name}")
        for sql in script:
            db.execute(sql)
        for (table, names), rows in kept.items():
            places = ", ".join("?" for _ in names.split(", "))
            db.executemany(f"INSERT INTO {table}({names}) VALUES({places})", rows)
        db.execute(f"PRAGMA user_version = {version}")


@cache
def _new() -> bytes:
    """A journal of this version in which nothing is: made by the real code, once for thousands of worlds."""
    with tempfile.TemporaryDirectory() as folder, closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        Store.open(Path(folder) / "journal.db", lambda path: db)
        return db.serialize()


class Watch(Protocol):
    """Who sees what is written, and may end the process at any of it."""

    def writing(self, what: str) -> None:
        """Before a write, and after it."""

    def keeping(self, effects: Sequence[Durable]) -> None:
        """What was committed."""

    def kept(self) -> None:
        """That was all of it."""

    def sealing(self, epoch: int) -> None:
        """An epoch is about to be sealed."""

    def sealed(self, seal: Seal) -> None:
        """It is in the log."""

    def forgetting(self, epoch: int) -> None:
        """The journal is about to let an epoch go."""

    def owning(self, devices: Sequence[Device]) -> None:
        """Rows of devices were written into the registry."""


class Kept(sqlite3.Connection):
    """The file, as it were: it outlives whoever has it open."""

    def close(self) -> None:
        """A process that ends in the middle of a transaction has not written it."""
        self.rollback()


class Journal(Store):
    """The real one, watched."""

    watch: Watch
    tail_bytes = 4_000

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with super()._transaction() as db:
            yield db
            self.watch.writing("fold")   # all of it is written, nothing committed

    def commit(self, effects: Sequence[Durable]) -> None:
        self.watch.writing("commit")
        super().commit(effects)
        self.watch.keeping(effects)
        self.watch.kept()
        self.watch.writing("committed")

    def forget_epoch(self, epoch: int) -> None:
        self.watch.writing("forget")
        self.watch.forgetting(epoch)
        super().forget_epoch(epoch)


class Log(PublicLog):
    """The real one, watched."""

    watch: Watch | None = None

    def seal(self, epoch: int, rows: Iterable[tuple[bytes, int, str]],
             tell: Callable[[Record], object] = lambda _: None) -> Seal:
        assert self.watch is not None
        self.watch.sealing(epoch)
        seal = super().seal(epoch, rows, tell)
        self.watch.sealed(seal)
        return seal

    def _write(self, name: str, data: bytes) -> None:
        if self.watch is not None:
            self.watch.writing("log")
        super()._write(name, data)


class Book(Registry):
    """The real one, watched."""

    watch: Watch

    def enrol(self, pairs: Iterable[tuple[bytes, str]], now_ms: int, facts: Facts = no_log) -> list[Device]:
        self.watch.writing("registry")
        made = super().enrol(pairs, now_ms, facts)
        self.watch.writing("registry")
        return made

    def _put(self, devices: list[Device]) -> None:
        if devices:
            self.watch.writing("registry")
            super()._put(devices)
            self.watch.owning(devices)
            self.watch.writing("registry")


class Disk:
    """``open`` gives the stores of one life; ``remove`` ends it all."""

    def __init__(self, settings: Settings) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="lamplighter-sim-", dir=MEMORY))
        self._db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, factory=Kept)
        self._db.deserialize(_new())
        self._site = settings.site
        self.path = self._folder
        (self._folder / "log.key").write_bytes(PEM)
        tables = {"gateway": {"1": {"password": PASSWORD, "secret": "5ec7e7" * 10 + "beef"}}}
        AtomicStorage(self._folder / FILE).write(tables)
        self.net = self._log().net
        self._power = Power(self._folder).on()

    def _log(self) -> Log:
        log = Log.open(self._folder / "public", self._folder / "log.key", self._site)
        assert isinstance(log, Log)
        return log

    def open(self, boot: int, watch: Watch) -> Stores:
        """The stores as a start finds them."""
        journal = Journal.open(self._folder / "journal.db", lambda path: self._db)
        book, log = Book.open(self._folder), self._log()
        assert isinstance(journal, Journal) and isinstance(book, Book)
        journal.watch = book.watch = log.watch = watch
        return Stores(journal, book, log, boot)

    def cut_power(self, eager: bool) -> None:
        """What was not synced is gone; of the journal, which SQLite syncs, that is nothing."""
        if self._power.whole():
            return
        image = self._power.image(Path(tempfile.mkdtemp(prefix="lamplighter-sim-", dir=MEMORY)), eager)
        self._power.off()
        shutil.rmtree(self._folder)
        image.rename(self._folder)
        self._power = Power(self._folder).on()

    def age(self) -> None:
        """The journal becomes what the version before would have made of the same: it knows less."""
        store = Store.open(self._folder / "journal.db", lambda path: self._db)
        store.close()
        older(self._db)

    def forget(self, node: str) -> bool:
        """An old copy of the registry is all there is: it does not know a device. Whether it did, and for good."""
        storage = AtomicStorage(self._folder / FILE)
        tables = storage.read() or {}
        rows = tables.get("devices", {})
        tables["devices"] = {key: row for key, row in rows.items() if row["node"] != node or row["next_owner"]}
        storage.write(tables)
        return len(rows) > len(tables["devices"])

    def pardon(self, node: str) -> None:
        """The copy is of before it was revoked."""
        storage = AtomicStorage(self._folder / FILE)
        tables = storage.read() or {}
        for row in tables.get("devices", {}).values():
            row["revoked"] = row["revoked"] and row["node"] != node
        storage.write(tables)

    def registry(self) -> Registry:
        """As somebody else opens it who may use the folder."""
        return Registry.open(self._folder)

    @property
    def public(self) -> Path:
        return self._folder / "public"

    def remove(self) -> None:
        self._power.off()
        sqlite3.Connection.close(self._db)
        shutil.rmtree(self._folder)
