"""Runs a kind in this process: no broker, no devices, the kernel as plain Python.

The reference for tests, benchmarks and the gateway's own recomputation: kernels are integer-only, so
these answers are the bytes every honest device gives.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from tasks.api import Job, Kind, Result


@functools.lru_cache(maxsize=64)
def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"lamplighter_kernel_{path.parent.name}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_kernel(kind: Kind) -> ModuleType:
    """The kernel of ``kind`` as a module, loaded once per file. Raises ImportError."""
    return _module(kind.kernel)


def run_job(kind: Kind, job: Job) -> bytes:
    """The answer bytes of one job.

    Raises whatever the kernel raises (ValueError for malformed input), and ValueError if the answer has
    another length than the job promised.
    """
    slices = load_kernel(kind).run(job.input, tuple(context.data for context in job.contexts))
    while True:
        try:
            next(slices)
        except StopIteration as end:
            answer = bytes(end.value)
            break
    if len(answer) != job.answer_bytes:
        raise ValueError(f"{kind.name} answered {len(answer)} bytes, the job says {job.answer_bytes}")
    return answer


def run_local(kind: Kind, spec: Any, on_round: Callable[[int], object] | None = None) -> Result:
    """Solves ``spec`` (what ``kind.prepare`` returned) with every job run here, one after the other.

    ``on_round`` is called with the number of jobs of each round before it runs. Raises TaskError if the
    solution itself finds the request impossible.
    """
    solution = kind.solve(spec)
    answers: list[bytes] | None = None
    while True:
        try:
            jobs = next(solution) if answers is None else solution.send(answers)
        except StopIteration as end:
            result: Result = end.value
            return result
        if on_round is not None:
            on_round(len(jobs))
        answers = [run_job(kind, job) for job in jobs]
