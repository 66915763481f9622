"""Devices at message level: they keep results until acknowledged, refuse, reboot, vanish, stall and lie."""

from __future__ import annotations

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
        self.kernels = {kind.blob_of(name, arch): name for name in kind.NAMES}
        self.speed = 200 + int(rng.random() * 1_800)
        self.spare = 300 + int(rng.random() * 700)
        self.room = 1 + int(rng.random() * 6)
        self._bids = [wire.encode_bid(self.spare, 40_000, room, [], "mains", None) for room in (0, self.room)]
        self.slowness = 1
        self.refuse = 0.0
        self.lie: Lie | None = None
        self.gone = False
        self.cut_at = -1
        """When it last lost its power or its connection by itself, or came back."""
        self.on_sent: Callable[[Device, int, bytes, bytes, bytes], None] = lambda *about: None
        self.boot = 0
        self.seq = 0
        self.prev = bytes(32)
        self.answered = 0
        self._forget()

    def _forget(self) -> None:
        self.on = self.connected = False
        self.queue: deque[Job] = deque()
        self.running: Job | None = None
        self.outbox: dict[int, bytes] = {}
        self.seen: deque[bytes] = deque(maxlen=16)
        self.bidding = False

    # Power and connection

    def power_on(self) -> None:
        if self.gone or self.on:
            return
        self._forget()
        self.cut_at = self.clock.now
        self.on = True
        self.boot += 1
        self.seq += SEQ_BLOCK - self.seq % SEQ_BLOCK   # the rest of the reserved block is given up
        self.connect()

    def power_off(self, killed: bool) -> None:
        self.cut_at = self.clock.now
        self.broker.cut(self.node, killed)
        self._forget()

    def nap(self) -> None:
        """Says that it sleeps and closes its connection in order: no will. RAM is kept."""
        self.broker.up(self.node, "status", wire.encode_status("sleeping", self.boot))
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
        will = wire.encode_status("lost", self.boot)
        if not self.broker.join(self.node, will, self.receive):
            self.clock.after(REFUSED_MS, self._connect_again, self.boot)
            return
        self.connected = True
        self.broker.up(self.node, "birth", wire.encode_birth("sim", self.arch, "1.0", 65_536, self.speed, self.boot,
                                                             4_096))
        self.broker.up(self.node, "status", wire.encode_status("ready", self.boot))
        self.bid()
        self._resend(self.boot, 3_000)
        if not self.bidding:
            self.bidding = True
            self.clock.after(BID_MS, self._bid_again, self.boot)

    def thrown_out(self) -> None:
        """The broker has closed the connection."""
        if self.connected:
            self.connected = False
            self.clock.after(REFUSED_MS, self._connect_again, self.boot)

    def _connect_again(self, boot: int) -> None:
        if self.boot == boot:
            self.connect()

    def bid(self) -> None:
        if self.connected:
            self.broker.up(self.node, "bid", self._bids[len(self.outbox) < OUTBOX], 0)

    def _bid_again(self, boot: int) -> None:
        if self.on and self.boot == boot:
            self.bid()
            self.clock.after(BID_MS + int(200 * self.rng.random()), self._bid_again, boot)

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
            else:
                self._take(wire.decode_lease(frame, self.down))

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
        if self.refuse and self.rng.random() < self.refuse:
            self._refuse(lease.nonce, 1 + int(self.rng.random() * 9))
            return
        if len(self.queue) >= self.room + 1 or len(self.outbox) >= OUTBOX:
            self._refuse(lease.nonce, wire.BUSY)
            return
        job = Job(lease, self.clock.now)
        self.queue.append(job)
        self.clock.after(lease.ack_by_ms // 2, self._accept, self.boot, job)
        if self.running is None:
            self._next()

    def _accept(self, boot: int, job: Job) -> None:
        if self.on and self.boot == boot and not job.over:
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
            self.clock.after(1 + int(job.lease.budget_kop * 1_000_000 / pace) * self.slowness, self._done, self.boot,
                             job)
            return
        if self.rng.random() < 0.5:
            self.bid()

    def _done(self, boot: int, job: Job) -> None:
        if not self.on or self.boot != boot:
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
        answer = kind.answer_of(self.kernels[lease.kernel], lease.input, kind.size_of(lease.input))
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

    def _resend(self, boot: int, wait_ms: int) -> None:
        """Everything kept goes out again in one message, with back-off."""
        if not self.on or self.boot != boot:
            return
        if self.outbox and self.connected:
            self.broker.up(self.node, "result", wire.encode_batch(list(self.outbox.values())[:OUTBOX]))
        self.clock.after(wait_ms, self._resend_once, boot, min(wait_ms * 2, 20_000))

    def _resend_once(self, boot: int, wait_ms: int) -> None:
        self._resend(boot, wait_ms if self.outbox else 3_000)
