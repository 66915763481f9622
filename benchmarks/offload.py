"""What the gateway's computer spends on delegated work, beside what it would spend on computing it itself.

Of each kind one task of city size is solved by stand-ins of Pico class on a real broker and a real gateway. They
take as long as such boards would and count for nothing: the answers are made beforehand, as machine code, by the
kernels alone, whose processor time is what the gateway's is compared with. Its part is all that its computer did for
the task: gateway, broker, recomputation, and workers without the time that the solver takes anyway. A worker has
loaded the kind before; ``PROBATION`` is measured once more, before any device is past it.

Boards take their time, so this takes some minutes; each figure is told on standard error as it comes.

    python -m benchmarks.offload [KIND ...]
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.broker import ended, find_mosquitto, mosquitto
from benchmarks.cities import CITIES
from benchmarks.figures import Figure, print_table, row
from benchmarks.street import ROOT, SITE, Gateway, Operator, gateway, operator
from lamplighter.gateway.kindkit.pool import Pool
from lamplighter.tasks.api import Job
from lamplighter.tasks.local import run_local
from lamplighter.tasks.registry import load_kinds, prepare

DEVICES, OWNERS = 40, 20
PROBATION, PROBATION_AIM = "energy.evhosting", "<= 0.5"
AIMS = {"traffic.forecast": 0.2, "environment.airmap": 0.2, "environment.sensorqc": 0.2, "energy.evhosting": 0.2,
        "traffic.signals": 0.35}
RIGHT_JOBS = 100_000
"""Trivial ones, after which no device is on probation any more."""
TIMES = 2
"""The least of so many runs counts for a kernel: other processes disturb it."""
LIMIT_S = 600.0


@dataclass
class Alone:
    """A task without devices: answers by what they are asked for, and seconds of kernels and of the solver."""

    answers: dict[bytes, bytes]
    jobs: int
    kernels_s: float
    solver_s: float


def _tell(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def key_of(contexts: Sequence[bytes], given: bytes) -> bytes:
    """What an answer depends on; ``contexts`` are names."""
    return hashlib.sha256(b"".join(contexts) + given).digest()[:16]


def alone(name: str) -> Alone:
    """Runs a city's task here, its kernels as machine code."""
    _tell(f"{name}: alone")
    kinds = load_kinds()
    found = Alone({}, 0, 0.0, 0.0)
    kernels_us = 0

    with Pool(kinds[name].kernel, processes=1) as pool:
        def run(jobs: Sequence[Job]) -> list[bytes]:
            nonlocal kernels_us
            answers = []
            for job in jobs:
                runs = [pool.run(job) for _ in range(TIMES)]
                kernels_us += min(one.took_us for one in runs)
                answers.append(runs[0].answer)
                found.answers[key_of([one.name for one in job.contexts], job.input)] = runs[0].answer
            found.jobs += len(jobs)
            return answers

        run_local(kinds[name], prepare(kinds, name, CITIES[name]()), run_jobs=run)
    found.kernels_s = kernels_us / 1e6

    def known(jobs: Sequence[Job]) -> list[bytes]:
        nonlocal looked_s
        began = time.process_time()
        answers = [found.answers[key_of([one.name for one in job.contexts], job.input)] for job in jobs]
        looked_s += time.process_time() - began
        return answers

    given, looked_s = CITIES[name](), 0.0
    began = time.process_time()
    run_local(kinds[name], prepare(kinds, name, given), run_jobs=known)
    found.solver_s = time.process_time() - began - looked_s
    return found


@contextmanager
def boards(running: Gateway, keys: list[bytes], net: str, answers: Path) -> Iterator[None]:
    """A process of stand-ins."""
    about = {"port": running.port, "site": SITE, "net": net, "keys": [key.hex() for key in keys],
             "answers": str(answers)}
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.pico"], cwd=ROOT, text=True, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    try:
        print(json.dumps(about), file=process.stdin, flush=True)
        if process.stdout.readline() != "ready\n":
            raise RuntimeError("the stand-ins did not start")
        yield
    finally:
        ended(process)


def _processes() -> Iterator[tuple[int, int, str, float, float]]:
    """(number, parent, command, seconds of processor time, those of its ended children) of all that runs."""
    ticks = os.sysconf("SC_CLK_TCK")
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        own, ended_ones = (sum(map(int, fields[at:at + 2])) / ticks for at in (11, 13))
        yield int(folder.name), int(fields[1]), command, own, ended_ones


def spent(running: Gateway, broker: int) -> dict[str, float]:
    """Seconds of processor time so far, by part; ``broker`` is its number, 0 where it is a child of the gateway."""
    parts = {"gateway": 0.0, "broker": 0.0, "workers": 0.0, "recomputation": 0.0}
    for number, parent, command, seconds, ended_ones in _processes():
        if number == running.process.pid:
            parts["gateway"] += seconds
            parts["recomputation"] += ended_ones   # no others end while it runs
        elif number == broker:
            parts["broker"] += seconds
        elif parent == running.process.pid:
            part = "workers" if ".workshop" in command else "broker" if "nats" in command else "recomputation"
            parts[part] += seconds
    return parts


async def delegated(running: Gateway, city: Operator, broker: int, name: str) -> tuple[dict[str, float], Any]:
    """(seconds by part, the published result) of a city's task. Its price is asked for first: that loads the kind."""
    await city.price(name, CITIES[name]())
    before = spent(running, broker)
    document = await city.solved(name, CITIES[name](), LIMIT_S)
    after = spent(running, broker)
    return {part: after[part] - before[part] for part in after}, document


def _on(folder: Path, broker: str, number: int, made: dict[str, Alone]) -> list[Figure]:
    folder.mkdir(exist_ok=True)
    answers = folder / "answers"
    answers.write_bytes(pickle.dumps({key: value for one in made.values() for key, value in one.answers.items()}))
    return asyncio.run(_cities(folder, broker, number, made))


async def _cities(folder: Path, broker: str, number: int, made: dict[str, Alone]) -> list[Figure]:
    where = "mosquitto" if broker else "the embedded broker"
    figures = [Figure(f"a task of city size on {where}, {DEVICES} boards of Pico class", DEVICES)]
    with gateway(folder, broker) as running:
        async with operator(running) as city:
            keys, net = await city.enrol(DEVICES, OWNERS)
            with boards(running, keys, net, folder / "answers"):
                if PROBATION in made:
                    measured = await delegated(running, city, number, PROBATION)
                    ratio = _figures(PROBATION, made[PROBATION], *measured)[0].value
                    figures.append(Figure(f"{PROBATION}, devices on probation", ratio, "x", PROBATION_AIM))
                    _tell(f"{where}:{row(figures[-1])}")
                await city.result(await city.submit(RIGHT_JOBS), LIMIT_S)
                for name, one in made.items():
                    found = _figures(name, one, *await delegated(running, city, number, name))
                    figures += found
                    _tell("\n".join([f"{where}:", *map(row, found)]))
    return figures


def _figures(name: str, one: Alone, parts: dict[str, float], document: Any) -> list[Figure]:
    parts = {**parts, "workers": max(0.0, parts["workers"] - one.solver_s)}
    about = document["provenance"]
    aim = f"<= {AIMS[name]}" if name in AIMS else ""
    drawn = about["recomputed"] / max(1, about["jobs"])   # they have one copy, the others two
    leased_ms = 1e3 * (2 - drawn) * one.kernels_s
    made = [Figure(name, sum(parts.values()) / one.kernels_s, "x", aim),
            Figure("  kernels alone, machine code", one.kernels_s, "s"),
            Figure(f"  {one.jobs} jobs in spans, leased", about["copies"], "leases"),
            Figure("  of kernels alone in a lease", leased_ms / max(1, about["copies"]), "ms"),
            Figure("  recomputed jobs", about["recomputed"])]
    made += [Figure(f"  {part}, of the kernels'", seconds / one.kernels_s, "x") for part, seconds in parts.items()]
    return [*made, Figure("  the solver itself, in neither", one.solver_s / one.kernels_s, "x")]


def figures(names: Sequence[str] = ()) -> list[Figure]:
    """On Mosquitto where it is installed, then on the embedded broker: what runs beside costs processor time, and
    what is compared with it ran alone."""
    made = {name: alone(name) for name in names or CITIES}
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        own = _on_mosquitto(folder, made) if find_mosquitto() else []
        return own + _on(folder / "embedded", "", 0, made)


def _on_mosquitto(folder: Path, made: dict[str, Alone]) -> list[Figure]:
    with mosquitto(folder) as port:
        number = next(one for one, parent, command, *_ in _processes()
                      if parent == os.getpid() and "mosquitto" in command)
        return _on(folder / "own", f"mqtt://127.0.0.1:{port}", number, made)


if __name__ == "__main__":
    print_table("offload", figures(sys.argv[1:]))
