"""How soon work goes on after a device dies, after one falls silent, and after the gateway is killed.

    python -m benchmarks.recovery
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.broker import mosquitto
from benchmarks.devices import Device
from benchmarks.figures import RUNS, Figure, median_of, print_table
from benchmarks.street import SITE, Gateway, Operator, gateway, operator
from lamplighter.firmware.wire import Lease
from lamplighter.gateway.core.policy import Policy
from lamplighter.gateway.runtime.pump import TICK_S

JOBS = 8


def silent(_lease: Lease) -> None:
    """Takes a lease and never answers."""


async def _leases(devices: Sequence[Device], count: int) -> None:
    """Returns when ``devices`` have been given ``count`` leases together."""
    async with asyncio.timeout(20):
        while sum(len(device.lease_ns) for device in devices) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def _death(port: int, city: Operator) -> float:
    """Plug pulled -> the last of its jobs leased again, in ms. Another device with room is there."""
    keys, net = await city.enrol(2, 2)
    one, other = (Device(SITE, net, key, room=JOBS, answer=silent) for key in keys)
    await one.connect(port)
    task = await city.submit(JOBS)
    await _leases([one], JOBS)
    await other.connect(port)
    await city.counters()
    start = time.monotonic_ns()
    one.cut()
    await _leases([other], JOBS)
    await city.cancel(task)
    other.cut()
    return (other.lease_ns[JOBS - 1] - start) / 1e6


async def _stall(port: int, city: Operator) -> list[float]:
    """Lease -> leased again, in ms: several devices that stay silent, their clocks started at different times."""
    keys, net = await city.enrol(2 * RUNS, 2)
    devices = [Device(SITE, net, key, room=1, answer=silent) for key in keys]
    tasks = []
    for device in devices[:RUNS]:
        await device.connect(port)
        tasks.append(await city.submit(1))
        await _leases([device], 1)
        await asyncio.sleep(0.037)
    for device in devices[RUNS:]:
        await device.connect(port)
    await _leases(devices, 2 * RUNS)
    given = sorted(at for device in devices for at in device.lease_ns)
    for task in tasks:
        await city.cancel(task)
    for device in devices:
        device.cut()
    return [(end - start) / 1e6 for start, end in zip(given, given[RUNS:2 * RUNS], strict=False)]


async def _remind(devices: Sequence[Device]) -> None:
    """Devices send again what nobody acknowledged."""
    while True:
        for device in devices:
            device.resend()
        await asyncio.sleep(1)


async def _restart(running: Gateway, keys: list[bytes], net: str) -> tuple[float, float]:
    """Gateway killed in the middle of a task and started again -> (up, first new lease), in s."""
    devices = [Device(SITE, net, key, room=8) for key in keys]
    async with operator(running) as city:
        for device in devices:
            await device.connect(running.port)
        task = await city.submit(2_000)
        await _leases(devices, 1_000)
        running.kill()
        known = [len(device.lease_ns) for device in devices]
        start = time.monotonic_ns()
        await asyncio.to_thread(running.start)
        up = time.monotonic_ns()
        reminding = asyncio.create_task(_remind(devices))
        await city.result(task)
        reminding.cancel()
        fresh = min(device.lease_ns[count] for device, count in zip(devices, known, strict=True)
                    if len(device.lease_ns) > count)
        for device in devices:
            device.cut()
        return (up - start) / 1e9, (fresh - start) / 1e9


async def _all(folder: Path) -> tuple[list[float], list[float], list[tuple[float, float]]]:
    with mosquitto(folder) as port, gateway(folder / "gateway", f"mqtt://127.0.0.1:{port}") as running:
        async with operator(running) as city:
            deaths = [await _death(running.port, city) for _ in range(RUNS)]
            stalls = await _stall(running.port, city)
            keys, net = await city.enrol(8, 2)
        restarts = [await _restart(running, keys, net) for _ in range(3)]
    return deaths, stalls, restarts


def figures() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        deaths, stalls, restarts = asyncio.run(_all(Path(folder)))
    clock_ms, tick_ms = Policy().ack_by_ms, TICK_S[0] * 1_000
    return [
        Figure(f"death of a device: its {JOBS} jobs leased again, median of {RUNS}", median_of(deaths), "ms",
               "<= 10"),
        Figure("  worst of them", max(deaths), "ms"),
        Figure(f"silent stall: leased again after the clock of {clock_ms / 1e3:.0f} s plus, worst of {RUNS}",
               max(stalls) - clock_ms, "ms", f"<= {tick_ms:.0f}"),
        Figure("killed gateway: started to up, median of 3", median_of([up for up, _ in restarts]), "s"),
        Figure("  started to the first new lease", median_of([fresh for _, fresh in restarts]), "s"),
    ]


if __name__ == "__main__":
    print_table("recovery", figures())
