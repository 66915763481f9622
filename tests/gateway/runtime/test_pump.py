"""The one queue: commit before release, group commit, and nothing released when the commit fails."""

import asyncio
import threading
import time
from itertools import chain

import pytest

from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import events as e
from lamplighter.gateway.core.events import JobSpec
from lamplighter.gateway.core.snapshot import Snapshot
from lamplighter.gateway.runtime.pump import DURABLE, MAX_BATCH, MAX_HELD, TICK_S, Pump, batch_of, step


class Echo:
    """Stands in for the machine: each event that names a reason is kept and acknowledged under it."""

    next_due_ms = 1 << 62
    busy = False

    def __init__(self):
        self.ticks = self.batches = 0
        self.hurry = False

    def hurries(self):
        return self.hurry

    def handle(self, event, now_ms):
        assert now_ms > 0
        if isinstance(event, e.BatchTaken):
            self.batches += 1
            return []
        if isinstance(event, e.Ticked):
            self.busy = self.ticks in (0, 1) and self.busy
            self.ticks += 1
            self.next_due_ms = 1 << 62
            return []
        if event.reason == "quiet":
            return []
        out = f.SendAck(event.node, 1, event.reason)
        return [out] if event.reason == "unkept" else [out, f.KeepEnd(1, event.reason), out]


class Bench:
    """A pump that writes down what it does: ("commit", effects), ("release", effects), ("after", name)."""

    def __init__(self, commit=None, window_ms=0):
        self.did, self.machine = [], Echo()
        self.machine.hurry = not window_ms
        self._more = commit or (lambda effects: None)
        self.pump = Pump(self.machine, self.commit, lambda effects: self.did.append(("release", effects)),
                         lambda: time.monotonic_ns() // 1_000_000, window_ms)
        self.threads = set()

    def commit(self, effects):
        self.threads.add(threading.current_thread())
        self._more(effects)
        self.did.append(("commit", list(effects)))

    def put(self, reason, done=None):
        def after():
            self.did.append(("after", reason))
            if done:
                done.set()
        self.pump.put(e.DeviceMisbehaved("n", reason), after)

    @property
    def names(self):
        return [name for name, _ in self.did]


async def running(bench, work):
    """Runs the pump beside ``work``."""
    task = asyncio.create_task(bench.pump.run())
    try:
        async with asyncio.timeout(300):
            await work()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_what_must_be_durable_is_committed_first():
    """Commit, then release, then the callbacks; effects keep their order, the commit is in a thread."""
    bench = Bench()

    async def work():
        done = asyncio.Event()
        bench.put("rejected", done)
        await done.wait()
    asyncio.run(running(bench, work))
    out = f.SendAck("n", 1, "rejected")
    assert bench.did == [("commit", [f.KeepEnd(1, "rejected")]), ("release", [out, out]), ("after", "rejected")]
    assert threading.main_thread() not in bench.threads


def test_one_commit_serves_many_events():
    """What has come by then is one batch, up to its bound; order is kept throughout."""
    bench = Bench()

    async def work():
        done = asyncio.Event()
        for number in range(MAX_BATCH + 10):
            bench.put(f"r{number}", done if number == MAX_BATCH + 9 else None)
        await done.wait()
    asyncio.run(running(bench, work))
    commits = [[effect.ended for effect in effects] for name, effects in bench.did if name == "commit"]
    assert [len(commit) for commit in commits] == [MAX_BATCH, 10]
    assert [*chain(*commits)] == [f"r{number}" for number in range(MAX_BATCH + 10)]
    assert (bench.pump.batches, bench.pump.events) == (2, MAX_BATCH + 10) and bench.machine.batches == 2


def test_events_that_come_during_a_commit_wait_for_the_next():
    """A slow disk makes batches larger, not events lost."""
    gate, inside = threading.Event(), threading.Event()

    def slow(effects):
        inside.set()
        gate.wait(10)
    bench = Bench(slow)

    async def work():
        done = asyncio.Event()
        bench.put("first")
        await asyncio.to_thread(inside.wait, 10)
        for number in range(5):
            bench.put(f"r{number}", done if number == 4 else None)
        assert bench.names == []
        gate.set()
        await done.wait()
    asyncio.run(running(bench, work))
    assert bench.names == ["commit", "release", "after", "commit", "release", *["after"] * 5]


def test_a_commit_that_fails_releases_nothing():
    """The error ends the pump, and nobody outside has heard of what is not durable."""
    def full(effects):
        raise OSError("disk full")
    bench = Bench(full)
    bench.put("lost")
    with pytest.raises(OSError, match="disk full"):
        asyncio.run(asyncio.wait_for(bench.pump.run(), 300))
    assert bench.did == []


@pytest.mark.parametrize(("reason", "expected"), [("quiet", ["after"]), ("unkept", ["release", "after"])])
def test_what_changes_nothing_is_not_committed(reason, expected):
    """Without durable effects there is no commit, without others no release; the callback comes in any case."""
    bench = Bench()

    async def work():
        done = asyncio.Event()
        bench.put(reason, done)
        await done.wait()
    asyncio.run(running(bench, work))
    assert bench.names == expected


def test_a_step_parts_what_must_come_first():
    """Pure: rows to commit, then effects, then whom to tell, each in the order of the events."""
    machine, after = Echo(), lambda: None
    events = [(e.DeviceMisbehaved("n", reason), after if reason == "b" else None) for reason in ("a", "quiet", "b")]
    out = {reason: f.SendAck("n", 1, reason) for reason in "ab"}
    assert step(machine, events, 5) == ([f.KeepEnd(1, "a"), f.KeepEnd(1, "b")],
                                        [out["a"], out["a"], out["b"], out["b"]], [after], False, [])
    machine.hurry = True
    assert step(machine, events, 5).hurry
    machine.hurry, machine.handle = False, lambda event, now_ms: [f.StopSolver("t")]
    assert step(machine, events, 5).hurry


def test_a_start_is_one_batch():
    """What must be known before anything else, then what the journal kept: committed before it is released."""
    bench = Bench()
    bench.machine.restore = lambda snapshot, now_ms: [f.StopSolver("t"), f.KeepEpoch(1)]
    asyncio.run(bench.pump.restore([e.DeviceMisbehaved("n", "rejected")], Snapshot()))
    out = f.SendAck("n", 1, "rejected")
    assert bench.did == [("commit", [f.KeepEnd(1, "rejected"), f.KeepEpoch(1)]),
                         ("release", [out, out, f.StopSolver("t")])]


def test_who_tells_can_wait_until_it_is_known():
    """``told`` returns after the commit and the release of all its events; of none, at once."""
    bench = Bench()

    async def work():
        await bench.pump.told([])
        assert bench.names == []
        await bench.pump.told([e.DeviceMisbehaved("n", "one"), e.DeviceMisbehaved("n", "two")])
        assert bench.names == ["commit", "release"] and len(bench.did[0][1]) == 2
    asyncio.run(running(bench, work))


def test_who_tells_much_waits_for_the_last():
    """However many batches it takes."""
    bench = Bench()

    async def work():
        await bench.pump.told([e.DeviceMisbehaved("n", "one") for _ in range(4 * MAX_BATCH)])
        rows = [len(effects) for name, effects in bench.did if name == "commit"]
        assert len(rows) > 1 and sum(rows) == 4 * MAX_BATCH
        assert bench.names == ["commit", "release"] * len(rows)
    asyncio.run(running(bench, work))


def test_the_core_goes_on_while_a_commit_is_at_the_disk():
    """So far as rows may wait; nothing of it leaves before a commit of its own, and what is held says all of it."""
    gate, inside = threading.Event(), threading.Event()

    def slow(effects):
        inside.set()
        gate.wait(10)
    bench = Bench(slow)

    async def work():
        bench.put("first")
        await asyncio.to_thread(inside.wait, 10)
        bench.put("unkept")
        for number in range(MAX_HELD + 2 * MAX_BATCH):
            bench.put(f"r{number}")
        while len(bench.pump.held) <= MAX_HELD:   # noqa: ASYNC110 - nothing tells of a batch that waits
            await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)
        steps = bench.machine.batches
        assert 1 + MAX_HELD <= len(bench.pump.held) < 1 + MAX_HELD + MAX_BATCH and bench.did == []
        gate.set()
        await bench.pump.told([e.DeviceMisbehaved("n", "last")])
        assert bench.names[:2] == ["commit", "release"] and len(bench.did[0][1]) == 1
        assert bench.machine.batches > steps and bench.pump.held == []
    asyncio.run(running(bench, work))


def test_time_passes_when_the_machine_wants_it():
    """A tick is put when it is due, and only then."""
    bench = Bench()

    async def work():
        done = asyncio.Event()
        bench.put("quiet", done)
        await done.wait()
        assert bench.machine.ticks == 0
        bench.machine.next_due_ms = 0
        while not bench.machine.ticks:   # noqa: ASYNC110 - the pump's own ticker: there is no event to wait for
            await asyncio.sleep(0.005)
    asyncio.run(running(bench, work))
    assert bench.machine.ticks == 1


def test_after_a_tick_it_sleeps_until_the_next_is_due():
    """It asks the core once that has taken the tick, so that no second timer comes for the same."""
    bench = Bench()

    async def work():
        bench.machine.next_due_ms = 0
        while not bench.machine.ticks:   # noqa: ASYNC110 - the pump's own ticker: there is no event to wait for
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert bench.pump._ticker.when() - asyncio.get_running_loop().time() > 2 * TICK_S[0]
    asyncio.run(running(bench, work))


HOUR_MS = 3_600_000


def test_what_nobody_waits_for_shares_a_commit():
    """Batches wait for others until the window is over, or somebody waits for one of them; nothing overtakes them."""
    bench = Bench(window_ms=HOUR_MS)

    async def work():
        bench.put("first")
        while bench.machine.batches < 1:   # noqa: ASYNC110 - nothing tells of a batch that waits
            await asyncio.sleep(0)
        bench.put("unkept")
        while bench.machine.batches < 2:   # noqa: ASYNC110 - likewise
            await asyncio.sleep(0)
        assert bench.did == []
        bench.machine.hurry, done = True, asyncio.Event()
        bench.put("last", done)
        await done.wait()
    asyncio.run(running(bench, work))
    first, unkept, last = (f.SendAck("n", 1, reason) for reason in ("first", "unkept", "last"))
    assert bench.did == [("commit", [f.KeepEnd(1, "first"), f.KeepEnd(1, "last")]),
                         ("release", [first, first, unkept, last, last]),
                         ("after", "first"), ("after", "unkept"), ("after", "last")]


def test_what_nobody_waits_for_is_patient():
    """A check or a recomputation is done long before the copies beside it; that a round goes on is waited for."""
    job = JobSpec(b"", (), 1, 1, 1)
    check, audit = f.CheckAnswer("t", 0, 0, 0, job, b"a"), f.Recompute("t", "toy", 0, 0, 0, job)
    assert not batch_of([check, audit, f.SendAck("n", 1, "ok")], []).hurry
    assert batch_of([check, f.AdvanceSolver("t", 0, ())], []).hurry


def test_a_chunk_waits_for_no_commit():
    """Its device was told of the lease before it could ask, so it does not wait for what others are to be told."""
    bench = Bench(window_ms=HOUR_MS)
    chunk = f.SendChunk("n", b"name", 0)

    async def work():
        bench.put("first")
        while bench.machine.batches < 1:   # noqa: ASYNC110 - nothing tells of a batch that waits
            await asyncio.sleep(0)
        bench.machine.handle = lambda event, now_ms: [chunk] if isinstance(event, e.DeviceMisbehaved) else []
        bench.put("want")
        while not bench.did:   # noqa: ASYNC110 - likewise
            await asyncio.sleep(0)
    asyncio.run(running(bench, work))
    assert bench.did == [("release", [chunk])] and len(bench.pump.held) == 1


def test_a_window_ends_by_itself():
    """What waits is committed without anything else that comes."""
    bench = Bench(window_ms=1)

    async def work():
        for reason in ("first", "second"):
            done = asyncio.Event()
            bench.put(reason, done)
            await done.wait()
    asyncio.run(running(bench, work))
    assert bench.names == ["commit", "release", "after"] * 2


def test_who_tells_is_not_kept_waiting():
    """Nor what waited before it was told, nor too many rows."""
    bench = Bench(window_ms=HOUR_MS)

    async def work():
        bench.put("first")
        await bench.pump.told([e.DeviceMisbehaved("n", "told")])
        assert bench.names == ["commit", "release", "after"]
        bench.did.clear()
        for number in range(MAX_HELD):
            bench.put(f"r{number}")
        while "commit" not in bench.names:   # noqa: ASYNC110 - a commit tells nobody
            await asyncio.sleep(0.001)
    asyncio.run(running(bench, work))
    assert len(bench.did[0][1]) == MAX_HELD


def test_the_window_is_over_once():
    """That of a batch which has been committed means nothing to the next."""
    bench = Bench(window_ms=HOUR_MS)

    async def work():
        bench.put("first")
        while bench.machine.batches < 1:   # noqa: ASYNC110 - nothing tells of a batch that waits
            await asyncio.sleep(0)
        bench.pump._hurry(f.KeepEnd(1, "first"))   # equal, and yet another
        await asyncio.sleep(0)
        assert bench.did == []
    asyncio.run(running(bench, work))


def test_a_machine_with_more_to_do_is_asked_again_at_once():
    """Not when the next tick is due: what is too much for one event goes on with the next batch."""
    bench = Bench()

    async def work():
        bench.machine.busy = True
        await bench.pump.told([e.DeviceMisbehaved("n", "quiet")])
        while bench.machine.busy:   # noqa: ASYNC110 - nothing tells of a batch that leads to nothing
            await asyncio.sleep(0)
    asyncio.run(running(bench, work))
    assert bench.machine.ticks == 3


def test_every_durable_effect_is_known():
    """All that is kept is committed, and nothing else is."""
    assert {kind.__name__ for kind in DURABLE} == {name for name in vars(f) if name.startswith("Keep")}
