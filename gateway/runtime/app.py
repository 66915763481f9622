"""The composition root: the one file that gives a gateway its broker, its page, its clock and its folder."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass

from lamplighter.gateway.adapters import http
from lamplighter.gateway.adapters.broker import BrokerError
from lamplighter.gateway.adapters.clock import ClockError, machine, monotonic_ms
from lamplighter.gateway.adapters.door import open_door
from lamplighter.gateway.adapters.mqtt import BrokerUrl, LinkError, MqttLink, Publication
from lamplighter.gateway.adapters.probe import OPEN, probe
from lamplighter.gateway.adapters.registry import RegistryError
from lamplighter.gateway.adapters.store import StoreError
from lamplighter.gateway.adapters.systemd import notify, watchdog_s
from lamplighter.gateway.api.guard import Guard
from lamplighter.gateway.api.window import Window
from lamplighter.gateway.devicebuild.compiler import compile_for
from lamplighter.gateway.devicebuild.interpreter import fastest
from lamplighter.gateway.ledger.leaves import LedgerError
from lamplighter.gateway.protocol.topics import gateway_topic
from lamplighter.gateway.runtime.announcer import gateway_status
from lamplighter.gateway.runtime.brokers import open_broker, with_login
from lamplighter.gateway.runtime.errands import Errands
from lamplighter.gateway.runtime.inbox import subscriptions
from lamplighter.gateway.runtime.lanes import NoKinds, Process, open_lanes
from lamplighter.gateway.runtime.recompute import Recomputer
from lamplighter.gateway.runtime.settings import Settings
from lamplighter.gateway.runtime.shell import Clock, Outside, Shell
from lamplighter.gateway.runtime.stores import Stores, open_stores

log = logging.getLogger("lamplighter")

StartError = (BrokerError, LinkError, RegistryError, ClockError, StoreError, LedgerError, NoKinds, OSError)
"""What can keep a gateway from starting or going on; each says in one sentence why and what to do."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a running gateway is reached; ``operator`` is a broker URL with an operator's password.
    ``recomputes_as``: what it runs kernels on itself."""

    broker: str
    operator: str
    page: str
    recomputes_as: str


async def serve(settings: Settings, ready: Callable[[Address], None]) -> None:
    """Runs a gateway until cancelled. Raises one of ``StartError``, also later, when the journal fails."""
    async with AsyncExitStack() as stack:
        shell, address = await _start(settings, stack)
        _rest_the_collector()
        ready(address)
        if period_s := watchdog_s():
            stack.callback(asyncio.create_task(_watchdog(period_s)).cancel)
        notify("READY=1")
        try:
            await shell.run()
        finally:
            notify("STOPPING=1")


async def _start(settings: Settings, stack: AsyncExitStack) -> tuple[Shell, Address]:
    """Opens the stores, then the broker, then the doors: nothing is heard before the state is whole."""
    lanes = open_lanes(lambda: Process(settings.worker_mb), settings.worker_s)
    stack.callback(lanes.close)
    kinds = asyncio.create_task(lanes.quick.begin())   # a worker loads them while the stores are read
    stack.callback(kinds.cancel)
    stores = await asyncio.to_thread(open_stores, settings, stack.enter_context(ExitStack()))
    errands, computer = Errands(), Recomputer(await asyncio.to_thread(fastest))
    stack.callback(computer.close)
    broker, accounts = await open_broker(settings, stores.registry, stack, errands.fail)
    guard = Guard(broker.host, broker.port, await probe(broker, settings.site, stores.registry.gateway.probe))
    guard.closed = guard.probe != OPEN
    if not (guard.closed or settings.allow_open_broker):
        raise BrokerError(f"The broker at {broker} lets strangers ask: what somebody published there without a "
                          "password, or in another's name, came through. Give it accounts and rules, as "
                          "deploy/README.md shows, or start with --allow-open-broker.")
    link = _link_of(settings, stores, broker, lambda: shell)
    clock = Clock(monotonic_ms, _wall_ms, machine())
    outside = Outside(link, accounts, computer, compile_for, clock, errands, lanes, guard)
    shell = Shell(settings, stores, await kinds, outside)
    stack.callback(shell.close)
    await shell.begin()
    stack.callback((await open_door(settings.data, shell.serve)).close)
    await link.start()
    stack.push_async_callback(link.stop)
    stack.callback(shell.announcer.gateway, "offline")
    window = Window(shell, link, guard, stores.public, settings.site, stores.boot)
    runner, page = await http.start(window, settings.http_host, settings.http_port, settings.public_folder,
                                    settings.allow_open_page)
    stack.push_async_callback(runner.cleanup)
    errands.send(shell.sealing.look_over())
    operator = stores.registry.operators()[0]
    return shell, Address(str(broker), with_login(broker, operator.user, operator.password), page,
                          computer.runtime.value)


def _link_of(settings: Settings, stores: Stores, broker: BrokerUrl, shell: Callable[[], Shell]) -> MqttLink:
    """The connection of ``shell()``, which is asked for when there is something to hear."""
    def down(reason: str) -> None:
        log.warning("broker lost: %s", reason)
        shell().disconnected()

    will = gateway_status("offline", stores.boot, _wall_ms())
    return MqttLink(
        broker, stores.registry.gateway.client_id(settings.name),
        on_message=lambda message: shell().inbox.take(message), on_up=lambda: shell().connected(),
        on_down=down, lets_go=lambda topic, size: shell().inbox.lets_go(topic, size),
        on_unread=lambda topic, count, size: shell().inbox.unread(topic, count, size),
        subscriptions=subscriptions(settings.site, settings.name),
        will=Publication(gateway_topic(settings.site, settings.name, "status"), will, 1, True),
        persistent=bool(settings.broker),   # the embedded one ends with the gateway and keeps nothing for it
        five=bool(settings.broker))   # and speaks 3.1.1 only


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _rest_the_collector() -> None:
    """What was loaded stays, and a full collection comes rarely: with a round of thousands of jobs in memory one
    takes over 100 ms, in which nothing else happens. One of what is new takes one or two: it comes the more often."""
    gc.freeze()
    gc.set_threshold(5_000, 1_000, 100)


async def _watchdog(period_s: float) -> None:
    while True:
        await asyncio.sleep(period_s)
        notify("WATCHDOG=1")
