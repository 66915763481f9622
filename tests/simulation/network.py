"""The broker as it is: QoS 1 doubles, delays and reorders, and no session's end or restart keeps a promise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from random import Random

from lamplighter.firmware import wire
from lamplighter.gateway.adapters.accounts import Account
from tests.simulation.clock import Clock
from tests.simulation.mix import Mix

SITE = "sim"
NODES = wire.root(SITE) + "/node/"
KEPT = "kept"
"""A task whose submission the broker has kept since before the first start: nobody's command at any."""
RELOAD_S = 2.0
"""Until accounts are in force, at most."""
MAX_BACKLOG = 200
"""Messages that the broker keeps for a gateway that is away."""


class Link:
    """One device's connection. ``life`` counts connections, so that what was in flight knows its own is gone."""

    __slots__ = ("last", "life", "receive", "stalled", "up", "will")

    def __init__(self) -> None:
        self.up = False
        self.stalled = False
        self.life = 0
        self.last = 0
        self.will = b""
        self.receive: Callable[[str, bytes], None] = lambda leaf, payload: None


class Broker:
    """Carries between device links, one gateway and its operators. ``calm`` ends all faults of the network.

    ``people`` hears what the gateway publishes for operators. Who has no account here cannot connect.
    """

    def __init__(self, clock: Clock, rng: Random, mix: Mix, people: Callable[[str, bytes], None]) -> None:
        self.clock = clock
        self.rng = rng
        self.mix = mix
        self.calm = False
        self.links: dict[str, Link] = {}
        self.retained: dict[str, bytes] = {}
        self.backlog: list[tuple[str, bytes, bool]] = []
        self.gateway: Callable[..., None] | None = None
        self.people = people
        self.thrown_out: Callable[[str], None] = lambda node: None
        """Hears of a device whose account was removed: its connection is closed."""
        self.accounts: set[str] = set()
        self.dropped = 0
        self.heard: dict[str, list[tuple[str, bytes]]] = {}
        """By node: what it has said of itself, in order."""

    # Connections

    async def change_accounts(self, add: Iterable[Account] = (), remove: Iterable[str] = ()) -> None:
        """As the real one, which takes a while to load them anew; whoever is removed is cut off."""
        await asyncio.sleep(RELOAD_S * self.rng.random())
        self.accounts.update(account.user for account in add)
        for user in remove:
            self.accounts.discard(user)
            self.cut(user, killed=True)
            self.thrown_out(user)

    def join(self, node: str, will: bytes, receive: Callable[[str, bytes], None]) -> bool:
        """A device connects, if it may. Where an old connection of it is still open, that one's will comes first."""
        if node not in self.accounts:
            return False
        link = self.links.setdefault(node, Link())
        if link.up and link.will:
            self._arrived(wire.node_topic(SITE, node, "status"), link.will)
        link.up, link.stalled, link.will, link.receive = True, False, will, receive
        link.life += 1
        link.last = self.clock.now
        return True

    def cut(self, node: str, killed: bool) -> None:
        """The device is gone. A reset is seen within ms, a silent stall after 1.5 to 3 keep-alives."""
        link = self.links.get(node)
        if link is None or not link.up:
            return
        link.stalled = True
        wait = 5 if killed else int(15_000 * (1.5 + 1.5 * self.rng.random()))
        self.clock.after(wait, self._bury, node, link.life)

    def close(self, node: str) -> None:
        """A device disconnects in order: its will is dropped."""
        link = self.links[node]
        link.up = False

    def _bury(self, node: str, life: int) -> None:
        link = self.links[node]
        if link.life == life and link.up:
            link.up = False
            link.life += 1
            self._arrived(wire.node_topic(SITE, node, "status"), link.will)

    def restart(self) -> list[str]:
        """The broker dies and comes back with nothing. Returns the nodes that notice and must join again."""
        nodes = [node for node, link in self.links.items() if link.up and not link.stalled]
        for link in self.links.values():
            link.up = False
            link.life += 1
        self.retained.clear()
        self.backlog.clear()
        return nodes

    def subscribe(self, gateway: Callable[..., None]) -> None:
        """The gateway connects: it gets what was kept for it, then what is retained."""
        self.gateway = gateway
        waiting, self.backlog = self.backlog, []
        kept = [(topic, payload, True) for topic, payload in self.retained.items()]
        for topic, payload, retain in [*waiting, *kept]:
            gateway(topic, payload, retain)

    def leave(self, unacknowledged: list[tuple[str, bytes, bool]]) -> None:
        """The gateway is gone; a kept session gives back what it had not acknowledged."""
        self.gateway = None
        if self.mix.session_kept:
            self.backlog = [*unacknowledged, *self.backlog][:MAX_BACKLOG]

    # Messages

    def up(self, node: str, leaf: str, payload: bytes, qos: int = 1) -> None:
        """A device publishes; without a connection it is lost, as a bounded queue in the client would be."""
        link = self.links.get(node)
        if link is None or not link.up or link.stalled or (qos == 0 and self._happens(self.mix.loss)):
            self.dropped += 1
            return
        self._carry(link, self._arrive_up, wire.node_topic(SITE, node, leaf), payload)

    def inject(self, topic: str, payload: bytes) -> None:
        """Bytes for a gateway that listens, wherever they come from."""
        if self.gateway is not None:
            self.gateway(topic, payload)

    def ask(self, topic: str, payload: bytes) -> None:
        """An operator publishes a request."""
        self.clock.after(self._delay(), self._arrived, topic, payload)

    def publish(self, topic: str, payload: bytes, qos: int = 1) -> None:
        """The gateway publishes: to a device, or for people."""
        _, _, rest = topic.partition(NODES)
        if rest:
            self.down(*rest.split("/"), payload, qos)
        elif topic.endswith("/mark"):
            self.clock.after(self._delay(), self._arrived, topic, payload)
        else:
            self.people(topic, payload)

    def down(self, node: str, leaf: str, payload: bytes, qos: int) -> None:
        """To a device, whose session is clean: away means lost."""
        link = self.links.get(node)
        if link is None or not link.up or (qos == 0 and self._happens(self.mix.down_loss)):
            self.dropped += 1
            return
        self._carry(link, self._arrive_down, leaf, payload)

    def _carry(self, link: Link, arrive: Callable[..., None], name: str, payload: bytes) -> None:
        due = self.clock.now + self._delay()
        if not self.mix.reorder or self.calm:
            due = link.last = max(due, link.last)
        self.clock.at(due, arrive, link, link.life, name, payload)
        if self._happens(self.mix.double):
            self.clock.at(due + 20 * self._delay(), arrive, link, link.life, name, payload)

    def _delay(self) -> int:
        delay = 1 + int(self.mix.delay_ms * self.rng.random())
        return delay * 30 if self._happens(self.mix.stall) else delay

    def _happens(self, share: float) -> bool:
        return share > 0 and not self.calm and self.rng.random() < share

    def _arrive_up(self, link: Link, life: int, topic: str, payload: bytes) -> None:
        if link.life != life and self.rng.random() < 0.5:
            return   # the connection died first
        self._arrived(topic, payload)

    def _arrive_down(self, link: Link, life: int, leaf: str, payload: bytes) -> None:
        if link.life == life and link.up and not link.stalled:
            link.receive(leaf, payload)

    def _arrived(self, topic: str, payload: bytes) -> None:
        if topic.endswith(("/status", "/birth", "/bid")):
            self.heard.setdefault(topic.split("/")[-2], []).append((topic, payload))
        if topic.endswith(("/status", "/birth")):
            self.retained[topic] = payload
        if self.gateway is not None:
            self.gateway(topic, payload)
        elif self.mix.session_kept and len(self.backlog) < MAX_BACKLOG:
            self.backlog.append((topic, payload, False))
        else:
            self.dropped += 1
