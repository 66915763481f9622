"""kill -9 of the gateway or of its broker, at any moment of a running task."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from random import Random

import pytest

from lamplighter.gateway.protocol.verdicts import VERDICTS
from lamplighter.gateway.publiclog.auditor import verify
from lamplighter.gateway.publiclog.reader import PublishedLog
from tests.conftest import runs
from tests.system.device import Device, honest

TASK = {"jobs": 60, "rounds": 2, "steps": 20_000, "salt": 11}
UNKEPT = {VERDICTS.index("lease_unknown"), VERDICTS.index("duplicate")}
"""Acknowledgements that say: there is nothing to keep."""


async def moment(rng, answer, device):
    """Waits some time; every other time then until a result is acknowledged: what that says must be true at once."""
    await asyncio.wait({answer}, timeout=rng.uniform(0.0, 0.5))
    if rng.random() < 0.5:
        before = len(device.acked)
        heard = asyncio.create_task(device.until(lambda: len(device.acked) > before))
        await asyncio.wait({answer, heard}, return_when=asyncio.FIRST_COMPLETED)
        heard.cancel()


async def crash(gateway, rng):
    """Kills the gateway now; one time in five kills the next start too, somewhere on its way."""
    gateway.process.send_signal(signal.SIGKILL)
    await asyncio.to_thread(gateway.end)
    if rng.random() < 0.2:
        gateway.spawn()
        await asyncio.sleep(rng.uniform(0.0, 2.0))
        await asyncio.to_thread(gateway.end, signal.SIGKILL)
    await asyncio.to_thread(gateway.start)


async def survive(gateway, operator, street, submit, result_of, expected, kills, seed):
    """Kills the gateway ``kills`` times while tasks run on real devices and on two that take notes."""
    rng = Random(seed)
    async with operator(gateway) as client, street(gateway, 3, owners=3), \
            Device(client, gateway.url, "yusuf", honest) as one, Device(client, gateway.url, "zoe", honest) as two:
        await submit(client, "undisturbed", **TASK)
        undisturbed = (await result_of(client, "undisturbed"))["result"]
        assert undisturbed["data"] == {"state": expected(**TASK)}
        done = number = 0
        while done < kills:
            number += 1
            task = f"task-{number}"
            await submit(client, task, **TASK)
            answer = asyncio.create_task(result_of(client, task))
            while done < kills:
                await moment(rng, answer, one)
                if answer.done():
                    break
                await crash(gateway, rng)
                done += 1
            told = await answer
            assert told["ok"]
            assert told["result"] == undisturbed
            await client.call("epoch.seal")
        for device in (one, two):
            await device.until(lambda device=device: len(device.acked) == device.seq)
        await client.call("epoch.seal")
    assert "Traceback" not in gateway.errors
    check_pay(gateway.public, (one, two))


def check_pay(public, devices):
    """The log is true, holds every acknowledged receipt, pays no lease, job or number twice; none came too late."""
    outcome = verify(public)
    assert outcome.code == 0, outcome.text
    records = [found.record for found in PublishedLog(public).replay()]
    paid = [record.receipt for record in records if record.verdict == "ok"]
    assert len({receipt.nonce for receipt in paid}) == len(paid)
    assert len({(receipt.device, receipt.boot, receipt.seq) for receipt in paid}) == len(paid)
    assert max(Counter(receipt.job for receipt in paid).values()) <= 2
    assert len({(record.receipt.job, record.owner) for record in records if record.verdict == "ok"}) == len(paid)
    assert not [record.receipt for record in records if record.verdict == "late"]   # no device was at fault
    logged = {(receipt.device, receipt.seq) for receipt in (record.receipt for record in records)}
    for device in devices:
        missing = {seq: VERDICTS[code] for seq, code in device.acked.items()
                   if code not in UNKEPT and (device.name, seq) not in logged}
        assert not missing


async def test_ten_kills_lose_nothing_and_pay_nothing_twice(gateway, operator, street, submit, result_of, expected):
    """After each restart the task goes on, and ends with the answer of an undisturbed run."""
    await survive(gateway, operator, street, submit, result_of, expected, 10, 2)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3, 8))
async def test_fifty_kills_lose_nothing_and_pay_nothing_twice(gateway, operator, street, submit, result_of, expected,
                                                              seed):
    """The same, ten times longer in five runs."""
    await survive(gateway, operator, street, submit, result_of, expected, 50, seed)


async def test_a_killed_gateway_leaves_nothing_running(gateway, operator, submit, counted):
    """Neither its broker nor the child that recomputes, though that one is busy."""
    async with operator(gateway) as client, Device(client, gateway.url, "anna", honest):
        await submit(client, "orphan", jobs=1, steps=10_000_000)
        await counted(gateway, lambda now: now["audits"] == 1)
        children = gateway.children()
        while len(children) < 2:
            children = gateway.children()
        assert gateway.broker_pid in children
        gateway.end(signal.SIGKILL)
        while any(map(runs, children)):
            pass   # another process's end: there is nothing to wait for but the test's own bound


async def test_a_task_survives_the_death_of_its_broker(gateway, operator, street, submit, result_of, expected,
                                                       counted):
    """The embedded broker is killed twice: it is started again, everybody reconnects, and the task finishes."""
    async with operator(gateway) as client, street(gateway, 3, owners=3):
        await submit(client, "broker", **{**TASK, "jobs": 100})
        answer = asyncio.create_task(result_of(client, "broker"))
        for results in (20, 100):
            await counted(gateway, lambda now, results=results: now["results"] >= results)
            assert not answer.done()
            os.kill(gateway.broker_pid, signal.SIGKILL)
        told = await answer
        assert told["result"]["data"] == {"state": expected(**{**TASK, "jobs": 100})}
        await client.call("epoch.seal")
    assert verify(gateway.public).code == 0
