"""Invariant 17: no device drops out. One that may have work gets it with the next ticks, and none is kept from work
for longer than its clocks."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from lamplighter.gateway.core.entities import UNBORN, Job
from lamplighter.gateway.core.lifecycle import Phase, Why
from lamplighter.gateway.core.state import State
from lamplighter.gateway.core.whynot import SPANS, same_owner, why_no_work, why_not
from lamplighter.gateway.runtime.gate import DEBT_BYTES, SHARE_BYTES
from tests.simulation import kind
from tests.simulation.devices import OUTBOX, Device
from tests.simulation.witness import need

if TYPE_CHECKING:
    from tests.simulation.world import World

TICKS_MS = 800
"""Two ticks, and the disk between them."""
MUTED_MS = 3 * DEBT_BYTES * 1_000 // SHARE_BYTES
"""Two floods, one after the other, and what is said again in its name meanwhile."""
HURRY_MS = 60_000
"""A job with less time than this may be too much for any device."""

GATEWAYS = (Why.BACKOFF, Why.NO_KERNELS, Why.QUARANTINE)
"""Reasons that are the gateway's to end, whether there is work or not."""


class Idle:
    """Looks at every tick at the devices without leases while jobs wait."""

    def __init__(self, world: World) -> None:
        self.world, self.clock = world, world.clock
        policy = world.policy
        self.patience_ms = policy.declined_ms + policy.ack_by_ms + TICKS_MS
        self.may: dict[str, int] = {}
        """Since when a device may have a job that waits, as the gateway sees it."""
        self.idle: dict[str, int] = {}
        """Since when an honest device has been idle, as it sees it itself, while there was work for its owner, or has
        been kept from all work by the gateway."""
        self.muted: dict[str, int] = {}
        """Since when a device has been muted; no flood here lasts."""

    def restarted(self) -> None:
        self.may.clear()
        self.idle.clear()
        self.muted.clear()

    def leased(self, node: str) -> None:
        """It was given one, which it may have refused before anybody looked."""
        self.may.pop(node, None)

    def ticked(self, state: State) -> None:
        waiting = [job for task in state.live if not task.round.here
                   for job in task.round.jobs if job.phase is Phase.READY]
        may = [node.name for node in state.nodes.values() if not node.open
               and any(why_not(state, node, job) is None for job in waiting)] if waiting else []
        since = self._since(self.may, may)
        need(self.clock.now - since <= TICKS_MS, 17, may, "may have work and get none")
        jobs = [job for job in waiting
                if job.task.deadline_at - state.now_ms > HURRY_MS and job.spec.heap_bytes < kind.GIANT]
        over = self.clock.now > self.world.mix.faults_ms
        idle = [d.node for d in self.world.devices if self._wants(d) and self._idle(state, d, jobs)] if over else []
        since = self._since(self.idle, idle)
        need(self.clock.now - since <= self.patience_ms, 17,
             [(node, [why_not(state, state.nodes[node], job) for job in jobs]) for node in sorted(idle)],
             "are healthy and get no work")

        muted = [node.name for node in state.nodes.values() if state.now_ms < node.muted_until]
        since = self._since(self.muted, muted)
        need(self.clock.now - since <= MUTED_MS, 17, self.muted, "stay muted after their flood")

    def _since(self, known: dict[str, int], now: Collection[str]) -> int:
        """Keeps for how long each has been among ``now``; returns since when the first has."""
        if known:
            for gone in known.keys() - now:
                del known[gone]
        elif not now:
            return self.clock.now
        for name in now:
            known.setdefault(name, self.clock.now)
        return min(known.values(), default=self.clock.now)

    def _wants(self, device: Device) -> bool:
        """Whether nothing is wrong with a device, once the faults are over."""
        return (device.connected and device.lie is None
                and device.slowness == 1 and device.node not in self.world.revoked and len(device.outbox) < OUTBOX)

    @staticmethod
    def _idle(state: State, device: Device, jobs: list[Job]) -> bool:
        node = state.nodes.get(device.node)
        if node is None or node.open or node.arch == UNBORN:   # until it says again what it is, nobody knows
            return False
        spans = SPANS in node.can   # a round is cut for most devices: the last jobs may be for those that know spans
        return why_no_work(state, node) in GATEWAYS or any(   # owners also by what is to be handed over
            not any(same_owner(state, copy, node) for copy in job.copies)
            for job in jobs if spans or not job.spec.items)
