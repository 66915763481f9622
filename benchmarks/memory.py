"""Memory and processor time of the gateway: idle, and with a thousand devices that bid once per second.

    python -m benchmarks.memory
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from benchmarks.devices import Device
from benchmarks.figures import Figure, print_table
from benchmarks.street import SITE, Gateway, gateway, operator

DEVICES = 1_000
SPAN_S = 5.0


async def _cpu(running: Gateway) -> float:
    """Share of one core that the gateway takes."""
    loop = asyncio.get_running_loop()
    before, start = running.cpu_s(), loop.time()
    await asyncio.sleep(SPAN_S)
    return (running.cpu_s() - before) / (loop.time() - start)


async def _run(folder: Path) -> dict[str, float]:
    found: dict[str, float] = {}
    with gateway(folder) as running:
        async with operator(running) as city:
            await asyncio.sleep(1)
            found["rss"], found["pss"] = running.memory_mb()
            found["idle"] = await _cpu(running)
            keys, net = await city.enrol(DEVICES, 50)
            found["enrolled"], _ = running.memory_mb()
            devices = [Device(SITE, net, key, room=8) for key in keys]
            for at in range(0, DEVICES, 20):
                await asyncio.gather(*(device.connect(running.port) for device in devices[at:at + 20]))
            await asyncio.sleep(1)
            found["busy"] = await _cpu(running)
            found["connected"], found["connected_pss"] = running.memory_mb()
    return found


def figures() -> list[Figure]:
    """On the embedded broker, whose own memory is not counted."""
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(_run(Path(folder)))
    return [
        Figure("gateway without devices, resident", found["rss"], "MB", "<= 60"),
        Figure("  its own share of it (PSS)", found["pss"], "MB"),
        Figure("  processor when idle", found["idle"] * 100, "% of a core"),
        Figure(f"gateway with {DEVICES:,} connected devices, resident", found["connected"], "MB", "<= 62"),
        Figure("  its own share of it (PSS)", found["connected_pss"], "MB"),
        Figure("  more than without, per device", (found["connected"] - found["rss"]) * 1024 / DEVICES, "KB", "<= 2"),
        Figure(f"  processor at {DEVICES:,} bids per second", found["busy"] * 100, "% of a core", "<= 100"),
    ]


if __name__ == "__main__":
    print_table("memory", figures())
