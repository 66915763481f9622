"""Real devices with small heaps in pieces, through many jobs of a real kind."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lamplighter.gateway.devicebuild.interpreter import find_micropython
from lamplighter.gateway.publiclog.auditor import verify
from lamplighter.gateway.simulate.street import Street
from lamplighter.tasks.traffic.signals.demo import generated_street

DEVICES = 6
HEAP = 128 * 1024
IN_ONE, PIECE, SPARE = 44_000, 700, 60_000
"""Of what the firmware leaves free: one piece, for the kernel and what a job needs in one; the others, shorter than a
message, and those together, in bytes."""
HOLED = Path(__file__).parents[1] / "firmware" / "holed.py"
LEAST = 1_500
"""Jobs of a task, at least."""
IDLE_S = 180.0
"""A device that could work gets a job within this: a minute until it restarts itself, and its leases' clocks."""

PATIENCE_S = 300.0
"""For an answer: on a busy machine it is not the gateway that is judged here."""


def _task(number: int) -> dict[str, Any]:
    """About 1,700 jobs, other ones for each number."""
    search = {"generations": 20, "children": 128, "cycles_s": [40 + number % 90, 60 + number % 60, 90], "replicas": 4}
    return {**generated_street(2), "search": search}


@pytest.mark.soak
async def test_no_device_drops_out_for_good(gateway, operator, tmp_path):
    """All jobs are done and paid as the log says, and at the end each device is at work."""
    if not find_micropython():
        assert not os.environ.get("CI"), "no micropython program"
        pytest.skip("no micropython program here")
    wanted = int(os.environ.get("LAMPLIGHTER_JOBS", "100000"))
    street = Street(gateway.url, "demo", tmp_path / "street", HEAP)
    async with operator(gateway) as client:
        await street.enrol(DEVICES, 3, range(100, 401))
        street.fleet.starts = (str(HOLED), "lamplighter.json", *map(str, (IN_ONE, PIECE, SPARE)))
        await street.start()
        try:
            idle, reasons, jobs = await _carry(client, wanted)
        finally:
            await street.stop()
        await client.call("epoch.seal", PATIENCE_S)
    print(f"{jobs} jobs, longest idle {max(idle.values()):.0f} s, restarts {street.fleet.restarts}: {dict(reasons)}")
    assert jobs >= wanted and set(idle) == set(street.nodes)
    assert max(idle.values()) < IDLE_S
    assert verify(gateway.public).code == 0


async def _carry(client: Any, wanted: int) -> tuple[dict[str, float], Counter[str], int]:
    """Keeps a few tasks open until so many jobs are done: longest idle seconds of each device, restarts by reason."""
    longest: dict[str, float] = {}
    worked: dict[str, tuple[int, float]] = {}
    boots: dict[str, str] = {}
    reasons: Counter[str] = Counter()
    submitted = 0
    while True:
        tasks = (await client.call("task.list", PATIENCE_S))["tasks"]
        assert all(task["state"] != "failed" for task in tasks), tasks
        jobs = sum(task["jobs_done"] for task in tasks)
        left = sum(task["state"] != "done" for task in tasks)
        while submitted * LEAST < wanted and left < 4:
            await client.call("task.submit", PATIENCE_S, id=f"soak-{submitted}", kind="traffic.signals",
                              input=_task(submitted), where="fleet")
            submitted += 1
            left += 1
        if not left:
            return longest, reasons, jobs
        now = time.monotonic()
        for node in (await client.call("node.list", PATIENCE_S))["nodes"]:
            name, done = node["node"], node["score"]
            since = worked.get(name, (-1, now))
            if since[0] != done:
                worked[name] = since = (done, now)
            longest[name] = max(longest.get(name, 0.0), now - since[1])
            if node["restarted"] and boots.get(name) != node["restarted"]:
                reasons[node["restarted"]] += 1
            boots[name] = node["restarted"]
        await asyncio.sleep(1)
