"""Each kernel as machine code beside itself as bytecode, on CPython, and its twin in C: ratios of the same jobs.

Jobs are those of the kind's demo: first, middle and last of each round. Every answer of the C twin is compared, byte
for byte. Runs alternate; medians of five.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure
from lamplighter.gateway.kindkit.pool import Pool, Runtime
from lamplighter.gateway.kindkit.sample import take
from lamplighter.tasks.api import Job, Kind
from lamplighter.tasks.fetch import cache_folder
from lamplighter.tasks.registry import load_kinds, prepare

FOLDER = Path(__file__).with_name("kernels")
RUNS = 5
C_REPETITIONS = 20
Picked = list[tuple[Job, bytes]]


def figures() -> list[Figure]:
    """Of all kinds. Raises RuntimeError where there is no C compiler, or where a twin answers otherwise."""
    found = []
    for kind in load_kinds().values():
        source = FOLDER / f"{kind.name.replace('.', '_')}.c"
        found += _compared(kind, source if source.exists() else None)
    return found


def _compared(kind: Kind, source: Path | None) -> list[Figure]:
    spec = prepare({kind.name: kind}, kind.name, kind.demo(cache_folder()).input)
    with Pool(kind.kernel) as pool:
        picked = take(kind, spec, pool).picked
    jobs = [job for job, _ in picked]
    us: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="lamplighter-kernel-") as folder:
        twin = _build(source, Path(folder, "twin")) if source else None
        pools = {runtime.value: Pool(kind.kernel, runtime, 1) for runtime in Runtime}
        try:
            for _ in range(RUNS):
                for name, pool in pools.items():
                    us.setdefault(name, []).append(sum(_us(pool, job) for job in jobs) / len(jobs))
                if twin:
                    us.setdefault("C -O2", []).append(_c_us(twin, kind, picked))
        finally:
            for pool in pools.values():
                pool.close()
    return _figures(kind.name, {name: median(values) for name, values in us.items()})


def _figures(name: str, us: dict[str, float]) -> list[Figure]:
    made = us["machine code"]
    primary = name in ("traffic.signals", "environment.airmap", "energy.evhosting")
    found = [Figure(f"{name}: a job as machine code", round(made), "us"),
             Figure("  as bytecode", round(us["bytecode"] / made, 1), "x", ">= 30" if primary else ""),
             Figure("  on CPython", round(us["CPython"] / made, 1), "x")]
    if "C -O2" in us:
        found.append(Figure("  beside C -O2", round(made / us["C -O2"], 1), "x", "<= 6"))
    return found


def _us(pool: Pool, job: Job) -> float:
    first = pool.run(job).took_us
    times = max(1, 5_000 // max(first, 1))
    return pool.run(job, times).took_us / times


def _build(source: Path, target: Path) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        raise RuntimeError("no C compiler; on Debian: apt-get install gcc")
    command = [compiler, "-O2", "-Wall", "-Wextra", "-o", str(target), str(FOLDER / "harness.c"), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{source.name} does not compile: {done.stderr[:300]}")
    return target


def _c_us(twin: Path, kind: Kind, picked: Sequence[tuple[Job, bytes]]) -> float:
    """Mean microseconds a job. Raises RuntimeError when an answer differs."""
    given = struct.pack("<I", C_REPETITIONS)
    for job, _ in picked:
        parts = [job.input, *(one.data for one in job.contexts)]
        given += struct.pack("<I", len(parts)) + b"".join(struct.pack("<I", len(part)) + part for part in parts)
    told = subprocess.run([str(twin)], input=given, capture_output=True, check=True).stdout
    total = at = 0
    for _, answer in picked:
        size, took = struct.unpack_from("<iQ", told, at)
        at += 12 + max(size, 0)
        if told[at - max(size, 0):at] != answer:
            raise RuntimeError(f"{kind.name}: the C twin answers otherwise")
        total += took
    return total / len(picked) / C_REPETITIONS / 1_000
