"""A third party's kind, found through its entry point: rounds of jobs that each depend on the answers before."""

from __future__ import annotations

import struct
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from lamplighter.tasks.api import DemoInput, Job, Kind, Result

MODULUS = 65537


class Chain(BaseModel):
    """The input."""

    model_config = ConfigDict(extra="forbid")
    jobs: int = Field(ge=1, le=1000)
    rounds: int = Field(default=1, ge=1, le=100)
    steps: int = Field(default=1000, ge=1, le=10_000_000)
    salt: int = Field(default=0, ge=0, lt=MODULUS)


def solve(spec: Chain) -> Generator[Sequence[Job], Sequence[bytes], Result]:
    """Each round starts where the sum of the one before ended."""
    state = spec.salt
    for round_ in range(spec.rounds):
        jobs = [Job(struct.pack(">II", spec.steps, (state + 77 * index + round_) % MODULUS), 4, spec.steps, 2_000)
                for index in range(spec.jobs)]
        answers = yield jobs
        state = sum(int.from_bytes(answer, "big") * (index + 1) for index, answer in enumerate(answers)) % MODULUS
    return Result(f"The chain ends at {state}.", {"state": state})


def reference(spec: Chain, result: Result) -> dict[str, Any]:
    """There is no other method than the kernel itself."""
    return {"ok": 0 <= result.data["state"] < MODULUS, "text": "in range"}


KIND = Kind(
    "toy.chain", 1, "A chain of sums", Chain, Path(__file__).with_name("kernel.py"), lambda model: model, solve,
    reference, lambda data: f"state {data['state']}", lambda data: {"state.txt": b"%d\n" % data["state"]},
    lambda cache: DemoInput({"jobs": 4}, "made up", False),
    lambda spec, job, answer: int.from_bytes(answer, "big") < MODULUS)
