"""Stand-ins for devices: many identities in one process that answer every lease at once.

They speak the wire as real devices do (MACs both ways, receipts in a chain, acknowledgements checked), without
the time that a kernel would take. ``python -m benchmarks.devices`` is a process of them: one line of JSON on
standard input says who they are, another line asks for their figures on standard output.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.packets import Parser
from lamplighter.firmware.dial import client_id
from lamplighter.firmware.mac import Mac, derive
from lamplighter.firmware.mqtt import headed, text
from lamplighter.firmware.receipts import Chain
from lamplighter.firmware.wire import (
    LAST,
    LEASE,
    NODE_DOWN,
    Lease,
    decode_ack,
    decode_lease,
    device_of,
    encode_batch,
    encode_bid,
    encode_birth,
    encode_result,
    encode_status,
    encode_want,
    frames_of,
    kind_of,
    node_topic,
)

LIMIT = 1 << 20
KEEPALIVE_S = 60
BID_S = 1.0
_FLAGS = 0b11101110   # user name, password, retained will with QoS 1, clean session (MQTT 3.1.1, section 3.1.2)


def packet(head: int, parts: Sequence[bytes]) -> bytes:
    """An MQTT packet."""
    return b"".join(headed(head, list(parts)))


def same(lease: Lease) -> bytes | None:
    """The answer of the trivial kind."""
    return bytes(lease.input)


class Device(asyncio.Protocol):
    """One device. ``answer(lease)`` gives the answer, or None to stay silent on that lease.

    ``room`` leases at once, ``message`` bytes in one message, ``frames`` results in one message of its own.
    """

    def __init__(self, site: str, net: str, key: bytes, room: int = 64, message: int = 65_536, frames: int = 32,
                 answer: Callable[[Lease], bytes | None] = same) -> None:
        self.site, self.net, self.room, self.message, self.frames = site, bytes.fromhex(net), room, message, frames
        self.key, self.answer = key, answer
        self.device, self.node = device_of(key)
        self.up_mac, self.down_mac = Mac(derive(key, b"up")), Mac(derive(key, b"down"))
        self.chain = Chain("", bytes(32))
        self.chain.end, self.chain.state = 1 << 32, ""  # no flash keeps it
        self.ready, self.lost = asyncio.Event(), False
        self.outbox: dict[int, tuple[int, bytes]] = {}
        """Results that wait for an acknowledgement: by number, when they left in ns, and their frames."""
        self.heard_ns: list[int] = []
        """When each message of the gateway came."""
        self.lease_ns: list[int] = []
        self.trips_ns: list[int] = []
        self.largest = 0
        self.contexts: set[bytes] = set()
        """What it was told that leases need: asked for once, as a device does that keeps what it has."""
        self.chunks = 0
        self._parser, self._transport, self._mid = Parser(LIMIT), None, 0
        self._next_bid: asyncio.TimerHandle | None = None
        self.topics = {node_topic(site, self.node, leaf).encode(): leaf for leaf in NODE_DOWN}

    async def connect(self, port: int, seconds: float = 20.0) -> None:
        """Signs in, subscribes, says status, birth and a first bid. Raises OSError when refused, TimeoutError."""
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", port)
            await self.ready.wait()
        if self.lost:
            raise ConnectionRefusedError

    def cut(self) -> None:
        """Pulls the plug: the connection ends without a good-bye."""
        if self._transport is not None:
            self._transport.abort()

    def resend(self) -> None:
        """Sends again the results that were not acknowledged."""
        for _, frame in self.outbox.values():
            self._send(self.publish("result", frame, 1))

    def _bid(self) -> None:
        """Says what it can take, now and then every second."""
        self._send(self.publish("bid", encode_bid(self.chain.at(), 900, 100_000, self.room, [], "mains", None,
                                                   self.up_mac), 0))
        self._next_bid = asyncio.get_running_loop().call_later(BID_S, self._bid)

    def connection_lost(self, _error: Exception | None) -> None:
        self.lost = True
        self.ready.set()
        if self._next_bid is not None:
            self._next_bid.cancel()

    # The connection.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.chain.conn += 1
        self.sign_in()

    def sign_in(self) -> None:
        """With a will, as devices do."""
        name, password = text(self.node.encode()), derive(self.key, b"mqtt")[:16].hex().encode()
        will = text(encode_status((LAST, self.chain.conn, self.chain.boot), "lost", self.up_mac))
        self._send(packet(0x10, (b"\0\4MQTT\4", bytes((_FLAGS, 0, KEEPALIVE_S)), text(client_id(password)),
                                 text(node_topic(self.site, self.node, "status").encode()), will, name,
                                 text(password))))

    def data_received(self, data: bytes) -> None:
        reply: list[bytes] = []
        for head, body, _ in self._parser.feed(data):
            if head >> 4 == 3:
                self._heard(head, body, reply)
            elif head >> 4 == 2:
                if body != b"\0\0":   # the broker refuses it
                    self.cut()
                    return
                reply.append(packet(0x82, [b"\0\1"] + [text(topic) + b"\0" for topic in self.topics]))
            elif head >> 4 == 9:
                reply += self._greeting()
                self.ready.set()
        self._send(b"".join(reply))
        if self.ready.is_set() and self._next_bid is None:
            self._bid()

    def _greeting(self) -> list[bytes]:
        status = encode_status(self.chain.at(), "ready", self.up_mac)
        birth = encode_birth(self.chain.at(), "stand-in", 0, "bench", 100_000, 1_000_000, self.message,
                             self.chain.once, (), "", self.up_mac)
        return [self.publish("status", status, 1, True), self.publish("birth", birth, 1, True)]

    def _send(self, data: bytes) -> None:
        if data and self._transport is not None:
            self._transport.write(data)

    def publish(self, leaf: str, payload: bytes, qos: int, retain: bool = False) -> bytes:
        """A message of its own, as a packet."""
        topic = text(node_topic(self.site, self.node, leaf).encode())
        if not qos:
            return packet(0x30, (topic, payload))
        self._mid = self._mid % 0xFFFF + 1
        return packet(0x32 | retain, (topic, self._mid.to_bytes(2, "big"), payload))

    # Leases and acknowledgements.

    def _heard(self, head: int, body: bytes, reply: list[bytes]) -> None:
        end = 2 + (body[0] << 8 | body[1])
        start = end
        if head & 6:
            start = end + 2
            reply.append(b"\x40\2" + body[end:start])
        now = time.monotonic_ns()
        self.heard_ns.append(now)
        leaf = self.topics[body[2:end]]
        if leaf == "ack":
            for seq, _ in decode_ack(body[start:], self.down_mac):
                left, _ = self.outbox.pop(seq, (now, b""))
                self.trips_ns.append(now - left)
        elif leaf == "blob":
            self.chunks += 1
            self._chunk(body[start:])
        elif leaf == "lease":
            self._leased(frames_of(body[start:]), now, reply)

    def _chunk(self, _frame: bytes) -> None:
        """Nobody uses it."""

    def _leased(self, given: Sequence[bytes], now: int, reply: list[bytes]) -> None:
        results = []
        for frame in given:
            if kind_of(frame) != LEASE:
                continue
            lease = decode_lease(frame, self.down_mac)
            self.lease_ns.append(now)
            for name in set(lease.contexts) - self.contexts:
                self.contexts.add(name)
                reply.append(self.publish("want", encode_want(name, 0, self.up_mac), 1))
            answer = self.answer(lease)
            if answer is not None:
                receipt = self.chain.receipt((self.net, self.device), lease, answer, 1)
                results.append(encode_result(receipt, answer, self.up_mac))
                self.outbox[self.chain.seq] = (now, results[-1])
        self.largest = max(self.largest, len(given))
        reply += [self.publish("result", encode_batch(results[at:at + self.frames]), 1)
                  for at in range(0, len(results), self.frames)]


def told(devices: Sequence[Device]) -> dict[str, Any]:
    """What devices saw since the last call; times in ns. ``gap``: the longest that none of them heard anything, from
    the first lease to the last: what follows is the gateway's own recomputations."""
    heard = sorted(at for device in devices for at in device.heard_ns)
    until = max((at for device in devices for at in device.lease_ns), default=0)
    found = {
        "leases": sum(len(device.lease_ns) for device in devices), "messages": len(heard),
        "trips": sorted(trip for device in devices for trip in device.trips_ns),
        "gap": max((b - a for a, b in itertools.pairwise(heard) if b <= until), default=0),
        "first": heard[0] if heard else 0, "last": heard[-1] if heard else 0,
        "unanswered": sum(len(device.outbox) for device in devices),
        "lease": min((at for device in devices for at in device.lease_ns), default=0),
        "chunks": max(device.chunks for device in devices),
        "largest": max(device.largest for device in devices),
    }
    for device in devices:
        device.heard_ns, device.lease_ns, device.trips_ns, device.chunks = [], [], [], 0
    return found


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    about = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    devices = [Device(about["site"], about["net"], bytes.fromhex(key), about["room"], about["message"],
                      about["frames"]) for key in about["keys"]]
    await asyncio.gather(*(device.connect(about["port"]) for device in devices))
    print("ready", flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(told(devices)), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve())
