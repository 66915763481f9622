"""A kind whose jobs do nothing, so that what is measured is everything around a job. Only benchmarks know it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from lamplighter.tasks.api import Context, DemoInput, Job, Kind, Result, Solution


class Model(BaseModel):
    """How many jobs, in rounds of how many; each has 8 bytes of input and answers with the same 8."""

    jobs: int
    ops: int = 1
    round_jobs: int = 1_000_000
    context_bytes: int = 0


def solve(model: Model) -> Solution:
    contexts = (Context(bytes(model.context_bytes)),) if model.context_bytes else ()
    right = 0
    for first in range(0, model.jobs, model.round_jobs):
        numbers = range(first, min(first + model.round_jobs, model.jobs))
        answers: Sequence[bytes] = yield [Job(i.to_bytes(8, "big"), 8, model.ops, 64, contexts) for i in numbers]
        right += sum(answer == i.to_bytes(8, "big") for i, answer in zip(numbers, answers, strict=True))
    return Result(f"{right} of {model.jobs} jobs were answered rightly.", {"right": right, "jobs": model.jobs})


def reference(model: Model, result: Result) -> dict[str, Any]:
    return {"text": "every job is answered with its input", "ok": result.data["right"] == model.jobs}


KIND = Kind(
    name="bench.trivial", version=1, title="Jobs that do nothing", Model=Model,
    kernel=Path(__file__).with_name("kernel.py"), prepare=lambda model: model, solve=solve, reference=reference,
    text=str, files=lambda _: {}, demo=lambda _: DemoInput({"jobs": 100}, "made up", False))
