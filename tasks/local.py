"""Runs a kind in this process: no broker, no devices, the kernel as plain Python.

The reference for tests, benchmarks and the gateway's own recomputation: kernels are integer-only, so
these answers are the bytes every honest device gives.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from lamplighter.gateway.devicebuild.kernels import load
from lamplighter.tasks.api import DeadlinePassed, Job, Kind, Result

_module = functools.lru_cache(maxsize=64)(load)


def load_kernel(kind: Kind) -> ModuleType:
    """The kernel of ``kind`` as a module, loaded once. Raises OSError, CompileError, and what its source raises."""
    return _module(kind.kernel)


def answer_of(kernel: ModuleType, job: Job) -> bytes:
    """What ``kernel`` returns when all its slices have run. Raises whatever the kernel raises."""
    slices = kernel.run(job.input, tuple(context.data for context in job.contexts))
    while True:
        try:
            next(slices)
        except StopIteration as end:
            return bytes(end.value)


def run_job(kind: Kind, job: Job) -> bytes:
    """The answer bytes of one job.

    Raises whatever the kernel raises (ValueError for malformed input), and ValueError if the answer has
    another length than the job promised.
    """
    answer = answer_of(load_kernel(kind), job)
    if len(answer) != job.answer_bytes:
        raise ValueError(f"{kind.name} answered {len(answer)} bytes, the job says {job.answer_bytes}")
    return answer


def run_local(kind: Kind, spec: Any, on_round: Callable[[int], object] | None = None,
              deadline_after_jobs: int | None = None,
              run_jobs: Callable[[Sequence[Job]], Sequence[bytes]] | None = None) -> Result:
    """Solves ``spec`` (what ``kind.prepare`` returned), with every job run here, one after the other, or by
    ``run_jobs``, which answers a round in job order.

    ``on_round`` is called with the number of jobs of each round before it runs. With ``deadline_after_jobs`` the
    deadline passes when so many jobs are answered. Raises TaskError if the solution itself finds the request
    impossible, and DeadlinePassed if it has nothing to say at its deadline.
    """
    solution = kind.solve(spec)
    left = deadline_after_jobs
    answers: Sequence[bytes] | None = None
    try:
        while True:
            jobs = next(solution) if answers is None else solution.send(answers)
            if on_round is not None:
                on_round(len(jobs))
            wanted = jobs if left is None else jobs[:left]
            answers = run_jobs(wanted) if run_jobs is not None else [run_job(kind, job) for job in wanted]
            if left is not None:
                left -= len(wanted)
                if len(wanted) < len(jobs):
                    solution.throw(DeadlinePassed([*answers, *[None] * (len(jobs) - len(wanted))]))
                    raise ValueError(f"{kind.name} asked for more work after its deadline")
    except StopIteration as end:
        result: Result = end.value
        return result
