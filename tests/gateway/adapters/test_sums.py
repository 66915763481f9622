"""Bits that flip on the disk: what was not what was written is never given out."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lamplighter.gateway.adapters.store import Store, StoreError
from lamplighter.gateway.core.effects import (
    Durable,
    KeepAnswer,
    KeepClock,
    KeepEnd,
    KeepEpoch,
    KeepLease,
    KeepReceipt,
    KeepRound,
    KeepStanding,
    KeepTask,
    KeepTaskEnd,
    KeepVerdict,
)

LEASES = 240
REMEMBERED = 100


def lives() -> list[Durable]:
    """Two tasks of some rounds, one of them over, in two epochs; leases of every end."""
    dice = random.Random(7)
    made: list[Durable] = [KeepTask("over", "traffic.signals", b"{}", 3, 60_000, 1_700_000_000_000, 40),
                           KeepTask("open", "energy.flow", dice.randbytes(9_000), 0, 90_000, 1_700_000_000_000, 40)]
    for number in range(1, LEASES + 1):
        name, round_, node = ("over", 0, "aa") if number <= 20 else ("open", number // 80, f"b{number % 5}")
        if number % 80 == 0 or number in (1, 21):
            made.append(KeepRound(name, round_, 0, number))
        made.append(KeepLease(number, name, round_, number // 2, number % 2, node, "owner-" + node,
                              dice.randbytes(16), 10 + number % 3))
        if number % 10 == 3:
            made.append(KeepEnd(number, "expired"))
        elif number % 50 != 7:
            made += [KeepReceipt(number, "done", 7, number, dice.randbytes(158), dice.randbytes(300)),
                     KeepVerdict(number, "ok" if number % 6 else "minority", int(number > 60)),
                     KeepAnswer(name, round_, number // 2, dice.randbytes(300), number % 9 == 0),
                     KeepStanding(node, number, 0, 0)]
        if number == 30:
            made.append(KeepTaskEnd("over", "done", dice.randbytes(900)))
        if number == 60:
            made.append(KeepEpoch(1))
    return [*made, KeepClock(99)]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A journal that was closed, and has some pages that are free."""
    path = tmp_path_factory.mktemp("clean") / "journal.db"
    with pytest.MonkeyPatch.context() as patch, closing(Store.open(path)) as store:
        patch.setattr(Store, "tail_bytes", 8_000)
        made = lives()
        for at in range(0, len(made), 9):
            store.commit(made[at:at + 9])
        store.load(REMEMBERED)
        store.forget_epoch(0)
    return path.read_bytes()


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        db.text_factory = bytes
        names = [b"tail", b"segment", b"life", b"task", b"round", b"lease", b"share", b"answer", b"standing"]
        return [repr((name, db.execute(f"SELECT * FROM {name.decode()}").fetchall())) for name in names]


def given_out(store: Store) -> list[Any]:
    """All that a gateway ever asks for."""
    return [store.load(REMEMBERED), list(store.judged(1)), store.unsealed(), store.epoch(),
            *(store.recall("open", round_, 1 << 20, True) for round_ in range(4))]


def flips(clean: bytes, path: Path, count: int, seed: int) -> tuple[int, int, list[int]]:
    """Of so many journals with one bit flipped: how many were refused when used, how many by a whole check, and
    the bits at which something else than what was written was accepted."""
    path.write_bytes(clean)
    with closing(Store.open(path)) as store:
        told = given_out(store)
    rows, dice = dump(path), random.Random(seed)
    refused, found, accepted = 0, 0, []
    for _ in range(count):
        bit = dice.randrange(8 * len(clean))
        flipped = bytearray(clean)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        for beside in path.parent.glob(path.name + "-*"):
            beside.unlink()
        try:
            with closing(Store.open(path)) as store:
                if given_out(store) != told:
                    accepted.append(bit)
        except StoreError as error:
            assert "damaged" in str(error) or "not a Lamplighter" in str(error) or "another version" in str(error)
            refused += 1
        path.write_bytes(flipped)
        try:
            with closing(Store.open(path)) as store:
                store.verify(int)
            if dump(path) != rows:
                accepted.append(bit)
        except StoreError:
            found += 1
    return refused, found, accepted


def test_a_flipped_bit_is_refused_or_changes_nothing(clean: bytes, tmp_path: Path) -> None:
    """What is used is checked; what is not is found by a whole check. Nothing that changed is ever accepted."""
    refused, found, accepted = flips(clean, tmp_path / "journal.db", 120, seed=11)
    assert accepted == [] and refused > 60 and found > 60, (refused, found)


@pytest.mark.soak
def test_a_thousand_flipped_bits(clean: bytes, tmp_path: Path) -> None:
    """The same for more of them, over all pages."""
    refused, found, accepted = flips(clean, tmp_path / "journal.db", 1_000, seed=12)
    assert accepted == [] and refused > 500 and found > 500, (refused, found)


@pytest.mark.parametrize("sql", [
    "DELETE FROM lease WHERE lease = 100", "UPDATE lease SET price_kop = price_kop + 1 WHERE lease = 100",
    "DELETE FROM lease WHERE lease > 60", "DELETE FROM segment WHERE name = 'lease'", "DELETE FROM answer",
    "UPDATE answer SET answer = x'00' WHERE job_index = 50", "UPDATE life SET epoch = 7", "DELETE FROM life",
    "UPDATE standing SET pending_kop = pending_kop + 1 WHERE node = 'b1'", "DELETE FROM round", "DELETE FROM share",
    "INSERT INTO standing(node) VALUES('ff')", "DROP TRIGGER task_over", "UPDATE task SET state = 'done'",
    "INSERT INTO tail VALUES(1, x'', x'')",
])
def test_a_hand_that_changes_rows_is_noticed(clean: bytes, tmp_path: Path, sql: str) -> None:
    """Whatever is changed, added or missing: a whole check says so, and so does what a gateway uses."""
    path = tmp_path / "journal.db"
    path.write_bytes(clean)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(sql)
    for use in (given_out, lambda store: store.verify(int)):
        with pytest.raises(StoreError, match="is damaged"), closing(Store.open(path)) as store:
            use(store)


def test_what_was_wrong_stays_wrong(clean: bytes, tmp_path: Path) -> None:
    """A row that is changed after it was damaged does not come out of that as a good one."""
    path = tmp_path / "journal.db"
    path.write_bytes(clean)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("UPDATE lease SET price_kop = 1000000 WHERE lease = 239")
    with closing(Store.open(path)) as store:
        store.commit([KeepReceipt(239, "late", 7, 239, bytes(158), b""), KeepVerdict(239, "late", 1)])
        store.commit([KeepEpoch(2)])
        assert store.unsealed() == [1]
        with pytest.raises(StoreError, match="rows of its table lease"):
            list(store.judged(1))
