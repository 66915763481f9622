"""Toy kinds whose right answers are known: each round's inputs depend on the answers before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator

from lamplighter.gateway.core.events import JobSpec

GOOD = ("toy.chain", "toy.grid")
BROKEN = "toy.broken"
"""Its kernel raises, wherever it runs."""
FAULTY = "toy.faulty"
"""Its solver raises after the first round."""
KINDS = (*GOOD, BROKEN, FAULTY)
Solver = Generator[tuple[JobSpec, ...], tuple[bytes, ...], bytes]


def body_of(jobs: int, rounds: int, salt: int) -> bytes:
    """The canonical request of a toy task."""
    return json.dumps({"jobs": jobs, "rounds": rounds, "salt": salt}).encode()


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


def blob_of(kind: str, arch: int) -> bytes:
    """The name of the kernel of a kind, compiled for one instruction set."""
    return hashlib.sha256(b"%s/%d" % (kind.encode(), arch)).digest()[:16]


def solve(kind: str, body: bytes) -> Solver:
    """Rounds of jobs, then the JSON result. All of it follows from the body and the answers."""
    spec = json.loads(body)
    state = hashlib.sha256(b"%d" % spec["salt"]).digest()
    for round_ in range(spec["rounds"]):
        count = spec["jobs"] + state[0] % 3 if state[1] % 8 else 0   # a round may turn out to need nothing
        answers = yield tuple(_job(state, round_, index) for index in range(count))
        if kind == FAULTY:
            raise ValueError("this kind is broken")
        state = hashlib.sha256(state + b"".join(answers)).digest()
    return json.dumps({"answer": state.hex()}).encode()


def _job(state: bytes, round_: int, index: int) -> JobSpec:
    input_ = hashlib.sha256(state + b"%d/%d" % (round_, index)).digest()
    contexts = (state[:16],) if round_ % 2 else ()
    return JobSpec(input_, contexts, size_of(input_), 5 + input_[1], 1_000 + 50 * input_[2])


def truth_of(kind: str, body: bytes) -> bytes:
    """The right result, computed in one go."""
    solver = solve(kind, body)
    try:
        jobs = next(solver)
        while True:
            jobs = solver.send(tuple(answer_of(kind, job.input, job.answer_bytes) for job in jobs))
    except StopIteration as end:
        return end.value
