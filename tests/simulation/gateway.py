"""Lives of the real gateway, one after another: the shell of ``runtime`` on stand-ins for what is outside of it.

Network, clock, dice and disk are stand-ins; threads and children are an executor that does things at once. Everything
else is what runs on a Pi.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from lamplighter.gateway.adapters.registry import Device
from lamplighter.gateway.adapters.store import StoreError
from lamplighter.gateway.api.guard import Guard
from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import events as e
from lamplighter.gateway.core.machine import Machine
from lamplighter.gateway.core.policy import Policy
from lamplighter.gateway.devicebuild.interpreter import Runtime
from lamplighter.gateway.ledger.leaves import Seal
from lamplighter.gateway.runtime.child import pack, unpack
from lamplighter.gateway.runtime.errands import Errands
from lamplighter.gateway.runtime.lanes import NoKinds, WorkerDied, open_lanes
from lamplighter.gateway.runtime.settings import Settings
from lamplighter.gateway.runtime.shell import Clock, Outside, Shell
from lamplighter.gateway.runtime.stores import Stores
from lamplighter.gateway.runtime.workshop import Workshop
from tests.simulation import kind
from tests.simulation.loop import Crash, Loop
from tests.simulation.network import SITE
from tests.simulation.witness import Broken, need

if TYPE_CHECKING:
    from tests.simulation.world import World

POLICY = Policy(quarantine_ms=20_000, return_ms=25_000, spans_per_node=1, max_finished=8, remembered_leases=48,
                lease_us=2_000, here_ms=5, max_here=2)
"""A lease costs as much as one of the jobs, about."""
SELDOM = {"forget": 10}
"""Writes of which there are few: how much likelier a crash is there."""


@dataclass(slots=True)
class Message:
    """What the broker hands over."""

    topic: str
    payload: bytes
    retain: bool
    number: int
    properties: bytes = b""


class Link:
    """The connection of one life to the broker: what was not acknowledged may come again to the next."""

    def __init__(self, gateway: Gateway, loop: Loop) -> None:
        self._gateway, self._loop = gateway, loop
        self.open: dict[int, Message] = {}

    def publish(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False,
                correlation: bytes = b"") -> bool:
        if not self._loop.dead:
            self._gateway.leaving()
            self._gateway.broker.publish(topic, payload, qos)
        return True

    def acknowledge(self, message: Message) -> None:
        self.open.pop(message.number, None)

    def holds(self) -> dict[str, tuple[int, int]]:
        return {}


class Computer:
    """Recomputes in virtual time: other work may be before it."""

    runtime = Runtime.CPYTHON

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    async def run(self, kernel: bytes, contexts: Sequence[bytes], inputs: Sequence[bytes]) -> bytes | None:
        name = kind.KERNEL_OF[kernel]
        work_s = sum(given[1] for given in inputs) / 20_000
        await asyncio.sleep((5 if self._rng.random() < 0.8 else 3_000) / 1_000 + work_s)
        if name == kind.BROKEN:
            return None
        return b"".join(kind.answer_of(name, given, kind.size_of(given)) for given in inputs)


class Worker:
    """One life of a worker, without a process: it may end at any request, before or after that is done, or be told to
    leave off. Nobody ends workers over one thing three times in a row: that thing would be to blame."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway, self._release = gateway, gateway.world.release
        self._workshop = Workshop(kind.kinds_of(self._release))

    def ask(self, request: bytes) -> bytes:
        head = unpack(request[4:]).head
        if head["do"] == "start":
            self._gateway.solves[head["task"]] = self._release
        fault = self._gateway.ends_a_worker(head["do"], request)
        if fault == "early":
            raise WorkerDied
        answer = self._workshop.answer(request[4:])
        if fault == "late":
            raise WorkerDied
        if fault == "called off":
            self._workshop.answer(pack({"do": "stop", "task": head.get("task", "")})[4:])
            answer = pack({"is": "stopped"})
        return answer[4:]

    def interrupt(self) -> None:
        """Whatever it does takes no time here."""

    def kill(self) -> None:
        """It is not asked again."""


class Gateway:
    """``start`` and ``kill``; what survives a life is on the world's disk."""

    def __init__(self, world: World, rng: Random) -> None:
        self.world, self.clock, self.broker, self.rng = world, world.clock, world.broker, rng
        self.settings = Settings(data=world.disk.path, site=SITE, name="gw1", epoch_s=1 << 30, policy=POLICY)
        self.life = self.lost_ms = self._computer = self._clocked = self._switched_on = self._base = 0
        self._numbers = 0
        self._crash_at = -1
        self.release = world.release
        """What this life has found installed."""
        self.solves: dict[str, kind.Release] = {}
        """What the worker has found installed that began a task last."""
        self._ended: dict[bytes, int] = {}
        """By request: over which workers ended, and how often in a row."""
        self.up = self.open = self.calm = False
        """``open``: whether it serves those at its own computer."""
        self.loop = Loop(self.clock, rng, world.fail)
        self.link = Link(self, self.loop)
        self.stores: Stores
        self.shell: Shell

    @property
    def machine(self) -> Machine:
        return self.shell.machine

    # Life and death

    def start(self) -> None:
        """Opens the stores, restores the core, goes on where it was. May crash on the way, as anywhere."""
        if self.up:
            return
        self.life += 1
        self.up = True
        self._crash_at = -1
        if self.life == 1 or self.rng.random() < 0.5:   # the computer was switched off and on
            self._computer, self._switched_on = self.life, self.clock.now
            self.world.disk.cut_power(eager=self.life % 2 == 0)
        if self.life % 3 == 2:
            self._lose_the_registry()
        self.world.auditor.restarted()
        self.loop = Loop(self.clock, self.rng, self.world.fail)
        self.loop.call_soon(lambda: self.loop.create_task(self._live(self.loop)))

    def _lose_the_registry(self) -> None:
        """An old copy of it is all there is: the log knows who is revoked, and somebody enrols the others again."""
        world = self.world
        others = [device.node for device in world.devices if device not in world.steady and self.rng.random() < 0.2]
        for node in sorted({*world.revoked, *others} - world.forgotten - world.owners.restoring):
            if node in world.out and self.rng.random() < 0.75:
                world.disk.pardon(node)
                continue
            if not world.disk.forget(node):
                continue
            if node in world.revoked:
                world.forgotten.add(node)
            else:
                owner = world.owners.of(node, world.journal.epoch)
                world.insist("node.enrol", [{"key": world.by_node[node].key.hex(), "owner": owner}])

    async def _live(self, loop: Loop) -> None:
        try:
            await self._serve()
        except (StoreError, NoKinds, OSError) as error:
            if "is damaged" in str(error):
                self.world.fail(Broken(f"invariant 12: {error}"))
            self.die()   # what a service manager does then is start it again
        except Crash:
            assert loop.dead
        except Exception as error:
            self.world.fail(error)

    async def _serve(self) -> None:
        clock = Clock(lambda: self.clock.now - self._switched_on, lambda: self.world.wall_ms, str(self._computer))
        self.release = self.world.release
        self.stores = stores = self.world.disk.open(self.life, self)
        self.link = Link(self, self.loop)
        self.broker.accounts = {device.node for device in stores.registry.devices() if not device.revoked}
        lanes = open_lanes(lambda: Worker(self), 1.0)
        compiler = kind.compiler_of(self.release)
        outside = Outside(self.link, self.broker, Computer(self.rng), compiler, clock, Errands(), lanes, Guard())
        self.shell = Shell(self.settings, stores, kind.infos_of(self.release), outside)
        self.shell.pump.worth = 1   # fewer devices than a street has: it hardly ever hears many of them at once
        self._check_the_clock()
        self._watch(self.shell)
        await self.shell.begin()
        self.open = True
        self.broker.subscribe(self.receive)
        self.shell.connected()
        self.world.faults.started()
        await self.shell.run()

    def _check_the_clock(self) -> None:
        """The core's clock goes on while the computer runs, and from where it was kept when that was off."""
        if self._computer != self._clocked:
            self._clocked, before = self._computer, self._base
            self._base = self.clock.now - self.world.journal.clock_ms
            self.lost_ms += max(0, self._base - before) if self.life > 1 else 0
        off = self.shell.now_ms() - (self.clock.now - self._base)
        self._audited(need, not off, 10, self.life, f"starts with its clock {off} ms off")

    def _watch(self, shell: Shell) -> None:
        """The auditor hears of every event, every row and every effect of this life, before it counts."""
        handle, restore, release = shell.machine.handle, shell.machine.restore, shell._carriers.release
        audited, world, check = self._audited, self.world, self.world.auditor.handled

        def handled(event: e.Event, now_ms: int) -> list[f.Effect]:
            made = handle(event, now_ms)
            try:
                check(event, made)
            except Broken as broken:
                self._found(broken)
            return made

        def restored(*given: Any) -> list[f.Effect]:
            made = restore(*given)
            audited(world.auditor.handled, None, made)
            return made

        def released(effects: Sequence[f.Outward]) -> None:
            audited(world.auditor.released, effects)
            release(effects)

        shell.machine.handle, shell.machine.restore = handled, restored   # type: ignore[method-assign]
        shell._carriers.release = released   # type: ignore[method-assign]

    def _audited(self, check: Any, *given: Any) -> None:
        """What an auditor finds must not be taken for an error of the gateway's, which handles those."""
        try:
            check(*given)
        except Broken as broken:
            self._found(broken)

    def _found(self, broken: Broken) -> None:
        self.world.fail(broken)
        self.die()
        raise Crash from None

    def die(self) -> None:
        """Nothing of this life happens any more."""
        self.up = self.open = False
        self.loop.end()
        waiting = [(message.topic, message.payload, message.retain) for message in self.link.open.values()]
        self.link.open.clear()
        self.broker.leave(waiting)
        self.world.note("crash", self.life)
        self.clock.after(50 + int(3_000 * self.rng.random()), self.start)

    def kill(self) -> None:
        """kill -9 between two batches."""
        if self.up:
            self.die()

    # In

    def receive(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """The broker hands over a message: the loop takes it in its turn."""
        if self.up:
            self._numbers += 1
            message = self.link.open[self._numbers] = Message(topic, payload, retain, self._numbers)
            self.loop.call_soon(self.shell.inbox.take, message)

    def reconnect(self) -> None:
        """The broker has lost its sessions."""
        if self.up and self.broker.gateway is not None:
            self.link.open.clear()
            self.loop.call_soon(self.shell.disconnected)
            self.broker.subscribe(self.receive)
            self.loop.call_soon(self.shell.connected)

    def ends_a_worker(self, what: str, request: bytes) -> str:
        """What becomes of a worker over this request: '' for nothing."""
        share = self.world.mix.worker_ends if what != "kinds" else 0.0
        if self.calm or not share or self.rng.random() >= share or self._ended.get(request, 0) == 2:
            self._ended.pop(request, None)
            return ""
        self._ended[request] = self._ended.get(request, 0) + 1
        return ("early", "late", "called off")[int(3 * self.rng.random())]

    # What the disk tells

    def keeping(self, effects: Sequence[f.Durable]) -> None:
        """The auditor looks at each row before it is applied to its own copy."""
        look, apply = self.world.auditor.keeping, self.world.journal.apply
        try:
            for effect in effects:
                look(effect)
                apply(effect)
        except Broken as broken:
            self._found(broken)

    def kept(self) -> None:
        self._audited(self.world.auditor.committed)

    def sealing(self, epoch: int) -> None:
        self._audited(self.world.auditor.paying, epoch)

    def sealed(self, seal: Seal) -> None:
        self._audited(self.world.auditor.paid, seal)

    def forgetting(self, epoch: int) -> None:
        self._audited(self.world.auditor.forgotten, epoch)

    def owning(self, devices: Sequence[Device]) -> None:
        self._audited(self.world.owners.written, devices)

    def writing(self, what: str) -> None:
        """A store is about to write, or has written."""
        mix = self.world.mix
        if self.calm:
            return
        if what == "commit" and mix.write_error and self.rng.random() < mix.write_error:
            raise StoreError("the disk is full")
        share = mix.crash * SELDOM.get(what, 1)
        if share and self.rng.random() < share:
            self.world.stages.add(what)
            self.die()
            raise Crash
        if what == "committed" and mix.crash and self.rng.random() < mix.crash:
            self._crash_at = int(4 * self.rng.random())   # after so many messages

    def leaving(self) -> None:
        """A message leaves."""
        if self._crash_at == 0 and not self.calm:
            self.world.stages.add("leaving")
            self.die()
            raise Crash
        self._crash_at -= 1
