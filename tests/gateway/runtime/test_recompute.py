"""The gateway's own computer: a real child process."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lamplighter.gateway.devicebuild.interpreter import Runtime, fastest, pack_jobs
from lamplighter.gateway.runtime import recompute
from lamplighter.gateway.runtime.recompute import Recomputer

KERNEL = b"""
import os, sys
def run(data, contexts):
    yield
    if data == b"raise":
        raise ValueError("no")
    if data == b"exit":
        sys.exit(3)
    if data == b"die":
        os.system("kill -9 $PPID")
    if data.startswith(b"once "):
        try:
            os.stat(data[5:].decode())
        except OSError:
            open(data[5:].decode(), "w").close()
            os.system("kill -9 $PPID")
    while data == b"spin":
        yield
    if data == b"print":
        print("a kernel that talks")
    if data == b"huge":
        return bytes(1 << 20)
    if data == b"hoard":
        return bytes(1 << 30)
    if data == b"pid":
        return open("/proc/self/stat").read().split()[0].encode()
    if data == b"where":
        return sys.implementation.name.encode()
    return data + b"".join(contexts)
"""


@pytest.fixture(params=[Runtime.MACHINE_CODE, Runtime.CPYTHON], ids=lambda runtime: runtime.value)
def runtime(request):
    """Each that a gateway may have; machine code where it can be had."""
    if request.param is Runtime.MACHINE_CODE and fastest() is not Runtime.MACHINE_CODE:
        pytest.skip("no machine code on this machine")
    return request.param


@pytest.fixture
def ask(runtime):
    """ask(*inputs) gives the answers of one recomputer to them, one after the other; bytes or (bytes, contexts)."""
    def run(*inputs, kernel=KERNEL):
        async def main():
            computer = Recomputer(runtime)
            try:
                async with asyncio.timeout(30):
                    return [await computer.run(kernel, contexts, [given]) for given, contexts in (
                        one if isinstance(one, tuple) else (one, ()) for one in inputs)]
            finally:
                computer.close()
        return asyncio.run(main())
    return run


def test_it_runs_on_what_was_chosen(ask, runtime):
    """MicroPython where there is machine code."""
    assert ask(b"where") == [b"micropython" if runtime is Runtime.MACHINE_CODE else b"cpython"]


def test_answers_are_the_kernels(ask):
    """Input and contexts reach the kernel, in order; one child serves many jobs."""
    first, second, answer, empty = ask(b"pid", b"pid", (b"a", (b"b", b"c")), b"")
    assert first == second and int(first) != os.getpid()
    assert (answer, empty) == (b"abc", b"")


def test_a_span_is_asked_for_at_once(runtime):
    """One message has all its jobs and one all their answers; none comes back where one of them failed, and what
    does not fit an answer together is none."""
    async def main():
        computer = Recomputer(runtime)
        try:
            async with asyncio.timeout(30):
                return [await computer.run(KERNEL, (b"+",), inputs) for inputs in (
                    [b"%d" % at for at in range(255)], [b"a", b"raise", b"c"], [bytes(4_000)] * 2, [b"next"])]
        finally:
            computer.close()
    assert asyncio.run(main()) == [b"".join(b"%d+" % at for at in range(255)), None, None, b"next+"]


def test_a_context_is_sent_once(monkeypatch, runtime):
    """While the child keeps it; what was not used for longest makes room, and a new child is sent all it needs."""
    monkeypatch.setattr(recompute, "KEPT", 2)
    sent = []
    monkeypatch.setattr(recompute, "pack_jobs", lambda inputs, contexts: sent.append(
        [data for _, data in contexts if data is not None]) or pack_jobs(inputs, contexts))

    async def main():
        computer = Recomputer(runtime)
        try:
            async with asyncio.timeout(30):
                answers = [await computer.run(KERNEL, contexts, [b"="]) for contexts in (
                    (b"a", b"b"), (b"b", b"a"), (b"a", b"c"), (b"b",))]
                await computer.run(KERNEL, (b"b",), [b"exit"])
                return [*answers, await computer.run(KERNEL, (b"b", b"c"), [b"="])]
        finally:
            computer.close()
    assert asyncio.run(main()) == [b"=ab", b"=ba", b"=ac", b"=b", b"=bc"]
    assert sent[:4] == [[b"a", b"b"], [], [b"c"], [b"b"]] and sent[-1] == [b"b", b"c"]


@pytest.mark.parametrize("what", [b"raise", b"exit", b"die", b"huge", b"hoard"])
def test_a_kernel_that_fails_gives_none(ask, what):
    """Whether it raises, takes its process with it, wants all memory or answers beyond all bounds: None, and the next
    one works."""
    assert ask(what, b"next") == [None, b"next"]


def test_a_child_that_was_killed_is_no_proof_against_the_kernel(ask, tmp_path):
    """The system may have wanted its memory: the job is tried once more."""
    given = b"once " + str(tmp_path / "mark").encode()
    assert ask(given) == [given]


def test_a_kernel_that_prints_spoils_nothing(ask):
    """What a kernel writes to standard output is no answer."""
    assert ask(b"print", b"next") == [b"print", b"next"]


def test_a_kernel_that_does_not_end_is_stopped(monkeypatch, runtime):
    """After the limit its process is killed; the next job runs in another."""
    async def main():
        computer = Recomputer(runtime)
        try:
            before = await computer.run(KERNEL, (), [b"pid"])
            with monkeypatch.context() as patch:
                patch.setattr(recompute, "TIMEOUT_S", 0.05)
                assert await computer.run(KERNEL, (), [b"spin"]) is None
            return before, await computer.run(KERNEL, (), [b"pid"])
        finally:
            computer.close()
    before, after = asyncio.run(asyncio.wait_for(main(), 30))
    assert before != after and int(after)
    with pytest.raises(ProcessLookupError):
        os.kill(int(before), 0)


def test_what_is_no_kernel_gives_none(ask):
    """What is no Python, or has no such function, is a broken kernel."""
    assert ask(b"x", kernel=b"not Python") == ask(b"x", kernel=b"") == [None]


def test_each_answer_is_of_the_kernel_that_was_given():
    """Whatever its kind was an upgrade ago: the source says it, not a name."""
    async def main():
        computer = Recomputer(fastest())
        try:
            kernels = [b"def run(given, contexts):\n yield\n return b'%d'" % edition for edition in (1, 2, 1)]
            return [await computer.run(kernel, (), [b""]) for kernel in kernels]
        finally:
            computer.close()
    assert asyncio.run(main()) == [b"1", b"2", b"1"]


def test_asking_at_once_is_answered_in_turn():
    """Requests wait for each other; none gets another's answer."""
    async def main():
        computer = Recomputer(fastest())
        try:
            async with asyncio.timeout(30):
                return await asyncio.gather(*(computer.run(KERNEL, (), [b"%d" % i]) for i in range(50)))
        finally:
            computer.close()
    assert asyncio.run(main()) == [b"%d" % i for i in range(50)]


def test_close_ends_the_child():
    """Nothing stays behind; closing twice is fine."""
    async def main():
        computer = Recomputer(fastest())
        pid = int(await computer.run(KERNEL, (), [b"pid"]) or 0)
        computer.close()
        computer.close()
        return pid
    with pytest.raises(ProcessLookupError):
        os.kill(asyncio.run(main()), 0)


STOP = """
import asyncio, sys
from lamplighter.gateway.devicebuild.interpreter import fastest
from lamplighter.gateway.runtime.recompute import Recomputer

async def main(turns, cancelled):
    computer = Recomputer(fastest())
    if turns % 2:
        await computer.run(KERNEL, (), [b"first"])   # a child is there already
    asked = [asyncio.create_task(computer.run(KERNEL, (), [b"spin"])) for _ in range(3)]
    for _ in range(turns):
        await asyncio.sleep(0)
    if cancelled:
        for task in asked:
            task.cancel()
    computer.close()

KERNEL = sys.argv[1].encode()
for turns in range(8):
    for cancelled in (False, True):
        asyncio.run(main(turns, cancelled))
print("ended", open("/proc/thread-self/children").read())
"""


def test_stopping_at_any_moment_waits_for_nothing():
    """Whatever the child was at, and whether or not a further one was just being started: the loop ends."""
    done = subprocess.run([sys.executable, "-c", STOP, KERNEL.decode()], capture_output=True, text=True, timeout=300)
    assert (done.stdout, done.stderr) == ("ended \n", "")


def test_a_cancelled_request_leaves_no_answer_behind():
    """Its child is given up, so that the next request does not read what was meant for it."""
    async def main():
        computer = Recomputer(fastest())
        try:
            async with asyncio.timeout(30):
                before = await computer.run(KERNEL, (), [b"pid"])
                asked = asyncio.create_task(computer.run(KERNEL, (), [b"spin"]))
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                assert computer._children[KERNEL]._turn.locked()
                asked.cancel()
                return before, await computer.run(KERNEL, (), [b"pid"]), asked.cancelled()
        finally:
            computer.close()
    before, after, cancelled = asyncio.run(main())
    assert before != after and int(after) and cancelled


def test_one_kernel_does_not_wait_for_another():
    """A kernel that does not end keeps only what is asked of itself waiting."""
    async def main():
        computer = Recomputer(fastest())
        try:
            async with asyncio.timeout(30):
                stuck = asyncio.create_task(computer.run(KERNEL, (), [b"spin"]))
                said = await computer.run(KERNEL + b"\n", (), [b"other"])
                return said, stuck.done()
        finally:
            computer.close()
    assert asyncio.run(main()) == (b"other", False)


def test_a_child_with_nothing_to_do_ends(monkeypatch):
    """Its memory is given back; the next job gets another."""
    monkeypatch.setattr(recompute, "IDLE_S", 0.05)

    async def main():
        computer = Recomputer(fastest())
        try:
            async with asyncio.timeout(30):
                before = int(await computer.run(KERNEL, (), [b"pid"]))
                while Path(f"/proc/{before}").exists():   # noqa: ASYNC110, ASYNC240
                    await asyncio.sleep(0.01)
                return before, int(await computer.run(KERNEL, (), [b"pid"]))
        finally:
            computer.close()
    before, after = asyncio.run(main())
    assert before != after
