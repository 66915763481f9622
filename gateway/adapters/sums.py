"""What the rows of the journal are checked with: a sum per segment, one over the sums, one of the row with that.

A sum is the exclusive or of the digests of its rows, so it follows each change without a look at the others, and
what was wrong before a change is wrong after it. Triggers of this connection tell of every row that comes, changes
or goes, whatever statement did it; nothing of them is in the file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from functools import cache
from typing import Any

from lamplighter.gateway.adapters.rows import digest
from lamplighter.gateway.adapters.schema import SEGMENTS, TABLES

Key = tuple[str, int]
_RUN = 1_000
_ROOT: Key = ("", 0)
_ADD = "INSERT INTO segment VALUES(?1, ?2, ?3) ON CONFLICT DO UPDATE SET sum = (sum | ?3) - (sum & ?3)"
_CLEAR = "DELETE FROM segment WHERE name = ? AND number = ? AND sum = 0"


class Sums:
    """``flush`` in the transaction that changed rows, ``drop`` where it was rolled back.

    All methods raise sqlite3.Error, the checks ``DatabaseError`` where rows are not what was written.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._changes: dict[Key, int] = {}
        db.create_function("note", -1, self._note)
        db.create_function("digest", -1, lambda *row: digest(row), deterministic=True)
        if not db.execute("SELECT 1 FROM sqlite_temp_schema LIMIT 1").fetchone():
            for sql in _triggers():
                db.execute(sql)

    def _note(self, name: str, number: int, *row: Any) -> None:
        self.note((name, number), digest(row))

    def note(self, key: Key, change: int) -> None:
        """That a row with this digest comes into a segment or goes, or both with their exclusive or."""
        self._changes[key] = self._changes.get(key, 0) ^ change

    def rebuild(self) -> None:
        """Takes the rows that are there for what was written."""
        for table in SEGMENTS:
            if table != "segment":
                self._changes.update(self._of_rows(table, "1"))
        self.flush()

    def flush(self) -> None:
        """Adds what has changed to the sums."""
        changes = [(*key, change) for key, change in self._changes.items() if change and key != _ROOT]
        self._db.executemany(_ADD, changes)
        self._db.executemany(_CLEAR, [change[:2] for change in changes])
        self._db.execute("UPDATE life SET root = (root | ?1) - (root & ?1)", (self._changes.get(_ROOT, 0),))
        self._db.execute(f"UPDATE life SET sum = {_of_life()}")  # noqa: S608 - columns of our tables
        self._changes.clear()

    def drop(self) -> None:
        """Nothing has changed after all."""
        self._changes.clear()

    def check_sums(self) -> None:
        """That no sum has changed or is missing: what the other checks rely on."""
        if self._db.execute(f"SELECT sum = {_of_life()} FROM life").fetchall() != [(1,)]:  # noqa: S608
            raise sqlite3.DatabaseError("its first row is not what was written")
        (root,), = self._db.execute("SELECT root FROM life")
        if self._of_rows("segment", "1").get(_ROOT, 0) != root:
            raise sqlite3.DatabaseError("its sums are not what was written")

    def check(self, table: str, name: str = "", first: int = 0, last: int = 0) -> None:
        """That these segments of ``table`` have the rows that were written. Answers have a name for each task."""
        given = (name or table, first, last)
        wanted = self._db.execute("SELECT name, number, sum FROM segment WHERE name = ? AND number BETWEEN ? AND ?",
                                  given)
        self._compare(table, self._of_rows(table, SEGMENTS[table].rows, given), wanted)

    def check_all(self, seen: Callable[[int], object]) -> None:
        """The same for all there is; ``seen`` is told of so many more rows now and then."""
        self.check_sums()
        for table in SEGMENTS:
            if table != "segment":
                wanted = self._db.execute("SELECT name, number, sum FROM segment"
                                          " WHERE name = ?1 OR name BETWEEN ?1 || ' ' AND ?1 || '!'", (table,))
                self._compare(table, self._of_rows(table, "1", (), seen), wanted)

    def rows(self) -> int:
        """How many rows there are to check."""
        return sum(self._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
                   for table in SEGMENTS if table != "segment")

    @staticmethod
    def _compare(table: str, found: dict[Key, int], wanted: Iterable[tuple[str, int, int]]) -> None:
        if found != {(name, number): sum_ for name, number, sum_ in wanted}:
            raise sqlite3.DatabaseError(f"rows of its table {table} are not those that were written")

    def _of_rows(self, table: str, where: str, given: tuple[Any, ...] = (),
                 seen: Callable[[int], object] = int) -> dict[Key, int]:
        """The sums of the rows that are there."""
        name, number = (sql.format(row=table) for sql in SEGMENTS[table][:2])
        cursor = self._db.execute(
            f"SELECT {name}, {number}, {_listed(table)} FROM {table} WHERE {where}", given)  # noqa: S608
        found: dict[Key, int] = {}
        while rows := cursor.fetchmany(_RUN):
            for own_name, own_number, *row in rows:
                key = (own_name, own_number)
                found[key] = found.get(key, 0) ^ digest(row)
            seen(len(rows))
        return found


@cache
def _columns() -> dict[str, list[str]]:
    """Of all tables, as this version makes them."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(TABLES)
        return {table: [name for name, in db.execute("SELECT name FROM pragma_table_info(?) ORDER BY cid", (table,))]
                for table in (*SEGMENTS, "life")}


def _listed(table: str, prefix: str = "") -> str:
    return ", ".join(prefix + name for name in _columns()[table])


@cache
def _of_life() -> str:
    return f"digest({', '.join(name for name in _columns()['life'] if name != 'sum')})"


@cache
def _triggers() -> list[str]:
    made = []
    for table, segment in SEGMENTS.items():
        for told in filter(None, segment.told.split(", ")):
            event, row = told.split()
            note = f"note({segment.name}, {segment.number}, {_listed(table, '{row}.')})".format(row=row)
            made.append(f"CREATE TEMP TRIGGER note_{table}_{event}_{row} AFTER {event} ON main.{table}"
                        f" BEGIN SELECT {note}; END")
    return made
