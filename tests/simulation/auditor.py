"""The invariants of the journal and of what leaves the gateway, checked at every effect as it happens."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

from gateway.core import effects as f
from gateway.core import events as e
from gateway.core import frames
from tests.simulation import kind
from tests.simulation.journal import JobKey, LeaseRecord

if TYPE_CHECKING:
    from tests.simulation.world import World

COPY = ("", "ok", "minority")
"""Verdicts of a receipt that counts as a copy of its job."""
SLACK_MS = 400
"""How much later than its clock a lease may end: one tick, and the queue before it."""


class Broken(Exception):
    """An invariant of RELIABILITY does not hold."""


class Auditor:
    """Knows what the devices really sent and what the right answers are; the machine does not know of it."""

    def __init__(self, world: World) -> None:
        self.world, self.journal, self.clock = world, world.journal, world.clock
        self.jobs: dict[JobKey, e.JobSpec] = {}
        self.truth: dict[JobKey, bytes] = {}
        self.recomputed: dict[JobKey, bytes | None] = {}
        self.bids: dict[str, e.NodeBid] = {}
        self.rooms: dict[int, int] = {}
        """What the node had bid when a lease was made for it."""
        self.revoked: set[str] = set()
        self.owners: dict[str, str] = {}
        self.open: dict[str, set[int]] = {}
        self.open_jobs: dict[JobKey, int] = {}
        self.fences: dict[JobKey, int] = {}
        self.sent: dict[tuple[str, int], tuple[bytes, bytes]] = {}
        """(nonce, frame) of every result that a device really made, by (node, seq)."""
        self.acked: set[tuple[str, int]] = set()
        self.quarantined: dict[str, int] = {}
        self.lies: dict[str, int] = {}
        self.advanced: dict[str, int] = {}
        self.clocks: list[tuple[int, int]] = []
        self.touched: set[JobKey] = set()
        self.paid_leases: set[int] = set()
        self.last_lease = 0
        self.wrong_accepted = self.wrong_paid = self.results_paid = self.leases_sent = 0
        self._rules = {
            f.KeepTask: self._task, f.KeepTaskEnd: self._task_end, f.KeepLease: self._lease, f.KeepEnd: self._end,
            f.KeepReceipt: self._receipt, f.KeepVerdict: self._verdict, f.KeepAnswer: self._answer,
            f.KeepStanding: self._standing, f.KeepEpoch: self._epoch, f.SendAck: self._ack,
            f.SendLease: self._send_lease, f.AdvanceSolver: self._advance, f.PublishResult: self._publish,
            f.Reply: self._reply,
        }

    def need(self, holds: bool, invariant: int, about: object, what: str) -> None:
        """Raises Broken unless ``holds``; the text is made only then, for this runs at every effect."""
        if not holds:
            raise Broken(f"invariant {invariant}: {about} {what}")

    # Events

    def restarted(self) -> None:
        """Lease clocks start anew after a restart, with the floor of the policy; the room of devices is unknown."""
        floor = self.clock.now + self.world.policy.report_floor_ms
        self.clocks = [(floor, lease) for leases in self.open.values() for lease in leases]
        heapq.heapify(self.clocks)
        self.bids.clear()
        self.recomputed.clear()

    def handled(self, handled: list[tuple[e.Event, Any, list[f.Effect]]]) -> None:
        """What the machine was told, before its answers are committed."""
        for event, _, made in handled:
            about = type(event)
            if about is e.DeviceMisbehaved:
                self.need(not made, 8, (event, made), "bytes that nobody may send led to effects")
            elif about is e.NodeBid:
                self.bids[event.node] = event
            elif about is e.RoundYielded:
                self._round(event)
            elif about is e.Recomputed:
                self.recomputed[event.task, event.round, event.index] = event.answer
            elif about is e.NodeRevoked:
                self.revoked.add(event.node)
            elif about is e.NodeEnrolled:
                self.revoked.discard(event.node)
                self.owners[event.node] = event.owner
            elif about is e.Ticked:
                self._lease_clocks(made)
            for effect in made:
                if type(effect) is f.KeepLease:
                    self.need(effect.node not in self.revoked, 6, effect, "goes to a revoked device")
                    self.need(effect.owner == self.owners[effect.node], 6, effect, "names another owner")
                    bid = self.bids.get(effect.node)
                    self.rooms[effect.lease] = bid.room if bid else 0

    def _round(self, event: e.RoundYielded) -> None:
        kind_name = self.journal.tasks[event.task].kept.kind
        for index, job in enumerate(event.jobs):
            key = (event.task, event.round, index)
            self.need(self.jobs.setdefault(key, job) == job, 7, key, "is another job after a restart")
            if key not in self.truth:
                self.truth[key] = kind.answer_of(kind_name, job.input, job.answer_bytes)

    def _lease_clocks(self, made: list[f.Effect]) -> None:
        while self.clocks and self.clocks[0][0] + SLACK_MS < self.clock.now:
            lease = heapq.heappop(self.clocks)[1]
            over = self.journal.leases[lease].ended or any(type(x) is f.KeepEnd and x.lease == lease for x in made)
            if not over:
                raise Broken(f"liveness: lease {lease} is open after its clock")

    # Rows, each before it is applied

    def keeping(self, effect: Any) -> None:
        self._rules[type(effect)](effect)

    def _task(self, x: f.KeepTask) -> None:
        self.need(x.task not in self.journal.tasks, 2, x, "is kept twice")

    def _task_end(self, x: f.KeepTaskEnd) -> None:
        self.need(self.journal.tasks[x.task].state == "", 2, x, "ends twice")

    def _lease(self, x: f.KeepLease) -> None:
        key = (x.task, x.round, x.index)
        policy = self.world.policy
        records = self.journal.by_job.get(key, ())
        copies = [r for r in records if r.ended == "done" and r.verdict in COPY]
        self.need(x.lease > self.last_lease and x.nonce not in self.journal.by_nonce, 2, x, "has an old name")
        self.need(x.fence > self.fences.get(key, 0), 5, x, "has a fence that does not rise")
        self.need(not self.open_jobs.get(key) and len(copies) < policy.copies, 5, x, "is a copy too many")
        self.need(all(r.kept.owner != x.owner for r in copies), 6, x, "is a second copy with one owner")
        self.need(all(r.kept.node != x.node for r in copies), 6, x, "is a second copy on one device")
        self.need(self.quarantined.get(x.node, 0) <= self.clock.now, 6, x, "goes to a device in quarantine")
        over = self.journal.tasks[x.task].state or key in self.journal.answers
        self.need(not over, 2, x, "is for a job that is over")
        self.need(x.price_kop == self.jobs[key].price_kop, 2, x, "has another price than its job")
        held = self.open.setdefault(x.node, set())
        room = min(self.rooms[x.lease], policy.max_open)
        self.need(len(held) < room, 11, x, "is more than the device has room for")
        held.add(x.lease)
        self.open_jobs[key] = x.lease
        self.last_lease, self.fences[key] = x.lease, x.fence

    def _over(self, record: LeaseRecord) -> None:
        self.open[record.kept.node].discard(record.kept.lease)
        self.open_jobs.pop(record.key, None)

    def _end(self, x: f.KeepEnd) -> None:
        record = self.journal.leases[x.lease]
        self.need(record.ended == "", 2, x, "ends a lease that is over")
        self._over(record)

    def _receipt(self, x: f.KeepReceipt) -> None:
        record = self.journal.leases[x.lease]
        proof = frames.decode_receipt(x.proof[: -frames.MAC_BYTES])
        device = self.world.by_node[record.kept.node]
        self.need(not record.proof, 2, x, "is a second receipt")
        self.need((record.ended == "") == (x.ended == "done"), 5, x, "does not follow from how the lease ended")
        self.need(proof.nonce == record.kept.nonce, 5, x, "is a receipt for another fence")
        self.need(proof.device == device.name16, 8, x, "is a receipt of another device")
        self.need(self.sent.get((device.node, x.seq)) == (proof.nonce, x.proof + x.answer), 8, x,
                  "was not sent by the device")
        if record.ended == "":
            self._over(record)

    def _verdict(self, x: f.KeepVerdict) -> None:
        record = self.journal.leases[x.lease]
        self.need(bool(record.proof), 2, x, "judges a lease without a receipt")
        self.need(x.epoch == self.journal.epoch, 3, x, "is in another epoch than now")
        self.need(x.epoch not in self.journal.sealed, 3, x, "is in a sealed epoch")
        if record.epoch not in (-1, x.epoch):
            return   # a correction after the epoch: the store does not take it
        if x.verdict == "ok":
            self.need(record.ended == "done", 2, x, "pays a lease that was not done")
            self.touched.add(record.key)
        if x.verdict in ("minority", "wrong_size", "bad_seal"):
            self.need(self.world.by_node[record.kept.node].lie is not None or self.world.mix.cartel, 7, x,
                      "is against an honest device")

    def _answer(self, x: f.KeepAnswer) -> None:
        key = (x.task, x.round, x.index)
        known = self.journal.answers.get(key)
        self.need(known is None or (x.audited and not known[1]), 2, (known, x), "are two outcomes")
        self.need(x.round > self.advanced.get(x.task, -1) or (known is not None and known[0] == x.answer), 2, x,
                  "comes after its round")
        self.need(not x.audited or self.recomputed.get(key) == x.answer, 2, x, "was not recomputed")
        if x.answer != self.truth[key]:
            self.need(self.world.mix.cartel, 7, x, "is wrong")
            self.wrong_accepted += known is None
        self.touched.add(key)

    def committed(self) -> None:
        """After the commit: the jobs it touched are consistent as a whole."""
        for key in self.touched:
            answer, audited = self.journal.answers.get(key, (b"", False))
            ok = [r for r in self.journal.by_job.get(key, ()) if r.verdict == "ok"]
            self.need(len(ok) <= self.world.policy.copies, 5, key, "pays too many copies")
            self.need(len({r.kept.owner for r in ok}) == len(ok), 6, key, "pays an owner twice")
            fresh = [r for r in ok if r.epoch == self.journal.epoch]
            self.need(all(r.answer == answer for r in fresh), 7, key, "pays an answer that was not accepted")
            self.need(audited or len(ok) >= self.world.policy.copies, 2, key, "was accepted by too few copies")
        self.touched.clear()

    def _standing(self, x: f.KeepStanding) -> None:
        before = self.lies.get(x.node, 0)
        self.need(x.score >= 0 and x.lies >= before, 6, x, "forgets lies")
        if x.lies > before:
            self.lies[x.node] = x.lies
            self.quarantined[x.node] = self.clock.now + self.world.policy.quarantine_ms

    def _epoch(self, x: f.KeepEpoch) -> None:
        self.need(x.epoch == self.journal.epoch + 1, 3, x, "is not the next epoch")

    # What leaves

    def released(self, effect: Any) -> None:
        rule = self._rules.get(type(effect))
        if rule is not None:
            rule(effect)

    def _ack(self, x: f.SendAck) -> None:
        made = self.sent.get((x.node, x.seq))
        self.need(made is not None, 1, x, "acknowledges what was never sent")
        record = self.journal.by_nonce.get(made[0])
        if x.verdict == "lease_unknown":
            lost = record is not None and record.ended == "" and record.kept.node == x.node
            self.need(not lost, 1, x, "throws away the result of an open lease")
        else:
            self.need(record is not None and bool(record.proof), 1, x, "acknowledges what is not in the store")
            same = x.verdict == "duplicate" or record.seq == x.seq
            self.need(same, 1, x, "acknowledges another receipt than the store has")
        self.acked.add((x.node, x.seq))

    def _send_lease(self, x: f.SendLease) -> None:
        record = self.journal.by_nonce.get(x.nonce)
        self.need(record is not None and record.kept.node == x.node and record.kept.fence == x.fence, 5, x,
                  "is sent but not in the store")
        self.leases_sent += 1
        heapq.heappush(self.clocks, (self.clock.now + x.report_by_ms, record.kept.lease))

    def _advance(self, x: f.AdvanceSolver) -> None:
        for index, answer in enumerate(x.answers):
            self.need(self.journal.answers.get((x.task, x.round, index), (None,))[0] == answer, 7, (x, index),
                      "goes on with an answer that the job does not have")
        self.advanced[x.task] = max(self.advanced.get(x.task, -1), x.round)

    def _publish(self, x: f.PublishResult) -> None:
        record = self.journal.tasks.get(x.task)
        self.need(record is not None and record.state != "" and x.result in (record.result, b""), 1, x,
                  "is not in the store")

    def _reply(self, x: f.Reply) -> None:
        if x.error is None:
            self.need(x.data["task"] in self.journal.tasks, 1, x, "accepts a task that is not in the store")

    # Credit

    def paying(self, epoch: int) -> None:
        self.need(epoch < self.journal.epoch, 3, epoch, "is sealed before it ended")

    def paid(self, due: list[LeaseRecord]) -> None:
        for record in due:
            lease = record.kept.lease
            self.need(lease not in self.paid_leases, 2, record.kept, "is paid twice")
            self.paid_leases.add(lease)
            self.results_paid += 1
            if record.answer != self.truth[record.key]:
                self.need(self.world.mix.cartel, 7, record.kept, "is paid for a wrong answer")
                self.wrong_paid += 1
