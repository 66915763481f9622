"""A street: simulated devices with identities, joined to a gateway the way real ones are."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lamplighter.gateway.adapters.files import write_atomically
from lamplighter.gateway.adapters.mqtt import BrokerUrl
from lamplighter.gateway.api.client import Client
from lamplighter.gateway.simulate.fleet import Fleet

HOUSES = ("anna", "bahram", "chloe", "dmitri", "elif", "femi", "grace", "hugo")
"""Names of simulated owners; further ones are numbered."""


class Street:
    """``enrol``, ``start``, ``stop``; ``folder`` keeps keys and state, so that devices stay who they are."""

    def __init__(self, url: str, site: str, folder: Path, heap: int) -> None:
        self.url = url
        self.site = site
        self.folder = folder
        self.heap = heap
        self.nodes: list[str] = []
        self.owners: list[str] = []
        self.fleet: Fleet

    @property
    def runtime(self) -> str:
        """What the devices run on."""
        return self.fleet.runtime

    async def enrol(self, count: int, owners: int, duties: Sequence[int]) -> None:
        """Makes ``count`` identities for ``owners`` owners known to the gateway; duties in permille, in turn."""
        owners = owners or max(2, count // 2)
        names = [HOUSES[i] if i < len(HOUSES) else f"owner-{i}" for i in range(owners)]
        wanted = self._identities(count, names)
        self.owners = list(dict.fromkeys([*(one["owner"] for one in wanted), *names]))
        async with Client(self.url, self.site) as client:
            told = await client.call("node.enrol", nodes=wanted)
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

    async def start(self) -> None:
        await self.fleet.start()

    async def stop(self) -> None:
        await self.fleet.stop()

    def _identities(self, count: int, owners: Sequence[str]) -> list[dict[str, str]]:
        """Key and owner of each device: those of the last time, then new ones, among ``owners`` in turn."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.folder / "devices.json"
        known: list[dict[str, str]] = json.loads(path.read_text()) if path.exists() else []
        if len(known) < count:
            known += [{"key": secrets.token_hex(32), "owner": owners[i % len(owners)]}
                      for i in range(len(known), count)]
            write_atomically(path, json.dumps(known).encode())
        return known[:count]
