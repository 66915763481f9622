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
        self.owners = [HOUSES[i] if i < len(HOUSES) else f"owner-{i}" for i in range(owners)]
        keys = self._keys(count)
        wanted = [{"key": key, "owner": self.owners[i % owners]} for i, key in enumerate(keys)]
        async with Client(self.url, self.site) as client:
            told = await client.call("node.enrol", nodes=wanted)
        self.nodes = told["nodes"]
        broker = BrokerUrl.parse(self.url)
        common: dict[str, Any] = {"broker": broker.host, "port": broker.port, "site": told["site"],
                                  "net": told["net"]}
        if broker.tls:
            common["ca"] = broker.ca
        steps = max(count - 1, 1)
        configs = [{**common, "key": key, "duty": duties[(len(duties) - 1) * i // steps]}
                   for i, key in enumerate(keys)]
        self.fleet = Fleet(self.folder, configs, self.heap)

    async def start(self) -> None:
        await self.fleet.start()

    async def stop(self) -> None:
        await self.fleet.stop()

    def _keys(self, count: int) -> list[str]:
        """Enrolment keys kept from the last time, and new ones as needed."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.folder / "keys.json"
        keys: list[str] = json.loads(path.read_text()) if path.exists() else []
        if len(keys) < count:
            keys += [secrets.token_hex(32) for _ in range(count - len(keys))]
            write_atomically(path, json.dumps(keys).encode())
        return keys[:count]
