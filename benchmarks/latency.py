"""What an operator and a device wait for when the city is idle: submission to first lease, last result to answer.

    python -m benchmarks.latency
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from benchmarks.devices import Device
from benchmarks.figures import Figure, percentile, print_table
from benchmarks.street import SITE, gateway, operator

TASKS = 60


async def _run(folder: Path) -> tuple[list[float], list[float]]:
    """(submit to first lease, last result to published answer) of each task, in ms."""
    first, last = [], []
    with gateway(folder) as running:
        async with operator(running) as city:
            keys, net = await city.enrol(4, 2)
            devices = [Device(SITE, net, key) for key in keys]
            for device in devices:
                await device.connect(running.port)
            for _ in range(TASKS + 5):
                for device in devices:
                    device.lease_ns.clear()
                start = time.monotonic_ns()
                _, done = await city.result(await city.submit(4))
                leases = sorted(at for device in devices for at in device.lease_ns)
                first.append((leases[0] - start) / 1e6)
                last.append((done - leases[-1]) / 1e6)   # stand-ins answer a lease in the same turn
    return first[5:], last[5:]


def figures() -> list[Figure]:
    """Tasks of four jobs, one after the other, on the embedded broker; a share waits for a recomputation."""
    with tempfile.TemporaryDirectory() as folder:
        first, last = asyncio.run(_run(Path(folder)))
    return [Figure(f"{name}, {word}", percentile(values, permille), "ms")
            for name, values in (("task.submit to first lease", first), ("last result to published answer", last))
            for word, permille in (("p50", 500), ("p99", 990))]


if __name__ == "__main__":
    print_table("latency", figures())
