"""One task of a million jobs: what the gateway needs of memory and disk, and what a restart in its middle takes.

Rounds of some thousand jobs, all with one context, by stand-ins for devices with 32 frames per message.

    python -m benchmarks.million [JOBS ...]
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.broker import mosquitto
from benchmarks.figures import Figure, print_table, row
from benchmarks.street import Gateway, Operator, gateway, operator
from benchmarks.throughput import DEVICES, OWNERS, SHAPES, Devices

SIZES = (10_000, 100_000, 1_000_000)
ROUND, CONTEXT_BYTES = 4_000, 1_000
"""The context fits one chunk."""
LIMIT_S = 3_600.0


async def _size(jobs: int, running: Gateway, city: Operator, devices: Devices) -> list[Figure]:
    """One task from its submission to its answer."""
    devices.told()
    running.peak_mb()
    start = time.monotonic()
    await city.result(await city.submit(jobs, round_jobs=ROUND, context_bytes=CONTEXT_BYTES), LIMIT_S)
    spent = time.monotonic() - start
    await asyncio.sleep(0.2)
    seen = devices.told()
    return [Figure(f"{jobs:,} jobs: peak of resident memory", running.peak_mb(), "MB"),
            Figure("  jobs per second", jobs / spent, "/s"),
            Figure("  journal on disk", running.journal_mb(), "MB"),
            Figure("  its context was sent to each device, times", seen["chunks"], "", "<= 1")]


async def _restart(jobs: int, running: Gateway, city: Operator, devices: Devices) -> list[Figure]:
    """A gateway that is killed in the middle of a task, and started again."""
    task = await city.submit(jobs, round_jobs=ROUND, context_bytes=CONTEXT_BYTES)
    await city.done(task, jobs // 2)
    running.kill()
    devices.told()
    start = time.monotonic_ns()
    await asyncio.to_thread(running.start)
    up = time.monotonic_ns()
    await city.done(task, jobs // 2 + 2 * ROUND)
    first, peak = devices.told()["lease"], running.peak_mb()
    await city.result(task, LIMIT_S)
    return [Figure(f"killed after {jobs // 2:,} jobs: started to up", (up - start) / 1e9, "s"),
            Figure("  to the first new lease", (first - start) / 1e9, "s"),
            Figure("  peak of resident memory", peak, "MB")]


async def _run(sizes: Sequence[int], folder: Path) -> list[Figure]:
    made: list[Figure] = []

    def add(figures: list[Figure]) -> None:
        made.extend(figures)
        for figure in figures:
            print(row(figure), flush=True)   # the whole takes an hour

    with mosquitto(folder) as port, gateway(folder / "own", f"mqtt://127.0.0.1:{port}") as running:
        async with operator(running) as city:
            keys, net = await city.enrol(DEVICES, OWNERS)
            devices = await asyncio.to_thread(Devices, running.port, net, keys, SHAPES["batched"])
            try:
                for jobs in sizes:
                    add(await _size(jobs, running, city, devices))
                add(await _restart(sizes[-1], running, city, devices))
            finally:
                devices.stop()
    return made


def figures(sizes: Sequence[int] = SIZES) -> list[Figure]:
    """On Mosquitto, which stays when the gateway is killed."""
    with tempfile.TemporaryDirectory() as folder:
        made = asyncio.run(_run(sizes, Path(folder)))
    least, most = made[0].value, made[4 * (len(sizes) - 1)].value
    return [*made, Figure(f"more memory for {sizes[-1]:,} jobs than for {sizes[0]:,}", most - least, "MB", "<= 16")]


if __name__ == "__main__":
    print_table("million", figures([int(word) for word in sys.argv[1:]] or SIZES))
