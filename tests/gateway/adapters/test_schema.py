"""What the journal gives back of long tasks: as much as a restart needs, then round by round."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from lamplighter.gateway.adapters import store as store_module
from lamplighter.gateway.adapters.schema import FOLD, GIVEN, OUTCOME, TABLES
from lamplighter.gateway.adapters.store import Store
from lamplighter.gateway.core.effects import (
    Durable,
    KeepAnswer,
    KeepClock,
    KeepEnd,
    KeepEpoch,
    KeepLease,
    KeepReceipt,
    KeepRound,
    KeepSetback,
    KeepStanding,
    KeepTask,
    KeepTaskEnd,
    KeepVerdict,
)
from lamplighter.gateway.core.events import RoundRecalled
from lamplighter.gateway.core.snapshot import AnswerRow, ShareRow

TASK = KeepTask("t1", "traffic.signals", b"{}", 3, 60_000, 1_700_000_000_000, 40, "city")


def lease(number: int, name: str = "t1", index: int = 0) -> KeepLease:
    return KeepLease(number, name, 0, index, number, "aa", "owner-aa", number.to_bytes(16, "big"), 10)


def receipt(number: int) -> KeepReceipt:
    return KeepReceipt(number, "done", 7, number, bytes(158), b"answer")


def pending(store: Store) -> dict[str, int]:
    return {own.node: own.pending_kop for own in store.load(0).standing}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "journal.sqlite"


def rounds_of(store: Store, jobs: int, rounds: int) -> None:
    """Rounds of so many jobs, each with two leases that are judged, accepted and not recomputed."""
    number = 1
    for round_ in range(rounds):
        store.commit([KeepRound("t1", round_, 0, number)])
        for index in range(jobs):
            for node in ("aa", "bb"):
                store.commit([KeepLease(number, "t1", round_, index, 1, node, node, number.to_bytes(16, "big"), 10),
                              receipt(number), KeepVerdict(number, "ok", 0)])
                number += 1
            store.commit([KeepAnswer("t1", round_, index, b"%d %d" % (round_, index), False)])


def test_a_restart_loads_no_more_than_it_needs(path: Path) -> None:
    """However long a task has run: the newest leases, those without an outcome, and sums."""
    store = Store.open(path)
    store.commit([TASK])
    rounds_of(store, jobs=5, rounds=4)
    store.commit([KeepRound("t1", 4, 0, 41), lease(41), lease(42, index=1), receipt(42), lease(43, index=2),
                  KeepEnd(43, "expired"), KeepTask("t2", "toy", b"", 0, 1, 0, 0),
                  KeepRound("t2", 0, 0, 44), lease(44, "t2"), lease(45, "t2")])
    snapshot = store.load(1)
    assert [own.lease for own in snapshot.leases] == [41, 42, 44, 45]
    assert snapshot.shares == [ShareRow("t1", "aa", 23, 21), ShareRow("t1", "bb", 20, 20), ShareRow("t2", "aa", 2, 0)]
    assert pending(store) == {"aa": 200, "bb": 200}
    assert [(own.rounds, own.audited) for own in snapshot.tasks] == [(5, 0), (1, 0)]
    store.close()


def test_a_round_is_recalled(path: Path) -> None:
    """Its answers; its leases where answers are missing or somebody wants to know who gave them."""
    store = Store.open(path)
    store.commit([TASK])
    rounds_of(store, jobs=2, rounds=3)
    answers = (AnswerRow(0, b"1 0", False), AnswerRow(1, b"1 1", False))
    assert store.recall("t1", 1, 2, False) == RoundRecalled("t1", 1, 0, answers, (), False)
    for jobs, leases in ((2, True), (3, False)):
        recalled = store.recall("t1", 1, jobs, leases)
        assert recalled is not None and (recalled.answers, recalled.whole) == (answers, True)
        assert [(own.lease, own.round) for own in recalled.leases] == [(5, 1), (6, 1), (7, 1), (8, 1)]
    assert store.recall("t1", 3, 2, True) is None
    store.commit([KeepTaskEnd("t1", "done", b"")])
    assert store.recall("t1", 1, 2, True) is None
    store.close()


def test_a_setback_voids_the_rounds_after_it(path: Path) -> None:
    """Their answers go, leases of the same place that come later are told from theirs, and the run is known."""
    store = Store.open(path)
    store.commit([TASK])
    rounds_of(store, jobs=2, rounds=3)
    store.commit([KeepAnswer("t1", 0, 1, b"right", True), KeepSetback("t1", 0, 1, "why")])
    assert [(own.run, own.rounds, own.audited, own.setback) for own in store.load(0).tasks] == [(1, 1, 1, "why")]
    assert store.recall("t1", 1, 2, True) is None
    store.commit([KeepRound("t1", 1, 1, 13), KeepLease(13, "t1", 1, 0, 65537, "aa", "aa", bytes(16), 10)])
    recalled = store.recall("t1", 1, 2, False)
    assert recalled is not None and (recalled.run, recalled.answers) == (1, ())
    assert [own.lease for own in recalled.leases] == [13]
    store.close()


def test_the_work_of_a_node_is_found(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is accepted, not recomputed, not sealed and of an open task, and only what that node did."""
    monkeypatch.setattr(store_module, "_SLICE", 3)
    store = Store.open(path)
    store.commit([TASK])
    rounds_of(store, jobs=2, rounds=2)
    store.commit([KeepAnswer("t1", 0, 1, b"0 1", True), KeepVerdict(5, "minority", 0)])
    assert store.work_of("aa") == [("t1", 0, 0), ("t1", 1, 1)]
    assert store.work_of("bb") == [("t1", 0, 0), ("t1", 1, 0), ("t1", 1, 1)]
    store.commit([KeepEpoch(1)])
    store.forget_epoch(0)
    assert store.work_of("aa") == []
    store.close()


def test_every_durable_effect_has_sql() -> None:
    """Each durable effect is of a lease or has one entry in the table, with as many parameters as fields."""
    assert {*FOLD, KeepLease, KeepEnd, KeepReceipt, KeepVerdict, KeepStanding} == set(get_args(Durable))
    for kind, sql in FOLD.items():
        assert f"?{len(fields(kind))}" in sql and f"?{len(fields(kind)) + 1}" not in sql
    (columns,) = [made for made in TABLES.split("CREATE TABLE") if made.startswith(" lease(")]
    assert all(f"{name} " in columns for name in GIVEN + OUTCOME) and len(GIVEN) == len(fields(KeepLease))


def test_the_clock_goes_on(path: Path) -> None:
    """While the computer runs it is that of the computer; after a start of it, it goes on where it was kept."""
    store = Store.open(path)
    assert store.ahead_ms("monday", 5_000) == -5_000
    store.commit([KeepClock(600)])
    assert store.ahead_ms("monday", 90_000) == -5_000   # no gateway ran for most of that time
    assert store.ahead_ms("tuesday", 100) == 500
    store.commit([KeepClock(2_000)])
    assert store.ahead_ms("tuesday", 1_600) == 500
    assert store.ahead_ms("tuesday", 1_400) == 600   # another clock than it was
    store.close()
