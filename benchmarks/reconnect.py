"""A thousand devices lose their connection at once and come back, three times over, on the embedded broker.

    python -m benchmarks.reconnect
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.devices import Device
from benchmarks.figures import Figure, print_table
from benchmarks.street import SITE, gateway, operator

DEVICES, TIMES = 1_000, 3
RETRY_S = (0.25, 20.0)   # as the firmware: doubles, with jitter
PATIENCE_S = 20.0        # as the firmware: from dialling to being signed in


async def _return(key: bytes, net: str, port: int, refused: list[int]) -> Device:
    """One device, once it is connected; what was refused before is counted."""
    wait_s = RETRY_S[0]
    while True:
        device = Device(SITE, net, key, room=8)
        try:
            await device.connect(port, PATIENCE_S)
            return device
        except (OSError, TimeoutError):
            device.cut()
            refused[0] += 1
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))
            wait_s = min(2 * wait_s, RETRY_S[1])


async def _round(keys: Sequence[bytes], net: str, port: int) -> tuple[list[Device], float, int]:
    """All devices at once: they, seconds until the last was in, how many attempts were refused."""
    began, refused = time.monotonic(), [0]
    devices = await asyncio.gather(*(_return(key, net, port, refused) for key in keys))
    return list(devices), time.monotonic() - began, refused[0]


async def measure(folder: Path, count: int = DEVICES, times: int = TIMES) -> list[tuple[float, int]]:
    """(seconds, refusals) of each time that ``count`` devices come; the gateway answers afterwards.

    Raises LinkError when it does not.
    """
    found = []
    with gateway(folder) as running:
        async with operator(running) as city:
            keys, net = await city.enrol(count, 50)
            for _ in range(times + 1):
                devices, took, refused = await _round(keys, net, running.port)
                found.append((took, refused))
                await city.counters()
                for device in devices:
                    device.cut()
    return found


def figures() -> list[Figure]:
    """The first time they come, and the worst of the times that they come back."""
    with tempfile.TemporaryDirectory() as folder:
        first, *again = asyncio.run(measure(Path(folder)))
    return [
        Figure(f"{DEVICES:,} devices connect at once: the last is in", first[0], "s"),
        Figure(f"  and come back, {TIMES} times: the last is in", max(took for took, _ in again), "s", "<= 60"),
        Figure("  attempts refused, of as many each time", max(refused for _, refused in again), "", "<= 0"),
    ]


if __name__ == "__main__":
    print_table("reconnect", figures())
