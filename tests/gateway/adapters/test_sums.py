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
                     KeepVerdict(number, "ok" if number % 6 else "minority", number > 60),
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


def flips(clean: bytes, path: Path, count: int) -> tuple[int, int, list[int]]:
    """Of so many journals with one bit flipped: how many were refused when used, how many by a whole check, and
    the bits at which something else than what was written was accepted."""
    path.write_bytes(clean)
    with closing(Store.open(path)) as store:
        told = given_out(store)
    rows, dice = dump(path), random.Random(11)
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
    refused, found, accepted = flips(clean, tmp_path / "journal.db", 300)
    assert (accepted, refused > 150, found > 150) == ([], True, True), (refused, found, accepted)
