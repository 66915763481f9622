"""A street: simulated devices with identities, joined to a gateway the way real ones are."""

from __future__ import annotations

import asyncio
import binascii
import fcntl
import json
import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lamplighter.firmware.mac import derive
from lamplighter.firmware.wire import device_of
from lamplighter.gateway.adapters import door
from lamplighter.gateway.adapters.files import write_atomically
from lamplighter.gateway.adapters.mqtt import BrokerUrl, LinkError, MqttLink
from lamplighter.gateway.api.client import Client, Refused
from lamplighter.gateway.simulate.fleet import Fleet

HOUSES = ("anna", "bahram", "chloe", "dmitri", "elif", "femi", "grace", "hugo")
"""Names of simulated owners; further ones are numbered."""
DEVICES, LOCK = "devices.json", "in-use"
AWAY = ("unseen", "lost")
LOOK_S, PATIENCE_S = 1.0, 15.0
"""How often the gateway is asked who has come, and how long it may take until one more has."""


class Street:
    """``enrol``, ``start``, ``stop``; ``folder`` keeps keys and state, so that devices stay who they are. The
    gateway is asked at the door of ``data`` where that is its folder, else over the broker. Devices connect to
    ``join``, the URL of a listener for them, or to the same broker."""

    def __init__(self, url: str, site: str, folder: Path, heap: int, data: Path | None = None,
                 join: str = "") -> None:
        self.url = url
        self._join = BrokerUrl.parse(join or url)
        if self._join.tls and not self._join.ca:
            raise LinkError(f"Devices trust no broker without its authority's certificate: {self._join}?ca=FILE.")
        self._join.context()   # or it says which file is missing
        self._ca = str(Path(self._join.ca).absolute())   # each device runs in a folder of its own
        self._keys: list[str] = []
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
        self._keys = [one["key"] for one in wanted]
        broker = self._join
        common: dict[str, Any] = {"broker": broker.host, "port": broker.port, "site": told["site"],
                                  "net": told["net"]}
        if broker.tls:
            common["ca"] = self._ca
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

    async def arrive(self, tell: Callable[[int, str], object]) -> None:
        """Until the gateway has heard of every device: ``tell`` gets how many have come, and, when none has for
        ``PATIENCE_S``, what one of the others meets and what to do, once. Those go on trying."""
        loop = asyncio.get_running_loop()
        came, since, told = set[str](), loop.time(), False
        while len(came) < len(self.nodes):
            with suppress(LinkError, Refused, OSError):
                here = {node["node"] for node in (await self._ask("node.list"))["nodes"] if node["state"] not in AWAY}
                if not here.intersection(self.nodes) <= came:
                    came |= here.intersection(self.nodes)
                    since = loop.time()
            if not told and len(came) < len(self.nodes) and loop.time() - since >= PATIENCE_S:
                told = True
                tell(len(came), await self._hindrance(next(node for node in self.nodes if node not in came)))
            await asyncio.sleep(LOOK_S if not told else 10 * LOOK_S)
        tell(len(came), "")

    async def _hindrance(self, node: str) -> str:
        """What a device meets at the broker, tried in its name; and what to do."""
        at = self.nodes.index(node)
        password = binascii.hexlify(derive(bytes.fromhex(self._keys[at]), b"mqtt")[:16]).decode()
        link = MqttLink(self._join.signed_in(node, password), node, on_message=lambda _: None)
        try:
            await link.start()
        except LinkError as error:
            return (f"{str(error).rstrip('.')}: name the listener that devices have, and its authority, with"
                    " --join mqtts://HOST:8883?ca=FILE.")
        await link.stop()
        return (f"The broker at {self._join} takes {node}, and the gateway has not heard of it: see that it serves"
                f" the same broker, and {self.folder / f'{at:03d}' / 'device.log'}.")

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
