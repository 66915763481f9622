"""Devices that vanish, stall, are slower than they said, or lie: the answer is right, and only work is paid."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from lamplighter.gateway.publiclog.auditor import verify
from lamplighter.gateway.publiclog.reader import PublishedLog
from tests.system.device import Device, honest, liar


@pytest.fixture(scope="module")
def gateway(start_gateway):
    """One for all: each test enrols devices of its own."""
    made = start_gateway()
    yield made
    made.end()


def process_of(home: Path) -> int:
    """The id of the process that runs in this folder."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cwd").readlink() == home:
                    return int(entry.name)
            except OSError:
                pass   # it ended, or is none of ours
    raise AssertionError(f"no process runs in {home}")


async def test_a_task_survives_a_power_cut_and_a_silent_stall(gateway, operator, street, submit, result_of, expected,
                                                              counted):
    """Of four real devices one is killed and one stops without a word while they work: the answer is right."""
    async with operator(gateway) as client, street(gateway, 4, owners=3) as made:
        await submit(client, "vanish", jobs=60, rounds=2, steps=60_000, salt=3)
        await counted(gateway, lambda now: now["results"] >= 10 and all(
            gateway.ask(f"nodes/{node}")["open"] for node in made.nodes[:2]))
        stalled = process_of(made.folder / "000")
        os.kill(stalled, signal.SIGSTOP)
        await made.fleet.kill(1)
        told = await result_of(client, "vanish")
        os.kill(stalled, signal.SIGCONT)
        assert told["result"]["data"] == {"state": expected(60, 2, 60_000, 3)}
        assert (await counted(gateway, lambda _: True))["leases_expired"] >= 1
        assert gateway.ask("nodes/" + made.nodes[1])["state"] == "lost"


async def test_a_device_fifty_times_slower_than_it_said_holds_nobody_up(gateway, operator, submit, result_of,
                                                                        expected):
    """It gets little work, is believed no more, and is paid for what it did in time."""
    said = 20_000   # kop/s

    async def slow(device, lease):
        await asyncio.sleep(50 * lease.budget_kop / said)
        await honest(device, lease)

    async with operator(gateway) as client, Device(client, gateway.url, "anna", slow, speed=said) as tired, \
            Device(client, gateway.url, "ben", honest, speed=said) as one, \
            Device(client, gateway.url, "chloe", honest, speed=said) as other:
        await submit(client, "slow", jobs=60, steps=200_000)
        told = await result_of(client, "slow")
        assert told["result"]["data"] == {"state": expected(60, steps=200_000)}
        assert 0 < len(tired.leases) < min(len(one.leases), len(other.leases)) // 2
        assert gateway.ask("nodes/" + tired.node)["lies"] == 0


async def test_a_liar_is_found_and_not_paid(gateway, operator, submit, result_of, expected):
    """Its wrong answers decide nothing and earn nothing, in the log as in the list; the honest are paid in full."""
    async with operator(gateway) as client, Device(client, gateway.url, "anna", honest) as one, \
            Device(client, gateway.url, "ben", honest) as other, Device(client, gateway.url, "mallory", liar) as bad:
        await submit(client, "lies", jobs=40, rounds=2, steps=1_000, salt=9)
        told = await result_of(client, "lies")
        await bad.until(lambda: len(bad.acked) == bad.seq > 0)
        await client.call("epoch.seal")
    assert told["result"]["data"] == {"state": expected(40, 2, 1_000, 9)}
    seen = gateway.ask("nodes/" + bad.node)
    assert (seen["score"], seen["pending"], seen["quarantined"]) == (0, 0, True)
    assert seen["lies"] >= 1
    assert verify(gateway.public).code == 0
    verdicts = {device.name: [] for device in (one, other, bad)}
    for found in PublishedLog(gateway.public).replay():
        verdicts.get(found.record.receipt.device, []).append(found.record.verdict)
    assert set(verdicts[bad.name]) == {"minority"}
    assert len(verdicts[bad.name]) == bad.seq
    assert set(verdicts[one.name] + verdicts[other.name]) == {"ok"}
