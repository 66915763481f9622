"""A device on the wire that does as a test tells it: the firmware's messages and keys, without its manners."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import struct
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

from lamplighter.firmware import mac, wire
from lamplighter.gateway.adapters.mqtt import BrokerUrl, Message, MqttLink
from lamplighter.gateway.api.client import Client

SITE = "demo"
BID_S, SPARE = 0.3, 900
_numbers = itertools.count(1)

Reaction = Callable[["Device", wire.Lease], Coroutine[Any, Any, None]]
"""What a device does about a lease."""


def truth(data: bytes) -> bytes:
    """What the kernel of ``toy.chain`` answers, computed without it (the sequence has the period 65,536)."""
    left, state = struct.unpack(">II", data)
    for _ in range(left % 65_536):
        state = (state * 75 + 74) % 65_537
    return struct.pack(">I", state)


def lie(data: bytes) -> bytes:
    """A wrong answer that no check can tell from a right one."""
    return struct.pack(">I", (int.from_bytes(truth(data), "big") + 1) % 65_537)


class Device:
    """``async with Device(client, gateway.url, "owner") as device``: enrolled, born, bidding.

    ``on_lease(device, lease)`` is called for each lease; without it leases are only remembered. ``acked`` is what
    the gateway has acknowledged: verdict code by sequence number; ``proofs`` every receipt it made, by the same.
    """

    def __init__(self, client: Client, url: str, owner: str, on_lease: Reaction | None = None, *, room: int = 4,
                 speed: int = 20_000) -> None:
        self.client, self.owner, self.on_lease, self.room, self.speed = client, owner, on_lease, room, speed
        self.key = hashlib.sha256(b"test device %d" % next(_numbers)).digest()
        self.name, self.node = wire.device_of(self.key)
        self.up, self.down = (mac.Mac(mac.derive(self.key, way)) for way in (b"up", b"down"))
        self.boot, self.conn, self.said, self.seq, self.prev = 1, 0, 0, 0, bytes(32)
        self.net = b""
        self.leases: list[wire.Lease] = []
        self.acked: dict[int, int] = {}
        self.proofs: dict[int, bytes] = {}
        self._news = asyncio.Event()
        self._work: set[asyncio.Task[None]] = set()
        self._broker = BrokerUrl.parse(url).signed_in(self.node, mac.derive(self.key, b"mqtt")[:16].hex())
        topics = [(wire.node_topic(SITE, self.node, leaf), 1) for leaf in wire.NODE_DOWN]
        self.link = MqttLink(self._broker, self.node, on_message=self._heard, on_up=self._up, subscriptions=topics)

    async def __aenter__(self) -> Device:
        told = await self.client.call("node.enrol", nodes=[{"key": self.key.hex(), "owner": self.owner}])
        self.net = bytes.fromhex(told["net"])
        await self.link.start()
        await self._seen("state", "ready")
        await self._seen("board", "test")
        self._spawn(self._bid())   # not before its birth is known, which would make an earlier bid void
        await self._seen("spare", SPARE)
        return self

    async def __aexit__(self, *_: Any) -> None:
        for work in list(self._work):
            work.cancel()
        self.say("status", wire.encode_status((wire.LAST, self.conn, self.boot), "lost", self.up))
        await self.link.stop()

    def _up(self) -> None:
        """Retained, as the firmware does: a gateway that comes later hears it too."""
        self.conn += 1
        birth = wire.encode_birth(self.at(), "test", 0, "1", 200_000, self.speed, 8_192, self.boot, ("floor",), "",
                                  self.up)
        for leaf, payload in (("birth", birth), ("status", wire.encode_status(self.at(), "ready", self.up))):
            self.link.publish(wire.node_topic(SITE, self.node, leaf), payload, 1, True)

    def at(self) -> tuple[int, int, int]:
        """The number of the next message, with connection and start."""
        self.said += 1
        return self.said, self.conn, self.boot

    async def _seen(self, what: str, value: Any) -> None:
        """Asks the gateway until it shows this of us."""
        while (await self.client.call("node.get", node=self.node))[what] != value:
            pass

    async def _bid(self) -> None:
        """Again and again, as the firmware does."""
        while True:
            self.say("bid", wire.encode_bid(self.at(), SPARE, 200_000, self.room, [], "mains", None, self.up), 0)
            await asyncio.sleep(BID_S)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        """Says at once what went wrong: the test only sees that nothing comes."""
        self._work.discard(task)
        if not task.cancelled() and task.exception() is not None:
            traceback.print_exception(task.exception())

    def say(self, leaf: str, payload: bytes, qos: int = 1) -> None:
        """Publishes on one of its topics."""
        self.link.publish(wire.node_topic(SITE, self.node, leaf), payload, qos)

    def _heard(self, message: Message) -> None:
        self.link.acknowledge(message)
        leaf = message.topic.rpartition("/")[2]
        for frame in wire.frames_of(message.payload) if leaf != "blob" else ():
            if leaf == "ack":
                self.acked.update(wire.decode_ack(frame, self.down))
            elif wire.kind_of(frame) == wire.LEASE:
                lease = wire.decode_lease(frame, self.down)
                if lease.nonce in {known.nonce for known in self.leases}:
                    continue   # it has it: after a restart the gateway cannot know
                self.leases.append(lease)
                if self.on_lease is not None:
                    self._spawn(self.on_lease(self, lease))
        self._news.set()

    async def until(self, true: Callable[[], bool]) -> None:
        """Waits for messages until ``true()``."""
        while not true():
            self._news.clear()
            await self._news.wait()

    def result(self, lease: wire.Lease, answer: bytes, **other: Any) -> bytes:
        """The frame that reports ``answer``, as an honest device makes it but for ``other`` fields of the receipt."""
        self.seq += 1
        fields = {"net": self.net, "device": self.name, "boot": self.boot, "seq": self.seq, "epoch": lease.epoch,
                  "flags": 0, "job": lease.job, "nonce": lease.nonce,
                  "seal": wire.seal_of(self.name, lease.nonce, answer), "busy_us": 1, "prev": self.prev, **other}
        receipt = wire.encode_receipt(*fields.values())
        self.prev = hashlib.sha256(receipt).digest()
        self.proofs[self.seq] = receipt
        return bytes(wire.encode_result(receipt, answer, self.up))

    async def report(self, lease: wire.Lease, answer: bytes) -> None:
        """Sends a result, and again until it is acknowledged, as the firmware does."""
        frame = self.result(lease, answer)
        seq = self.seq
        while seq not in self.acked:
            self.say("result", frame)
            try:
                async with asyncio.timeout(2.0):
                    await self.until(lambda: seq in self.acked)
            except TimeoutError:
                continue


async def honest(device: Device, lease: wire.Lease) -> None:
    """Answers right and at once."""
    await device.report(lease, truth(lease.input))


async def liar(device: Device, lease: wire.Lease) -> None:
    """Answers wrong and at once."""
    await device.report(lease, lie(lease.input))
