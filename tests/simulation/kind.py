"""Toy kinds whose right answers are known: each round's inputs depend on the answers before it.

They come in releases, which may be installed one over the other at any time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from lamplighter.firmware.wire import Lease, blob_name
from lamplighter.gateway.runtime.kinds import KindInfo, info_of
from lamplighter.tasks.api import Context, DemoInput, Job, Kind, Result, Solution

GOOD = ("toy.chain", "toy.grid")
BROKEN = "toy.broken"
"""Its kernel raises, wherever it runs."""
FAULTY = "toy.faulty"
"""Its solver raises after the first round."""
NAMES = (*GOOD, BROKEN, FAULTY)
GIANT = 1 << 31
KERNELS = Path(__file__).with_name("kernels")


class Release(NamedTuple):
    """What is installed: of the kinds their version, how they split, which kernel; of the gateway its compiler."""

    version: int = 1
    split: bytes = b""
    kernel: str = ""
    compiler: int = 1

    def answers_like(self, other: Release) -> bool:
        """Whether what was answered under the other counts under this."""
        return self._replace(compiler=0) == other._replace(compiler=0)


UNKNOWN = Release(version=0)
"""What a journal of an older version says of its rounds: nothing that is made now is like them."""
RELEASES = (Release(), Release(compiler=2), Release(2, b"otherwise"), Release(split=b"unsaid"), Release(kernel="_2"),
            Release(2), Release(3, b"otherwise", "_2", 2))
"""One splits otherwise and does not say so: its version is that of the first."""


class Spec(BaseModel):
    """Input of a toy task."""

    jobs: int
    rounds: int
    salt: int
    giants: int = 0
    """So many jobs of 256, about, need more memory than any device says that it has."""

    @classmethod
    @cache
    def model_json_schema(cls, *how: Any, **more: Any) -> dict[str, Any]:
        """Made once, for thousands of workers."""
        return super().model_json_schema(*how, **more)


def input_of(jobs: int, rounds: int, salt: int, giants: int = 0) -> dict[str, int]:
    """The input of a toy task."""
    return {"jobs": jobs, "rounds": rounds, "salt": salt, "giants": giants}


def answer_of(kernel: str, input_: bytes, size: int) -> bytes:
    """What an honest device answers: ``size`` bytes, the last a checksum of the others."""
    head = hashlib.sha256(kernel.encode() + input_).digest()[: size - 1]
    return head + bytes((sum(head) & 0xFF,))


def possible(answer: bytes) -> bool:
    """The cheap check of the kinds: whether the checksum fits. A careful liar's does."""
    return sum(answer[:-1]) & 0xFF == answer[-1]


def inputs_of(lease: Lease) -> list[bytes]:
    """What a lease asks: the inputs of a span's jobs, or the only one."""
    if not lease.span:
        return [lease.input]
    at, found = 1 + 2 * lease.input[0], []
    for place in range(1, at, 2):
        end = at + int.from_bytes(lease.input[place:place + 2], "big")
        found.append(lease.input[at:end])
        at = end
    return found


def size_of(input_: bytes) -> int:
    """Bytes of the answer to a job, fixed by its input (so that a device knows it too)."""
    return 8 + input_[0] % 24


def compiler_of(release: Release) -> Callable[[bytes, int], bytes]:
    """Stands in for the compiler: another blob for each kernel, instruction set and compiler."""
    return lambda source, arch: b"%s %d %d" % (source, arch, release.compiler)


def kernel_of(kind: str, release: Release) -> str:
    """Which kernel a kind has. Devices and the gateway's computer know what each answers."""
    return kind + (release.kernel if kind in GOOD else "")


@cache
def blobs_of(arch: int) -> dict[bytes, str]:
    """By the names of their blobs: all kernels for one instruction set."""
    return {bytes(blob_name(compiler_of(release)(source, arch))): kernel
            for release in RELEASES for source, kernel in KERNEL_OF.items()}


def _solve(kind: str, release: Release) -> Callable[[Spec], Solution]:
    """Rounds of jobs, then the result. All of it follows from the spec and the answers."""
    def solve(spec: Spec) -> Solution:
        state = hashlib.sha256(b"%d" % spec.salt + release.split).digest()
        for round_ in range(spec.rounds):
            count = spec.jobs + state[0] % 3 if state[1] % 8 else 0   # a round may turn out to need nothing
            answers = yield [_job(state, round_, index, spec.giants) for index in range(count)]
            if kind == FAULTY:
                raise ValueError("this kind is broken")
            state = hashlib.sha256(state + b"".join(answers)).digest()
        return Result("found", {"answer": state.hex(), "by": release.version})
    return solve


def _job(state: bytes, round_: int, index: int, giants: int) -> Job:
    input_ = hashlib.sha256(state + b"%d/%d" % (round_, index)).digest()
    contexts = (Context(state + bytes((index % 2,))),) if round_ % 2 else ()
    heap = GIANT if input_[3] < giants else 1_000 + 50 * input_[2]
    return Job(input_, size_of(input_), (5 + input_[1]) * 1_000, heap, contexts)


def truth_of(body: bytes, release: Release) -> tuple[dict[str, Any], int]:
    """The right result of a request, computed in one go, and how many jobs that takes."""
    about = json.loads(body)
    kernel = kernel_of(about["kind"], release)
    solver = _solve(about["kind"], release)(Spec(**about["input"]))
    count = 0
    try:
        jobs = next(solver)
        while True:
            count += len(jobs)
            jobs = solver.send([answer_of(kernel, job.input, job.answer_bytes) for job in jobs])
    except StopIteration as end:
        return {"summary": end.value.summary, "data": end.value.data}, count


def _kind(name: str, release: Release) -> Kind:
    kernel = KERNELS / (kernel_of(name, release).removeprefix("toy.") + ".py")
    return Kind(name, release.version, name, Spec, kernel, prepare=lambda model: model,
                solve=_solve(name, release), reference=lambda spec, result: {}, text=str, files=lambda data: {},
                demo=lambda folder: DemoInput({}, "", False), check=lambda spec, job, answer: possible(answer))


@cache
def kinds_of(release: Release) -> dict[str, Kind]:
    """What a worker finds installed."""
    return {name: _kind(name, release) for name in NAMES}


@cache
def infos_of(release: Release) -> dict[str, KindInfo]:
    """What a gateway is told of it."""
    return {name: info_of(of) for name, of in kinds_of(release).items()}


KERNEL_OF = {path.read_bytes(): "toy." + path.stem for path in sorted(KERNELS.glob("*.py"))}
"""By source: the name of each kernel."""
