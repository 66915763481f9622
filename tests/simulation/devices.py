"""Devices at message level: they keep results until acknowledged, refuse, reboot, vanish, stall and lie."""

from __future__ import annotations

import binascii
import hashlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from lamplighter.firmware import mac, wire
from tests.simulation import kind
from tests.simulation.clock import Clock
from tests.simulation.network import Broker

if TYPE_CHECKING:
    from tests.simulation.liars import Lie

OUTBOX = 8
SEQ_BLOCK = 64
BID_MS = 2_500
GREET_BIDS = 16
"""As often it bids until it says again what it is; firmware goes by the clock."""
REFUSED_MS = 2_000
"""From a connection that was refused to the next attempt."""


@dataclass(slots=True)
class Job:
    """A lease on the device: when it came, and whether it has been answered, refused or cancelled."""

    lease: wire.Lease
    came: int
    over: bool = False


class Device:
    """One board. RAM is lost at a reboot; ``boot``, ``seq`` and ``prev`` are in flash."""

    def __init__(self, clock: Clock, broker: Broker, rng: Random, number: int, owner: str, arch: int,
                 net: bytes) -> None:
        key = hashlib.sha256(b"device %d" % number).digest()
        self.clock, self.broker, self.rng = clock, broker, rng
        self.name16, self.node = wire.device_of(key)
        self.owner, self.arch, self.net = owner, arch, net
        self.up = mac.Mac(mac.derive(key, b"up"))
        self.down = mac.Mac(mac.derive(key, b"down"))
        self.key = key
        self.kernels = dict(kind.blobs_of(arch))
        self.speed = 200 + int(rng.random() * 1_800)
        self.spare = 300 + int(rng.random() * 700)
        self.room = 1 + int(rng.random() * 6)
        self.slowness = 1
        self.refuse = 0.0
        self.lie: Lie | None = None
        self.spans, self.plain = True, False
        """Whether its firmware takes several jobs under one lease; whether it takes another at most of its starts."""
        self.gone = False
        self.cut_at = -1
        """When it last lost its power or its connection by itself, or came back."""
        self.on_sent: Callable[[Device, int, bytes, bytes, bytes], None] = lambda *about: None
        self.boot = self.conn = self.said = self.once = 0
        self.life = self.bids = 0
        """Power cycles: what was begun in an earlier one is gone."""
        self.seq = 0
        self.prev = bytes(32)
        self.state = "lost"
        """What became of the numbers in flash: empty while they are known."""
        self.flash: list[tuple[int, int, bytes]] = []
        """Numbers as each start found them."""
        self.answered = 0
        self._forget()

    def _forget(self) -> None:
        self.on = self.connected = False
        self.queue: deque[Job] = deque()
        self.running: Job | None = None
        self.outbox: dict[int, bytes] = {}
        self.seen: deque[bytes] = deque(maxlen=16)
        self.bidding = False
        self.ahead = 0
        """Minor versions that its firmware is ahead of the gateway: one that is says more than that understands, one
        that is behind leaves out what may be left out."""

    # Power and connection

    def power_on(self) -> None:
        if self.gone or self.on:
            return
        self._forget()
        self.cut_at = self.clock.now
        self.on = True
        self.life += 1
        self.boot += 1
        self.conn = self.said = 0
        self.ahead = int(3 * self.rng.random()) - 1   # another firmware may have been installed
        self.spans = not self.plain or self.ahead > 0
        self.once = int((1 << 30) * self.rng.random())
        self.flash.append((self.boot, self.seq, self.prev))
        self.seq += SEQ_BLOCK - self.seq % SEQ_BLOCK   # the rest of the reserved block is given up
        self.connect()

    def lose_numbers(self) -> None:
        """While it is off: its flash is empty."""
        self.boot, self.seq, self.prev, self.state = 0, 0, bytes(32), "lost"

    def restore_numbers(self, which: float) -> None:
        """While it is off: its flash is a copy of an earlier one, how early by a number below 1."""
        if self.flash and not self.state:
            self.boot, self.seq, self.prev = self.flash[int(which * len(self.flash))]

    def at(self) -> tuple[int, int, int]:
        """The number of what it says now, with connection and start."""
        self.said += 1
        return self.said, self.conn, self.boot

    def power_off(self, killed: bool) -> None:
        self.cut_at = self.clock.now
        self.broker.cut(self.node, killed)
        self._forget()

    def nap(self) -> None:
        """Says that it sleeps and closes its connection in order: no will. RAM is kept."""
        self.broker.up(self.node, "status", wire.encode_status(self.at(), "sleeping", self.up))
        self.connected = False
        self.cut_at = self.clock.now
        self.broker.close(self.node)

    def lose_link(self) -> None:
        """A silent partition: neither side knows yet."""
        self.cut_at = self.clock.now
        self.connected = False
        self.broker.cut(self.node, killed=False)

    def connect(self) -> None:
        """Joins, says who it is and what it can take, and sends again what nobody has acknowledged."""
        if not self.on or self.connected:
            return
        self.conn += 1
        will = wire.encode_status((wire.LAST, self.conn, self.boot), "lost", self.up)
        if not self.broker.join(self.node, will, self.receive):
            self.clock.after(REFUSED_MS, self._connect_again, self.life)
            return
        self.connected = True
        self.greet()
        self._resend(self.life, 3_000)
        if not self.bidding:
            self.bidding = True
            self.clock.after(BID_MS, self._bid_again, self.life)

    def thrown_out(self) -> None:
        """The broker has closed the connection."""
        if self.connected:
            self.connected = False
            self.clock.after(REFUSED_MS, self._connect_again, self.life)

    def _connect_again(self, life: int) -> None:
        if self.life == life:
            self.connect()

    def greet(self) -> None:
        """Without its numbers it is not ready and bids nothing: it asks for them."""
        birth = wire.encode_birth(self.at(), "sim", self.arch, "1.0", 65_536, self.speed, 4_096, self.once,
                                  ("floor", *["span"] * self.spans, *["dance"] * (self.ahead > 0)), self.state,
                                  self.up, None if self.ahead < 0 else "watchdog")
        self.broker.up(self.node, "birth", self._in_its_words(birth))
        if not self.state:
            self.broker.up(self.node, "status", wire.encode_status(self.at(), "ready", self.up))
            self.bid()

    def bid(self) -> None:
        if self.connected and not self.state:
            room = self.room if len(self.outbox) < OUTBOX else 0
            why = None if room or self.ahead < 0 else "results wait"
            bid = wire.encode_bid(self.at(), self.spare, 40_000, room, [], "mains", None, self.up, why)
            self.broker.up(self.node, "bid", self._in_its_words(bid), 0)

    def _in_its_words(self, said: bytes) -> bytes:
        """With a member that the gateway does not know, where its firmware is newer."""
        if self.ahead < 1:
            return said
        text = said.partition(wire.MAC_TAIL)[0] + b', "charge": 700'
        return b"".join((text, wire.MAC_TAIL, binascii.hexlify(self.up(text)), b'"}'))

    def _bid_again(self, life: int) -> None:
        if self.on and self.life == life:
            self.bids += 1
            if self.connected and (self.state or self.bids % GREET_BIDS == 0):
                self.greet()
            self.bid()
            self.clock.after(BID_MS + int(200 * self.rng.random()), self._bid_again, life)

    # Messages from the gateway

    def receive(self, leaf: str, payload: bytes) -> None:
        if not self.on:
            return
        for frame in wire.frames_of(payload):
            if leaf == "ack":
                for seq, _verdict in wire.decode_ack(frame, self.down):
                    self.outbox.pop(seq, None)
            elif wire.kind_of(frame) == wire.CANCEL:
                self._cancel(wire.decode_nonce(wire.CANCEL, frame, self.down))
            elif wire.kind_of(frame) == wire.FLOOR:
                self._rise(*wire.decode_floor(frame, self.down))
            else:
                self._take(wire.decode_lease(frame, self.down))

    def _rise(self, once: int, boot: int, seq: int) -> None:
        """Goes on above the numbers that the gateway knows, from a new connection."""
        if once == self.once and (self.state or boot >= self.boot):
            self.boot, self.seq, self.state = max(self.boot, boot + 1), max(self.seq, seq + SEQ_BLOCK), ""
            self.once = int((1 << 30) * self.rng.random())
            self.flash.append((self.boot, self.seq, self.prev))
            self.lose_link()
            self.clock.after(500, self._connect_again, self.life)

    def _cancel(self, nonce: bytes) -> None:
        for job in [*self.queue, *([self.running] if self.running else [])]:
            if job.lease.nonce == nonce:
                job.over = True

    def _take(self, lease: wire.Lease) -> None:
        if lease.nonce in self.seen:
            return
        self.seen.append(lease.nonce)
        if lease.kernel not in self.kernels:
            raise AssertionError(f"invariant 9: {self.node} was sent a kernel of another class")
        if lease.span and not self.spans:
            return   # the gateway has not heard of this firmware yet: the witness knows whether it has
        if self.refuse and self.rng.random() < self.refuse:
            self._refuse(lease.nonce, 1 + int(self.rng.random() * 9))
            return
        if self.state or len(self.queue) >= self.room + 1 or len(self.outbox) >= OUTBOX:
            self._refuse(lease.nonce, wire.BUSY)
            return
        job = Job(lease, self.clock.now)
        self.queue.append(job)
        self.clock.after(lease.ack_by_ms // 2, self._accept, self.life, job)
        if self.running is None:
            self._next()

    def _accept(self, life: int, job: Job) -> None:
        if self.on and self.life == life and not job.over:
            self.broker.up(self.node, "result", wire.encode_nonce(wire.ACCEPT, job.lease.nonce, self.up))

    def _refuse(self, nonce: bytes, code: int) -> None:
        self.broker.up(self.node, "result", wire.encode_refusal(nonce, code, self.up))

    # Work

    def _next(self) -> None:
        self.running = None
        while self.queue:
            job = self.queue.popleft()
            if job.over:
                continue
            self.running = job
            pace = self.speed * self.spare * (0.8 + 0.4 * self.rng.random())
            self.clock.after(1 + int(job.lease.budget_kop * 1_000_000 / pace) * self.slowness, self._done, self.life,
                             job)
            return
        if self.rng.random() < 0.5:
            self.bid()

    def _done(self, life: int, job: Job) -> None:
        if not self.on or self.life != life:
            return
        lease = job.lease
        if not job.over and self.clock.now - job.came > lease.report_by_ms and self.slowness == 1:
            job.over = True
            self._refuse(lease.nonce, wire.EXPIRED)
        if not job.over and self.kernels[lease.kernel] == kind.BROKEN:
            job.over = True
            self._refuse(lease.nonce, wire.FAILED)
        if not job.over:
            job.over = True
            self._report(lease)
        self._next()

    def _report(self, lease: wire.Lease) -> None:
        """The honest answer, or the device's lie about it."""
        kernel = self.kernels[lease.kernel]
        answer = b"".join(kind.answer_of(kernel, one, kind.size_of(one)) for one in kind.inputs_of(lease))
        seal = None
        self.answered += 1
        if self.lie is not None:
            answer, seal = self.lie(self, lease, answer)
        self.send(lease.job, lease.nonce, answer, seal, lease.epoch)

    def send(self, job: bytes, nonce: bytes, answer: bytes, seal: bytes | None = None, epoch: int = 0) -> None:
        """Makes the receipt and keeps the result until the gateway says that it is durable."""
        self.seq += 1
        receipt = wire.encode_receipt(
            self.net, self.name16, self.boot, self.seq, epoch, 0, job, nonce,
            seal or wire.seal_of(self.name16, nonce, answer), 1_000, self.prev)
        self.prev = hashlib.sha256(receipt).digest()
        frame = wire.encode_result(receipt, answer, self.up)
        self.on_sent(self, self.seq, nonce, frame, answer)
        if len(self.outbox) < 2 * OUTBOX:
            self.outbox[self.seq] = frame
        self.broker.up(self.node, "result", frame)

    def _resend(self, life: int, wait_ms: int) -> None:
        """Everything kept goes out again in one message, with back-off."""
        if not self.on or self.life != life:
            return
        if self.outbox and self.connected:
            self.broker.up(self.node, "result", wire.encode_batch(list(self.outbox.values())[:OUTBOX]))
        self.clock.after(wait_ms, self._resend_once, life, min(wait_ms * 2, 20_000))

    def _resend_once(self, life: int, wait_ms: int) -> None:
        self._resend(life, wait_ms if self.outbox else 3_000)
