"""Real worker processes, with a kind of a third party's that does its worst."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest

from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import events as e
from lamplighter.gateway.runtime import lanes
from lamplighter.gateway.runtime.child import pack, unpack
from lamplighter.gateway.runtime.lanes import NoKinds, Process, WorkerDied, open_lanes
from lamplighter.gateway.runtime.solvers import Solvers
from lamplighter.tasks.api import TaskError

BAD = '''
import os, signal, sys, time
from pathlib import Path
from pydantic import BaseModel
from lamplighter.tasks.api import Job, Kind, Result

class Model(BaseModel):
    do: str

def prepare(model):
    do(model.do)
    return model.do

def do(what):
    if what == "spin":
        while True:
            pass
    if what == "choke":
        held = []
        try:
            while True:
                held.append(bytearray(1 << 20))
        except MemoryError:
            do("cling")
    if what == "cling":
        while True:
            try:
                time.sleep(60)
            except BaseException:
                pass
    if what == "eat":
        held = []
        while True:
            held.append(bytearray(1 << 20))
    if what == "abort":
        os.abort()
    if what == "exit":
        sys.exit(3)
    if what == "crash":
        os._exit(4)
    if what.startswith("once ") and not os.path.exists(what[5:]):
        open(what[5:], "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "print":
        print("a kind that talks")
        print(sys.stdin.readline())

def solve(spec):
    answers = yield [Job(str(os.getpid()).encode(), 8, 1, 1)]
    do(answers[0].decode().strip())
    return Result("done", {"pid": os.getpid()})

KIND = Kind("bad", 1, "Bad", Model, Path(__file__), prepare, solve, None, None, None, None)
'''


@pytest.fixture
def bad(tmp_path, monkeypatch):
    """Installs the kind for child processes."""
    (tmp_path / "badkind.py").write_text(BAD)
    about = tmp_path / "badkind-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Name: badkind\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[lamplighter.kinds]\nbad = badkind:KIND\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


@pytest.fixture
def solve(bad):
    """solve(work, limit_s) runs ``await work(solvers, next event)`` on real workers; none is left afterwards."""
    def run(work, limit_s=20.0, memory_mb=192):
        made = []

        async def main():
            said = asyncio.Queue()

            def make():
                made.append(Process(memory_mb))
                return made[-1]

            ours = open_lanes(make, limit_s)
            solvers = Solvers(await ours.quick.begin(), ours, said.put_nowait, said.put_nowait)
            try:
                async with asyncio.timeout(120):
                    return await work(solvers, said.get)
            finally:
                solvers.close()
        found = asyncio.run(main())
        for worker in made:
            with pytest.raises(ProcessLookupError):
                os.kill(worker._child.pid, 0)
        return found
    return run


def body(what):
    return b'{"input": {"do": "%s"}}' % what.encode()


def test_the_gateway_knows_kinds_as_data(solve):
    """A third party's kind is loaded where it runs, and nowhere else."""
    async def work(solvers, said):
        return dict(solvers.kinds)
    kinds = solve(work)
    assert kinds["bad"].title == "Bad" and not kinds["bad"].checks and "energy.battery" in kinds
    assert "badkind" not in sys.modules


@pytest.mark.parametrize(("what", "code"), [
    ("spin", "too_slow"), ("cling", "too_slow"), ("eat", "too_much_memory"), ("choke", "too_much_memory"),
    ("abort", "too_much_memory"),
    ("crash", "worker_died"),
])
def test_a_document_that_is_too_much_is_refused_by_name(solve, monkeypatch, what, code):
    """The limit ends it, not the gateway; the next document is looked at as ever."""
    monkeypatch.setattr(lanes, "GRACE_S", 0.3)

    async def work(solvers, said):
        with pytest.raises(TaskError) as caught:
            await solvers.prepare("bad", body(what))
        await solvers.prepare("bad", body("nothing"))
        return caught.value
    error = solve(work, limit_s=20.0 if what == "eat" else 1.0)
    assert error.code == code and error.hint


def test_a_kind_may_exit_and_talk(solve):
    """An exit is a bug like any other; what it prints or reads is no message."""
    async def work(solvers, said):
        with pytest.raises(Exception, match="SystemExit"):
            await solvers.prepare("bad", body("exit"))
        await solvers.prepare("bad", body("print"))
    solve(work)


def test_a_worker_that_was_killed_is_replaced(solve, bad):
    """The system may have wanted its memory: the document is looked at once more."""
    async def work(solvers, said):
        await solvers.prepare("bad", body(f"once {bad}/mark"))
    solve(work)


def start(task="t"):
    return f.StartSolver(task, "bad", body("nothing"))


def test_generators_of_a_killed_worker_are_wanted_anew(solve):
    """SIGKILL from outside, between two rounds: every task hears of it with the next step of any."""
    async def work(solvers, said):
        solvers.start(start())
        solvers.start(start("u"))
        pid = int((await said()).jobs[0].input)
        await said()
        os.kill(pid, signal.SIGKILL)
        solvers.advance(f.AdvanceSolver("t", 0, (b"nothing ",)))
        assert {await said(), await said()} == {e.SolverLost("t"), e.SolverLost("u")}
        solvers.start(start())
        assert int((await said()).jobs[0].input) != pid
        solvers.advance(f.AdvanceSolver("t", 0, (b"nothing ",)))
        assert isinstance(await said(), e.TaskSolved)
    solve(work)


def test_a_step_that_takes_too_long_leaves_the_others_alone(solve):
    """It is called off, goes on in the other lane and fails there at the limit; its neighbour stays where it was."""
    async def work(solvers, said):
        solvers.start(start())
        solvers.start(start("u"))
        pids = [(await said()).jobs[0].input for _ in range(2)]
        solvers.advance(f.AdvanceSolver("t", 0, (b"spin    ",)))
        assert await said() == e.SolverLost("t")
        solvers.start(start())
        assert (await said()).jobs[0].input not in pids
        solvers.advance(f.AdvanceSolver("t", 0, (b"spin    ",)))
        assert (await said()).code == "too_slow"
        solvers.advance(f.AdvanceSolver("u", 0, (b"nothing ",)))
        assert isinstance(await said(), e.TaskSolved) and pids[0] == pids[1]
    solve(work, limit_s=1.0)


def test_a_cancelled_task_is_called_off(solve):
    """Its worker is free at once, and its neighbours stay."""
    async def work(solvers, said):
        solvers.start(start())
        solvers.start(start("u"))
        for _ in range(2):
            await said()
        solvers.advance(f.AdvanceSolver("t", 0, (b"spin    ",)))
        while solvers._lanes.quick._now is None:   # noqa: ASYNC110
            await asyncio.sleep(0)
        solvers._lanes.quick.limit_s = 60.0
        solvers.stop("t")
        solvers.advance(f.AdvanceSolver("u", 0, (b"nothing ",)))
        assert isinstance(await said(), e.TaskSolved)
    solve(work)


def test_a_package_that_cannot_be_loaded_is_named(bad, capfd):
    """The gateway does not start without a word on what to do; the package's own error stands above."""
    (bad / "badkind.py").write_text("raise ImportError('no such thing')")

    async def main():
        lane = open_lanes(lambda: Process(192), 5.0).quick
        try:
            with pytest.raises(NoKinds, match="uninstall"):
                await lane.begin()
        finally:
            lane.close()
    asyncio.run(main())
    assert "no such thing" in capfd.readouterr().err


@pytest.mark.parametrize("change", [("\"bad\", 1", "\"bad\", 2"), ("\"bad\", 1", "\"worse\", 1")])
def test_a_kind_that_is_installed_anew_is_noticed_by_the_next_worker(solve, bad, change):
    """Another version, or none of that name: nothing is done with it, and the gateway is to end."""
    async def work(solvers, said):
        solvers.start(start())
        pid = int((await said()).jobs[0].input)
        file = bad / "badkind.py"
        assert change[0] in file.read_text()
        file.write_text(file.read_text().replace(*change))
        os.kill(pid, signal.SIGKILL)
        solvers.advance(f.AdvanceSolver("t", 0, (b"nothing ",)))
        assert await said() == e.SolverLost("t")
        solvers.start(start())
        ended = await said()
        assert isinstance(ended, NoKinds) and str(ended).startswith("bad: another version is installed")
        assert await said() == e.SolverLost("t")
    solve(work)


def test_a_kind_that_is_installed_beside_the_others_waits_for_the_next_start(solve, bad):
    """What the gateway does not know it does not miss."""
    async def work(solvers, said):
        del solvers.kinds["bad"]
        solvers.start(start())
        assert isinstance(await said(), e.RoundYielded)
    solve(work)


def test_operators_take_turns():
    """What somebody else asks comes after the first request of who has sent many, not after all of them."""
    class Clerk:
        order: ClassVar = []

        def ask(self, request):
            parcel = unpack(request[4:])
            if parcel.head["do"] == "kinds":
                return pack({"is": "kinds", "kinds": []})[4:]
            self.order.append(parcel.parts[0])
            return pack({"is": "fine"})[4:]

        def kill(self):
            pass

    async def main():
        solvers = Solvers({}, open_lanes(Clerk, 5.0), lambda event: None, lambda error: None)
        many = [solvers.prepare("any", b"%d" % number, "anna") for number in range(10)]
        await asyncio.gather(*many, solvers.prepare("any", b"ben", "ben"))
        solvers.close()
        return solvers._asking
    assert asyncio.run(main()) == {} and Clerk.order[:2] == [b"0", b"ben"] and len(Clerk.order) == 11


def test_a_system_without_room_for_a_process_is_a_death(bad):
    """It counts as one that ended, and is tried again as often."""
    def make():
        raise BlockingIOError("no more processes")

    async def main():
        ours = open_lanes(make, 5.0)
        solvers = Solvers({}, ours, lambda event: None, lambda error: None)
        with pytest.raises(TaskError) as caught:
            await solvers.prepare("bad", body("nothing"))
        solvers.close()
        return caught.value.code
    assert asyncio.run(main()) == "worker_died"


def test_a_worker_whose_answers_are_none_is_replaced():
    """What it says is not believed: it is killed."""
    class Babbler:
        killed = 0

        def ask(self, request):
            return b"\0\0\0\1\0\0\0\2{}"

        def kill(self):
            self.killed += 1

    async def main():
        worker = Babbler()
        lane = open_lanes(lambda: worker, 5.0).quick
        with pytest.raises(WorkerDied):
            await lane.ask(None, 0, lambda: b"", lambda parcel: None)
        lane.close()
        return worker.killed
    assert asyncio.run(main()) == 1


def test_a_worker_whose_parent_has_gone_ends():
    """Its parent may die before it has asked to be told so."""
    done = subprocess.run([sys.executable, "-m", "lamplighter.gateway.runtime.workshop", "1", "128"], input=b"\0",
                          capture_output=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_worker_is_the_first_that_the_system_takes(solve):
    """Where memory is short a worker goes, not the gateway."""
    async def work(solvers, said):
        solvers.start(start())
        file = f"/proc/{int((await said()).jobs[0].input)}/oom_score_adj"
        return await asyncio.to_thread(Path(file).read_text)
    assert solve(work).strip() == "1000"
