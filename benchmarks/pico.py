"""Stand-ins that take the time of a board of Pico class, and answer what was computed beforehand.

``python -m benchmarks.pico``: one line of JSON on standard input says who they are, and where the answers are.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import sys
from collections import OrderedDict, deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.devices import BID_S, Device
from benchmarks.offload import key_of
from lamplighter.firmware.wire import (
    ACCEPT,
    LEASE,
    SPAN,
    Lease,
    decode_chunk,
    decode_lease,
    encode_bid,
    encode_birth,
    encode_nonce,
    encode_result,
    encode_status,
    encode_want,
    kind_of,
)

US_PER_KOP = 150
"""Of machine code, about: a PC's core takes one, and a board a hundred times as long or more."""
ARCH = 4 << 10 | 3 << 8 | 6
"""A Cortex-M0+ with MicroPython 1.23 or newer."""
HEAP, SPEED, SPARE = 150_000, 250, 900
MESSAGE = HEAP // 10
"""As the firmware has it."""
BUSY, TICK_S = 4, 0.2
"""Likewise: times the interval between bids while it holds leases; how often it looks whether that is over."""
ROOM = 8
CACHE = HEAP // 2


class Pico(Device):
    """Runs one lease at a time, for as long as its operations take; fetches the contexts that it lacks."""

    def __init__(self, site: str, net: str, key: bytes, answers: dict[bytes, bytes]) -> None:
        super().__init__(site, net, key, ROOM, MESSAGE)
        self._answers = answers
        self._held: deque[Lease] = deque()
        self._kept: OrderedDict[bytes, int] = OrderedDict()
        self._busy = False
        self._bid_at = 0.0

    def _greeting(self) -> list[bytes]:
        status = encode_status(self.chain.at(), "ready", self.up_mac)
        birth = encode_birth(self.chain.at(), "pico", ARCH, "bench", HEAP, SPEED, MESSAGE, self.chain.once,
                             ("floor", "span"), "", self.up_mac)
        return [self.publish("status", status, 1, True), self.publish("birth", birth, 1, True)]

    def _bid(self) -> None:
        self._send(self.publish("bid", encode_bid(self.chain.at(), SPARE, HEAP, self.room, [], "mains", None,
                                                   self.up_mac), 0))
        self._bid_at = asyncio.get_running_loop().time()
        self._tick()

    def _tick(self) -> None:
        """Bids when it is time for that."""
        loop = asyncio.get_running_loop()
        if loop.time() - self._bid_at >= BID_S * (BUSY if self._held else 1):
            self._bid()
        else:
            self._next_bid = loop.call_later(TICK_S, self._tick)

    def _leased(self, given: Sequence[bytes], _now: int, _reply: list[bytes]) -> None:
        for frame in given:
            if kind_of(frame) in (LEASE, SPAN):
                lease = decode_lease(frame, self.down_mac)
                self._held.append(lease)
                asyncio.get_running_loop().call_later(lease.ack_by_ms / 2e3, self._accept, lease)
        self._next()

    def _accept(self, lease: Lease) -> None:
        """What it has not done in half of the time to acknowledge it."""
        if any(one is lease for one in self._held):
            self._send(self.publish("result", encode_nonce(ACCEPT, lease.nonce, self.up_mac), 1))

    def _chunk(self, frame: bytes) -> None:
        name, total, offset, data = decode_chunk(frame)
        if offset + len(data) < total:
            self._want(name, offset + len(data))
            return
        self._kept[name] = total
        while sum(self._kept.values()) > CACHE:
            self._kept.popitem(last=False)
        self._busy = False
        self._next()

    def _want(self, name: bytes, offset: int) -> None:
        self._send(self.publish("want", encode_want(name, offset, self.up_mac), 1))

    def _next(self) -> None:
        if self._busy or not self._held:
            return
        self._busy = True
        lease = self._held[0]
        for name in lease.contexts:
            if name not in self._kept:
                self._want(name, 0)
                return
            self._kept.move_to_end(name)
        answer = self._answer(lease)
        seconds = lease.budget_kop * US_PER_KOP / SPARE / 1e3 if answer[0] else 0.0
        asyncio.get_running_loop().call_later(seconds, self._done, b"".join(answer[1]))

    def _answer(self, lease: Lease) -> tuple[bool, list[bytes]]:
        """(whether it is real work, the answers to its jobs); trivial ones take no time."""
        inputs = items(lease.input) if lease.span else [lease.input]
        found = [self._answers.get(key_of(lease.contexts, one)) for one in inputs]
        return found[0] is not None, [one if answer is None else answer for one, answer in
                                      zip(inputs, found, strict=True)]

    def _done(self, answer: bytes) -> None:
        self._busy = False
        lease = self._held.popleft()
        receipt = self.chain.receipt((self.net, self.device), lease, answer, 1)
        frame = encode_result(receipt, answer, self.up_mac)
        self.outbox[self.chain.seq] = (0, frame)
        self._send(self.publish("result", frame, 1))
        self._next()


def items(given: bytes) -> list[bytes]:
    """The inputs of a span's jobs."""
    at, found = 1 + 2 * given[0], []
    for place in range(1, at, 2):
        end = at + int.from_bytes(given[place:place + 2], "big")
        found.append(given[at:end])
        at = end
    return found


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    about: dict[str, Any] = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    answers = pickle.loads(await asyncio.to_thread(Path(about["answers"]).read_bytes))
    devices = [Pico(about["site"], about["net"], bytes.fromhex(key), answers) for key in about["keys"]]
    await asyncio.gather(*(device.connect(about["port"]) for device in devices))
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(_serve())
