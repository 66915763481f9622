"""All kernels on emulated 32-bit ARM boards: the bytes that CPython gives, as machine code and as bytecode.

Machine words have 32 bits there and 64 on the machines that tests run on, so a signed load or a product beyond 31
bits shows here first.
"""

from __future__ import annotations

import os
import random
from dataclasses import replace

import pytest

from benchmarks.boards import some_jobs
from benchmarks.emulated import BOARDS, Board, NoBoard, firmware, run
from lamplighter.tasks.api import Job, Kind
from lamplighter.tasks.local import load_kernel
from lamplighter.tasks.registry import load_kinds

KINDS = load_kinds()
WILD_OPS = 3_000_000
"""Operations that changed jobs may cost in all, which says how many there are."""


def _board(board: Board) -> None:
    try:
        firmware(board)
    except NoBoard as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


def _changed(job: Job, pick: random.Random) -> Job:
    """The same job with a few bytes of its input set to something, often to an extreme."""
    data = bytearray(job.input)
    for _ in range(pick.randint(1, 3)):
        data[pick.randrange(len(data))] = pick.choice((0, 1, 0x7F, 0x80, 0xFF, pick.randrange(256)))
    return replace(job, input=bytes(data))


def _answer(kind: Kind, job: Job) -> bytes | None:
    """What CPython answers; None where the kernel refuses the input."""
    slices = load_kernel(kind).run(job.input, tuple(context.data for context in job.contexts))
    try:
        while True:
            next(slices)
    except StopIteration as end:
        return bytes(end.value)
    except ValueError:
        return None


@pytest.mark.soak
@pytest.mark.parametrize("name", sorted(KINDS))
def test_boards_give_the_same_bytes(name: str) -> None:
    """Jobs of the demo, and the same with bytes changed: the same answers, or a ValueError in both places."""
    for board in BOARDS:
        _board(board)
    kind = KINDS[name]
    jobs = some_jobs(kind)
    pick = random.Random(name)
    cheapest = min(jobs, key=lambda job: job.ops)
    wild = [_changed(cheapest, pick) for _ in range(min(150, WILD_OPS // cheapest.ops))]
    wanted = [_answer(kind, job) for job in [*wild, *jobs]]
    assert None not in wanted[len(wild):]
    for board in BOARDS:
        for native in (True, False):
            session = run(board, kind.kernel, [*wild, *jobs], native, count=False)
            for number, (ran, answer) in enumerate(zip(session.runs, wanted, strict=True)):
                where = (board.core, native, number, ran.error)
                assert ran.answer == answer, where
                assert answer is not None or ran.error.startswith("ValueError"), where


@pytest.mark.soak
def test_counts_are_the_same_again() -> None:
    """Instructions are counted, not timed: two runs give the same numbers."""
    for board in BOARDS:
        _board(board)
        kind = KINDS["environment.airmap"]
        jobs = some_jobs(kind)[:2]
        assert run(board, kind.kernel, jobs, True) == run(board, kind.kernel, jobs, True)
