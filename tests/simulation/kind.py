"""Toy kinds whose right answers are known: each round's inputs depend on the answers before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from lamplighter.firmware.wire import blob_name
from lamplighter.tasks.api import Context, DemoInput, Job, Kind, Result, Solution

GOOD = ("toy.chain", "toy.grid")
BROKEN = "toy.broken"
"""Its kernel raises, wherever it runs."""
FAULTY = "toy.faulty"
"""Its solver raises after the first round."""
NAMES = (*GOOD, BROKEN, FAULTY)
KERNELS = Path(__file__).with_name("kernels")


class Spec(BaseModel):
    """Input of a toy task."""

    jobs: int
    rounds: int
    salt: int


def input_of(jobs: int, rounds: int, salt: int) -> dict[str, int]:
    """The input of a toy task."""
    return {"jobs": jobs, "rounds": rounds, "salt": salt}


def answer_of(kind: str, input_: bytes, size: int) -> bytes:
    """What an honest device answers: ``size`` bytes, the last a checksum of the others."""
    head = hashlib.sha256(kind.encode() + input_).digest()[: size - 1]
    return head + bytes((sum(head) & 0xFF,))


def possible(answer: bytes) -> bool:
    """The cheap check of the kinds: whether the checksum fits. A careful liar's does."""
    return sum(answer[:-1]) & 0xFF == answer[-1]


def size_of(input_: bytes) -> int:
    """Bytes of the answer to a job, fixed by its input (so that a device knows it too)."""
    return 8 + input_[0] % 24


def kernel_for(source: bytes, arch: int) -> bytes:
    """Stands in for the compiler: another blob for each kind and instruction set."""
    return b"%s %d" % (source, arch)


def blob_of(kind: str, arch: int) -> bytes:
    """The name of the kernel of a kind, compiled for one instruction set."""
    return bytes(blob_name(kernel_for(KINDS[kind].kernel.read_bytes(), arch)))


def _solve(kind: str) -> Callable[[Spec], Solution]:
    """Rounds of jobs, then the result. All of it follows from the spec and the answers."""
    def solve(spec: Spec) -> Solution:
        state = hashlib.sha256(b"%d" % spec.salt).digest()
        for round_ in range(spec.rounds):
            count = spec.jobs + state[0] % 3 if state[1] % 8 else 0   # a round may turn out to need nothing
            answers = yield [_job(state, round_, index) for index in range(count)]
            if kind == FAULTY:
                raise ValueError("this kind is broken")
            state = hashlib.sha256(state + b"".join(answers)).digest()
        return Result("found", {"answer": state.hex()})
    return solve


def _job(state: bytes, round_: int, index: int) -> Job:
    input_ = hashlib.sha256(state + b"%d/%d" % (round_, index)).digest()
    contexts = (Context(state),) if round_ % 2 else ()
    return Job(input_, size_of(input_), (5 + input_[1]) * 1_000, 1_000 + 50 * input_[2], contexts)


def truth_of(body: bytes) -> dict[str, Any]:
    """The right result of a request, computed in one go."""
    about = json.loads(body)
    solver = _solve(about["kind"])(Spec(**about["input"]))
    try:
        jobs = next(solver)
        while True:
            jobs = solver.send([answer_of(about["kind"], job.input, job.answer_bytes) for job in jobs])
    except StopIteration as end:
        return {"summary": end.value.summary, "data": end.value.data}


def _kind(name: str) -> Kind:
    return Kind(name, 1, name, Spec, KERNELS / (name.removeprefix("toy.") + ".py"), prepare=lambda model: model,
                solve=_solve(name), reference=lambda spec, result: {}, text=str, files=lambda data: {},
                demo=lambda folder: DemoInput({}, "", False), check=lambda spec, job, answer: possible(answer))


KINDS = {name: _kind(name) for name in NAMES}
