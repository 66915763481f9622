"""Who owns a device, who is paid for it, whether it is out: asked at the gateway's own computer, kept in the log."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest

from lamplighter.firmware.wire import device_of
from lamplighter.gateway.api.client import Refused
from tests.conftest import environment
from tests.system.device import Device, honest

KEYS = [bytes([n]) * 32 for n in range(1, 4)]
NODES = [device_of(key)[1] for key in KEYS]


async def at_home(gateway, *words, code=0):
    """``lamplighter`` in a shell on the gateway's computer: what it prints."""
    command = [sys.executable, "-m", "lamplighter.gateway", *words, "--data", str(gateway.data), "--json"]
    process = await asyncio.create_subprocess_exec(*command, env=environment(), stdout=subprocess.PIPE,
                                                   stderr=subprocess.PIPE)
    out, err = await process.communicate()
    assert process.returncode == code, err
    return json.loads(out) if not code else out.decode()


async def enrolled(client, *pairs):
    return await client.call("node.enrol", nodes=[{"key": key.hex(), "owner": owner} for key, owner in pairs])


def shown(gateway, node):
    told = gateway.ask("nodes/" + node)
    return told["owner"], told["next_owner"], told["state"]


def log_of(gateway):
    """All true, and what is paid to whom."""
    words = [sys.executable, "-m", "lamplighter.gateway", "audit", "verify", str(gateway.public), "--json"]
    return json.loads(subprocess.run(words, env=environment(), capture_output=True, check=True).stdout)


async def test_a_revoked_device_stays_out_until_it_is_restored(gateway, operator):
    """Enrolling again is refused with what can be done; after a start too. Restoring lets it in, everywhere."""
    async with operator(gateway) as client:
        await enrolled(client, (KEYS[0], "carol"))
        await client.call("node.revoke", node=NODES[0])
        with pytest.raises(Refused) as refused:
            await enrolled(client, (KEYS[1], "carol"), (KEYS[0], "carol"))
        assert refused.value.error["code"] == "revoked" and refused.value.error["path"] == "/nodes/1"
        assert f"node restore {NODES[0]}" in refused.value.error["hint"]
    assert shown(gateway, NODES[0]) == ("carol", "", "revoked") and log_of(gateway)["revoked"] == [NODES[0]]
    gateway.end()
    gateway.start()
    assert shown(gateway, NODES[0])[2] == "revoked"
    assert (await at_home(gateway, "node", "restore", NODES[0]))["revoked"] is False
    assert shown(gateway, NODES[0])[2] == "lost" and log_of(gateway)["revoked"] == []
    gateway.end()
    gateway.start()
    assert shown(gateway, NODES[0])[2] == "unseen"


async def test_a_restored_device_works_and_is_paid(gateway, operator, result_of, submit):
    """Its connection was closed; with its account back it signs in, bids and is leased work."""
    async with operator(gateway) as client, Device(client, gateway.url, "anna", honest), \
            Device(client, gateway.url, "ben", honest) as device:
        await client.call("node.revoke", node=device.node)
        await at_home(gateway, "node", "restore", device.node)
        await device._seen("state", "ready")   # it connects again by itself
        await submit(client, "again", jobs=8)
        assert (await result_of(client, "again"))["ok"] and gateway.ask("nodes/" + device.node)["pending"] > 0


async def test_a_device_changes_hands_at_the_end_of_an_epoch(gateway, operator, result_of, submit):
    """What it earned until then is the first owner's; neither owner's other devices check its work meanwhile."""
    async with operator(gateway) as client, Device(client, gateway.url, "anna", honest) as moving, \
            Device(client, gateway.url, "ben", honest):
        await submit(client, "before", jobs=3)
        await result_of(client, "before")
        told = await at_home(gateway, "node", "transfer", moving.node, "--owner", "ben")
        assert (told["owner"], told["next_owner"], told["epoch"]) == ("anna", "ben", 0)
        assert shown(gateway, moving.node)[:2] == ("anna", "ben")
        assert "about to belong" in await at_home(gateway, "node", "transfer", moving.node, "--owner", "zoe", code=1)
        await submit(client, "between", jobs=3)
        done = await result_of(client, "between")
        assert done["provenance"]["recomputed"] == 3   # two devices, and for now one owner
        await client.call("epoch.seal")
        assert shown(gateway, moving.node)[:2] == ("ben", "")
        first = log_of(gateway)["owners"]
        await submit(client, "after", jobs=3)
        await result_of(client, "after")
        await client.call("epoch.seal")
        second = log_of(gateway)["owners"]
        assert first["anna"] == second["anna"] > 0 and second["ben"] > first["ben"]


async def test_a_stopped_gateway_does_it_at_its_next_start(gateway, operator):
    """Who asks while none runs, and a gateway that is killed before the end of the epoch."""
    async with operator(gateway) as client:
        await enrolled(client, (KEYS[0], "carol"), (KEYS[1], "carol"))
        await client.call("node.revoke", node=NODES[1])
    gateway.end(9)
    told = await at_home(gateway, "node", "transfer", NODES[0], "--owner", "ben")
    assert (told["owner"], told["next_owner"]) == ("carol", "ben") and "next" in told["note"]
    await at_home(gateway, "node", "restore", NODES[1])
    gateway.start()
    assert shown(gateway, NODES[0]) == ("carol", "ben", "unseen") and shown(gateway, NODES[1])[2] == "unseen"
    gateway.end(9)
    gateway.start()
    assert shown(gateway, NODES[0]) == ("carol", "ben", "unseen")
    async with operator(gateway) as client:
        await client.call("epoch.seal")
    assert shown(gateway, NODES[0]) == ("ben", "", "unseen")


async def test_nobody_hands_devices_over_by_the_network(gateway, operator):
    """Not even an operator: there is no such method."""
    async with operator(gateway) as client:
        await enrolled(client, (KEYS[0], "carol"))
        for method, more in (("node.transfer", {"owner": "ben"}), ("node.restore", {})):
            with pytest.raises(Refused) as refused:
                await client.call(method, node=NODES[0], **more)
            assert refused.value.error["code"] == "unknown_method"
    assert shown(gateway, NODES[0])[:2] == ("carol", "")
