"""One seed: a street, its operators, its faults, and what must be true at the end."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import events as e
from lamplighter.gateway.core.intake import Keys
from lamplighter.gateway.protocol.topics import reply_topic, rpc_topic, task_topic
from lamplighter.gateway.runtime.settings import Settings
from tests.simulation import ending, kind
from tests.simulation.auditor import Auditor
from tests.simulation.clock import Clock
from tests.simulation.devices import Device
from tests.simulation.disk import Disk
from tests.simulation.faults import Faults
from tests.simulation.gateway import POLICY, Gateway
from tests.simulation.journal import Journal
from tests.simulation.liars import again, lies_for
from tests.simulation.mix import Mix, mix_of
from tests.simulation.network import KEPT, SITE, Broker
from tests.simulation.owners import STRAY, Owners
from tests.simulation.witness import Broken, need

END_MS = 1_000_000
"""From the end of the faults to the end of every task, at most; where a device is 50 times as slow as it says, longer
by the longest report clock: it may be the only one that can have the last copy."""
ASK_AGAIN_MS = 4_000
ARCHES = (0, 2_566, 4_102)
OPERATOR = "city"


class World:
    """``gateway`` can be replaced by a broken one; without ``wall`` the wall clock stands still. ``close`` it."""

    def __init__(self, seed: int, mix: Mix | None = None, gateway: type[Gateway] = Gateway, hashing: bool = False,
                 wall: bool = True) -> None:
        self.seed = seed
        self.mix = mix or mix_of(seed)
        self.clock = Clock()
        self.policy = POLICY
        self.journal = Journal()
        self.disk = Disk(Settings(site=SITE))
        self.hash = hashlib.sha256() if hashing else None
        self.tail: deque[tuple[Any, ...]] = deque(maxlen=400)
        self.broken: BaseException | None = None
        self.stages: set[str] = set()
        """Where the gateway crashed."""
        self.rng = Random(f"world/{seed}")
        self.wall_ms = 1_700_000_000_000
        self.wall_jumps = wall
        self.release = kind.RELEASES[0]
        """What is installed; it counts from the next start."""
        self.broker = Broker(self.clock, Random(f"network/{seed}"), self.mix, self._heard)
        self.devices = [self._device(number) for number in range(self.mix.devices)]
        self.by_node = {device.node: device for device in self.devices}
        self.broker.thrown_out = lambda node: self.by_node[node].thrown_out()
        self.keys = {d.node: Keys(d.name16, d.up, d.down) for d in self.devices}
        self.revoked: set[str] = set()
        self.out: set[str] = set()
        """Of these, those that the gateway has confirmed."""
        self.forgotten: set[str] = set()
        self.flooders: set[str] = set()
        self.honest_seen: list[tuple[bytes, bytes]] = []
        self._cast()
        self.owners = Owners(self)
        self.auditor = Auditor(self)
        self.requests: dict[str, tuple[str, dict[str, Any]]] = {}
        """By cid: method and parameters of what is asked until there is an answer."""
        self._asked = 0
        self.results: dict[str, bytes] = {}
        self.bodies: dict[str, tuple[str, dict[str, int]]] = {}
        """By name of a task: its kind and its input."""
        self.wheres: dict[str, str] = {}
        self._where = Random(f"where/{seed}")
        """By name of a task: where it wants to be computed."""
        self.cancel_asked: set[str] = set()
        self.cancelling = 0
        """How often it will ask for a cancellation again."""
        self.began = int(200 * self.rng.random())
        self.gateway = gateway(self, Random(f"gateway/{seed}"))
        self._plan()
        self.faults = Faults(self)

    def _device(self, number: int) -> Device:
        owner = f"owner-{number % self.mix.owners}"
        arch = ARCHES[number % len(ARCHES)]
        device = Device(self.clock, self.broker, Random(f"device/{self.seed}/{number}"), number, owner, arch,
                        self.disk.net)
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
        for device in honest[:1:-1][: mix.renumbers]:
            device.lie = again
        for device in order[::-1][: mix.plain]:
            device.plain = device not in self.steady
        for device in self.devices:
            device.refuse = mix.refuse

    def _sent(self, device: Device, seq: int, nonce: bytes, frame: bytes, answer: bytes) -> None:
        self.auditor.sent.setdefault((device.node, seq), []).append((nonce, frame))
        if device.lie is None:
            self.honest_seen[:] = [(answer, frame[74 : 106])]

    # The plan of what happens

    def _plan(self) -> None:
        mix = self.mix
        about = {"id": KEPT, "kind": kind.GOOD[0], "input": kind.input_of(1, 2, self.seed)}
        topic, payload = rpc_topic(SITE, OPERATOR, "task.submit"), json.dumps(about).encode()
        self.broker.retained[topic] = payload
        self.broker.backlog.append((topic, payload, False))   # published while nobody listened: the flag is gone
        self.clock.at(self.began, self.gateway.start)
        wanted = [{"key": device.key.hex(), "owner": device.owner} for device in self.devices]
        self.clock.at(int(400 * self.rng.random()), self.insist, "node.enrol", wanted)
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
        where = self.wheres[name] = self._where.choice(self.mix.where)
        giants = 20 if where == "auto" and self._where.random() < 0.3 else 0
        self.bodies[name] = (kind_name, kind.input_of(jobs, 2 + number % 2, self.seed * 10 + number, giants))
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

    def ask(self, method: str, cid: str, **params: Any) -> None:
        """Publishes a request once."""
        request = {**params, "reply_to": OPERATOR, "cid": cid}
        self.broker.ask(rpc_topic(SITE, OPERATOR, method), json.dumps(request).encode())

    def insist(self, method: str, nodes: list[dict[str, str]] | None = None, **params: Any) -> None:
        """Publishes a request, and again until there is an answer: the same must mean the same."""
        if nodes is not None:
            params["nodes"] = nodes
        self._asked += 1
        cid = f"{method} {self._asked}"
        self.requests[cid] = (method, params)
        self._ask_again(cid)

    def _ask_again(self, cid: str) -> None:
        if cid in self.requests:
            method, params = self.requests[cid]
            self.ask(method, cid, **params)
            self.clock.after(ASK_AGAIN_MS, self._ask_again, cid)

    def _submit(self, name: str) -> None:
        kind_name, given = self.bodies[name]
        deadline_s = 20 if self.mix.hurry and name == f"task-{self.mix.tasks - 1}" else 86_400
        about = {"id": name, "kind": kind_name, "input": given, "priority": len(name) % 2, "deadline_s": deadline_s,
                 **({"where": self.wheres[name]} if self.wheres[name] != "auto" else {})}
        self.insist("task.submit", **about)
        if self.rng.random() < 0.2:   # whichever body comes first holds the id
            self.insist("task.submit", **{**about, "input": {**given, "salt": given["salt"] + 1}})

    def _cancel(self, name: str) -> None:
        """Asks until the task is over, however that came; then, or in the same breath, for another of its name."""
        if name in self.journal.tasks:
            self.cancel_asked.add(name)
            self.ask("task.cancel", "cancel", task=name)
            if self.rng.random() < 0.3:
                self._anew(name)
        if name not in self.results:
            self.cancelling += 1
            self.clock.after(ASK_AGAIN_MS, self._cancel_again, name)
        elif self.journal.tasks[name].state == "cancelled" and self.rng.random() < 0.7:
            self._anew(name)

    def _cancel_again(self, name: str) -> None:
        self.cancelling -= 1
        self._cancel(name)

    def _anew(self, name: str) -> None:
        kind_name, given = self.bodies[name]
        self.bodies[name] = kind_name, {**given, "salt": given["salt"] + int(2 * self.rng.random())}
        self._submit(name)

    def _heard(self, topic: str, payload: bytes) -> None:
        """What the gateway publishes for people."""
        if topic == reply_topic(SITE, OPERATOR):
            self._replied(json.loads(payload))
        name = topic.split("/")[-2]
        if topic == task_topic(SITE, name, "result"):
            if not payload:
                if self.journal.tasks[name].kept.life:
                    self.results.pop(name, None)
                return
            before = self.results.setdefault(name, payload)
            if before != payload:
                raise Broken(f"invariant 2: {name} has two results")

    def _replied(self, said: dict[str, Any]) -> None:
        code = "" if said["ok"] else said["error"]["code"]
        if said["cid"] == STRAY:
            need(code == "unknown_method", 16, said, "answers what nobody may ask over the network")
        elif code in ("", "id_reused", "revoked", "owned_by"):   # what was enrolled with another reply stays so
            method, params = self.requests.pop(said["cid"], ("", {}))
            if method == "node.revoke" and not code and params["node"] not in self.owners.restored:
                self.out.add(params["node"])
        elif code not in ("busy", "unknown_task", "unknown_node", "registry"):
            raise Broken(f"a request was refused: {said}")

    # Watching

    def fail(self, error: BaseException) -> None:
        """What went wrong inside of the gateway; the first counts."""
        self.broken = self.broken or error

    def note(self, what: str, about: Any) -> None:
        self.tail.append((self.clock.now, what, about))
        if self.hash:
            self.hash.update(repr((self.clock.now, what, about)).encode())

    def trace(self, event: e.Event | None, made: Sequence[f.Effect]) -> None:
        self.tail.append((self.clock.now, event or "restore", made))
        if self.hash:
            self.hash.update(repr((self.clock.now, event, made)).encode())

    # Running

    def step(self) -> None:
        """The next that happens. Raises Broken, or what the gateway raised."""
        self.clock.step()
        if self.broken is not None:
            raise self.broken

    def run(self) -> None:
        """Until every task is over and every result judged, acknowledged and paid. Raises Broken."""
        limit = self.mix.faults_ms + END_MS + (self.policy.report_ceiling_ms if self.mix.slow else 0)
        while self.clock.now < limit and not ending.settled(self):
            for _ in range(20):
                self.clock.step()
                if self.broken is not None:
                    raise self.broken
        ending.judge(self)

    def close(self) -> None:
        """Gives back what it holds of the computer."""
        self.gateway.loop.end()
        self.gateway.loop.bury()
        self.disk.remove()

    def digest(self) -> str:
        """The hash of all that was said and done. Raises AssertionError without ``hashing``."""
        assert self.hash is not None
        return self.hash.hexdigest()


def with_faults(seed: int, **changes: Any) -> Mix:
    """The mix of a seed with some of its faults set."""
    return replace(mix_of(seed), **changes)
