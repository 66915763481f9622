"""What honest devices get while one device floods: beside the same load without it, in stretches that alternate.

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
from benchmarks.figures import Figure, median_of, percentile, print_table
from benchmarks.standins import Shape, Standins
from benchmarks.street import SITE, Gateway, Operator, gateway, operator
from benchmarks.throughput import DEVICES, OWNERS
from lamplighter.firmware import wire
from lamplighter.firmware.mac import Mac, derive

PAIRS = 7
"""Floods of each kind, each beside the stretches before and after it."""
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
    return {"each_s": cpu_s / copies, "n": copies, "cpu_s": cpu_s, "took_s": took_s,
            "p99_ms": percentile(trips, 990) / 1e6}


class Bench:
    """A gateway with honest devices, and one key more for each flood: who was muted before is so at once."""

    def __init__(self, running: Gateway, city: Operator, keys: list[bytes], net: str) -> None:
        self.running, self.city, self.keys, self.net = running, city, keys, net

    async def run(self, shape: Shape, flood: str, floods_: int) -> list[Run]:
        """Stretches of one load: alone, with the flood, 1 s after it, and so on so many times; at last alone."""
        keys = self.keys[:DEVICES] if shape is FULL else self.keys[:2]
        devices = await asyncio.to_thread(Standins, self.running.port, self.net, keys, shape)
        try:
            found = [await _load(self.running, self.city, devices, shape)]
            for _ in range(floods_):
                key = self.keys.pop()
                muted = self.running.counted("messages_muted")
                with flooding(self.running.port, key, *floods(key, self.net)[flood]):
                    found.append(await _load(self.running, self.city, devices, shape))
                found[-1]["muted"] = self.running.counted("messages_muted") - muted
                await asyncio.sleep(1)
                found += [await _load(self.running, self.city, devices, shape) for _ in ("after", "alone")]
        finally:
            devices.stop()
        return found


async def _measure(folder: Path, broker: str, where: str) -> list[Figure]:
    made = []
    rates = {name: rate for name, (_, rate, _) in floods(bytes(32), "00" * 8).items()}
    with gateway(folder, broker) as running:
        async with operator(running) as city:
            keys, net = await city.enrol(DEVICES + 2 * PAIRS * len(rates), OWNERS)
            bench = Bench(running, city, keys, net)
            await bench.run(FULL, next(iter(rates)), 0)   # warms up
            for name in rates:
                made += _figures(f"{name} on {where}", rates[name], await bench.run(FULL, name, PAIRS),
                                 await bench.run(LIGHT, name, PAIRS))
    return made


def _ratios(runs: list[Run], which: int, what: str) -> list[float]:
    """Of each flood (1) or of the stretch after it (2), beside the mean of what was alone before and then again."""
    return [2 * runs[i + which][what] / (runs[i][what] + runs[i + 3][what]) for i in range(0, len(runs) - 1, 3)]


def _figures(name: str, rate: int, full: list[Run], light: list[Run]) -> list[Figure]:
    work = [sorted(1 / ratio for ratio in _ratios(full, which, "each_s")) for which in (1, 2)]
    alone = [full[i]["each_s"] for i in range(0, len(full), 3)]
    each_s = median_of([(flood["cpu_s"] - flood["n"] * (full[3 * i]["each_s"] + full[3 * i + 3]["each_s"]) / 2)
                        / max(1, flood["muted"]) for i, flood in enumerate(full[1::3])])
    return [
        Figure(f"{name}: what it costs for each message", 1e6 * each_s, "µs"),
        Figure("  as a share of a core, at that rate", rate * each_s, "", "<= 0.1"),
        Figure("  copies per processor second, with / without", median_of(work[0]), "x", ">= 0.9"),
        Figure("    least of the pairs", work[0][0], "x"), Figure("    greatest", work[0][-1], "x"),
        Figure("  the same 1 s after it", median_of(work[1]), "x", ">= 0.9"),
        Figure("    least of the pairs", work[1][0], "x"), Figure("    greatest", work[1][-1], "x"),
        Figure("  lease to acknowledgement p99, full load, with / without",
               median_of(_ratios(full, 1, "p99_ms")), "x", "<= 2"),
        Figure("  light load", median_of(_ratios(light, 1, "p99_ms")), "x", "<= 2"),
        Figure("  light load, 1 s after it", median_of(_ratios(light, 2, "p99_ms")), "x", "<= 2"),
        Figure("  copies per processor second, without", 1 / median_of(alone), "/s"),
        Figure("    slowest and fastest differ by", max(alone) / min(alone), "x"),
    ]


def figures() -> list[Figure]:
    """On Mosquitto with the limits of ``deploy/`` where it is installed, and on the embedded broker."""
    made: list[Figure] = []
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        if find_mosquitto():
            with mosquitto(folder) as port:
                made += asyncio.run(_measure(folder / "own", f"mqtt://127.0.0.1:{port}", "mosquitto"))
        return made + asyncio.run(_measure(folder / "embedded", "", "the embedded broker"))


if __name__ == "__main__":
    print_table("floods", figures())
