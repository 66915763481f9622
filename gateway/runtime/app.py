"""The composition root: the one file that knows both the core's state and the adapters' sockets.

Bytes come in at an adapter, ``intake`` makes events of them, the pump takes these through the core and
commits what must be durable, and the table in ``_App`` says which adapter carries out each other effect.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import chain
from typing import Any

from lamplighter.firmware.mac import Mac, derive
from lamplighter.firmware.wire import CHUNK_BYTES, MAX_CHUNK, blob_name, node_topic, root
from lamplighter.gateway import __version__
from lamplighter.gateway.adapters import http
from lamplighter.gateway.adapters.accounts import PasswordFiles
from lamplighter.gateway.adapters.broker import BrokerError, EmbeddedBroker
from lamplighter.gateway.adapters.clock import machine, monotonic_ms, next_boot
from lamplighter.gateway.adapters.mqtt import BrokerUrl, LinkError, Message, MqttLink, Publication
from lamplighter.gateway.adapters.registry import Device, Registry, RegistryError
from lamplighter.gateway.adapters.store import Store, StoreError
from lamplighter.gateway.adapters.systemd import notify, watchdog_s
from lamplighter.gateway.api import rpc
from lamplighter.gateway.api.requests import RequestError, as_dict, refusal, response
from lamplighter.gateway.api.rpc import Ref
from lamplighter.gateway.api.window import Window
from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import events as e
from lamplighter.gateway.core.intake import Keys, read
from lamplighter.gateway.core.machine import Machine
from lamplighter.gateway.devicebuild.compiler import CompileError, compile_for
from lamplighter.gateway.devicebuild.kernels import kernel_source
from lamplighter.gateway.ledger.leaves import LedgerError
from lamplighter.gateway.protocol.frames import (
    encode_chunk,
    epoch_topic,
    gateway_topic,
    reply_topic,
    rpc_topic,
    task_topic,
)
from lamplighter.gateway.publiclog.writer import PublicLog
from lamplighter.gateway.runtime import outbox
from lamplighter.gateway.runtime.pump import Pump
from lamplighter.gateway.runtime.recompute import Recomputer
from lamplighter.gateway.runtime.settings import Settings
from lamplighter.gateway.runtime.solvers import Solvers
from lamplighter.tasks.registry import load_kinds

log = logging.getLogger("lamplighter")

StartError = (BrokerError, LinkError, RegistryError, StoreError, LedgerError, OSError)
"""What can keep a gateway from starting or going on; each says in one sentence why and what to do."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a running gateway is reached; ``operator`` is a broker URL with an operator's password."""

    broker: str
    operator: str
    page: str


async def serve(settings: Settings, ready: Callable[[Address], None]) -> None:
    """Runs a gateway until cancelled. Raises one of ``StartError``, also later, when the journal fails."""
    async with AsyncExitStack() as stack:
        app = await _App.start(settings, stack)
        _rest_the_collector()
        ready(app.address)
        failed = asyncio.create_task(app.failed.wait())
        pump = asyncio.create_task(app.pump.run())
        epochs = asyncio.create_task(_every(settings.epoch_s, lambda: app.pump.put(e.EpochEnded())))
        stack.callback(failed.cancel)
        stack.callback(epochs.cancel)
        if period_s := watchdog_s():
            stack.callback(asyncio.create_task(_every(period_s, lambda: notify("WATCHDOG=1"))).cancel)
        notify("READY=1")
        try:
            await asyncio.wait({failed, pump}, return_when=asyncio.FIRST_COMPLETED)
            if failed.done():
                raise BrokerError(app.failure)
            pump.result()
        finally:
            notify("STOPPING=1")
            pump.cancel()


def _rest_the_collector() -> None:
    """What was loaded stays, and a full collection comes rarely: with a round of thousands of jobs in memory one
    takes over 100 ms, in which nothing else happens."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


async def _every(period_s: float, act: Callable[[], object]) -> None:
    while True:
        await asyncio.sleep(period_s)
        act()


class _App:
    """The adapters of one gateway, and the table from effect to adapter."""

    def __init__(self, settings: Settings, store: Store, registry: Registry, public: PublicLog, boot: int) -> None:
        self.settings, self.store, self.registry, self.public, self.boot = settings, store, registry, public, boot
        self.doors: EmbeddedBroker | PasswordFiles
        self.link: MqttLink
        self.address = Address("", "", "")
        self.failed = asyncio.Event()
        self.failure = ""
        self.keys: dict[str, Keys] = {}
        self.blobs: dict[bytes, bytes] = {}
        self.recomputer = Recomputer()
        self.ledger = asyncio.Lock()
        self.solvers = Solvers(load_kinds(), lambda event: self.pump.put(event))
        self.machine = Machine(settings.policy, registry.gateway.secret, self.solvers.check, boot)
        self.board = self.machine.board
        ahead_ms = store.ahead_ms(machine(), monotonic_ms())
        self.now_ms: Callable[[], int] = lambda: monotonic_ms() + ahead_ms
        self.pump = Pump(self.machine, store.commit, self.release, self.now_ms)
        self.work: set[asyncio.Task[None]] = set()
        self.desk = rpc.Desk(self.board, self.solvers, self.pump.put, self.enrol, self.revoke, self.answer)
        self._table: dict[type, Callable[[Any], object]] = {
            f.SendChunk: self._send_chunk,
            f.StartSolver: self.solvers.start,
            f.AdvanceSolver: self.solvers.advance,
            f.GiveUp: self.solvers.give_up,
            f.StopSolver: lambda effect: self.solvers.stop(effect.task),
            f.RecallRound: lambda effect: self._spawn(self._recall(effect)),
            f.FindWork: lambda effect: self._spawn(self._find_work(effect.node)),
            f.Recompute: lambda effect: self._spawn(self._recompute(effect)),
            f.CompileKernels: lambda effect: self._spawn(self._compile(effect.arch)),
            f.Reply: self._reply,
            f.PublishStatus: self._publish_status,
            f.PublishEvent: self._publish_event,
            f.PublishResult: lambda effect: self._publish(effect.task, "result", effect.result, True),
            f.SealEpoch: lambda effect: self._spawn(self._seal(effect)),
        }

    @classmethod
    async def start(cls, settings: Settings, stack: AsyncExitStack) -> _App:
        """Opens the stores, then the broker, then the doors: nothing is heard before the state is whole."""
        store = Store.open(settings.data / "journal.db")
        stack.callback(store.close)
        registry = Registry.open(settings.data)
        stack.callback(registry.close)
        public_folder = settings.public or settings.data / "public"
        public = await asyncio.to_thread(PublicLog.open, public_folder, settings.data / "log.key", settings.site)
        app = cls(settings, store, registry, public, next_boot(settings.data / "boot"))
        stack.callback(app.solvers.close)
        stack.callback(app.recomputer.close)
        stack.callback(lambda: [task.cancel() for task in app.work])   # else they would ask it for a new child
        app.register(registry.devices())
        app.know(registry.devices())
        broker = await app._open_broker(stack)
        app.link = MqttLink(
            broker, registry.gateway.client_id(settings.name), on_message=app._heard, on_up=app._up,
            on_down=lambda reason: log.warning("broker lost: %s", reason), subscriptions=app._subscriptions(),
            will=Publication(app._gateway_topic("status"), app._status("offline"), 1, True),
            persistent=bool(settings.broker))   # the embedded one ends with the gateway and keeps nothing for it
        effects = app.machine.restore(store.load(settings.policy.remembered_leases), app.now_ms())
        await app.seal_overdue()
        await app.link.start()
        stack.push_async_callback(app.link.stop)
        stack.callback(lambda: app.link.publish(app._gateway_topic("status"), app._status("offline"), 1, True))
        window = Window(app.board, app.link, app.pump, public, settings.site, app.boot)
        runner, page = await http.start(window, settings.http_host, settings.http_port, public_folder)
        stack.push_async_callback(runner.cleanup)
        operator = registry.operators()[0]
        app.address = Address(str(broker), _with_login(broker, operator.user, operator.password), page)
        await app.pump.settle(effects)
        return app

    async def _open_broker(self, stack: AsyncExitStack) -> BrokerUrl:
        """The broker to use, signed in as the gateway: the given one, or the embedded child."""
        settings, registry = self.settings, self.registry
        if not registry.operators():
            registry.add_operator("operator")
        accounts = registry.accounts(settings.name)
        if settings.broker:
            given = BrokerUrl.parse(settings.broker)
            self.doors = PasswordFiles(settings.data / "mosquitto", accounts)
            await self.doors.change_accounts()
            return given if given.user else given.signed_in(accounts[0].user, accounts[0].password)
        self.doors = EmbeddedBroker(settings.data / "broker", settings.site, accounts,
                                    port=settings.mqtt_port, on_failure=self._fail)
        await stack.enter_async_context(self.doors)
        return self.doors.url.signed_in(accounts[0].user, accounts[0].password)

    def _fail(self, sentence: str) -> None:
        self.failure = sentence
        self.failed.set()

    # Devices: who may talk, and with which keys.

    def know(self, devices: list[Device]) -> None:
        """Makes enrolled devices known to intake and core."""
        for device in devices:
            self.board_event(e.NodeEnrolled(device.node, device.name, device.owner))
            if device.revoked:
                self.board_event(e.NodeRevoked(device.node))
            else:
                self.keys[device.node] = Keys(device.name, Mac(derive(device.key, b"up")),
                                              Mac(derive(device.key, b"down")))

    def register(self, devices: list[Device]) -> None:
        """Writes into the log who is paid for these devices."""
        self.public.register_all([(device.name, device.owner) for device in devices])

    def board_event(self, event: e.Event) -> None:
        """An event whose effects are none: enrolments at start."""
        self.machine.handle(event, self.now_ms())

    async def enrol(self, pairs: list[tuple[bytes, str]]) -> dict[str, Any]:
        """Registry, log and broker accounts; returns what a device must be told of this gateway."""
        owners: dict[str, list[bytes]] = {}
        for key, owner in pairs:
            owners.setdefault(owner, []).append(key)
        devices: list[Device] = []
        for owner, keys in owners.items():
            try:
                devices += await asyncio.to_thread(self.registry.enrol, keys, owner, time.time_ns() // 1_000_000)
            except RegistryError as error:
                raise RequestError("registry", str(error)) from None
        async with self.ledger:
            await asyncio.to_thread(self.register, devices)
        self.know(devices)
        await self.doors.change_accounts(add=[device.account for device in devices])
        return {"site": self.settings.site, "net": self.public.net.hex()}

    async def revoke(self, node: str) -> None:
        await asyncio.to_thread(self.registry.revoke, node)
        self.keys.pop(node, None)
        await self.doors.change_accounts(remove=[node])

    # In: messages of the broker.

    def _subscriptions(self) -> list[tuple[str, int]]:
        nodes = root(self.settings.site) + "/node/+/"
        return [(nodes + "status", 1), (nodes + "birth", 1), (nodes + "bid", 0), (nodes + "result", 1),
                (nodes + "want", 1), (rpc_topic(self.settings.site, "+"), 1)]

    def _up(self) -> None:
        self.link.publish(self._gateway_topic("status"), self._status("online"), 1, True)
        kinds = {name: {"version": kind.version, "title": kind.title} for name, kind in self.solvers.kinds.items()}
        about = {"v": 1, "version": __version__, "net": self.public.net.hex(), "epoch_s": self.settings.epoch_s,
                 "kinds": kinds}
        self.link.publish(self._gateway_topic("info"), json.dumps(about).encode(), 1, True)

    def _heard(self, message: Message) -> None:
        methods = rpc_topic(self.settings.site, "")
        if message.topic.startswith(methods):
            rpc.receive(self.desk, message.topic[len(methods):], message.payload)
            self.link.acknowledge(message)
            return
        events = read(self.settings.site, self.keys, message.topic, message.payload)
        for event in events[:-1]:
            self.pump.put(event)
        self.pump.put(events[-1], lambda: self.link.acknowledge(message))

    # Out: the table from effect to adapter.

    def release(self, effects: list[f.Effect]) -> None:
        """Carries out what the core asked for, after the commit. Messages to one device leave together."""
        takes = {effect.node: self.board.nodes[effect.node].message for effect in effects
                 if isinstance(effect, f.SendLease | f.SendCancel)}
        for topic, payload in outbox.messages(self.settings.site, self.keys, takes, effects):
            self.link.publish(topic, payload)
        for effect in effects:
            act = self._table.get(type(effect))
            if act is not None:
                act(effect)

    def _send_chunk(self, effect: f.SendChunk) -> None:
        data = self.blobs.get(effect.name) or self.solvers.context(effect.name) or b""
        takes = self.board.nodes[effect.node].message - CHUNK_BYTES
        part = data[effect.offset:effect.offset + min(MAX_CHUNK, takes)] if takes > 0 else b""
        if part:
            topic = node_topic(self.settings.site, effect.node, "blob")
            self.link.publish(topic, encode_chunk(effect.name, len(data), effect.offset, part))

    async def _compile(self, arch: int) -> None:
        """Every kind's kernel for one instruction set; a board that takes none of them gets no work."""
        made = {}
        for kind in self.solvers.kinds.values():
            try:
                blob = await asyncio.to_thread(compile_for, kernel_source(kind.kernel), arch)
            except CompileError as error:
                log.warning("kernel of %s for arch %d: %s", kind.name, arch, error)
                continue
            name = blob_name(blob)
            self.blobs[name] = blob
            made[kind.name] = name
        self.pump.put(e.KernelsCompiled(arch, made))

    async def _recompute(self, effect: f.Recompute) -> None:
        contexts = [self.solvers.context(name) for name in effect.job.contexts]
        if None in contexts:
            return   # the task is over, or will ask again when it has come there
        kernel = self.solvers.kinds[effect.kind].kernel
        answer = await self.recomputer.run(kernel, [c for c in contexts if c is not None], effect.job.input)
        self.pump.put(e.Recomputed(effect.task, effect.round, effect.index, effect.run, answer))

    async def _recall(self, effect: f.RecallRound) -> None:
        known = await asyncio.to_thread(self.store.recall, effect.task, effect.round, effect.jobs, effect.leases)
        if known is not None:
            self.pump.put(known)

    async def _find_work(self, node: str) -> None:
        self.pump.put(e.WorkFound(tuple(await asyncio.to_thread(self.store.work_of, node))))

    async def _seal(self, effect: f.SealEpoch) -> None:
        seals = await self.seal_overdue()
        for sealed in seals:
            about = {**sealed, "v": 1, "size": self.public.size, "root": self.public.root.hex(),
                     "checkpoint": self.public.checkpoint}
            topic = epoch_topic(self.settings.site, sealed["epoch"])
            self.link.publish(topic, json.dumps(about).encode(), 1, True)
        self.pump.put(e.EpochSealed(effect.epoch))
        if isinstance(effect.ref, Ref):
            self.answer(effect.ref, {"epoch": effect.epoch, "sealed": seals, "size": self.public.size,
                                     "root": self.public.root.hex()}, None)

    async def seal_overdue(self) -> list[dict[str, Any]]:
        """Seals every epoch that has ended, oldest first; an epoch without receipts leaves no trace."""
        async with self.ledger:
            return await asyncio.to_thread(self._seal_all)

    def _seal_all(self) -> list[dict[str, Any]]:
        done = []
        for epoch in self.store.unsealed():
            rows = self.store.judged(epoch)
            first = next(rows, None)
            if first is not None:
                seal = self.public.seal(epoch, chain([first], rows))
                done.append({"epoch": epoch, "receipts": seal.receipts, "credits": seal.credits})
            self.store.forget_epoch(epoch)
        return done

    def _reply(self, effect: f.Reply) -> None:
        if isinstance(effect.ref, Ref):
            error = RequestError(*effect.error) if effect.error else None
            self.answer(effect.ref, effect.data, error)

    def answer(self, ref: Ref, data: dict[str, Any] | None, error: RequestError | None) -> None:
        """One response; a refused submission is told on the task's own topic too, where its sender listens."""
        payload = refusal(ref.cid, error) if error else response(ref.cid, data or {})
        self.link.publish(reply_topic(self.settings.site, ref.reply_to), payload)
        if error and ref.task:
            self._publish(ref.task, "event",
                          json.dumps({"v": 1, "what": "refused", "error": as_dict(error)}).encode(), False)

    def _publish_status(self, effect: f.PublishStatus) -> None:
        payload = json.dumps(effect.status).encode() if effect.status else b""
        self._publish(effect.task, "status", payload, True)

    def _publish_event(self, effect: f.PublishEvent) -> None:
        payload = json.dumps({"v": 1, "seq": effect.seq, "what": effect.what, **effect.detail}).encode()
        self._publish(effect.task, "event", payload, False)

    def _publish(self, task: str, leaf: str, payload: bytes, retain: bool) -> None:
        self.link.publish(task_topic(self.settings.site, task, leaf), payload, 1, retain)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.work.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self.work.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._fail(f"{task.exception()}")

    def _gateway_topic(self, leaf: str) -> str:
        return gateway_topic(self.settings.site, self.settings.name, leaf)

    def _status(self, state: str) -> bytes:
        return json.dumps({"v": 1, "state": state, "boot": self.boot, "ts": time.time_ns() // 1_000_000}).encode()


def _with_login(broker: BrokerUrl, user: str, password: str) -> str:
    scheme, _, rest = str(broker).partition("://")
    return f"{scheme}://{user}:{password}@{rest}"
