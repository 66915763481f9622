"""What one recomputation costs the gateway: CPU of its own process and of its child, as machine code beside CPython.

Jobs are those of each kind's demo: first, middle and last of each round, through the gateway's own ``Recomputer``.
Both ways alternate; the least of three runs counts, since CPU time grows on a busy machine. Starting the child, once
a minute at most, is measured by itself.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Sequence

from benchmarks.figures import Figure
from lamplighter.gateway.devicebuild.interpreter import Runtime
from lamplighter.gateway.devicebuild.kernels import kernel_source
from lamplighter.gateway.kindkit.pool import Pool
from lamplighter.gateway.kindkit.sample import take
from lamplighter.gateway.runtime.recompute import Recomputer
from lamplighter.tasks.api import Job, Kind
from lamplighter.tasks.fetch import cache_folder
from lamplighter.tasks.registry import load_kinds, prepare

RUNS = 3
TIMES = {Runtime.CPYTHON: 3, Runtime.MACHINE_CODE: 60}
"""As often is each job run, since what the start of the child takes is taken off."""


def figures() -> list[Figure]:
    """Of all kinds. Raises RuntimeError where the two ways answer otherwise."""
    found = []
    for kind in load_kinds().values():
        spec = prepare({kind.name: kind}, kind.name, kind.demo(cache_folder()).input)
        with Pool(kind.kernel) as pool:
            jobs = [job for job, _ in take(kind, spec, pool).picked]
        runs = {runtime: [_measure(kind, jobs, runtime) for _ in range(RUNS)] for runtime in TIMES}
        if len({tuple(answers) for ran in runs.values() for _, _, answers in ran}) > 1:
            raise RuntimeError(f"{kind.name}: machine code and CPython answer otherwise")
        slow, fast = (min(us for us, _, _ in runs[runtime]) for runtime in TIMES)
        found += [Figure(f"{kind.name}: a recomputation on CPython", round(slow), "us"),
                  Figure("  as machine code", round(fast), "us"),
                  Figure("  ratio", slow / fast, "x"),
                  Figure("  starting its child", min(ms for _, ms, _ in runs[Runtime.MACHINE_CODE]), "ms")]
    return found


def _measure(kind: Kind, jobs: list[Job], runtime: Runtime) -> tuple[float, float, Sequence[bytes | None]]:
    """(CPU us a job, CPU ms to start the child with a first job, the answers)."""
    started, _ = _cpu_s(kind, jobs[:1], runtime)
    took, answers = _cpu_s(kind, jobs[:1] + jobs * TIMES[runtime], runtime)
    return (took - started) * 1e6 / len(jobs) / TIMES[runtime], started * 1e3, answers[:len(jobs) + 1]


def _cpu_s(kind: Kind, jobs: list[Job], runtime: Runtime) -> tuple[float, Sequence[bytes | None]]:
    """Of this process and of the child, from its start to its end."""
    source = kernel_source(kind.kernel)

    async def main() -> Sequence[bytes | None]:
        computer = Recomputer(runtime)
        try:
            return [await computer.run(source, [one.data for one in job.contexts], [job.input]) for job in jobs]
        finally:
            computer.close()

    began = _so_far_s()
    answers = asyncio.run(main())
    return _so_far_s() - began, answers


def _so_far_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
