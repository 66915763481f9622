"""Bugs to plant into the core, its store or its app: each patches a part, or returns parts to run a world with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from lamplighter.firmware import mac
from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import judging, nodes, placement, state
from lamplighter.gateway.core.events import RoundRecalled
from lamplighter.gateway.core.lifecycle import Ended, Phase
from lamplighter.gateway.core.snapshot import Snapshot
from lamplighter.gateway.protocol.verdicts import Verdict
from tests.simulation import gateway
from tests.simulation.gateway import POLICY, Gateway
from tests.simulation.journal import Journal

Patch = pytest.MonkeyPatch
Plant = Callable[[Patch], dict[str, Any]]


class Bug(NamedTuple):
    """``broken``, a regular expression, is what it must be caught as."""

    broken: str
    plant: Plant


BUGS: list[Bug] = []
HANDLERS: dict[str, Callable[[Any, Any], object]] = {}
"""Handlers to put in place of the machine's own, by the name of their event."""


def plant(broken: str) -> Callable[[Plant], Plant]:
    def keep(bug: Plant) -> Plant:
        BUGS.append(Bug(broken, bug))
        return bug
    return keep


@plant("invariant 1")
def acknowledges_before_commit(patch: Patch) -> dict[str, Any]:
    class Early(Gateway):
        def finish(self, effects: list[f.Effect], outward: list[f.Effect], stage: int) -> None:
            early = [effect for effect in outward if type(effect) is f.SendAck]
            self.release(early)
            super().finish(effects, [effect for effect in outward if effect not in early], stage)
    return {"gateway": Early}


@plant("invariant 1")
def loses_receipts_at_commit(patch: Patch) -> dict[str, Any]:
    class Forgetful(Gateway):
        def commit(self, durable: list[f.Effect]) -> None:
            super().commit([effect for effect in durable if type(effect) is not f.KeepReceipt])
    return {"gateway": Forgetful}


@plant("invariant 6")
def gives_one_owner_both_copies(patch: Patch) -> dict[str, Any]:
    fits = placement.fits

    def blind(b: Any, node: Any, job: Any) -> bool:
        copies, job.copies = job.copies, []
        try:
            return fits(b, node, job)
        finally:
            job.copies = copies
    patch.setattr(placement, "fits", blind)
    return {}


@plant("invariant 5")
def leases_with_the_same_fence(patch: Patch) -> dict[str, Any]:
    lease = placement._lease

    def level(b: Any, node: Any, job: Any) -> None:
        job.fence = 0
        lease(b, node, job)
    patch.setattr(placement, "_lease", level)
    return {}


@plant("invariant 5")
def forgets_fences_at_restart(patch: Patch) -> dict[str, Any]:
    class Short(Journal):
        def recall(self, x: f.RecallRound) -> RoundRecalled | None:
            known = super().recall(x)
            return known and replace(known, leases=tuple(row for row in known.leases if row.ended in ("", "done")))
    return {"journal": Short}


@plant("invariant 2")
def pays_again_after_a_restart(patch: Patch) -> dict[str, Any]:
    class Generous(Journal):
        def unsealed(self) -> list[int]:
            return list(range(self.epoch))

        def seal(self, epoch: int) -> Any:
            self.sealed.pop(epoch, None)
            for record in self.leases.values():
                record.paid = False
            return super().seal(epoch)
    return {"journal": Generous}


@plant("invariant 3")
def never_seals_what_a_crash_interrupted(patch: Patch) -> dict[str, Any]:
    class Lazy(Journal):
        def unsealed(self) -> list[int]:
            return []
    return {"journal": Lazy}


@plant("invariant 7")
def accepts_the_minority(patch: Patch) -> dict[str, Any]:
    audit = judging.audit

    def trusting(b: Any, job: Any) -> None:
        if job.phase is Phase.OUT and job.copies:
            judging._accept(b, job, job.copies[-1].answer, audited=False)
        else:
            audit(b, job)
    patch.setattr(judging, "audit", trusting)
    return {}


@plant("invariant")
def accepts_a_single_copy(patch: Patch) -> dict[str, Any]:
    patch.setattr(gateway, "POLICY", replace(POLICY, copies=1))
    return {}


@plant("invariant 5")
def leases_both_copies_at_once(patch: Patch) -> dict[str, Any]:
    lease = placement._lease

    def twice(b: Any, node: Any, job: Any) -> None:
        lease(b, node, job)
        for other in b.nodes.values():
            if job.fence == 1 and other.owner != node.owner and placement.wants_work(b, other):
                job.phase = Phase.READY
                lease(b, other, job)
    patch.setattr(placement, "_lease", twice)
    return {}


@plant("invariant 2")
def pays_late_results(patch: Patch) -> dict[str, Any]:
    judge = judging.judge

    def kind(b: Any, lease: Any, verdict: Verdict) -> None:
        judge(b, lease, Verdict.OK if verdict == "late" else verdict)
    patch.setattr(judging, "judge", kind)
    return {}


@plant("invariant 7")
def pays_liars(patch: Patch) -> dict[str, Any]:
    judge = judging.judge

    def kind(b: Any, lease: Any, verdict: Verdict) -> None:
        judge(b, lease, Verdict.OK if verdict == "minority" else verdict)
    patch.setattr(judging, "judge", kind)
    return {}


@plant("invariant 2")
def records_duplicates_again(patch: Patch) -> dict[str, Any]:
    on_result = judging.on_result

    def eager(b: Any, event: Any) -> None:
        lease = b.leases.get(event.receipt.nonce)
        if lease is not None and lease.seq:
            lease.seq, lease.ended = 0, Ended.EXPIRED
        on_result(b, event)
    patch.setitem(HANDLERS, "ResultArrived", eager)
    return {}


@plant("liveness")
def does_not_acknowledge_duplicates(patch: Patch) -> dict[str, Any]:
    on_result = judging.on_result

    def silent(b: Any, event: Any) -> None:
        lease = b.leases.get(event.receipt.nonce)
        if lease is None or not lease.seq:
            on_result(b, event)
    patch.setitem(HANDLERS, "ResultArrived", silent)
    return {}


@plant("invariant 1")
def calls_open_leases_unknown(patch: Patch) -> dict[str, Any]:
    watch = placement.watch

    def absent(b: Any, node: Any, lease: Any, report_ms: int) -> None:
        watch(b, node, lease, report_ms)
        if lease.number % 5 == 0:
            del b.leases[lease.nonce]
    patch.setattr(placement, "watch", absent)
    return {}


@plant("invariant 8")
def believes_any_mac(patch: Patch) -> dict[str, Any]:
    patch.setattr(mac.Mac, "matches", lambda self, data, tag: True)
    return {}


@plant("invariant 6")
def leases_to_the_revoked(patch: Patch) -> dict[str, Any]:
    def unrevoke(b: Any, event: Any) -> None:
        node = b.nodes.get(event.node)
        if node is not None:
            nodes.lose_all(b, node)
    patch.setitem(HANDLERS, "NodeRevoked", unrevoke)
    return {}


@plant("invariant 6")
def waits_for_the_lost(patch: Patch) -> dict[str, Any]:
    patch.setattr(nodes, "lose_all", lambda b, node: None)
    return {}


@plant("invariant 6")
def leases_to_liars_in_quarantine(patch: Patch) -> dict[str, Any]:
    patch.setattr(judging, "quarantine_ms", lambda b, node: 0)
    return {}


@plant("invariant 6")
def forgets_standing_at_restart(patch: Patch) -> dict[str, Any]:
    class Forgiving(Journal):
        def snapshot(self) -> Snapshot:
            return replace(super().snapshot(), standing=[])
    return {"journal": Forgiving}


@plant("invariant [256]")
def loses_answers_at_restart(patch: Patch) -> dict[str, Any]:
    class Short(Journal):
        def recall(self, x: f.RecallRound) -> RoundRecalled | None:
            known = super().recall(replace(x, leases=True))
            return known and replace(known, answers=())
    return {"journal": Short}


@plant("invariant [56]")
def loses_copies_at_restart(patch: Patch) -> dict[str, Any]:
    class Short(Journal):
        def snapshot(self) -> Snapshot:
            whole = super().snapshot()
            return replace(whole, leases=[row for row in whole.leases if row.verdict or row.ended != "done"])

        def recall(self, x: f.RecallRound) -> RoundRecalled | None:
            known = super().recall(x)
            return known and replace(known, leases=tuple(row for row in known.leases
                                                         if row.verdict or row.ended != "done"))
    return {"journal": Short}


@plant("invariant 7")
def merges_in_order_of_arrival(patch: Patch) -> dict[str, Any]:
    finish = judging.finish_round

    def shuffled(b: Any, task: Any) -> None:
        task.round.jobs.sort(key=lambda job: (job.answer is None, max((c.number for c in job.copies), default=0)))
        finish(b, task)
    patch.setattr(judging, "finish_round", shuffled)
    return {}


@plant("liveness")
def never_expires_a_lease(patch: Patch) -> dict[str, Any]:
    on_clock = placement.on_clock

    def asleep(b: Any, what: Any) -> None:
        if not hasattr(what, "nonce"):
            on_clock(b, what)
    patch.setattr(placement, "on_clock", asleep)
    return {}


@plant("liveness")
def never_recomputes_for_want_of_owners(patch: Patch) -> dict[str, Any]:
    class Alone(Gateway):
        def _recompute(self, x: f.Recompute) -> None:
            pass
    return {"gateway": Alone}


@plant("invariant 11")
def ignores_the_room_of_a_bid(patch: Patch) -> dict[str, Any]:
    on_bid = nodes.on_bid

    def greedy(b: Any, event: Any) -> None:
        on_bid(b, replace(event, room=64))
    patch.setitem(HANDLERS, "NodeBid", greedy)
    patch.setattr(placement, "expected_ms", lambda node, job: 1)
    return {}


@plant("invariant 11")
def remembers_every_lease(patch: Patch) -> dict[str, Any]:
    def hoard(self: Any, lease: Any) -> None:
        self.leases[lease.nonce] = lease
        self.ended[lease.nonce] = None
    patch.setattr(state.State, "remember", hoard)
    return {}


@plant("liveness")
def leaves_copies_of_cancelled_tasks_unjudged(patch: Patch) -> dict[str, Any]:
    judge = judging.judge
    patch.setattr(judging, "judge", lambda b, lease, verdict: verdict == "cancelled" or judge(b, lease, verdict))
    return {}


@plant("invariant 1")
def publishes_before_commit(patch: Patch) -> dict[str, Any]:
    class Hasty(Gateway):
        def finish(self, effects: list[f.Effect], outward: list[f.Effect], stage: int) -> None:
            self.release([effect for effect in outward if type(effect) is f.PublishResult])
            super().finish(effects, outward, stage)
    return {"gateway": Hasty}


@plant("invariant 9")
def sends_the_kernel_of_another_class(patch: Patch) -> dict[str, Any]:
    on_kernels = nodes.on_kernels

    def mixed(b: Any, event: Any) -> None:
        on_kernels(b, event)
        first = min(b.kernels)
        b.kernels = dict.fromkeys(b.kernels, b.kernels[first])
    patch.setitem(HANDLERS, "KernelsCompiled", mixed)
    return {}
