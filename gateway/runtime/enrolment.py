"""Who may take part: the one way in and out for devices.

Registry, then log, then core, then the broker's accounts. Each step may be done again, so that what a crash cut
short is completed by the next start, which goes the same way with all devices.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from lamplighter.firmware.mac import Mac, derive
from lamplighter.gateway.adapters.accounts import Account
from lamplighter.gateway.adapters.registry import Device, EnrolmentError, Registry, RegistryError
from lamplighter.gateway.api.requests import RequestError
from lamplighter.gateway.core.events import Event, NodeEnrolled, NodeRevoked
from lamplighter.gateway.core.intake import Keys
from lamplighter.gateway.runtime.sealing import Sealing

T = TypeVar("T")


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
        self._turn = asyncio.Lock()

    async def begin(self) -> list[Event]:
        """At a start: the log has every device; what the core must hear before anything else."""
        devices = await asyncio.to_thread(self._registry.devices)
        await self._sealing.register(devices)
        return self._known(devices)

    async def enrol(self, pairs: Sequence[tuple[bytes, str]]) -> list[Device]:
        """Devices by key (32 bytes) and owner; returns when they can connect. Those that are known stay as they are.

        Raises RequestError, and what the log or the broker raise.
        """
        async with self._turn:
            devices: list[Device] = await self._changed(self._registry.enrol, pairs, self._wall_ms())
            await self._sealing.register(devices)
            await self._tell(self._known(devices))
            await self._accounts.change_accounts(add=[device.account for device in devices])
        return devices

    async def revoke(self, node: str) -> None:
        """Ends a device's part for good. Raises RequestError, and what the broker raises."""
        async with self._turn:
            await self._changed(self._registry.revoke, node)
            await self._tell([NodeRevoked(node)])
            self.keys.pop(node, None)   # only now: what the core says to it while it goes may still leave
            await self._accounts.change_accounts(remove=[node])

    @staticmethod
    async def _changed(change: Callable[..., T], *given: object) -> T:
        try:
            return await asyncio.to_thread(change, *given)
        except EnrolmentError as error:
            raise RequestError(error.code, str(error)) from None
        except RegistryError as error:
            raise RequestError("registry", str(error)) from None

    def _known(self, devices: Iterable[Device]) -> list[Event]:
        events: list[Event] = []
        for device in devices:
            events.append(NodeEnrolled(device.node, device.name, device.owner))
            if device.revoked:
                events.append(NodeRevoked(device.node))
            else:
                self.keys[device.node] = Keys(device.name, Mac(derive(device.key, b"up")),
                                              Mac(derive(device.key, b"down")))
        return events
