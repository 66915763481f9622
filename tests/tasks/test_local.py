"""The in-process driver of a kind."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

import pytest
from pydantic import BaseModel

from lamplighter.tasks.api import Context, DeadlinePassed, DemoInput, Job, Kind, Result
from lamplighter.tasks.local import load_kernel, run_job, run_local

KERNEL = """
def run(data, contexts):
    total = 0
    for byte in data + b"".join(contexts):
        total += byte
        yield
    if total == 0:
        raise ValueError("no data")
    return total.to_bytes(2, "big")
"""


class Numbers(BaseModel):
    """Input of the toy kind below."""

    numbers: list[int]


def _solve(spec: list[int]) -> Generator[Sequence[Job], Sequence[bytes], Result]:
    shared = Context(b"\x05")
    try:
        answers = yield [Job(bytes([n]), 2, 10, 100, (shared,)) for n in spec]
    except DeadlinePassed as late:
        return Result("early", {"known": late.answers}, "no total")
    answers = yield [Job(b"".join(answers), 2, 10, 100)]
    return Result("done", {"total": int.from_bytes(answers[0], "big")})


@pytest.fixture
def kind(tmp_path: Path) -> Kind:
    """A kind whose kernel adds bytes up, on disk like a real one."""
    kernel = tmp_path / "kernel.py"
    kernel.write_text(KERNEL)
    return Kind("toy.sum", 1, "sum", Numbers, kernel, lambda m: m.numbers, _solve, lambda s, r: {"ok": True},
                str, lambda d: {}, lambda p: DemoInput({}, "", False))


def test_rounds_are_driven_to_the_result(kind: Kind) -> None:
    """Every round's answers reach the generator in job order, and its result comes back."""
    rounds: list[int] = []
    assert run_local(kind, [1, 2, 3], rounds.append).data == {"total": 6 + 7 + 8}
    assert rounds == [3, 1]


def test_a_deadline_passes_after_so_many_jobs(kind: Kind) -> None:
    """The generator gets the answers there are; one with nothing to say lets it pass."""
    early = run_local(kind, [1, 2, 3], deadline_after_jobs=2)
    assert (early.data["known"], early.partial) == ([b"\x00\x06", b"\x00\x07", None], "no total")
    with pytest.raises(DeadlinePassed):
        run_local(kind, [1, 2, 3], deadline_after_jobs=3)
    assert run_local(kind, [1, 2, 3], deadline_after_jobs=4).data == {"total": 21}


def test_a_round_can_be_answered_elsewhere(kind: Kind) -> None:
    """``run_jobs`` gets whole rounds and answers them in job order."""
    told = run_local(kind, [1, 2], run_jobs=lambda jobs: [b"\x00\x01"] * len(jobs))
    assert told.data == {"total": 1}


def test_a_job_sees_its_contexts_and_raises_what_the_kernel_raises(kind: Kind) -> None:
    """Contexts are handed to the kernel; a malformed input is the kernel's ValueError."""
    assert run_job(kind, Job(b"\x01", 2, 1, 1, (Context(b"\x02"), Context(b"\x03")))) == b"\x00\x06"
    with pytest.raises(ValueError, match="no data"):
        run_job(kind, Job(b"\x00", 2, 1, 1))


def test_an_answer_of_the_wrong_length_is_an_error(kind: Kind) -> None:
    """What a job promises about its answer is checked."""
    with pytest.raises(ValueError, match="answered 2 bytes, the job says 3"):
        run_job(kind, Job(b"\x01", 3, 1, 1))


def test_a_kernel_is_loaded_once(kind: Kind) -> None:
    """Thousands of jobs do not read the file thousands of times."""
    assert load_kernel(kind) is load_kernel(kind)
