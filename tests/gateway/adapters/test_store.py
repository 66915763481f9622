"""The journal: what was committed is there, once, and nothing else is ever believed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from lamplighter.gateway.adapters import store as module
from lamplighter.gateway.adapters import sums
from lamplighter.gateway.adapters.rows import digest
from lamplighter.gateway.adapters.schema import FINISHED_KEPT
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
    KeepSetback,
    KeepStanding,
    KeepTask,
    KeepTaskEnd,
    KeepVerdict,
)
from lamplighter.gateway.core.events import RoundRecalled
from lamplighter.gateway.core.snapshot import AnswerRow, LeaseRow, Made, ShareRow, Snapshot, StandingRow, TaskRow
from lamplighter.gateway.protocol.numbers import Numbers, number_of

PROOF = bytes(range(158))
REMEMBERED = 1_000


def task(name: str = "t1") -> KeepTask:
    return KeepTask(name, "traffic.signals", b"{}", 3, 60_000, 1_700_000_000_000, 40, "city")


def lease(number: int, name: str = "t1", index: int = 0, price: int = 10, node: str = "aa") -> KeepLease:
    return KeepLease(number, name, 0, index, number, node, "owner-" + node, number.to_bytes(16, "big"), price,
                     9_000 + number)


def receipt(number: int, answer: bytes = b"answer", ended: str = "done") -> KeepReceipt:
    return KeepReceipt(number, ended, 7, number, PROOF, answer)


def row(number: int, ended: str = "", verdict: str = "", answer: bytes = b"", index: int = 0,
        epoch: int = -1) -> LeaseRow:
    boot, seq = (7, number) if ended in ("done", "late") else (0, 0)
    return LeaseRow(number, "t1", 0, index, number, "aa", "owner-aa", number.to_bytes(16, "big"), 10, ended, verdict,
                    boot, seq, answer, 9_000 + number, epoch)


@pytest.mark.parametrize("folds", [False, True])
def test_another_life_of_an_id_counts_its_own_leases(path: Path, folds: bool,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    """What was leased for the task that was cancelled is no share of the next of its name, whenever it is folded."""
    monkeypatch.setattr(Store, "tail_bytes", 0 if folds else 1 << 20)
    store = Store.open(path)
    store.commit([task(), KeepRound("t1", 0, 0, 1, 2), lease(1), lease(2, index=1)])
    store.commit([receipt(1), KeepEnd(2, "cancelled"), KeepTaskEnd("t1", "cancelled", b"{}")])
    store.commit([KeepTask("t1", "traffic.signals", b"{}", 3, 60_000, 1, 50, "city", 4),
                  KeepRound("t1", 0, 4, 3, 2), lease(3), receipt(3), lease(4, index=1)])
    store.close()
    snapshot = kept(path)
    assert snapshot.shares == [ShareRow("t1", "aa", 2, 1)]
    assert [(known.run, known.life, known.state) for known in snapshot.tasks] == [(4, 4, "")]


def pending(store: Store) -> dict[str, int]:
    return {own.node: own.pending_kop for own in store.load(REMEMBERED).standing}


def numbers(*seqs: int) -> bytes:
    """Of receipts in boot 7, as the standing of a node has them."""
    used = Numbers()
    for seq in seqs:
        used.use(b"", number_of(7, seq))
    return used.given(b"")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "journal.sqlite"


def kept(path: Path) -> Snapshot:
    with closing(Store.open(path)) as store:
        return store.load(1 << 30)


def test_empty(path: Path) -> None:
    """A new journal holds nothing, counts from the beginning, and is its user's alone."""
    assert kept(path) == Snapshot([], [], [], [], 1, 0, 0)
    assert path.stat().st_mode & 0o777 == 0o600


def test_round_trip(path: Path) -> None:
    """Every field of every durable effect comes back after the journal was closed and opened."""
    store = Store.open(path)
    store.commit([
        task(), KeepRound("t1", 0, 0, 1, 7, 3, 2, b"kernel", b"digest", b"\1\2\3\1"), lease(1), lease(2, index=1),
        lease(3, index=2), lease(4, index=3), receipt(1), receipt(2), KeepEnd(3, "expired"), KeepVerdict(2, "ok", 5),
        KeepAnswer("t1", 0, 1, b"answer", True), KeepStanding("aa", 12, 1, 7, 6),
        KeepStanding("aa", 13, 2, 9, 7, 3, 8), KeepEpoch(5), KeepClock(77),
    ])
    store.close()
    store = Store.open(path)
    assert store.load(REMEMBERED) == Snapshot(
        [TaskRow("t1", "traffic.signals", b"{}", 3, 60_000, 1_700_000_000_000, 40, "", b"", 0, "city", 1, 2, "", 7, 7,
                 2, 3)],
        [row(1, "done", answer=b"answer"), row(2, "done", "ok", index=1, epoch=5), row(3, "expired", index=2),
         row(4, index=3)],
        [ShareRow("t1", "aa", 4, 2)],
        [StandingRow("aa", 13, 2, 9, 7, 3, 8, 10, numbers(1, 2))],
        next_lease=5,
        epoch=5,
        clock_ms=77,
    )
    assert store.recall("t1", 0, 7, False) == RoundRecalled(
        "t1", 0, 0, (AnswerRow(1, b"answer", True),), tuple(store.load(REMEMBERED).leases), True,
        Made(2, b"kernel", b"digest"), b"\1\2\3\1")
    store.commit([KeepAnswer("t1", 0, at, b"answer", at != 3) for at in (0, 1, 2, 3)])
    assert [(own.answered, own.audited) for own in store.load(REMEMBERED).tasks] == [(7, 6)]   # jobs, not spans
    store.commit([KeepAnswer("t1", 0, 3, b"answer", True), KeepAnswer("t1", 0, 1, b"answer", False)])
    assert [(own.answered, own.audited) for own in store.load(REMEMBERED).tasks] == [(7, 5)]
    assert not store.recall("t1", 0, 7, False).whole   # each of its four spans is answered
    store.close()


def test_what_the_gateway_computed_itself_is_counted(path: Path) -> None:
    """In jobs: those of rounds that it computed whole, and others that no device could hold; the round says which it
    is when it comes again, and the task where it wants to be computed."""
    store = Store.open(path)
    store.commit([
        KeepTask("t1", "traffic.signals", b"{}", 3, 60_000, 1_700_000_000_000, 40, "city", 0, "auto"),
        KeepTask("t2", "traffic.signals", b"{}", 3, 60_000, 1_700_000_000_000, 40, "city", 0, "here"),
        KeepRound("t1", 0, 0, 1, 5, 1, 0, b"", b"", b"\2\3", "cost"), KeepAnswer("t1", 0, 0, b"a", True, "cost"),
        KeepAnswer("t1", 0, 1, b"a", True, "cost"), KeepRound("t1", 1, 0, 1, 3),
        KeepAnswer("t1", 1, 0, b"a", True, "misfit"), KeepAnswer("t1", 1, 1, b"a", True),
        KeepAnswer("t1", 1, 2, b"a", False)])
    store.commit([KeepAnswer("t1", 1, 2, b"b", True)])
    store.close()
    store = Store.open(path)
    loaded = store.load(REMEMBERED).tasks
    assert [(own.where, own.here, own.misfits, own.audited) for own in loaded] == [
        ("auto", 6, 1, 8), ("here", 0, 0, 0)]
    recalled = store.recall("t1", 0, 5, False)
    assert recalled is not None and recalled.here == "cost"
    store.verify(int)
    store.commit([KeepSetback("t1", 0, 1, "why")])
    assert (store.load(REMEMBERED).tasks[0].here, store.load(REMEMBERED).tasks[0].misfits) == (5, 0)
    store.close()


def test_grouping_and_folding_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same effects in one commit, in many, interleaved by lease, folded early or late, in one life or in many,
    give the same journal."""
    effects: dict[int, list[Durable]] = {
        number: [lease(number, index=number), receipt(number), KeepVerdict(number, "ok", 0),
                 KeepVerdict(number, "minority" if number % 3 else "ok", number % 2),
                 KeepAnswer("t1", 0, number, b"x", number % 2 > 0)] for number in range(1, 9)
    }
    dice = random.Random(4)
    snapshots = []
    for turn in range(32):
        monkeypatch.setattr(Store, "tail_bytes", (0, 700, 1_600, 1 << 20)[turn % 4])
        store = Store.open(tmp_path / f"journal{turn}")
        store.commit([task(), KeepRound("t1", 0, 0, 1)])
        queues = {number: iter(own) for number, own in effects.items()}
        order = [number for number, own in effects.items() for _ in own]
        dice.shuffle(order)
        risen = {number: at for at, number in enumerate(dict.fromkeys(order), 1)}
        order = [risen[number] for number in order]
        mixed: list[Durable] = [next(queues[number]) for number in order]
        step = dice.choice((1, 5, len(mixed)))
        for start in range(0, len(mixed), step):
            store.commit(mixed[start:start + step])
            if turn >= 16 and dice.random() < 0.3:   # what is in tables is told once more by what is not
                store.release()
                store = Store.open(tmp_path / f"journal{turn}")
        snapshots.append((store.load(REMEMBERED), store.recall("t1", 0, 8, True)))
        store.close()
    assert len(snapshots[0][0].leases) == 8 and snapshots[0][0].tasks[0].audited == 4
    assert all(snapshot == snapshots[0] for snapshot in snapshots)


def test_commit_is_all_or_nothing(path: Path) -> None:
    """When one effect of a commit must not be written, none of it is, and the next commit works."""
    store = Store.open(path)
    store.commit([task(), lease(1)])
    with pytest.raises(ValueError, match="lease 1 comes after 2"):
        store.commit([lease(2), lease(1)])
    assert [own.lease for own in store.load(REMEMBERED).leases] == [1]
    store.commit([lease(2)])
    assert store.load(REMEMBERED).next_lease == 3
    store.close()


def test_task_end_drops_leftovers(path: Path) -> None:
    """A finished task keeps its result and its receipts; its answers and open leases are gone after a restart."""
    store = Store.open(path)
    store.commit([task(), task("t2"), lease(1), receipt(1), KeepVerdict(1, "ok", 0), lease(2), lease(3, "t2"),
                  KeepAnswer("t1", 0, 0, b"a", False), KeepAnswer("t2", 0, 0, b"b", False)])
    store.commit([KeepTaskEnd("t1", "done", b'{"answer": 1}')])
    snapshot = store.load(REMEMBERED)
    assert [own.lease for own in snapshot.leases] == [1, 3]
    assert store._db.execute("SELECT DISTINCT task FROM answer").fetchall() == [("t2",)]
    assert [(own.state, own.result) for own in snapshot.tasks] == [("done", b'{"answer": 1}'), ("", b"")]
    store.close()


def test_newest_finished_tasks_are_kept(path: Path) -> None:
    """Of finished tasks the newest by their end stay, however old their start; unfinished ones all stay."""
    store, names = Store.open(path), [f"t{number}" for number in range(FINISHED_KEPT + 3)]
    store.commit([task("open"), *map(task, names)])
    store.commit([KeepTaskEnd(name, "done", b"") for name in reversed(names)])
    assert [own.task for own in store.load(REMEMBERED).tasks] == ["open", *names[:FINISHED_KEPT]]
    store.close()


def test_verdict_replaces_only_within_its_epoch(path: Path) -> None:
    """A correction counts in the epoch of the first verdict; once that has ended, what it paid stays."""
    store = Store.open(path)
    store.commit([task(), lease(1), receipt(1), lease(2), receipt(2), lease(3)])
    store.commit([KeepVerdict(1, "ok", 0), KeepVerdict(1, "minority", 0), KeepVerdict(2, "ok", 0),
                  KeepVerdict(3, "cancelled", 0), KeepEpoch(1), KeepVerdict(2, "minority", 1)])
    assert list(store.judged(0)) == [(PROOF, 10, "minority"), (PROOF, 10, "ok")]
    assert list(store.judged(1)) == []
    store.close()


def test_the_oldest_commits_are_folded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that is too many has an eighth of all written into the tables, of each lease what is known of it; and
    a large one as much as it takes itself."""
    monkeypatch.setattr(Store, "tail_bytes", 8_000)
    store = Store.open(path)
    given, counts = 1, []
    while len(counts) < 12:
        store.commit([lease(given), receipt(given), KeepVerdict(given, "ok", 0)])
        if given > 1:
            store.commit([KeepVerdict(given - 1, "minority", 0)])
        ((rows, size),) = store._query("SELECT count(*), sum(length(body)) FROM tail")
        assert size == store._tail.size <= 8_000 and rows
        ((count,),) = store._query("SELECT count(*) FROM lease")
        if count and count not in counts:
            counts.append(count)
            assert store._query("SELECT max(lease), max(verdict), min(verdict) FROM lease") == [
                (count, "minority", "minority")]
        given += 1
    assert counts[1] - counts[0] < 8   # of some thirty
    store.commit([KeepTask("t2", "toy", bytes(7_500), 0, 1, 1, 1)])
    assert store._tail.size <= 8_000 and store._query("SELECT max(lease) FROM lease")[0][0] > given - 3
    store.close()


def test_an_epoch_is_told_without_folding(path: Path) -> None:
    """A look at the epoch leaves commits that say nothing of it where they are, and sees the one that ended it."""
    store = Store.open(path)
    store.commit([task(), lease(1)])
    assert (store.epoch(), store.unsealed()) == (0, [])
    assert store._query("SELECT count(*) FROM tail") == [(1,)]
    store.commit([KeepEpoch(1)])
    assert (store.epoch(), store.unsealed()) == (1, [0])
    store.close()


def test_judged_reads_in_slices(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many receipts an epoch has, each comes once, by lease number, while commits go on in between."""
    monkeypatch.setattr(module, "_SLICE", 3)
    store = Store.open(path)
    for number in range(1, 9):
        store.commit([lease(number, price=number), receipt(number), KeepVerdict(number, "ok", 0)])
    prices = []
    for _, price, _ in store.judged(0):
        prices.append(price)
        store.commit([lease(100 + price), receipt(100 + price), KeepVerdict(100 + price, "ok", 1)])
    assert prices == list(range(1, 9))
    store.close()


def test_forget_epoch(path: Path) -> None:
    """A sealed epoch leaves totals, open leases, receipts not judged, and fences of unanswered jobs; no more."""
    store = Store.open(path)
    store.commit([
        task(), task("over"),
        lease(1), receipt(1), KeepVerdict(1, "ok", 0), lease(2, node="bb", price=5), receipt(2),
        KeepVerdict(2, "ok", 0), KeepAnswer("t1", 0, 0, b"a", False),
        lease(3, index=1), receipt(3), KeepVerdict(3, "wrong_size", 0),  # its job needs a higher fence than 3
        lease(4, index=2), receipt(4), lease(5, index=3), lease(6, index=4), KeepEnd(6, "expired"),
        lease(7, "over"), lease(8, "over"), receipt(8), KeepVerdict(8, "late", 0), KeepTaskEnd("over", "failed", b""),
        KeepStanding("aa", 4, 0, 0), KeepEpoch(1), lease(9, index=5), receipt(9), KeepVerdict(9, "ok", 1),
        task("new"), lease(10, "new"), KeepTaskEnd("new", "done", b""),  # a late result may still come for 10
    ])
    assert store.unsealed() == [0]
    store.forget_epoch(0)
    assert store.unsealed() == []
    assert pending(store) == {"aa": 10, "bb": 0}   # 9 is not sealed yet
    assert [own.lease for own in store.load(REMEMBERED).leases] == [3, 4, 5, 6, 9]
    assert {number for number, in store._db.execute("SELECT lease FROM lease")} == {3, 4, 5, 6, 9, 10}
    store.commit([KeepEpoch(2), KeepTaskEnd("t1", "done", b"")])
    store.forget_epoch(1)
    store.commit([KeepEpoch(3)])
    store.forget_epoch(2)
    assert (store.load(REMEMBERED).leases, store.load(REMEMBERED).next_lease) == ([], 11)
    store.commit([KeepStanding("aa", 5, 1, 3, 6)])
    assert store.load(REMEMBERED).standing == [
        StandingRow("aa", 5, 1, 3, 6, used=numbers(1, 3, 4, 8, 9)), StandingRow("bb", 0, 0, 0, 0, used=numbers(2))]
    store.close()


def test_forget_epoch_in_order_and_once(path: Path) -> None:
    """Neither a running epoch, nor one already forgotten, nor one out of order: nothing is paid twice."""
    store = Store.open(path)
    store.commit([task(), lease(1), receipt(1), KeepVerdict(1, "ok", 0)])
    for epochs, wrong in (([0], 0), ([0, 1, 2], 1)):
        store.commit(list(map(KeepEpoch, epochs)))
        with pytest.raises(ValueError, match="oldest"):
            store.forget_epoch(wrong)
    store.forget_epoch(0)
    with pytest.raises(ValueError, match="oldest"):
        store.forget_epoch(0)
    assert pending(store) == {"aa": 0}
    store.close()


def test_crash_while_forgetting(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that a crash left behind are not loaded, earn nothing again, and go with the next epoch."""
    store = Store.open(path)
    for number in range(1, 6):
        store.commit([lease(number), receipt(number), KeepVerdict(number, "ok", 0), KeepEpoch(1)])
    with monkeypatch.context() as patch:
        patch.setattr(module, "FORGET", "crash")
        with pytest.raises(StoreError):
            store.forget_epoch(0)
    store.close()
    store = Store.open(path)
    assert store.load(REMEMBERED).leases == [] and store.load(REMEMBERED).next_lease == 6 and store.unsealed() == []
    store.commit([KeepEpoch(2)])
    store.forget_epoch(1)
    assert store._db.execute("SELECT count(*) FROM lease").fetchone() == (0,)
    assert pending(store) == {"aa": 0} and store.load(REMEMBERED).next_lease == 6
    store.close()


def test_threads_take_turns(path: Path) -> None:
    """Commits and reads from several threads neither mix nor fail."""
    store = Store.open(path)
    store.commit([task(), *map(lease, range(100, 320))])

    def work(start: int) -> None:
        for number in range(start, start + 20):
            store.commit([receipt(number), KeepVerdict(number, "ok", 0)])
            assert len(list(store.judged(0))) > 0

    threads = [threading.Thread(target=work, args=(start,)) for start in (100, 200, 300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(own.verdict == "ok" for own in store.load(REMEMBERED).leases) == 60
    store.close()


WRITER = """
import sys
from pathlib import Path
from lamplighter.gateway.adapters.store import Store
from lamplighter.gateway.core.effects import KeepAnswer, KeepLease, KeepReceipt, KeepVerdict
Store.tail_bytes = 9_000
store = Store.open(Path(sys.argv[1]))
number = store.load(0).next_lease
while True:
    store.commit([effect for n in range(number, number + 3) for effect in (
        KeepLease(n, "t1", 0, n, 1, "aa", "owner", n.to_bytes(16, "big"), 10),
        KeepReceipt(n, "done", 1, n, bytes(158), bytes(700)), KeepVerdict(n, "ok", 0),
        KeepAnswer("t1", 0, n, bytes(700), False))])
    number += 3
    print(number - 1, flush=True)
"""


def test_kill(path: Path) -> None:
    """A gateway killed again and again in the middle of commits loses nothing that it acknowledged."""
    store = Store.open(path)
    store.commit([task(), KeepRound("t1", 0, 0, 1)])
    store.close()
    dice = random.Random(1)
    for _ in range(6):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            for _ in range(dice.randint(1, 40)):
                acknowledged = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
        snapshot = kept(path)
        assert [own.lease for own in snapshot.leases] == list(range(1, len(snapshot.leases) + 1))
        assert len(snapshot.leases) >= acknowledged and len(snapshot.leases) % 3 == 0
        with closing(Store.open(path)) as store:
            recalled = store.recall("t1", 0, 1 << 30, False)
        assert recalled is not None and len(recalled.answers) == len(recalled.leases) == len(snapshot.leases)


def test_power_cut_images(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image with the log cut or damaged anywhere opens and holds a prefix of the commits, whole commits only."""
    monkeypatch.setattr(Store, "tail_bytes", 4_000)
    store = Store.open(path)
    store.commit([task()])
    wal = path.with_name(path.name + "-wal")
    sizes = []  # of the log, once each commit was acknowledged
    for number in range(1, 41):
        store.commit([lease(number, index=number), receipt(number), KeepAnswer("t1", 0, number, bytes(300), False)])
        sizes.append(wal.stat().st_size)
    image = tmp_path / "image"
    dice = random.Random(2)
    whole = wal.read_bytes()
    for turn in range(60):
        cut = dice.randrange(len(whole))
        shutil.copy(path, image)
        torn = os.urandom(dice.randrange(600)) if turn % 2 else b""
        Path(f"{image}-wal").write_bytes(whole[:cut] + torn)
        survivors = kept(image)
        assert len(survivors.leases) == sum(size <= cut for size in sizes)
        assert [own.lease for own in survivors.leases] == list(range(1, len(survivors.leases) + 1))
    store.close()


def test_a_start_reads_what_it_needs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many leases there are, few more are read and checked than those that are loaded."""
    with closing(Store.open(path)) as store:
        store.commit([task(), KeepRound("t1", 0, 0, 1)])
        for first in range(1, 6_000, 1_000):
            store.commit([effect for number in range(first, first + 1_000) for effect in (
                lease(number, index=number), receipt(number), KeepVerdict(number, "ok", 0),
                KeepAnswer("t1", 0, number, b"x", False))])
        store.commit([KeepRound("t1", 1, 0, 6_001)])
    checked = 0

    def counted(row: tuple[object, ...]) -> int:
        nonlocal checked
        checked += 1
        return digest(row)

    monkeypatch.setattr(sums, "digest", counted)
    with closing(Store.open(path)) as store:
        assert len(store.load(100).leases) == 100
    assert 100 < checked < 600


def test_the_tail_is_a_chain(path: Path) -> None:
    """A commit that is changed, missing or out of its place is noticed at open."""
    with closing(Store.open(path)) as store:
        store.commit([task()])
    for sql in ("UPDATE tail SET body = (SELECT body FROM tail WHERE number = 2) WHERE number = 3",
                "DELETE FROM tail WHERE number = 2", "UPDATE tail SET number = 9 WHERE number = 4",
                "UPDATE tail SET hash = x'' WHERE number = 4"):
        image = path.with_name("image")
        shutil.copy(path, image)
        store = Store.open(image)
        for number in range(1, 4):
            store.commit([lease(number)])
        store.release()
        with closing(sqlite3.connect(image)) as db:
            assert db.execute("SELECT number FROM tail").fetchall() == [(2,), (3,), (4,)]
            db.execute(sql)
            db.commit()
        with pytest.raises(StoreError, match=r"commit . is not what was written"):
            Store.open(image)


def test_one_gateway_at_a_time(path: Path) -> None:
    """A second gateway on the same data directory is told so, in this process and in another one."""
    store = Store.open(path)
    with pytest.raises(StoreError, match="in use by another gateway"):
        Store.open(path)
    other = subprocess.run([sys.executable, "-c", WRITER, str(path)], capture_output=True, text=True, timeout=300)
    assert "in use by another gateway" in other.stderr
    store.close()


@pytest.mark.parametrize(("pragma", "says"), [
    ("application_id = 77", "not a Lamplighter journal"),
    ("user_version = 9", "another version of Lamplighter"),
])
def test_foreign_file(path: Path, pragma: str, says: str) -> None:
    """A file of another program or version is refused and left byte for byte as it was."""
    Store.open(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA {pragma}")
    db.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=says):
        Store.open(path)
    assert path.read_bytes() == before


def test_damaged_file(path: Path) -> None:
    """After an unclean end damaged pages are found at open; bytes that are no database always are."""
    store = Store.open(path)
    store.commit([effect for number in range(1, 400) for effect in (lease(number), receipt(number, bytes(400)))])
    store.close()
    store = Store.open(path)
    store.commit([task()])  # leaves a log behind, as a kill would
    image = path.with_name("image")
    data = bytearray(path.read_bytes())
    for page in range(4, len(data) // 4096):
        data[page * 4096:page * 4096 + 64] = bytes(64)
    shutil.copy(f"{path}-wal", f"{image}-wal")
    store.close()
    image.write_bytes(data)
    with pytest.raises(StoreError, match="damaged"):
        Store.open(image)
    image.write_bytes(b"not a database at all " * 400)
    with pytest.raises(StoreError, match="damaged"):
        Store.open(image)


def test_disk_full(path: Path) -> None:
    """When the disk is full the commit fails whole, in one sentence, and works again when there is room."""
    store = Store.open(path)
    store.commit([task()])
    pages, = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreError, match="The disk is full"):
        store.commit([lease(1), receipt(1, bytes(50_000))])
    assert store.load(REMEMBERED).leases == []
    store._db.execute("PRAGMA max_page_count = 100000")
    store.commit([lease(1), receipt(1, bytes(50_000))])
    assert len(store.load(REMEMBERED).leases) == 1
    store.close()


def test_unusable_place(tmp_path: Path) -> None:
    """A data directory that cannot be made and a journal that cannot be opened are refused in one sentence."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="The data directory "):
        Store.open(tmp_path / "file" / "journal.sqlite")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        Store.open(tmp_path / "folder")
