"""Gateway and firmware of neighbouring versions work together; how the firmware meets the oldest gateway is
``tests/firmware/device_floor.py``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lamplighter.firmware import wire
from lamplighter.gateway.publiclog.auditor import statement
from lamplighter.gateway.simulate import fleet
from tests.system.device import Device, honest

KEPT = Path(__file__).parents[1] / "vectors" / "firmware"


async def _paid(gateway: Any, client: Any, submit: Callable[..., Any], result_of: Callable[..., Any],
                state: int) -> None:
    """A small task ends with the answer ``state``, computed by devices, and they are paid for it."""
    await submit(client, "small", jobs=6, rounds=2)
    told = await result_of(client, "small")
    assert told["ok"] and told["result"]["data"] == {"state": state}
    await client.call("epoch.seal")
    nodes = (await client.call("node.list"))["nodes"]
    owners = {node["owner"] for node in nodes if node["settled"]}
    assert len(owners) >= 2, "two owners' devices did each job"
    for owner in owners:
        settled = sum(node["settled"] for node in nodes if node["owner"] == owner)
        assert settled == statement(gateway.public, owner).data["credits"] > 0


async def test_the_oldest_firmware_works_for_this_gateway(
        gateway: Any, operator: Callable[..., Any], street: Callable[..., Any], submit: Callable[..., Any],
        result_of: Callable[..., Any], expected: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Real MicroPythons that run the build that is kept, from enrolment to a verified answer that is paid."""
    if not fleet.find_micropython():
        assert not os.environ.get("CI"), "no micropython program"
        pytest.skip("no micropython program here")
    monkeypatch.setattr(fleet, "build_firmware", lambda _source, target, _arch: shutil.copytree(
        KEPT, target / "firmware", ignore=shutil.ignore_patterns("*.json", "*.md")))
    async with operator(gateway) as client, street(gateway, 2, 2):
        await _paid(gateway, client, submit, result_of, expected(6, 2))


class Newer(Device):
    """A device whose firmware says more than this gateway knows, in each message that has names."""

    def say(self, leaf: str, payload: bytes, qos: int = 1) -> None:
        super().say(leaf, self.more(payload) if leaf in ("status", "bid") else payload, qos)

    def more(self, payload: bytes) -> bytes:
        """The message with members of a later version, signed anew."""
        text = payload[:-len(wire.MAC_TAIL) - 34] + b', "fans": 2, "rooms": {"a": [1, null]}'
        return text + wire.MAC_TAIL + self.up(text).hex().encode() + b'"}'


async def test_newer_firmware_works_for_this_gateway(
        gateway: Any, operator: Callable[..., Any], submit: Callable[..., Any], result_of: Callable[..., Any],
        expected: Callable[..., int], counted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says beside what is known is counted, and it works and is paid as before."""
    birth = wire.encode_birth
    async with operator(gateway) as client:
        devices = [Newer(client, gateway.url, owner, honest) for owner in ("anna", "ben")]
        signed = {device.up: device for device in devices}
        monkeypatch.setattr(wire, "encode_birth", lambda *given: signed[given[10]].more(birth(*given)))
        async with devices[0], devices[1]:
            await _paid(gateway, client, submit, result_of, expected(6, 2))
            await counted(gateway, lambda now: all(now[f"unknown_{leaf}_key"] >= 2 for leaf in ("birth", "bid")))
