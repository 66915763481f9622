"""From messages to events: each is acknowledged to the broker when what follows from it is durable."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

from lamplighter.firmware.wire import NODE_UP, WireError, node_topic, root
from lamplighter.gateway.api.budget import REQUEST_BYTES
from lamplighter.gateway.api.guard import Guard
from lamplighter.gateway.core.events import DeviceMisbehaved
from lamplighter.gateway.core.intake import Keys, read
from lamplighter.gateway.protocol.topics import gateway_topic, parse_rpc_topic, rpc_topic
from lamplighter.gateway.runtime.gate import HINT_BYTES, MESSAGE_BYTES, Gate
from lamplighter.gateway.runtime.pump import After, Pump

MAX_AT_START = 32 << 20
"""Bytes of requests that wait for the mark, in all; of one operator half of it."""
MAX_KEPT = 4_096
"""Retained requests that are told from others before the mark."""
OFTEN = ("result", "want")
"""What a device sends as often as it has leases."""


class Arrived(Protocol):
    """A message of the broker."""

    topic: str
    payload: bytes
    retain: bool
    properties: bytes
    """Of MQTT 5, b"" where there are none."""


M = TypeVar("M", bound=Arrived)


def mark_topic(site: str, name: str) -> str:
    """Where a gateway hears itself: what the broker sent before that was kept for it, or retained."""
    return gateway_topic(site, name, "mark")


def subscriptions(site: str, name: str) -> list[tuple[str, int]]:
    """(topic filter, QoS) of all that the gateway ``name`` listens to. A bid that is lost is followed by the next."""
    nodes = [(node_topic(site, "+", leaf), 0 if leaf == "bid" else 1) for leaf in NODE_UP]
    return [*nodes, (rpc_topic(site, "+", "+"), 1), (mark_topic(site, name), 1)]


class Inbox(Generic[M]):
    """``serve(user, method, payload, after, properties)`` takes a request and calls ``after()`` when what follows
    from it is durable; ``acknowledge`` tells the broker that a message may be forgotten, ``guard`` hears of requests
    that the broker had kept.

    ``gate`` says which messages of nodes are read; the others are acknowledged and counted.

    Requests wait until ``mark``, a topic and a payload that the gateway publishes at its first connection, has come
    back. A request that was retained while the gateway was away is first handed over like any other, by a broker
    that kept a session for it; the same comes again with the retain flag before the mark does, and tells. What there
    is no room for meanwhile is let go and counted. Where MQTT 5 is spoken it says itself that it was retained, even
    when it was sent just now.
    """

    def __init__(self, site: str, mark: tuple[str, bytes], keys: Mapping[str, Keys], gate: Gate, pump: Pump,
                 serve: Callable[[str, str, bytes, After, bytes], None], acknowledge: Callable[[M], None],
                 guard: Guard, counters: Counter[str]) -> None:
        self._site, self._keys, self._pump, self._serve, self._acknowledge = site, keys, pump, serve, acknowledge
        self._gate, self._guard, self._counters = gate, guard, counters
        self._nodes = root(site) + "/node/"
        self._loud: dict[bytes, tuple[str, int]] = {}
        """Topics on which muted devices send: the device, and what a message costs besides its bytes."""
        self._requests = rpc_topic(site, "", "")[:-1]
        self.mark = mark
        self.waits = True
        """Whether requests wait for the mark."""
        self._waiting: dict[bytes, list[M]] = {}   # by what they say
        self._kept: set[bytes] = set()
        self._held: Counter[str] = Counter()   # bytes of those that wait, by operator
        self._all = 0

    def holds(self) -> dict[str, tuple[int, int]]:
        """(how many, at most) of the bytes of requests that wait for the mark."""
        return {"request_bytes_at_start": (self._all, MAX_AT_START)}

    def go_on(self) -> None:
        """Requests wait no longer: those that came are dealt with, but for what turned out to be retained."""
        self.waits, self._all = False, 0
        waiting = [message for alike in self._waiting.values() for message in alike]
        for held in (self._waiting, self._kept, self._held):
            held.clear()
        for message in waiting:
            self._request(message)

    def lets_go(self, topic: bytes, size: int) -> bool:
        """Whether a message of a muted device is let go before anything is made of it. It counts all the same."""
        loud = self._loud.get(topic)
        if loud is None:
            return False
        node, more = loud
        if self._gate.admits(node, size + more):
            del self._loud[topic]
            return False
        self._counters["messages_muted"] += 1
        return True

    def unread(self, topic: bytes, count: int, size: int) -> None:
        """So many more messages of a muted device came with one that was let go, and went the same way."""
        node, more = self._loud[topic]
        self._gate.admits(node, size + count * more)
        self._counters["messages_muted"] += count

    def take(self, message: M) -> None:
        """Never raises on what a peer sends."""
        if message.topic == self.mark[0]:
            if message.payload == self.mark[1]:
                self.go_on()
            self._acknowledge(message)
            return
        if message.topic.startswith(self._requests):
            self._request(message)
            return
        topic, payload = message.topic, message.payload
        node, _, leaf = topic[len(self._nodes):].partition("/") if topic.startswith(self._nodes) else ("", "", "")
        more = MESSAGE_BYTES if leaf in OFTEN else HINT_BYTES
        if not self._gate.admits(node, len(payload) + len(message.properties) + more):
            self._counters["messages_muted"] += 1
            if node in self._keys and leaf in NODE_UP:
                self._loud[topic.encode()] = node, more
            self._acknowledge(message)
            return
        events = read(self._site, self._keys, topic, payload)
        for event in events:
            if type(event) is DeviceMisbehaved:
                self._gate.vain(node)
        for event in events[:-1]:
            self._pump.put(event)
        self._pump.put(events[-1], lambda: self._acknowledge(message))

    def _request(self, message: M) -> None:
        """What a broker kept comes again at every start, so it is a command only when it is sent, never later."""
        try:
            user, method = parse_rpc_topic(self._site, message.topic)
        except WireError:
            self._acknowledge(message)   # there is nobody to answer
            return
        if message.retain and message.payload:
            self._guard.ignore(user, message.topic)
            self._part_with(user, message)
        elif self.waits:
            if self._hold(user, message):
                return
        elif message.payload or not (self._guard.cleared(message.topic) or message.retain):
            self._serve(user, method, message.payload, lambda: self._acknowledge(message), message.properties)
            return
        self._acknowledge(message)

    def _part_with(self, user: str, kept: M) -> None:
        """Those that wait and say the same as one that the broker had kept are that one."""
        if not self.waits:
            return
        digest = _digest(kept)
        for message in self._waiting.pop(digest, ()):
            self._guard.ignore(user, message.topic)
            self._count(user, -_size(message))
            self._acknowledge(message)
        if len(self._kept) < MAX_KEPT:
            self._kept.add(digest)

    def _hold(self, user: str, message: M) -> bool:
        """Whether a request waits now. With more that are retained than can be told apart none does."""
        digest, size = _digest(message), _size(message)
        if digest in self._kept:
            self._guard.ignore(user, message.topic)
            return False
        if len(self._kept) == MAX_KEPT or self._all + size > MAX_AT_START or (
                self._held[user] + size > MAX_AT_START // 2):
            self._counters["requests_dropped"] += 1
            return False
        self._count(user, size)
        self._waiting.setdefault(digest, []).append(message)
        return True

    def _count(self, user: str, size: int) -> None:
        self._all += size
        self._held[user] += size


def _size(message: Arrived) -> int:
    return len(message.topic) + len(message.payload) + len(message.properties) + REQUEST_BYTES


def _digest(message: Arrived) -> bytes:
    return hashlib.sha256(message.topic.encode() + b"\0" + message.payload).digest()
