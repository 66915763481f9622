"""One seed: a street, its operators, its faults, and what must be true at the end."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from dataclasses import replace
from random import Random
from typing import Any

from firmware import wire
from gateway.core import effects as f
from gateway.core import events as e
from gateway.core.intake import Keys, read
from tests.simulation import kind
from tests.simulation.auditor import Auditor, Broken
from tests.simulation.clock import Clock
from tests.simulation.devices import Device
from tests.simulation.gateway import POLICY, Gateway
from tests.simulation.journal import Journal
from tests.simulation.liars import lies_for
from tests.simulation.mix import Mix, mix_of
from tests.simulation.network import MAX_BACKLOG, SITE, Broker

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
        self.told_revoked: set[str] = set()
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
        mix, at = self.mix, self._some_time
        self.clock.at(int(200 * self.rng.random()), self.gateway.start)
        for device in self.devices:
            self.clock.at(int(3_000 * self.rng.random()), device.power_on)
        for number in range(mix.tasks):
            self._plan_task(f"task-{number}", kind.GOOD[int(2 * self.rng.random())], mix.jobs, number)
        for number in range(mix.bad_tasks):
            self._plan_task(f"bad-{number}", (kind.BROKEN, kind.FAULTY)[number % 2], 3, number)
        for _ in range(mix.cancels):
            self.clock.at(at(), self._cancel, f"task-{mix.tasks - 1}")
        faults = (
            (mix.partitions, self._partition), (mix.broker_restarts, self._broker_restart),
            (mix.reboots, self._reboot), (mix.naps, self._nap), (mix.vanish, self._vanish),
            (mix.revoked, self._revoke), (mix.boasts, self._boast), (mix.hostile, self._hostile),
            (mix.second_tries, self._second_try), (mix.crash > 0, self.gateway.kill),
            (mix.epochs, self._end_epoch), (mix.wall_jumps, self._wall_jump),
        )
        for times, fault in faults:
            for _ in range(times):
                self.clock.at(at(), fault)
        self.clock.at(mix.faults_ms, self._calm)

    def _plan_task(self, name: str, kind_name: str, jobs: int, number: int) -> None:
        self.bodies[name] = (kind_name, kind.body_of(jobs, 2 + number % 2, self.seed * 10 + number))
        self.clock.at(self._some_time() // 2, self._submit, name)

    def _some_time(self) -> int:
        return int(self.mix.faults_ms * self.rng.random())

    def _pick(self) -> Device:
        return self.devices[int(len(self.devices) * self.rng.random())]

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

    # Faults

    def _partition(self) -> None:
        device = self._pick()
        if device.connected:
            device.lose_link()
            self.clock.after(500 + int(12_000 * self.rng.random()), device.connect)

    def _broker_restart(self) -> None:
        nodes = self.broker.restart()
        if self.gateway.up:
            self.broker.subscribe(self.gateway.receive)
        for device in self.devices:
            if device.on and (device.node in nodes or device.connected):
                device.connected = False
                self.clock.after(100 + int(4_000 * self.rng.random()), device.connect)

    def _reboot(self) -> None:
        device = self._pick()
        device.power_off(killed=self.rng.random() < 0.5)
        self.clock.after(200 + int(8_000 * self.rng.random()), device.power_on)

    def _nap(self) -> None:
        device = self._pick()
        if device.connected:
            device.nap()
            self.clock.after(500 + int(6_000 * self.rng.random()), device.connect)

    def _second_try(self) -> None:
        """A device signs a result again for a lease of its own, with another answer, or for a lease of another."""
        device, records = self._pick(), list(self.journal.leases.values())
        if records and device.connected:
            record = records[int(len(records) * self.rng.random())]
            if record.kept.node != device.node or record.proof:
                device.send(record.kept.nonce, record.kept.nonce, self.rng.randbytes(16))

    def _vanish(self) -> None:
        device = self._pick()
        if device not in self.steady:
            device.power_off(killed=self.rng.random() < 0.3)
            device.gone = True

    def _revoke(self) -> None:
        device = self._pick()
        if device not in self.steady:
            self.revoked.add(device.node)
            self.gateway.offer(e.NodeRevoked(device.node))

    def _end_epoch(self) -> None:
        self.gateway.offer(e.EpochEnded())

    def _wall_jump(self) -> None:
        jump = int((self.rng.random() - 0.5) * 10**self.rng.randint(3, 12))
        self.wall_ms = max(0, self.wall_ms + jump * self.wall_jumps)

    def _boast(self) -> None:
        """A liar's birth and bid say what no board has."""
        device = self._pick()
        if device.lie is not None and device.connected:
            arch = int(65_536 * self.rng.random()) if self.rng.random() < 0.5 else device.arch
            most = 1 << 30
            self.broker.up(device.node, "birth", wire.encode_birth("?", arch, "9", most, most, device.boot, 65_536))
            self.broker.up(device.node, "bid", wire.encode_bid(1_000, most, 64, [], "solar", 200))
            device.kernels.update({kind.blob_of(name, arch): name for name in kind.KINDS})

    def _hostile(self) -> None:
        """Bytes that a device may publish on its own topics, or claims to be another's."""
        device, other = self._pick(), self._pick()
        leaf = ("result", "status", "birth", "bid", "want", "lease")[int(6 * self.rng.random())]
        frame = self._forge(device, other)
        if leaf == "result" and frame in device.outbox.values():
            return
        topic = f"lamplighter/v1/{SITE}/node/{device.node if self.rng.random() < 0.9 else 'f' * 16}/{leaf}"
        for event in read(SITE, self.keys, topic, frame):
            if type(event) not in (e.DeviceMisbehaved, e.BlobWanted):
                raise Broken(f"invariant 8: hostile bytes became {event}")
        if self.gateway.up:
            self.gateway.receive(topic, frame)

    def _forge(self, device: Device, other: Device) -> bytes:
        way = int(4 * self.rng.random())
        sent = [made for (node, _), made in self.auditor.sent.items() if node == other.node]
        if way == 0 or not sent:
            return self.rng.randbytes(int(200 * self.rng.random()))
        frame = bytearray(sent[int(len(sent) * self.rng.random())][1])
        if way == 1 and other is not device:
            return bytes(frame)                                  # another's result, as it was
        if way == 2 and other is not device:
            body = bytes(frame[:142])
            return body + device.up(body) + bytes(frame[158:])   # another's receipt with one's own MAC
        at = int(158 * self.rng.random())
        frame[at] ^= 1 << int(8 * self.rng.random())
        return bytes(frame)

    # Watching

    def note(self, what: str, about: Any) -> None:
        self.tail.append((self.clock.now, what, about))
        if self.hash:
            self.hash.update(repr((self.clock.now, what, about)).encode())

    def trace(self, handled: list[tuple[e.Event, Any, list[f.Effect]]], more: list[f.Effect]) -> None:
        for event, _, made in handled:
            self.tail.append((self.clock.now, event, made))
            if type(event) is e.NodeRevoked:
                self.told_revoked.add(event.node)
        if more:
            self.tail.append((self.clock.now, "restore", more))
        if self.hash:
            said = [(event, made) for event, _, made in handled]
            self.hash.update(repr((self.clock.now, said, more)).encode())

    # Running

    def run(self) -> None:
        """Until every task is over and every result judged, acknowledged and paid. Raises Broken."""
        limit = self.mix.faults_ms + END_MS
        while self.clock.now < limit and not self._settled():
            for _ in range(20):
                self.clock.step()
        self._judge_the_end()

    def _settled(self) -> bool:
        if self.clock.now <= self.mix.faults_ms:
            return False
        if len(self.results) < len(self.bodies) or not self.gateway.up:
            return False
        return not any(self._keeps(device) for device in self.devices)

    def _keeps(self, device: Device) -> bool:
        """Whether a device that still counts has a result that nobody acknowledged."""
        return device.on and bool(device.outbox) and device.node not in self.revoked

    def _judge_the_end(self) -> None:
        for name in self.bodies:
            if name not in self.results:
                raise Broken(f"liveness: {name} has not ended: {self._why(name)}")
            self._judge_result(name)
        for record in self.journal.leases.values():
            if record.ended == "" or (record.proof and not record.verdict):
                raise Broken(f"liveness: lease {record.kept} is '{record.ended}', judged '{record.verdict}'")
        for device in self.devices:
            if self._keeps(device):
                raise Broken(f"liveness: {device.node} keeps {list(device.outbox)} unacknowledged")
        self._settle()
        self._bounds()

    def _bounds(self) -> None:
        """What the machine still holds when all work is over stays within the bounds of the policy."""
        board, policy = self.gateway.machine.board, self.policy
        sizes = {
            "leases": (len(board.leases), policy.remembered_leases),
            "ended": (len(board.ended), policy.remembered_leases),
            "tasks": (len(board.tasks), policy.max_finished),
            "live": (len(board.live), 0),
            "restored": (len(board.restored), 0),
            "kernels": (len(board.kernels), len(board.nodes)),
            "open": (sum(len(node.open) for node in board.nodes.values()), 0),
            "backlog": (len(self.broker.backlog), MAX_BACKLOG),
        }
        for name, (held, bound) in sizes.items():
            if held > bound:
                raise Broken(f"invariant 11: {name} holds {held}, bound {bound}")

    def _judge_result(self, name: str) -> None:
        record = self.journal.tasks[name]
        if record.state == "cancelled" and name in self.cancel_asked:
            return
        if record.state == "failed":
            code = json.loads(self.results[name])["error"]["code"]
            wanted = {kind.BROKEN: "kernel_failed", kind.FAULTY: "bug"}.get(record.kept.kind, "deadline")
            if code != wanted or (wanted == "deadline" and record.kept.deadline_ms > self.clock.now):
                raise Broken(f"liveness: {name} of {record.kept.kind} failed with {code}")
            return
        kind_name, body = record.kept.kind, record.kept.body
        truth = json.loads(kind.truth_of(kind_name, body))
        given = json.loads(self.results[name])
        if not given["ok"] or (given["result"] != truth and not self.auditor.wrong_accepted):
            raise Broken(f"invariant 7: {name} ended with {given}, right is {truth}")

    def _settle(self) -> None:
        """Seals all that is left: what was paid is the sum of the prices of all that was judged ok."""
        last = self.journal.epoch
        self.gateway.offer(e.EpochEnded())
        while last not in self.journal.sealed:
            self.clock.step()
        owed = sum(r.kept.price_kop for r in self.journal.leases.values() if r.verdict == "ok")
        paid = sum(self.journal.sealed.values())
        if owed != paid or len(self.journal.sealed) != last + 1:
            raise Broken(f"invariant 3: {owed} kop are owed, {paid} were paid in {len(self.journal.sealed)} epochs")

    def _why(self, name: str) -> str:
        task = self.gateway.machine.board.tasks.get(name)
        jobs = [(job.index, job.phase.value, len(job.copies)) for job in task.jobs] if task else []
        return f"state {task and task.state} round {task and task.round}, jobs {jobs}"

    def digest(self) -> str:
        """The hash of all that was said and done. Raises AssertionError without ``hashing``."""
        assert self.hash is not None
        return self.hash.hexdigest()


def with_faults(seed: int, **changes: Any) -> Mix:
    """The mix of a seed with some of its faults set."""
    return replace(mix_of(seed), **changes)
