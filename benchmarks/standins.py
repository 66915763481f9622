"""A process of stand-ins for devices in C, ``standins.c``: so fast that they are never what is measured."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any, NamedTuple

from benchmarks.broker import ended
from benchmarks.devices import Device, packet
from benchmarks.echo import compiled
from benchmarks.street import SITE
from lamplighter.firmware.mac import derive
from lamplighter.firmware.mqtt import text
from lamplighter.firmware.wire import encode_bid, encode_birth, encode_status, node_topic

LEASE_BYTES = 95
"""Of a trivial job: the head, 8 bytes of input, the MAC."""


class Shape(NamedTuple):
    """How frames travel: leases at once per device, frames per message, jobs of a run."""

    room: int
    frames: int
    jobs: int

    @property
    def message(self) -> int:
        """Bytes that a device takes in one message, so that the gateway packs that many leases."""
        return LEASE_BYTES if self.frames == 1 else 2 + self.frames * (LEASE_BYTES + 2)


class Standins:
    """``told`` says what they saw since the last call, as ``devices.told`` does. Raises RuntimeError when refused."""

    def __init__(self, port: int, net: str, keys: list[bytes], shape: Shape) -> None:
        self._process = subprocess.Popen([str(compiled("standins"))], text=True, stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE)
        assert self._process.stdin is not None
        boot = time.monotonic_ns() // 100_000_000   # each is another start of its devices
        lines = [f"{port} {boot} {shape.frames} {len(keys)}", *(_about(key, net, shape, boot) for key in keys)]
        self._process.stdin.write("\n".join(lines) + "\n")
        self._process.stdin.flush()
        if self._line() != "ready\n":
            raise RuntimeError("the stand-ins were refused")

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def told(self) -> dict[str, Any]:
        assert self._process.stdin is not None
        print(file=self._process.stdin, flush=True)
        found: dict[str, Any] = json.loads(self._line())
        return found

    def stop(self) -> None:
        ended(self._process)


def _about(key: bytes, net: str, shape: Shape, boot: int) -> str:
    """One device: what it is known by, and what it says first."""
    device = Device(SITE, net, key, shape.room, shape.message, shape.frames)
    said: list[bytes] = []
    device._send = said.append   # type: ignore[method-assign]
    device.chain.conn, device.chain.boot = 1, boot
    device.sign_in()
    up, at = device.up_mac, device.chain.at
    status = encode_status(at(), "ready", up)
    birth = encode_birth(at(), "stand-in", 0, "bench", 100_000, 1_000_000, shape.message, device.chain.once, (), "",
                         up)
    said.append(packet(0x82, [b"\0\1"] + [text(topic) + b"\0" for topic in device.topics]))
    said += [device.publish(leaf, message, 1, True) for leaf, message in (("status", status), ("birth", birth))]
    bid = encode_bid(at(), 900, 100_000, shape.room, [], "mains", None, up).split(b'"v": 1, ')[1]
    rest = bid[:bid.index(b', "mac"')]
    return " ".join([node_topic(SITE, device.node, ""), derive(key, b"up").hex(), net, device.device.hex(),
                     b"".join(said).hex(), rest.hex()])
