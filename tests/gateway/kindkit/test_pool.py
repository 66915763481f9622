"""Jobs on local interpreters."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamplighter.gateway.devicebuild.interpreter import find_micropython
from lamplighter.gateway.kindkit.pool import KernelRaised, NoMicroPython, Pool, Runtime
from lamplighter.tasks.api import Context, Job

KERNEL = """
def run(data, contexts):
    if data == b"bad":
        raise ValueError("bad data")
    for _ in range(3):
        yield
    total = sum(data)
    for context in contexts:
        total += 256 * sum(context)
    if data == b"end":
        import sys
        raise SystemExit(3)
    return total.to_bytes(2, "big")
"""


@pytest.fixture(params=list(Runtime), ids=lambda runtime: runtime.value)
def runtime(request: pytest.FixtureRequest) -> Runtime:
    """Each in turn; MicroPython where there is one."""
    if request.param is not Runtime.CPYTHON and find_micropython() is None:
        pytest.skip("no MicroPython on this machine")
    chosen: Runtime = request.param
    return chosen


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    """Adds up bytes."""
    path = tmp_path / "kernel.py"
    path.write_text(KERNEL)
    return path


def test_answers_come_in_job_order(kernel: Path, runtime: Runtime) -> None:
    """However many interpreters share the work; contexts reach the kernel."""
    shared = Context(b"\x01\x01")
    jobs = [Job(bytes((at,)), 2, 1, 1, (shared,) if at % 2 else ()) for at in range(7)]
    with Pool(kernel, runtime, 3) as pool:
        assert pool.answers(jobs) == [bytes((2 * (at % 2), at)) for at in range(7)]
        assert pool.answers([]) == []


def test_a_run_is_measured(kernel: Path, runtime: Runtime) -> None:
    """Over all repetitions; its slices where that is asked."""
    with Pool(kernel, runtime, 1) as pool:
        run = pool.run(Job(b"\xff", 2, 1, 1), times=100)
        assert run.answer == b"\x00\xff" and run.took_us > 0 and run.longest_us == 0
        slow = Job(bytes(60_000), 2, 1, 1)
        longest = [pool.run(slow, slices=True).longest_us for _ in range(20)]   # a busy machine may stop any of them
        assert 0 < min(longest) <= 10 * max(pool.run(slow).took_us for _ in range(20))


def test_what_a_kernel_raises_is_told(kernel: Path, runtime: Runtime) -> None:
    """As is an answer of another length, or the end of the interpreter; the pool goes on."""
    with Pool(kernel, runtime, 1) as pool:
        with pytest.raises(KernelRaised, match="ValueError: bad data"):
            pool.answers([Job(b"bad", 2, 1, 1)])
        with pytest.raises(ValueError, match="answered 2 bytes, the job says 3"):
            pool.answers([Job(b"\x01", 3, 1, 1)])
        with pytest.raises(KernelRaised, match=r"ended \(3\)"):
            pool.run(Job(b"end", 2, 1, 1))
        assert pool.run(Job(b"\x07", 2, 1, 1)).answer == b"\x00\x07"


def test_without_micropython_it_says_what_to_install(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next step is named."""
    monkeypatch.setattr("lamplighter.gateway.devicebuild.interpreter.find_micropython", lambda: None)
    with pytest.raises(NoMicroPython, match="install"):
        Pool(kernel)
