"""What honest devices get while one device floods: beside the same load without the flood, in runs that alternate.

The flooder is enrolled and has its keys: what it sends carries its own MAC, or nothing that makes sense, and always
comes on its own topics. Honest stand-ins fill the gateway, so what counts is copies per second of the gateway's
processor; a second, light load says how long a result waits for its acknowledgement when nothing else is to do.

    python -m benchmarks.floods
"""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.broker import ended, find_mosquitto, mosquitto
from benchmarks.echo import compiled
from benchmarks.figures import RUNS, Figure, median_of, percentile, print_table
from benchmarks.standins import Shape, Standins
from benchmarks.street import SITE, Gateway, Operator, gateway, operator
from benchmarks.throughput import DEVICES, OWNERS
from lamplighter.firmware import wire
from lamplighter.firmware.mac import Mac, derive

FULL, LIGHT = Shape(8, 1, 6_000), Shape(1, 1, 1_000)
Run = dict[str, float]


def floods(key: bytes, net: str) -> dict[str, tuple[str, int, bytes]]:
    """(leaf, messages a second, payload) of each flood of the device that has ``key``."""
    device, _ = wire.device_of(key)
    up = Mac(derive(key, b"up"))
    receipt = wire.encode_receipt(bytes.fromhex(net), device, 1, 1 << 30, 0, 0, bytes(16), b"?" * 16, bytes(32), 1,
                                  bytes(32))
    result = wire.encode_result(receipt, bytes(8), up)
    return {
        "results of no lease, 5,000/s": ("result", 5_000, result),
        "bids, 5,000/s": ("bid", 5_000, wire.encode_bid((1, 1, 1), 900, 100_000, 0, [], "mains", None, up)),
        "64 results in one, 400/s": ("result", 400, wire.encode_batch([result] * 64)),
        "60 KB of garbage, 1,000/s": ("result", 1_000, b"\xff" * 61_440),
    }


@contextmanager
def flooding(port: int, key: bytes, leaf: str, rate: int, payload: bytes) -> Iterator[None]:
    """A flooder beside what is done meanwhile."""
    node = wire.device_of(key)[1]
    topic, password = wire.node_topic(SITE, node, leaf), derive(key, b"mqtt")[:16].hex()
    program = [str(compiled("flood")), str(port), node, password, topic, str(rate)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(payload)
            process.stdin.close()
            assert process.stdout.readline() == b"flooding\n"
            yield
        finally:
            ended(process)


async def _load(running: Gateway, city: Operator, devices: Standins, shape: Shape) -> Run:
    """One task of trivial jobs, to its answer."""
    devices.told()
    cpu_s, start = running.cpu_s(), time.monotonic()
    document, _ = await city.result(await city.submit(shape.jobs), 300)
    cpu_s, took_s = running.cpu_s() - cpu_s, time.monotonic() - start
    await asyncio.sleep(0.2)   # the last acknowledgements
    trips = devices.told()["trips"]
    copies = document["provenance"]["copies"]
    return {"copies": copies / cpu_s, "each_s": cpu_s / copies, "n": copies, "cpu_s": cpu_s, "took_s": took_s,
            "p99_ms": percentile(trips, 990) / 1e6}


class Bench:
    """A gateway with honest devices and one that will flood."""

    def __init__(self, running: Gateway, city: Operator, keys: list[bytes], net: str) -> None:
        self.running, self.city, self.keys, self.net = running, city, keys, net

    async def run(self, shape: Shape, flood: tuple[str, int, bytes] | None) -> list[Run]:
        """The load alone, with the flood, and one second after it."""
        keys = self.keys[:DEVICES] if shape is FULL else self.keys[:2]
        devices = await asyncio.to_thread(Standins, self.running.port, self.net, keys, shape)
        try:
            found = [await _load(self.running, self.city, devices, shape)]
            if flood is not None:
                with flooding(self.running.port, self.keys[-1], *flood):
                    found.append(await _load(self.running, self.city, devices, shape))
                await asyncio.sleep(1)
                found.append(await _load(self.running, self.city, devices, shape))
        finally:
            devices.stop()
        return found


async def _measure(folder: Path, broker: str) -> list[Figure]:
    made = []
    with gateway(folder, broker) as running:
        async with operator(running) as city:
            keys, net = await city.enrol(DEVICES + 1, OWNERS)
            bench = Bench(running, city, keys, net)
            await bench.run(FULL, None)   # warms up
            for name, flood in floods(keys[-1], net).items():
                full = [await bench.run(FULL, flood) for _ in range(RUNS)]
                light = [await bench.run(LIGHT, flood) for _ in range(RUNS)]
                made += _figures(name, full, light)
    return made


def _figures(name: str, full: list[list[Run]], light: list[list[Run]]) -> list[Figure]:
    def ratio(runs: list[list[Run]], which: int, what: str) -> float:
        return median_of([run[which][what] / run[0][what] for run in runs])

    cost = median_of([(flood["cpu_s"] - flood["n"] * alone["each_s"]) / flood["took_s"] for alone, flood, _ in full])
    return [
        Figure(f"{name}: share of a core that it costs the gateway", cost, "", "<= 0.1"),
        Figure("  copies per processor second, with / without", ratio(full, 1, "copies"), "x", ">= 0.9"),
        Figure("  the same 1 s after it", ratio(full, 2, "copies"), "x", ">= 0.9"),
        Figure("  lease to acknowledgement p99, full load, with / without", ratio(full, 1, "p99_ms"), "x", "<= 2"),
        Figure("  light load", ratio(light, 1, "p99_ms"), "x", "<= 2"),
        Figure("  light load, 1 s after it", ratio(light, 2, "p99_ms"), "x", "<= 2"),
        Figure("  copies per processor second, without", median_of([run[0]["copies"] for run in full]), "/s"),
        Figure("  p99, full load, without", median_of([run[0]["p99_ms"] for run in full]), "ms"),
    ]


def figures() -> list[Figure]:
    """On Mosquitto with the limits of ``deploy/``; on the embedded broker where there is none."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        if not find_mosquitto():
            return asyncio.run(_measure(folder / "embedded", ""))
        with mosquitto(folder) as port:
            return asyncio.run(_measure(folder / "own", f"mqtt://127.0.0.1:{port}"))


if __name__ == "__main__":
    print_table("floods", figures())
