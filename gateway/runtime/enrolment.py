"""Who may take part, and for whom: the one way in, out and over for devices.

What is asked for is written into the registry. What it says and others do not know yet goes into the log, from there
back into the registry where it has become true, then to the core, then to the broker's accounts. Each step may be
done again, so that what a crash cut short is completed by the next start, which goes the same way with all devices.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

from lamplighter.firmware.mac import Mac, derive
from lamplighter.gateway.adapters.accounts import Account
from lamplighter.gateway.adapters.registry import Device, EnrolmentError, Registry, RegistryError
from lamplighter.gateway.api.requests import RequestError
from lamplighter.gateway.core.events import Event, NodeEnrolled, NodeRevoked
from lamplighter.gateway.core.intake import Keys
from lamplighter.gateway.runtime.sealing import Sealing


class Accounts(Protocol):
    """Who may sign in to the broker."""

    async def change_accounts(self, add: Iterable[Account] = (), remove: Iterable[str] = ()) -> None:
        """Adds, replaces and removes accounts; returns when that is in force."""


class Enrolment:
    """``keys`` are those of devices that may talk, by node; ``tell`` returns when the core has taken events.

    One change at a time: else a device that is revoked while others are enrolled could be given its account back.
    """

    def __init__(self, registry: Registry, sealing: Sealing, accounts: Accounts,
                 tell: Callable[[Sequence[Event]], Awaitable[None]], wall_ms: Callable[[], int]) -> None:
        self._registry, self._sealing, self._accounts = registry, sealing, accounts
        self._tell, self._wall_ms = tell, wall_ms
        self.keys: dict[str, Keys] = {}
        self._known: dict[str, Device] = {}
        """Devices as core and broker know them."""
        self._turn = asyncio.Lock()

    async def begin(self) -> list[Event]:
        """At a start, with all overdue epochs sealed: what the core must hear before anything else.

        Raises what registry, log and broker raise.
        """
        self._known = {device.node: device for device in await asyncio.to_thread(self._registry.devices)}
        devices = await self._followed()
        await self._let_in(devices)
        self._known = {device.node: device for device in devices}
        return self._events(devices)

    async def look(self) -> None:
        """What has become true with a seal, or was written into the registry by somebody else, is told to all.

        Raises what registry, log and broker raise.
        """
        async with self._turn:
            await self._bring()

    async def enrol(self, pairs: Sequence[tuple[bytes, str]]) -> None:
        """Devices by key (32 bytes) and owner; returns when they can connect. Those that are known stay as they are.

        Raises RequestError, and what the log or the broker raise.
        """
        await self._change("/nodes/{at}", self._registry.enrol, pairs, self._wall_ms(), self._sealing.says)

    async def revoke(self, node: str) -> None:
        """Ends a device's part. Raises RequestError, and what the log or the broker raise."""
        await self._change("/node", self._registry.revoke, node)

    async def restore(self, node: str) -> Device:
        """Takes a revoked device in again. Raises RequestError, and what the log or the broker raise."""
        await self._change("/node", self._registry.restore, node)
        return self._known[node]

    async def transfer(self, node: str, owner: str) -> Device:
        """From the end of this epoch on ``owner`` is paid for it. Raises RequestError, and what the log raises."""
        epoch = await asyncio.to_thread(self._sealing.epoch)
        await self._change("/node", self._registry.transfer, node, owner, epoch)
        return self._known[node]

    async def _change(self, path: str, change: Callable[..., object], *given: object) -> None:
        async with self._turn:
            try:
                await asyncio.to_thread(change, *given)
            except EnrolmentError as error:
                raise RequestError(error.code, str(error), error.hint, path.format(at=error.at)) from None
            except RegistryError as error:
                raise RequestError("registry", str(error)) from None
            await self._bring()

    async def _bring(self) -> None:
        """Registry to log, log to registry, then to whom it concerns."""
        news = [device for device in await self._followed() if device != self._known.get(device.node)]
        await self._tell(self._events(news))
        for device in news:
            if device.revoked:
                self.keys.pop(device.node, None)   # only now: what the core says to it while it goes may still leave
        await self._let_in(news)
        self._known.update((device.node, device) for device in news)

    async def _followed(self) -> list[Device]:
        await self._sealing.register(await asyncio.to_thread(self._registry.devices))
        epoch = await asyncio.to_thread(self._sealing.epoch)
        return await asyncio.to_thread(self._registry.follow, self._sealing.says, epoch)

    async def _let_in(self, devices: Iterable[Device]) -> None:
        """The broker learns who may sign in and who may no more."""
        add, remove = list[Account](), list[str]()
        for device in devices:
            known = self._known.get(device.node)
            if device.revoked and not (known and known.revoked):
                remove.append(device.node)
            elif not device.revoked and (known is None or known.revoked):
                add.append(device.account)
        if add or remove:
            await self._accounts.change_accounts(add, remove)

    def _events(self, devices: Iterable[Device]) -> list[Event]:
        events: list[Event] = []
        for device in devices:
            events.append(NodeEnrolled(device.node, device.name, device.owner, device.next_owner))
            if device.revoked:
                events.append(NodeRevoked(device.node))
            else:
                self.keys[device.node] = Keys(device.name, Mac(derive(device.key, b"up")),
                                              Mac(derive(device.key, b"down")))
        return events
