"""Who owns what: what the person at the gateway's computer asks for, and what must come of it in the log."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lamplighter.gateway.adapters.registry import Device, EnrolmentError
from lamplighter.gateway.ledger.leaves import Seal
from lamplighter.gateway.publiclog.auditor import Outcome
from tests.simulation.journal import LeaseRecord
from tests.simulation.witness import Broken, need

if TYPE_CHECKING:
    from tests.simulation.world import World

ASK_AGAIN_MS = 3_000
STRAY = "stray"
"""Names requests over the network that only the gateway's own computer may make."""


class Owners:
    """Follows what reaches the registry's disk; nobody but it knows who must be paid for an epoch."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.deeds: dict[str, list[tuple[int, str]]] = {}
        """By node: (epoch, owner from then on), as they were asked for."""
        self.due: Counter[tuple[str, str]] = Counter()
        """Credits by (node, owner)."""
        self.restoring: set[str] = set()
        self.restored: set[str] = set()

    def of(self, node: str, epoch: int) -> str:
        """Who is paid for what a device did in an epoch."""
        owner = self.world.by_node[node].owner
        for first, heir in self.deeds.get(node, ()):
            owner = heir if first <= epoch else owner
        return owner

    def written(self, devices: Sequence[Device]) -> None:
        """Rows that are in the registry now."""
        for device in devices:
            deeds = self.deeds.setdefault(device.node, [])
            deed = (device.asked + 1, device.next_owner)
            if device.next_owner and device.asked >= 0 and deed not in deeds:
                deeds.append(deed)

    def begun(self, owners: dict[str, str]) -> None:
        """After a start the core takes everybody for the owner whom the log pays in this epoch."""
        for node, owner in owners.items():
            right = self.of(node, self.world.journal.epoch)
            need(owner == right, 16, (node, owner), f"belongs to {right} after a start")

    def paid(self, seal: Seal, due: Sequence[LeaseRecord]) -> None:
        """What devices earned is due to whose they were in that epoch."""
        for record in due:
            self.due[record.kept.node, self.of(record.kept.node, seal.epoch)] += record.kept.price_kop

    def judge(self, outcome: Outcome) -> None:
        """The auditor finds in the public files that each owner was paid what was due to him, to the credit."""
        found = {(row["device"], row["owner"]): row["credits"] for row in outcome.data["devices"] if row["credits"]}
        owed = {pair: credits for pair, credits in self.due.items() if credits}
        if found != owed:
            raise Broken(f"invariant 15: owners are owed {owed}, the auditor finds {found}")

    # What is asked for at the computer itself

    def transfer(self, node: str, owner: str) -> None:
        """Once: through the door where a gateway runs, else into its registry."""
        def heard(said: bytes) -> None:
            told = json.loads(said)
            known = self.world.gateway.machine.state.nodes.get(node)
            if told["ok"] and not (known and known.belongs_to(owner)):
                raise Broken(f"invariant 16: {node} is not known as {owner}'s: {told}")

        self._ask("node.transfer", heard, node=node, owner=owner)

    def restore(self, node: str) -> None:
        """Until it is done, and has not been undone by a revocation that was still under way."""
        world = self.world
        if node in world.forgotten:
            self.restoring.discard(node)
            return
        world.out.discard(node)
        world.revoked.discard(node)
        self.restoring.add(node)
        self.restored.add(node)
        known = world.gateway.machine.state.nodes.get(node) if world.gateway.open else None
        if known is not None and not known.revoked and world.clock.now > world.mix.faults_ms + 2 * ASK_AGAIN_MS:
            self.restoring.discard(node)
            return
        self._ask("node.restore", lambda said: None, node=node)
        world.clock.after(ASK_AGAIN_MS, self.restore, node)

    def _ask(self, method: str, heard: Any, **params: str) -> None:
        gateway = self.world.gateway
        if gateway.open:
            gateway.loop.call_soon(gateway.shell.serve, method, json.dumps(params).encode(), heard)
            return
        try:
            getattr(self.world.disk.registry(), method.removeprefix("node."))(*params.values())
        except EnrolmentError as error:
            self.world.note("refused", error.code)
