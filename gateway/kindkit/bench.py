"""What a kind's jobs weigh and how long they take, round by round, on every runtime here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from lamplighter.gateway.core.policy import price_kop
from lamplighter.gateway.devicebuild.kernels import kernel_source
from lamplighter.gateway.kindkit.check import HEAP_SHARE_32
from lamplighter.gateway.kindkit.heap import smallest_heap
from lamplighter.gateway.kindkit.pool import Pool, Runtime
from lamplighter.gateway.kindkit.sample import Sample, spread, take
from lamplighter.tasks.api import Job, Kind
from lamplighter.tasks.registry import prepare

ENOUGH_US = 20_000
"""A job is repeated until it takes so long; clocks are coarse."""
ROUNDS_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Round:
    """One round's jobs: means over its first, middle and last job where a time stands."""

    number: int
    jobs: int
    input_bytes: int
    context_bytes: int
    answer_bytes: int
    operations: int
    credits: int
    us: dict[str, float]
    """Microseconds a job, by runtime."""


@dataclass(frozen=True, slots=True)
class Weights:
    """All rounds that were looked at, and the heap of the largest job on a 32-bit board, declared and measured."""

    rounds: list[Round]
    kernel_bytes: int
    heap_declared: int
    heap_measured: int


def weigh(kind: Kind, cache: Path) -> Weights:
    """Runs the demo's input once and times jobs of its rounds. Raises NoMicroPython, TaskError, KernelRaised."""
    spec = prepare({kind.name: kind}, kind.name, kind.demo(cache).input)
    with Pool(kind.kernel) as pool:
        sample = take(kind, spec, pool)
    shown = spread(len(sample.rounds), ROUNDS_SHOWN)
    times: dict[int, dict[str, float]] = {at: {} for at in shown}
    for runtime in Runtime:
        with Pool(kind.kernel, runtime, 1) as pool:
            for at in shown:
                times[at][runtime.value] = mean(_us(pool, job) for job in _three(sample, at))
    largest = max(sample.jobs, key=lambda job: job.heap_bytes)
    return Weights([_round(sample, at, times[at]) for at in shown], len(kernel_source(kind.kernel)),
                   largest.heap_bytes, smallest_heap(kind.kernel, largest) * HEAP_SHARE_32 // 100)


def _three(sample: Sample, at: int) -> list[Job]:
    jobs = sample.rounds[at]
    return [jobs[0], jobs[len(jobs) // 2], jobs[-1]]


def _us(pool: Pool, job: Job) -> float:
    """The least of three timings, each over enough repetitions."""
    once = max(pool.run(job).took_us, 1)
    times = max(1, ENOUGH_US // once)
    return min(pool.run(job, times).took_us for _ in range(3)) / times


def _round(sample: Sample, at: int, us: dict[str, float]) -> Round:
    jobs = sample.rounds[at]
    shared = {one.name: len(one.data) for job in jobs for one in job.contexts}
    return Round(at, len(jobs), max(len(job.input) for job in jobs), sum(shared.values()),
                 max(job.answer_bytes for job in jobs), sum(job.ops for job in jobs) // len(jobs),
                 sum(price_kop(job.ops) for job in jobs), us)
