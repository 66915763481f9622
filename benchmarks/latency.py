"""What an operator and a device wait for: submission to first lease, last result to answer; when the city is idle,
and while ten documents are being refused that are as hard to read as can be.

    python -m benchmarks.latency
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.devices import Device
from benchmarks.figures import Figure, percentile, print_table
from benchmarks.street import SITE, Operator, gateway, operator
from lamplighter.gateway.api.client import Client, Refused
from tests.tasks.documents import DOCUMENTS

TASKS = 60
HOSTILE = (("pandapower", 9_000), ("simbench switches", 40_000), ("sumo long route", 15_000), ("nonsense", 600_000),
           ("sumo fan", 12_000)) * 2


class City:
    """A gateway, its devices, and tasks of four jobs, one after the other."""

    def __init__(self, client: Operator, devices: list[Device]) -> None:
        self._client, self._devices = client, devices

    async def task(self) -> tuple[float, float]:
        """(submit to first lease, last result to published answer) in ms."""
        for device in self._devices:
            device.lease_ns.clear()
        start = time.monotonic_ns()
        _, done = await self._client.result(await self._client.submit(4))
        leases = sorted(at for device in self._devices for at in device.lease_ns)
        return (leases[0] - start) / 1e6, (done - leases[-1]) / 1e6   # stand-ins answer a lease in the same turn


async def _run(folder: Path) -> tuple[list[tuple[float, float]], list[float], float]:
    """Calm tasks; submit to first lease in ms while documents are refused; seconds until all were."""
    calm, beside, took = [], [], 0.0
    with gateway(folder) as running:
        async with operator(running) as client:
            keys, net = await client.enrol(4, 2)
            devices = [Device(SITE, net, key) for key in keys]
            for device in devices:
                await device.connect(running.port)
            city = City(client, devices)
            for _ in range(5):
                await city.task()
            for _ in range(3):
                calm += [await city.task() for _ in range(TASKS // 3)]
                hostile = _hostile(running.url)
                assert hostile.stdout is not None
                await asyncio.to_thread(hostile.stdout.readline)   # its documents are made
                began = time.monotonic()
                while hostile.poll() is None:
                    beside.append((await city.task())[0])
                took += time.monotonic() - began
    return calm, beside, took


def _hostile(url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "benchmarks.latency", url], stdout=subprocess.PIPE)


async def _refused(url: str) -> None:
    """Submits all documents at once and waits until each is refused."""
    made = []
    for number, (name, size) in enumerate(HOSTILE):
        kind, given = DOCUMENTS[name](size)
        made.append({"id": f"hostile-{number}", "kind": kind, "input": given})
    async with Client(url, SITE) as client:
        print(sum(len(json.dumps(one)) for one in made), flush=True)

        async def refuse(about: dict[str, Any]) -> None:
            with suppress(Refused):
                await client.call("task.price", timeout_s=120, **about)
        await asyncio.gather(*map(refuse, made))


def figures() -> list[Figure]:
    """On the embedded broker; a share of the tasks waits for a recomputation."""
    with tempfile.TemporaryDirectory() as folder:
        calm, beside, took = asyncio.run(_run(Path(folder)))
    first, last = ([pair[at] for pair in calm] for at in (0, 1))
    found = [Figure(f"{name}, {word}", percentile(values, permille), "ms")
             for name, values in (("task.submit to first lease", first), ("last result to published answer", last),
                                  (f"submit to first lease beside {len(HOSTILE)} hostile documents", beside))
             for word, permille in (("p50", 500), ("p99", 990))]
    ratio = percentile(beside, 990) / percentile(first, 990)
    return [*found, Figure("  p99 beside them, over p99 without", ratio, "x", "<= 2"),
            Figure("  tasks meanwhile", len(beside)), Figure("  until all are refused", took / 3, "s")]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(_refused(sys.argv[1]))
    else:
        print_table("latency", figures())
