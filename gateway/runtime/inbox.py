"""From messages to events: each is acknowledged to the broker when what follows from it is durable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

from lamplighter.firmware.wire import NODE_UP, node_topic
from lamplighter.gateway.core.intake import Keys, read
from lamplighter.gateway.protocol.topics import rpc_topic
from lamplighter.gateway.runtime.pump import After, Pump


class Arrived(Protocol):
    """A message of the broker."""

    topic: str
    payload: bytes


M = TypeVar("M", bound=Arrived)


def subscriptions(site: str) -> list[tuple[str, int]]:
    """(topic filter, QoS) of all that a gateway listens to. A bid that is lost is followed by the next."""
    nodes = [(node_topic(site, "+", leaf), 0 if leaf == "bid" else 1) for leaf in NODE_UP]
    return [*nodes, (rpc_topic(site, "+"), 1)]


class Inbox(Generic[M]):
    """``serve(method, payload, after)`` takes a request and calls ``after()`` when what follows from it is durable;
    ``acknowledge`` tells the broker that a message may be forgotten."""

    def __init__(self, site: str, keys: Mapping[str, Keys], pump: Pump, serve: Callable[[str, bytes, After], None],
                 acknowledge: Callable[[M], None]) -> None:
        self._site, self._keys, self._pump, self._serve, self._acknowledge = site, keys, pump, serve, acknowledge
        self._methods = rpc_topic(site, "")

    def take(self, message: M) -> None:
        """Never raises on what a peer sends."""
        if message.topic.startswith(self._methods):
            self._serve(message.topic[len(self._methods):], message.payload, lambda: self._acknowledge(message))
            return
        events = read(self._site, self._keys, message.topic, message.payload)
        for event in events[:-1]:
            self._pump.put(event)
        self._pump.put(events[-1], lambda: self._acknowledge(message))
