"""Jobs per second through the real gateway, beside the echo rate of the same broker and beside task queues.

An echo is two QoS 1 messages through the broker, there and back, by ``echo.c``: as many peers as there are
devices, as many in flight as there are leases. A copy is a lease, its result and its acknowledgement, with a MAC
each and two journal commits between them. A job is two copies by devices of two owners that agree.

    python -m benchmarks.throughput
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from benchmarks import queues
from benchmarks.broker import find_mosquitto, mosquitto
from benchmarks.echo import echo
from benchmarks.figures import RUNS, Figure, median_of, percentile, print_table
from benchmarks.standins import Shape, Standins
from benchmarks.street import Gateway, Operator, gateway, operator

DEVICES, OWNERS = 16, 4

SHAPES = {"single": Shape(8, 1, 2_500), "batched": Shape(64, 32, 8_000)}


async def _run(jobs: int, devices: Standins, city: Operator) -> dict[str, float]:
    """One task of ``jobs`` jobs: from the first lease to the published answer."""
    devices.told()
    document, at = await city.result(await city.submit(jobs))
    await asyncio.sleep(0.2)   # the last acknowledgements
    seen = devices.told()
    spent_s = (at - seen["first"]) / 1e9
    return {"jobs": jobs / spent_s, "copies": document["provenance"]["copies"] / spent_s,
            "gap_ms": seen["gap"] / 1e6, "p50_ms": percentile(seen["trips"], 500) / 1e6,
            "p999_ms": percentile(seen["trips"], 999) / 1e6, "frames": seen["largest"],
            "unanswered": seen["unanswered"]}


async def _shapes(running: Gateway, city: Operator, keys: list[bytes], net: str) -> dict[str, dict[str, float]]:
    found = {}
    for name, shape in SHAPES.items():
        devices = await asyncio.to_thread(Standins, running.port, net, keys, shape)
        try:
            found[name] = await _run(shape.jobs, devices, city)
        finally:
            devices.stop()
    return found


async def _alternate(folder: Path, broker: str, rivals: list[queues.Rival]) -> list[dict[str, dict[str, float]]]:
    """Runs that alternate: the broker's echo, both shapes, and the rivals. The first warms up and is dropped."""
    found = []
    with gateway(folder, broker) as running:
        async with operator(running) as city:
            keys, net = await city.enrol(DEVICES, OWNERS)
            login = None if broker else running.login
            for _ in range(RUNS + 1):
                rate, pause_ms = await asyncio.to_thread(echo, running.port, DEVICES, SHAPES["single"].room, login)
                run = {"echo": {"rate": rate, "gap_ms": pause_ms}}
                run |= await _shapes(running, city, keys, net)
                for rival in rivals:
                    run[rival.name] = {"rate": await asyncio.to_thread(rival.rate)}
                found.append(run)
    return found[1:]


def _against(runs: list[dict[str, dict[str, float]]], shape: str, what: str, other: str) -> float:
    """Median over the runs of the ratio within each."""
    return median_of([run[shape][what] / run[other]["rate"] for run in runs])


def _median(runs: list[dict[str, dict[str, float]]], name: str, what: str) -> float:
    return median_of([run[name][what] for run in runs])


def _figures(runs: list[dict[str, dict[str, float]]], where: str, rivals: list[str]) -> list[Figure]:
    """Copies are compared with echoes: both are one exchange with a device. Jobs, two copies each, with tasks."""
    made = [Figure(f"echo on {where}, C client, QoS 1", _median(runs, "echo", "rate"), "/s"),
            Figure("  longest pause between echoes", _median(runs, "echo", "gap_ms"), "ms")]
    aims = {"single": ">= 0.45", "batched": ">= 8"}
    for name, shape in SHAPES.items():
        label = f"{shape.frames} per message on {where}"
        made += [Figure(f"verified jobs, {label}", _median(runs, name, "jobs"), "jobs/s"),
                 Figure("  copies (a job is two)", _median(runs, name, "copies"), "copies/s"),
                 Figure("  copies / echoes", _against(runs, name, "copies", "echo"), "x", aims[name]),
                 Figure("  jobs / echoes", _against(runs, name, "jobs", "echo"), "x"),
                 Figure("  longest pause between messages", _median(runs, name, "gap_ms"), "ms", "<= 40"),
                 Figure("  lease to acknowledgement, p50", _median(runs, name, "p50_ms"), "ms"),
                 Figure("  lease to acknowledgement, p99.9", _median(runs, name, "p999_ms"), "ms")]
    bars = {"celery": ">= 20", "dask": ">= 14", "huey": ""}
    for rival in rivals:
        made += [Figure(f"no-op tasks, {rival}", _median(runs, rival, "rate"), "tasks/s"),
                 Figure(f"  jobs, 32 per message / {rival}", _against(runs, "batched", "jobs", rival), "x",
                        bars[rival]),
                 Figure(f"  copies, 32 per message / {rival}", _against(runs, "batched", "copies", rival), "x")]
    return made


def figures() -> list[Figure]:
    """On Mosquitto where it is installed, and on the embedded broker."""
    made: list[Figure] = []
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        with queues.rivals(folder) as rivals:
            if find_mosquitto():
                with mosquitto(folder) as port:
                    runs = asyncio.run(_alternate(folder / "own", f"mqtt://127.0.0.1:{port}", rivals))
                made += _figures(runs, "mosquitto", [rival.name for rival in rivals])
        runs = asyncio.run(_alternate(folder / "embedded", "", []))
        made += _figures(runs, "the embedded broker", [])
    return made


if __name__ == "__main__":
    print_table("throughput", figures())
