"""A street: simulated devices with identities, joined to a gateway the way real ones are."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lamplighter.firmware.wire import device_of
from lamplighter.gateway.adapters import door
from lamplighter.gateway.adapters.files import write_atomically
from lamplighter.gateway.adapters.mqtt import BrokerUrl
from lamplighter.gateway.api.client import Client, Refused
from lamplighter.gateway.simulate.fleet import Fleet

HOUSES = ("anna", "bahram", "chloe", "dmitri", "elif", "femi", "grace", "hugo")
"""Names of simulated owners; further ones are numbered."""
DEVICES, LOCK = "devices.json", "in-use"


class Street:
    """``enrol``, ``start``, ``stop``; ``folder`` keeps keys and state, so that devices stay who they are. The
    gateway is asked at the door of ``data`` where that is its folder, else over the broker."""

    def __init__(self, url: str, site: str, folder: Path, heap: int, data: Path | None = None) -> None:
        self.url = url
        self.site = site
        self.folder = folder
        self.heap = heap
        self._data = data
        self.nodes: list[str] = []
        self.owners: list[str] = []
        self.fleet: Fleet
        self._locked = -1

    @property
    def runtime(self) -> str:
        """What the devices run on."""
        return self.fleet.runtime

    async def enrol(self, count: int, owners: int, duties: Sequence[int]) -> None:
        """Makes ``count`` identities for ``owners`` owners known to the gateway; duties in permille, in turn.

        Devices that it knows are whose it says. Raises Refused, LinkError.
        """
        self._lock()
        owners = owners or max(2, count // 2)
        names = [HOUSES[i] if i < len(HOUSES) else f"owner-{i}" for i in range(owners)]
        wanted = self._identities(count, names)
        known = {node["node"]: node for node in (await self._ask("node.list"))["nodes"]}
        wanted = [{**one, "owner": known.get(_node(one), one)["owner"]} for one in wanted]
        out = {node for node, shown in known.items() if shown["state"] == "revoked"}
        self._refuse_revoked([node for node in map(_node, wanted) if node in out])
        told = await self._ask("node.enrol", nodes=wanted)
        self.owners = list(dict.fromkeys(one["owner"] for one in wanted))
        self.nodes = told["nodes"]
        broker = BrokerUrl.parse(self.url)
        common: dict[str, Any] = {"broker": broker.host, "port": broker.port, "site": told["site"],
                                  "net": told["net"]}
        if broker.tls:
            common["ca"] = broker.ca
        steps = max(count - 1, 1)
        configs = [{**common, "key": one["key"], "duty": duties[(len(duties) - 1) * i // steps]}
                   for i, one in enumerate(wanted)]
        self.fleet = Fleet(self.folder, configs, self.heap)

    async def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Raises Refused, LinkError."""
        if self._data is not None:
            with suppress(door.Closed):
                told = await asyncio.to_thread(door.ask, self._data, method, **params)
                if not told["ok"]:
                    raise Refused(told["error"])
                answer: dict[str, Any] = told["data"]
                return answer
        async with Client(self.url, self.site) as client:
            return await client.call(method, **params)

    async def start(self) -> None:
        await self.fleet.start()

    async def stop(self) -> None:
        await self.fleet.stop()
        os.close(self._locked)

    def _lock(self) -> None:
        """Two would fight for the state of each device."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._locked = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._locked, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._locked)
            raise Refused({"code": "in_use", "message": f"Other simulated devices run on {self.folder}.",
                           "hint": "stop them, or name another folder with --folder"}) from None

    def _refuse_revoked(self, nodes: list[str]) -> None:
        if nodes:
            raise Refused({"code": "revoked", "message": f"Revoked devices are in {self.folder / DEVICES}: "
                           + ", ".join(nodes) + ".",
                           "hint": f"`lamplighter node restore {nodes[0]}` lets one in again; or take it out of that "
                                   "file, and a new one will be made"})

    def _identities(self, count: int, owners: Sequence[str]) -> list[dict[str, str]]:
        """Key and owner of each device: those of the last time, then new ones, among ``owners`` in turn."""
        path = self.folder / DEVICES
        known: list[dict[str, str]] = json.loads(path.read_text()) if path.exists() else []
        if len(known) < count:
            known += [{"key": secrets.token_hex(32), "owner": owners[i % len(owners)]}
                      for i in range(len(known), count)]
            write_atomically(path, json.dumps(known).encode())
        return known[:count]


def _node(one: dict[str, str]) -> str:
    return str(device_of(bytes.fromhex(one["key"]))[1])
