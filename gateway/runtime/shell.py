"""One gateway without its sockets and children: how core, stores and carriers hang together.

``app`` gives it the real broker, clock and disk; the simulator of the tests gives it stand-ins and runs this same
code in virtual time.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

from lamplighter.firmware.wire import CHUNK_BYTES
from lamplighter.gateway.api import requests, rpc
from lamplighter.gateway.api.bounds import bounds
from lamplighter.gateway.api.budget import Budgets
from lamplighter.gateway.api.guard import Guard
from lamplighter.gateway.api.requests import Ref
from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import events as e
from lamplighter.gateway.core.machine import Machine
from lamplighter.gateway.core.spans import items_of
from lamplighter.gateway.core.whynot import SPANS
from lamplighter.gateway.devicebuild.interpreter import Runtime
from lamplighter.gateway.protocol.verdicts import Verdict
from lamplighter.gateway.runtime.announcer import Announcer
from lamplighter.gateway.runtime.blobs import Blobs, Compile
from lamplighter.gateway.runtime.carriers import Carriers
from lamplighter.gateway.runtime.enrolment import Accounts, Enrolment
from lamplighter.gateway.runtime.errands import Errands
from lamplighter.gateway.runtime.files import Files
from lamplighter.gateway.runtime.gate import Gate
from lamplighter.gateway.runtime.inbox import Inbox, mark_topic
from lamplighter.gateway.runtime.kinds import KindInfo
from lamplighter.gateway.runtime.lanes import Lanes
from lamplighter.gateway.runtime.outbox import Outbox
from lamplighter.gateway.runtime.pump import Pump
from lamplighter.gateway.runtime.sealing import Sealing
from lamplighter.gateway.runtime.settings import Settings
from lamplighter.gateway.runtime.solvers import Solvers
from lamplighter.gateway.runtime.stores import Stores

MARK_S = 5.0
"""As long may the mark of the inbox take to come back."""


class Link(Protocol):
    """The connection to the broker."""

    def publish(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False,
                correlation: bytes = b"") -> object:
        """Queues a message; ``correlation`` goes with it in MQTT 5."""

    def acknowledge(self, message: Any) -> None:
        """Tells the broker that ``message`` may be forgotten."""

    def holds(self) -> dict[str, tuple[int, int]]:
        """(how many, at most) ``messages_in`` and ``messages_out`` it holds."""


class Computer(Protocol):
    """Runs jobs for the gateway itself."""

    @property
    def runtime(self) -> Runtime:
        """What runs it."""

    async def run(self, kernel: bytes, contexts: Sequence[bytes], inputs: Sequence[bytes]) -> bytes | None:
        """The answers of a kernel, given as its source, one after the other; None when it cannot give one."""


class Clock(NamedTuple):
    """``monotonic_ms`` rises while ``computer``, a start of the machine, runs; ``wall_ms`` is since 1970."""

    monotonic_ms: Callable[[], int]
    wall_ms: Callable[[], int]
    computer: str


class Outside(NamedTuple):
    """What a gateway cannot have by itself."""

    link: Link
    accounts: Accounts
    computer: Computer
    compile_for: Compile
    clock: Clock
    errands: Errands
    lanes: Lanes
    guard: Guard


class Shell:
    """``begin``, then ``run``. Its parts can be read by whoever shows what goes on."""

    def __init__(self, settings: Settings, stores: Stores, kinds: dict[str, KindInfo], outside: Outside) -> None:
        self._settings, self._stores, self._outside = settings, stores, outside
        site, clock, journal = settings.site, outside.clock, stores.journal
        ahead_ms = journal.ahead_ms(clock.computer, clock.monotonic_ms())
        self.now_ms: Callable[[], int] = lambda: clock.monotonic_ms() + ahead_ms
        self.solvers = Solvers(kinds, outside.lanes, lambda event: self.pump.put(event), outside.errands.fail)
        facts = {name: kind.facts for name, kind in kinds.items()}
        self.machine = Machine(settings.policy, stores.registry.gateway.secret, facts, stores.boot,
                               stores.public.net, outside.computer.runtime is Runtime.MACHINE_CODE)
        self.pump = Pump(self.machine, journal.commit, lambda effects: self._carriers.release(effects), self.now_ms,
                         settings.policy.window_ms)
        self.sealing = Sealing(journal, stores.public, stores.registry.moves)
        self.enrolment = Enrolment(stores.registry, self.sealing, outside.accounts, self.pump.told, clock.wall_ms)
        self.counters: Counter[str] = Counter()
        """What is counted outside of the core, by name."""
        self.announcer = Announcer(site, settings.name, stores.boot, outside.link.publish,
                                   settings.max_request, clock.wall_ms, self.counters)
        self.blobs = Blobs(site, self.solvers, outside.compile_for, self._takes_blob, self._instruction_sets,
                           self.pump.put)
        self.files = Files(site, self.solvers.files, outside.link.publish,
                           min(settings.max_file, settings.max_request), outside.errands.send, self.counters)
        self._outbox = Outbox(site, self.enrolment.keys, self._takes)
        self.budgets = Budgets(self.now_ms, self.counters)
        about = {"site": site, "net": stores.public.net.hex()}
        self._server = server = rpc.RpcServer(self.machine.state, self.solvers, self.enrolment, outside.guard,
                                              settings.max_request, about, self.pump.told, self.announcer.answer,
                                              self.means, clock.wall_ms, self.budgets)
        self._gate = Gate(self.enrolment.keys.__contains__, self._mute, self.now_ms)
        mark = mark_topic(site, settings.name), b"%d" % stores.boot
        self.inbox = Inbox(site, mark, self.enrolment.keys, self._gate, self.pump, partial(rpc.receive, server),
                           outside.link.acknowledge, outside.guard, self.counters)
        self._carriers = Carriers(self._table(), self._flush)

    async def begin(self) -> None:
        """Before anything is heard: the log is brought up to date, the core is where it was, its effects are out.

        Raises what stores raise.
        """
        await self.sealing.seal_overdue()
        events = await self.enrolment.begin()
        snapshot = self._stores.journal.load(self._settings.policy.remembered_leases)
        await self.pump.restore([self.sealing.log_read(), *events], snapshot)

    async def run(self) -> None:
        """Until cancelled. Raises what it cannot go on after."""
        loop = asyncio.get_running_loop()
        pump, epochs = loop.create_task(self.pump.run()), loop.create_task(self._epochs())
        try:
            await asyncio.wait({self._outside.errands.failed, pump}, return_when=asyncio.FIRST_COMPLETED)
            for ended in (self._outside.errands.failed, pump):
                if ended.done():
                    ended.result()
        finally:
            pump.cancel()
            epochs.cancel()

    def connected(self) -> None:
        """Says what gateway this is, at each connection to the broker."""
        self.pump.put(e.BrokerFound())
        self.announcer.gateway("online")
        self.announcer.about(self._stores.public.net, self._settings.epoch_s, self._settings.max_request,
                             self.solvers.kinds)
        if self.inbox.waits:
            self._outside.link.publish(*self.inbox.mark)
            asyncio.get_running_loop().call_later(MARK_S, self.inbox.go_on)   # where rules forbid us that topic

    def means(self) -> dict[str, Any]:
        """For ``health``: how much is held of what is bounded, and as what the gateway itself runs kernels."""
        held = bounds(self.machine.state, Counter(asked.user for asked in self._server.waiting),
                      {**self.files.holds(), **self.inbox.holds(), **self._outside.link.holds()})
        return {"bounds": held, "recomputes_as": self._outside.computer.runtime.value, **self.sealing.view()}

    def disconnected(self) -> None:
        """The broker is away."""
        self.pump.put(e.BrokerLost())

    def serve(self, method: str, payload: bytes, back: Callable[[bytes], None]) -> None:
        """A request through the door of the data folder; ``back`` takes the answer."""
        rpc.receive(self._server, requests.DOOR, method, payload, lambda: None, back=back)

    def close(self) -> None:
        """Ends what was begun; nothing that is durable is lost by it."""
        self._outside.errands.close()
        self.solvers.close()

    async def _epochs(self) -> None:
        while True:
            await asyncio.sleep(self._settings.epoch_s)
            self.pump.put(e.EpochEnded())

    # Who carries out which effect.

    def _table(self) -> dict[type, Callable[[Any], object]]:
        later = self._errand
        return {
            f.SendLease: self._send_lease,
            f.SendCancel: self._outbox.cancel,
            f.SendAck: self._send_ack,
            f.SendFloor: self._outbox.floor,
            f.SendChunk: self._send_chunk,
            f.StartSolver: self.solvers.start,
            f.AdvanceSolver: self.solvers.advance,
            f.GiveUp: self.solvers.give_up,
            f.StopSolver: lambda effect: self.solvers.stop(effect.task),
            f.CheckAnswer: self.solvers.check,
            f.RecallRound: later(self._recall),
            f.FindWork: later(self._find_work),
            f.Recompute: later(self._recompute),
            f.CompileKernels: later(self.blobs.compile),
            f.Reply: self.announcer.reply,
            f.PublishStatus: self.announcer.status,
            f.PublishEvent: self.announcer.event,
            f.PublishResult: self._publish_result,
            f.SealEpoch: later(self._seal),
        }

    def _errand(self, work: Callable[[Any], Any]) -> Callable[[Any], None]:
        return lambda effect: self._outside.errands.send(work(effect))

    def _send_lease(self, effect: f.SendLease) -> None:
        self._gate.lease(effect.node)
        self._outbox.lease(effect)

    def _send_ack(self, effect: f.SendAck) -> None:
        if effect.verdict in (Verdict.LEASE_UNKNOWN, Verdict.DUPLICATE):
            self._gate.vain(effect.node)
        self._outbox.ack(effect)

    def _publish_result(self, effect: f.PublishResult) -> None:
        self.announcer.result(effect)
        self.files.result(effect.task, effect.result)

    def _flush(self) -> None:
        for topic, payload in self._outbox.messages():
            self._outside.link.publish(topic, payload, 0)   # what is lost is said again, by either side

    def _instruction_sets(self) -> set[int]:
        return self.machine.state.compiling | self.machine.state.kernels.keys()

    def _mute(self, node: str, for_ms: int) -> None:
        self.pump.put(e.NodeMuted(node, for_ms))

    def _takes(self, node: str) -> int:
        return self.machine.state.nodes[node].message

    def _takes_blob(self, node: str) -> int:
        """In one message. Firmware that knows no spans knows chunks of a kilobyte only."""
        takes = self._takes(node)
        return takes if SPANS in self.machine.state.nodes[node].can else min(takes, CHUNK_BYTES + 1_024)

    def _send_chunk(self, effect: f.SendChunk) -> None:
        message = self.blobs.chunk(effect)
        if message is not None:
            self._outside.link.publish(*message, 0)

    async def _recall(self, effect: f.RecallRound) -> None:
        known = await asyncio.to_thread(self._stores.journal.recall, effect.task, effect.round, effect.jobs,
                                        effect.leases)
        if known is not None:
            self.pump.put(known)

    async def _find_work(self, effect: f.FindWork) -> None:
        places = await asyncio.to_thread(self._stores.journal.work_of, effect.node)
        self.pump.put(e.WorkFound(tuple(places)))

    async def _recompute(self, effect: f.Recompute) -> None:
        contexts = [context for name in effect.job.contexts if (context := self.solvers.context(name)) is not None]
        if len(contexts) < len(effect.job.contexts):
            return   # the task is over, or will ask again when it has come there
        kernel = self.solvers.kinds[effect.kind].kernel.encode()
        inputs = [job.input for job in items_of(effect.job)]
        whole = await self._outside.computer.run(kernel, contexts, inputs)
        self.pump.put(e.Recomputed(effect.task, effect.round, effect.index, effect.run, whole))

    async def _seal(self, effect: f.SealEpoch) -> None:
        public = self._stores.public
        done = await self.sealing.seal_overdue()
        await self.pump.told([self.sealing.sealed(done)])
        for seal in done.seals:
            self.announcer.sealed(seal, public)
        await self.enrolment.look()
        if isinstance(effect.ref, Ref):
            told = {"epoch": effect.epoch, "sealed": [seal._asdict() for seal in done.seals], "size": public.size,
                    "root": public.root.hex()}
            self.announcer.answer(effect.ref, told, None)
