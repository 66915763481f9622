"""From messages to events: each is acknowledged to the broker when what follows from it is durable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

from lamplighter.firmware.wire import NODE_UP, WireError, node_topic, root
from lamplighter.gateway.api.guard import Guard
from lamplighter.gateway.core.events import DeviceMisbehaved
from lamplighter.gateway.core.intake import Keys, read
from lamplighter.gateway.protocol.topics import parse_rpc_topic, rpc_topic
from lamplighter.gateway.runtime.gate import HINT_BYTES, MESSAGE_BYTES, Gate
from lamplighter.gateway.runtime.pump import After, Pump

OFTEN = ("result", "want")
"""What a device sends as often as it has leases."""


class Arrived(Protocol):
    """A message of the broker."""

    topic: str
    payload: bytes
    retain: bool


M = TypeVar("M", bound=Arrived)


def subscriptions(site: str) -> list[tuple[str, int]]:
    """(topic filter, QoS) of all that a gateway listens to. A bid that is lost is followed by the next."""
    nodes = [(node_topic(site, "+", leaf), 0 if leaf == "bid" else 1) for leaf in NODE_UP]
    return [*nodes, (rpc_topic(site, "+", "+"), 1)]


class Inbox(Generic[M]):
    """``serve(user, method, payload, after)`` takes a request and calls ``after()`` when what follows from it is
    durable; ``acknowledge`` tells the broker that a message may be forgotten, ``guard`` hears of requests that the
    broker had kept.

    ``gate`` says which messages of nodes are read; the others are acknowledged and counted.
    """

    def __init__(self, site: str, keys: Mapping[str, Keys], gate: Gate, pump: Pump,
                 serve: Callable[[str, str, bytes, After], None], acknowledge: Callable[[M], None], guard: Guard,
                 counters: Counter[str]) -> None:
        self._site, self._keys, self._pump, self._serve, self._acknowledge = site, keys, pump, serve, acknowledge
        self._gate, self._guard, self._counters = gate, guard, counters
        self._nodes = root(site) + "/node/"
        self._requests = rpc_topic(site, "", "")[:-1]

    def take(self, message: M) -> None:
        """Never raises on what a peer sends."""
        if message.topic.startswith(self._requests):
            self._request(message)
            return
        topic, payload = message.topic, message.payload
        node, _, leaf = topic[len(self._nodes):].partition("/") if topic.startswith(self._nodes) else ("", "", "")
        if not self._gate.admits(node, len(payload) + (MESSAGE_BYTES if leaf in OFTEN else HINT_BYTES)):
            self._counters["messages_muted"] += 1
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
        if message.retain:
            self._guard.ignore(user, message.topic)
        elif message.payload or not self._guard.cleared(message.topic):
            self._serve(user, method, message.payload, lambda: self._acknowledge(message))
            return
        self._acknowledge(message)
