"""What is shown as earned is what the public log pays, whoever was killed meanwhile."""

from __future__ import annotations

import asyncio
import re
import signal
import urllib.request

from lamplighter.gateway.protocol.verdicts import VERDICTS
from lamplighter.gateway.publiclog.auditor import statement
from tests.system.device import Device, honest, truth


async def shown(gateway, client, owner):
    """(pending, settled) of an owner by RPC; the page's API and the metrics must say the same of all."""
    told = await client.call("reward.statement", owner=owner)
    nodes = await asyncio.to_thread(gateway.ask, "nodes")
    with urllib.request.urlopen(f"{gateway.page}metrics", timeout=300) as response:   # noqa: ASYNC210
        metrics = response.read().decode()
    for what in ("pending", "settled"):
        assert sum(node[what] for node in nodes if node["owner"] == owner) == told[what]
        total, = re.findall(rf"^lamplighter_{what}_credits (\S+)$", metrics, re.MULTILINE)
        assert float(total) == sum(node[what] for node in nodes)
    return told["pending"], told["settled"]


async def forgetful(device, lease):
    """Answers right, always under the number of its first result."""
    device.seq = 0
    device.say("result", device.result(lease, truth(lease.input)))


async def test_settled_is_what_the_auditor_finds(gateway, operator, submit, result_of):
    """To the credit, before and after a kill; a number that is used again pays nothing, and the device is told so."""
    async with operator(gateway) as client, Device(client, gateway.url, "anna", honest), \
            Device(client, gateway.url, "ben", honest), Device(client, gateway.url, "ivy", forgetful) as ivy:
        await submit(client, "work", jobs=30, rounds=2)
        assert (await result_of(client, "work"))["ok"]
        await ivy.until(lambda: ivy.acked.get(1) == VERDICTS.index("duplicate"))
        assert await shown(gateway, client, "ivy") == (1, 0)
        pending, settled = await shown(gateway, client, "anna")
        assert pending and not settled
        before = await asyncio.to_thread(gateway.ask, "tasks/work")
        gateway.process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(gateway.end)
        await asyncio.to_thread(gateway.start)
    async with operator(gateway) as client:
        assert await shown(gateway, client, "anna") == (pending, 0)
        assert await asyncio.to_thread(gateway.ask, "tasks/work") == before
        await client.call("epoch.seal")
        for owner in ("anna", "ben", "ivy"):
            assert await shown(gateway, client, owner) == (0, statement(gateway.public, owner).data["credits"])
        assert await shown(gateway, client, "anna") == (0, pending)
