"""Journals of every version since the third: each opens, as this version, with all that is in it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from lamplighter.gateway.adapters.opening import Migration, migrate
from lamplighter.gateway.adapters.schema import SCHEMA_VERSION
from lamplighter.gateway.adapters.store import Store, StoreError
from tests.vectors import journals

KEPT = sorted(journals.FOLDER.glob("schema-*.db"))
REMEMBERED = 1_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def old(path: Path) -> Path:
    """A journal of version 3."""
    shutil.copy(journals.FOLDER / "schema-3.db", path)
    return path


def told(path: Path) -> list[object]:
    """All that a gateway asks for."""
    with closing(Store.open(path)) as store:
        store.verify(int)
        return [store.load(REMEMBERED), store.unsealed(), *(list(store.judged(epoch)) for epoch in range(2)),
                *(store.recall(task, round_, 1 << 20, True) for task in ("open", "back") for round_ in range(2))]


def test_there_is_a_journal_of_each_version() -> None:
    """Of this one and all before it, made by ``python -m tests.vectors.journals``."""
    assert [path.stem for path in KEPT] == [f"schema-{number}" for number in range(3, SCHEMA_VERSION + 1)]


@pytest.mark.parametrize("kept", KEPT, ids=lambda path: path.stem)
def test_a_kept_journal_opens(kept: Path, path: Path, tmp_path: Path) -> None:
    """It gives what a journal of this version gives of the same effects, and goes on from there."""
    shutil.copy(kept, path)
    fresh = tmp_path / "fresh.db"
    with closing(Store.open(fresh)) as store:
        for commit in journals.lives():
            store.commit(commit)
    assert told(path) == told(fresh)
    for each in (path, fresh):
        with closing(Store.open(each)) as store:
            store.forget_epoch(0)
    assert told(path) == told(fresh)


def test_a_dry_run_says_what_would_be_and_changes_nothing(old: Path) -> None:
    """The rows that are kept; the file stays of its version."""
    made = Migration(3, {"task": 3, "round": 3, "lease": 60, "answer": 21, "standing": 4})
    assert [migrate(old, dry=True) for _ in range(2)] == [made, made]
    with closing(sqlite3.connect(old)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (3,)
        assert len(db.execute("SELECT * FROM lease").fetchall()) == 60
    assert [migrate(old, dry=False) for _ in range(2)] == [made, None]


class Cut(sqlite3.Connection):
    """Ends at its so many-th statement."""

    left = 0

    def execute(self, *given: Any) -> sqlite3.Cursor:
        Cut.left -= 1
        if Cut.left == 0:
            raise sqlite3.OperationalError("the power is off")
        return super().execute(*given)


def cut_after(statements: int, path: Path) -> None:
    Cut.left = statements
    Store.open(path, lambda path: sqlite3.connect(path, isolation_level=None, factory=Cut)).close()


def test_a_migration_that_ends_early_leaves_the_old_journal(old: Path, tmp_path: Path) -> None:
    """Wherever it ends, the journal is of its version or of this one, and the next start gives all of it."""
    image, versions = tmp_path / "image", []
    for statements in range(1, 120, 2):
        shutil.copy(old, image)
        with suppress(StoreError):
            cut_after(statements, image)
        with closing(sqlite3.connect(image)) as db:
            versions += db.execute("PRAGMA user_version").fetchone()
        assert told(image)[0].next_lease == 61   # type: ignore[attr-defined]
    assert versions == sorted(versions) and versions.count(3) > 20 and versions.count(SCHEMA_VERSION) > 5


def test_a_commit_has_reached_the_disk(path: Path, tmp_path: Path) -> None:
    """However a journal was opened: made, found, or brought up to this version."""
    shutil.copy(journals.FOLDER / "schema-3.db", tmp_path / "old.db")
    for each in (path, path, tmp_path / "old.db"):
        with closing(Store.open(each)) as store:
            full, = store._db.execute("PRAGMA synchronous").fetchone()
            mode, = store._db.execute("PRAGMA journal_mode").fetchone()
        assert (full, mode) == (2, "wal")   # SQLite syncs the write-ahead log at each commit


def test_where_there_is_no_journal(path: Path) -> None:
    """None is made, and one sentence says where to look."""
    with pytest.raises(StoreError, match="There is no journal"):
        migrate(path, dry=False)
    assert not path.exists()
