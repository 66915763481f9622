"""One seed: a street, its operators, its faults, and what must be true at the end."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import events as e
from lamplighter.gateway.core.intake import Keys
from tests.simulation import ending, kind
from tests.simulation.auditor import Auditor
from tests.simulation.clock import Clock
from tests.simulation.devices import Device
from tests.simulation.faults import Faults
from tests.simulation.gateway import POLICY, Gateway, Handled
from tests.simulation.journal import Journal
from tests.simulation.liars import lies_for
from tests.simulation.mix import Mix, mix_of
from tests.simulation.network import Broker
from tests.simulation.witness import Broken

END_MS = 1_000_000
"""From the end of the faults to the end of every task, at most."""
ASK_AGAIN_MS = 4_000
ARCHES = (0, 2_566, 4_102)


class World:
    """``gateway`` and ``journal`` can be replaced by broken ones; without ``wall`` the wall clock stands still."""

    def __init__(self, seed: int, mix: Mix | None = None, gateway: type[Gateway] = Gateway,
                 journal: type[Journal] = Journal, hashing: bool = False, wall: bool = True) -> None:
        self.seed = seed
        self.mix = mix or mix_of(seed)
        self.clock = Clock()
        self.policy = POLICY
        self.journal = journal()
        self.hash = hashlib.sha256() if hashing else None
        self.tail: deque[tuple[Any, ...]] = deque(maxlen=400)
        self.rng = Random(f"world/{seed}")
        self.wall_ms = 1_700_000_000_000
        self.wall_jumps = wall
        self.broker = Broker(self.clock, Random(f"network/{seed}"), self.mix)
        self.devices = [self._device(number) for number in range(self.mix.devices)]
        self.by_node = {device.node: device for device in self.devices}
        self.keys = {d.node: Keys(d.name16, d.up, d.down) for d in self.devices}
        self.revoked: set[str] = set()
        self.forgotten: set[str] = set()
        self.honest_seen: list[tuple[bytes, bytes]] = []
        self._cast()
        self.auditor = Auditor(self)
        self.bodies: dict[str, tuple[str, bytes]] = {}
        self.cancel_asked: set[str] = set()
        self.cancelled: set[str] = set()
        self.answered: set[str] = set()
        self.results: dict[str, bytes] = {}
        self.gateway = gateway(self, Random(f"gateway/{seed}"))
        self._plan()
        Faults(self)

    def _device(self, number: int) -> Device:
        owner = f"owner-{number % self.mix.owners}"
        arch = ARCHES[number % len(ARCHES)]
        device = Device(self.clock, self.broker, Random(f"device/{self.seed}/{number}"), number, owner, arch)
        device.on_sent = self._sent
        return device

    def _cast(self) -> None:
        """Who lies, who is slow, who declines often."""
        mix, order = self.mix, sorted(self.devices, key=lambda device: self.rng.random())
        liars = int(mix.liars * mix.devices + self.rng.random()) if mix.liars else 0
        for device, lie in zip(order, lies_for(liars, mix.cartel, self.rng, self.honest_seen), strict=False):
            device.lie = lie
        honest = order[liars:]
        self.steady = honest[:2]   # enough to finish with: no fault takes these for good
        for device in honest[2:][: mix.slow]:
            device.slowness = 50
        for device in self.devices:
            device.refuse = mix.refuse

    def _sent(self, device: Device, seq: int, nonce: bytes, frame: bytes, answer: bytes) -> None:
        self.auditor.sent[device.node, seq] = (nonce, frame)
        if device.lie is None:
            self.honest_seen[:] = [(answer, frame[74 : 106])]

    # The plan of what happens

    def _plan(self) -> None:
        mix = self.mix
        self.clock.at(int(200 * self.rng.random()), self.gateway.start)
        for device in self.devices:
            self.clock.at(int(3_000 * self.rng.random()), device.power_on)
        for number in range(mix.tasks):
            self._plan_task(f"task-{number}", kind.GOOD[int(2 * self.rng.random())], mix.jobs, number)
        for number in range(mix.bad_tasks):
            self._plan_task(f"bad-{number}", (kind.BROKEN, kind.FAULTY)[number % 2], 3, number)
        for _ in range(mix.cancels):
            self.clock.at(self.some_time(), self._cancel, f"task-{mix.tasks - 1}")
        self.clock.at(mix.faults_ms, self._calm)

    def _plan_task(self, name: str, kind_name: str, jobs: int, number: int) -> None:
        self.bodies[name] = (kind_name, kind.body_of(jobs, 2 + number % 2, self.seed * 10 + number))
        self.clock.at(self.some_time() // 2, self._submit, name)

    def some_time(self) -> int:
        """While there are faults."""
        return int(self.mix.faults_ms * self.rng.random())

    def _calm(self) -> None:
        """The faults stop: everything that is not gone for good comes back."""
        self.broker.calm = self.gateway.calm = True
        self.gateway.start()
        for device in self.devices:
            device.refuse = 0.0
            device.power_on()
            device.connect()

    # Operators

    def _submit(self, name: str) -> None:
        """Asks again until there is a reply; the same id and body must mean the same task."""
        if name not in self.answered:
            kind_name, body = self.bodies[name]
            deadline_ms = 20_000 if self.mix.hurry and name == f"task-{self.mix.tasks - 1}" else 86_400_000
            self.gateway.offer(e.TaskSubmitted(name, kind_name, body, ref=name, priority=len(name) % 2,
                                               deadline_ms=deadline_ms, submitted_at_ms=self.wall_ms))
            if self.rng.random() < 0.2:
                self.gateway.offer(e.TaskSubmitted(name, kind_name, body + b" ", ref="other body"))
            self.clock.after(ASK_AGAIN_MS, self._submit, name)

    def _cancel(self, name: str) -> None:
        if name in self.answered and name not in self.cancelled:
            self.cancel_asked.add(name)
            self.gateway.offer(e.TaskCancelled(name, ref=name))
        if name not in self.results:
            self.clock.after(ASK_AGAIN_MS, self._cancel, name)

    def replied(self, x: f.Reply) -> None:
        if x.ref == "other body":
            # Whichever body came first holds the id.
            held = self.journal.tasks.get(x.data.get("task", ""))
            if x.error is None and held is not None and held.kept.body != self.bodies[held.kept.task][1]:
                self.bodies[held.kept.task] = (held.kept.kind, held.kept.body)
        elif x.ref is not None:
            if x.error is None and x.data.get("state") == "cancelled":
                self.cancelled.add(x.ref)
            self.answered.add(x.ref)

    def published(self, x: f.PublishResult) -> None:
        before = self.results.setdefault(x.task, x.result)
        if before != x.result:
            raise Broken(f"invariant 2: {x.task} has two results")

    # Watching

    def note(self, what: str, about: Any) -> None:
        self.tail.append((self.clock.now, what, about))
        if self.hash:
            self.hash.update(repr((self.clock.now, what, about)).encode())

    def trace(self, handled: list[Handled], more: Sequence[f.Effect]) -> None:
        for event, _, made in handled:
            self.tail.append((self.clock.now, event, made))
        if more:
            self.tail.append((self.clock.now, "restore", list(more)))
        if self.hash:
            said = [(event, made) for event, _, made in handled]
            self.hash.update(repr((self.clock.now, said, list(more))).encode())

    # Running

    def run(self) -> None:
        """Until every task is over and every result judged, acknowledged and paid. Raises Broken."""
        limit = self.mix.faults_ms + END_MS
        while self.clock.now < limit and not ending.settled(self):
            for _ in range(20):
                self.clock.step()
        ending.judge(self)

    def digest(self) -> str:
        """The hash of all that was said and done. Raises AssertionError without ``hashing``."""
        assert self.hash is not None
        return self.hash.hexdigest()


def with_faults(seed: int, **changes: Any) -> Mix:
    """The mix of a seed with some of its faults set."""
    return replace(mix_of(seed), **changes)
