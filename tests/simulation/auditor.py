"""The invariants of the journal and of what leaves the gateway, checked at every effect as it happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import events as e
from lamplighter.gateway.ledger.leaves import Seal
from lamplighter.gateway.protocol import frames
from tests.simulation import kind
from tests.simulation.idle import Idle
from tests.simulation.journal import JobKey, LeaseRecord
from tests.simulation.witness import Witness, need

if TYPE_CHECKING:
    from tests.simulation.devices import Device
    from tests.simulation.world import World

SLACK_MS = 2_000
"""After a deadline: the next tick, and the replay of a task that was interrupted there."""
COPY = ("", "ok", "minority")
"""Verdicts of a receipt that counts as a copy of its job."""


class Auditor:
    """Knows what the devices really sent and what the right answers are; the machine does not know of it."""

    def __init__(self, world: World) -> None:
        self.world, self.journal, self.clock = world, world.journal, world.clock
        self.witness = Witness(world, world.journal)
        self.idle = Idle(world)
        self.truth = self.witness.truth
        self.open_jobs: dict[JobKey, int] = {}
        self.fences: dict[JobKey, int] = {}
        self.sent: dict[tuple[str, int], list[tuple[bytes, bytes]]] = {}
        """(nonce, frame) of every result that a device really made, by (node, seq)."""
        self.quarantined: dict[str, int] = {}
        self.proven: dict[str, int] = {}
        """When the standing of each device changed last: the commit comes later."""
        self.lies: dict[str, int] = {}
        self.advanced: dict[str, int] = {}
        self.touched: set[JobKey] = set()
        self.anew: set[str] = set()
        """Tasks that were begun anew in the last commit: what else it leads to is of their life before."""
        self.paid_leases: set[int] = set()
        self.suspects: dict[str, set[JobKey]] = {}
        """By task: accepted jobs in which a liar took part, when it was proven to be one."""
        self.last_lease = 0
        self.numbers: set[tuple[str, int, int]] = set()
        """(node, boot, seq) of each receipt that was recorded."""
        self.begun_leases: dict[int, int] = {}
        """When each lease was made."""
        self.rights: dict[int, bytes] = {}
        """The right answer to each lease: a setback may put another job in the same place."""
        self.begun: dict[str, int] = {}
        """When each task was taken: its commit comes later."""
        self.here: dict[str, int] = {}
        """How many jobs of each the gateway had computed itself when it ended."""
        self.ended_under: dict[str, kind.Release] = {}
        """Under which release each task ended."""
        self.wrong_accepted = self.wrong_paid = self.results_paid = 0
        self._rules = {
            f.KeepTask: self._task, f.KeepRound: self._round, f.KeepSetback: self._setback,
            f.KeepTaskEnd: self._task_end, f.KeepLease: self._lease, f.KeepEnd: self._end,
            f.KeepReceipt: self._receipt, f.KeepVerdict: self._verdict, f.KeepAnswer: self._answer,
            f.KeepStanding: self._standing, f.KeepEpoch: self._epoch, f.KeepClock: self._clock,
            f.SendAck: self._ack, f.GiveUp: self._give_up,
            f.SendLease: self._send_lease, f.AdvanceSolver: self._advance, f.PublishResult: self._publish,
            f.Reply: self._reply,
        }

    def restarted(self) -> None:
        self.witness.restarted()
        self.idle.restarted()

    def aged(self) -> None:
        """The journal has forgotten what an older version does not know: under what rounds were begun, and at which
        connection devices were heard."""
        self.witness.releases = dict.fromkeys(self.witness.releases, kind.UNKNOWN)
        for node, known in self.journal.standing.items():
            self.journal.standing[node] = (*known[:3], 0, 0)
        for task in self.journal.tasks.values():
            task.kept = replace(task.kept, where="auto")

    def handled(self, event: e.Event | None, made: Sequence[f.Effect]) -> None:
        """What the machine was told and says to it, or to a restart, before that is committed."""
        self.world.trace(event, made)
        for x in made:
            if type(x) is f.KeepStanding:
                self.proven[x.node] = self.clock.now
            elif type(x) is f.KeepTask:
                self.begun[x.task] = self.clock.now
            elif type(x) is f.KeepLease:
                self.idle.leased(x.node)
        self.witness.handled(event, made)
        if type(event) is e.Ticked:
            self.idle.ticked(self.world.gateway.machine.state)

    # Rows, each before it is applied

    def keeping(self, effect: Any) -> None:
        self._rules[type(effect)](effect)

    def _task(self, x: f.KeepTask) -> None:
        known = self.journal.tasks.get(x.task)
        need(known is None or known.state == "cancelled", 2, x, "is kept twice")
        need(x.life == (known.run + 1 if known else 0), 2, x, "begins with a run that its id has had")
        self._void(x.task, -1)
        self.anew |= {x.task} if known else set()

    def _round(self, x: f.KeepRound) -> None:
        need(x.round == len(self.journal.tasks[x.task].rounds), 2, x, "is not the next round")
        self.witness.begun(x)

    def _setback(self, x: f.KeepSetback) -> None:
        """What follows from a wrong answer is void, and what was made by another release; what was right for its
        input stays paid."""
        need(self.world.mix.cartel or not self.witness.fits(x.task, x.round + 1), 7, x,
             "is of a task without a wrong answer")
        need(x.run == self.journal.tasks[x.task].run + 1, 2, x, "does not rise by one")
        self._void(x.task, x.round)
        self.advanced[x.task] = x.round - 1

    def _void(self, task: str, after: int) -> None:
        """The rounds after that one of a task are no more."""
        later = [key for key in self.open_jobs if key[0] == task and key[1] > after]
        need(not later, 5, task, "leaves leases of what is void")
        self.advanced.pop(task, None)
        self.suspects[task] = {key for key in self.suspects.get(task, ()) if key[1] <= after}
        self.touched -= {key for key in self.touched if key[0] == task and key[1] > after}
        witness = self.witness
        for known in (witness.jobs, witness.truth, witness.releases):
            for key in [key for key in known if key[0] == task and key[1] > after]:
                del known[key]

    def _task_end(self, x: f.KeepTaskEnd) -> None:
        need(self.journal.tasks[x.task].state == "", 2, x, "ends twice")
        self.here[x.task] = sum(len(self.witness.jobs[key]) for key in self.journal.here if key[0] == x.task)
        self.ended_under[x.task] = self.witness.under.get(x.task, self.world.gateway.release)
        for key in self.suspects.pop(x.task, ()) if x.state == "done" else ():
            unpaid = any(map(self._unpaid, self.journal.by_job.get(key, ())))
            need(not unpaid or self._audited(key), 7, (x.task, key), "was not checked again")

    def _lease(self, x: f.KeepLease) -> None:
        key = (x.task, x.round, x.index)
        policy = self.world.policy
        records = self.journal.by_job.get(key, ())
        copies = [r for r in records if r.ended == "done" and r.verdict in COPY]
        need(x.lease > self.last_lease and x.nonce not in self.journal.by_nonce, 2, x, "has an old name")
        need(x.fence > self.fences.get(key, 0), 5, x, "has a fence that does not rise")
        need(not self.open_jobs.get(key) and len(copies) < policy.copies, 5, x, "is a copy too many")
        whose = self.witness.whose.pop(x.lease)
        mine = whose[x.node]
        theirs = [whose.get(r.kept.node, set()) | {r.kept.owner} for r in copies]
        need(not any(mine & owners for owners in theirs), 6, x, "is a second copy with one owner")
        need(all(r.kept.node != x.node for r in copies), 6, x, "is a second copy on one device")
        need(self.quarantined.get(x.node, 0) <= self.clock.now, 6, x, "goes to a device in quarantine")
        need(self._where(key) == "", 21, x, "is for what the gateway computes itself")
        over = self.journal.tasks[x.task].state or key in self.journal.answers
        need(not over, 2, x, "is for a job that is over")
        need(self.witness.fits(x.task, x.round), 19, x, "is for a round of another release")
        need(x.price_kop == self.witness.price(key), 2, x, "has another price than its job")
        self.open_jobs[key], self.rights[x.lease] = x.lease, self.truth[key]
        self.last_lease, self.fences[key] = x.lease, x.fence
        self.begun_leases[x.lease] = self.clock.now

    def _over(self, record: LeaseRecord) -> None:
        self.open_jobs.pop(record.key, None)

    def _end(self, x: f.KeepEnd) -> None:
        record = self.journal.leases[x.lease]
        need(record.ended == "", 2, x, "ends a lease that is over")
        self._over(record)

    def _receipt(self, x: f.KeepReceipt) -> None:
        record = self.journal.leases[x.lease]
        proof = frames.decode_receipt(x.proof[: -frames.MAC_BYTES])
        device = self.world.by_node[record.kept.node]
        need(not record.proof, 2, x, "is a second receipt")
        need((record.ended == "") == (x.ended == "done"), 5, x, "does not follow from how the lease ended")
        need(proof.nonce == record.kept.nonce, 5, x, "is a receipt for another fence")
        need(proof.device == device.name16, 8, x, "is a receipt of another device")
        made = self.sent.get((device.node, x.seq), ())
        need((proof.nonce, x.proof + x.answer) in made, 8, x, "was not sent by the device")
        need((device.node, x.boot, x.seq) not in self.numbers, 15, x, "has a number that was used")
        self.numbers.add((device.node, x.boot, x.seq))
        if x.ended == "late":
            self._late(device, record)
        if record.ended == "":
            self._over(record)

    def _late(self, device: Device, record: LeaseRecord) -> None:
        """What an honest device sent within its lease is paid, whoever was restarted meanwhile.

        What ended the lease must have been the device, or its own connection, or somebody who wants no answer.
        """
        cause, when = self.witness.ends[record.kept.lease]
        made = self.begun_leases[record.kept.lease]
        disturbed = device.lie is not None or device.slowness > 1 or device.cut_at >= made
        disturbed |= cause is e.NodeStatusChanged   # its own will, which may be late; that of another is no news (8)
        clock = cause is e.Ticked and not any(made <= at <= when for at in self.witness.restarts)
        gone = cause in (e.NodeRevoked, type(None))   # a start ends those of devices that it does not know
        excused = disturbed or clock or gone or record.ended != "expired" or device.node in self.world.revoked
        need(excused, 14, (record.kept, cause.__name__, when), "ended, and an honest device had its result")

    def _verdict(self, x: f.KeepVerdict) -> None:
        record = self.journal.leases[x.lease]
        need(bool(record.proof), 2, x, "judges a lease without a receipt")
        need(x.epoch == self.journal.epoch, 3, x, "is in another epoch than now")
        need(x.epoch not in self.journal.sealed, 3, x, "is in a sealed epoch")
        if record.epoch not in (-1, x.epoch):
            return   # a correction after the epoch: the store does not take it
        if x.verdict == "ok":
            need(record.ended == "done", 2, x, "pays a lease that was not done")
            need(self.witness.fits(*record.key[:2]), 19, x, "takes an answer of another release for one of this")
            self.touched.add(record.key)
        if x.verdict in ("minority", "wrong_size", "bad_seal"):
            need(self.world.by_node[record.kept.node].lie is not None or self.world.mix.cartel, 7, x,
                      "is against an honest device")

    def _answer(self, x: f.KeepAnswer) -> None:
        key = (x.task, x.round, x.index)
        known = self.journal.answers.get(key)
        need(known is None or (x.audited and not known[1]), 2, (known, x), "are two outcomes")
        need(x.round > self.advanced.get(x.task, -1) or known is not None, 2, x, "comes after its round")
        self._answered(x, key)
        found = self.witness.recomputed.get(key, {}).get(self._run(key))
        need(not x.audited or found == x.answer, 2, x, "was not recomputed")
        if x.answer != self.truth[key]:
            need(self.world.mix.cartel, 7, x, "is wrong")
            self.wrong_accepted += known is None
        self.touched.add(key)

    def _run(self, key: JobKey) -> int:
        """In which its round was begun."""
        return self.journal.tasks[key[0]].rounds[key[1]][0]

    def _where(self, key: JobKey) -> str:
        """Why the gateway computes all of a round, '' where devices do."""
        return self.journal.tasks[key[0]].rounds[key[1]][2]

    def _answered(self, x: f.KeepAnswer, key: JobKey) -> None:
        """The gateway answers for devices where its task lets it, for a reason, and then nobody had the job."""
        kept, whole = self.journal.tasks[x.task].kept, self._where(key)
        records = self.journal.by_job.get(key, ())
        need(x.here == whole or (not whole and x.here == "misfit"), 21, (x, whole), "is not why its round is")
        need((x.here == "asked") == (kept.where == "here"), 21, (kept, x), "is not what was asked for")
        need(not x.here or kept.where != "fleet", 21, x, "is of a task for devices")
        need(not x.here or x.audited, 21, x, "nobody has computed")
        copies = [record for record in records if record.ended == "done" and record.verdict in COPY]
        need(not x.here or not copies, 21, x, "had a device")
        need(x.here or records, 21, x, "had no device, and says nothing of that")
        need(x.here != "misfit" or (key, self._run(key)) in self.witness.misfits, 21, x, "could be held by a device")

    def committed(self) -> None:
        """After the commit: the jobs it touched are consistent as a whole."""
        for key in self.touched:
            answer, audited = self.journal.answers.get(key, (b"", False))
            ok = [r for r in self.journal.by_job.get(key, ()) if r.verdict == "ok"]
            need(len(ok) <= self.world.policy.copies, 5, key, "pays too many copies")
            need(len({r.kept.owner for r in ok}) == len(ok), 6, key, "pays an owner twice")
            fresh = [r for r in ok if r.epoch == self.journal.epoch]
            need(all(r.answer == answer for r in fresh), 7, key, "pays an answer that was not accepted")
            need(not ok or key not in self.journal.here, 21, key, "pays for what the gateway computed")
            need(audited or len(ok) >= self.world.policy.copies, 2, key, "was accepted by too few copies")
        self.touched.clear()

    def _standing(self, x: f.KeepStanding) -> None:
        before = self.lies.get(x.node, 0)
        need(x.score >= 0 and x.lies >= before, 6, x, "forgets lies")
        if x.lies > before:
            self.lies[x.node] = x.lies
            for record in self.journal.leases.values():
                if record.kept.node == x.node and self._unpaid(record) and not self._audited(record.key):
                    self.suspects.setdefault(record.kept.task, set()).add(record.key)
            self.quarantined[x.node] = self.proven[x.node] + self.world.policy.quarantine_ms

    def _audited(self, key: JobKey) -> bool:
        return self.journal.answers.get(key, (b"", True))[1]   # or it is void

    def _unpaid(self, record: LeaseRecord) -> bool:
        over = self.journal.tasks[record.kept.task].state
        return record.verdict == "ok" and record.epoch not in self.journal.sealed and not over

    def _epoch(self, x: f.KeepEpoch) -> None:
        need(x.epoch == self.journal.epoch + 1, 3, x, "is not the next epoch")

    def _clock(self, x: f.KeepClock) -> None:
        need(x.clock_ms >= self.journal.clock_ms, 10, x, "goes back")

    # What leaves

    def _give_up(self, x: f.GiveUp) -> None:
        """A deadline goes on over restarts; only what the clock of a computer that was off does not show is lost.
        One that passes while there is no gateway, or before it has recalled the round, counts from then."""
        deadline = self.begun[x.task] + self.journal.tasks[x.task].kept.deadline_ms
        latest = max(deadline + self.world.gateway.lost_ms, self.witness.open_since.get(x.task, 0)) + SLACK_MS
        need(deadline <= self.clock.now <= latest, 10, (x, deadline, latest), "is not at its deadline")

    def released(self, effects: Sequence[Any]) -> None:
        for effect in effects:
            rule = self._rules.get(type(effect))
            if rule is not None:
                rule(effect)
            elif type(effect) is f.StartSolver:
                self.anew.discard(effect.task)

    def _ack(self, x: f.SendAck) -> None:
        made = self.sent.get((x.node, x.seq))
        need(made is not None, 1, x, "acknowledges what was never sent")
        for nonce, _ in made if len(made) == 1 else ():   # else nobody can tell which one is meant
            self._acknowledged(x, self.journal.by_nonce.get(nonce))

    def _acknowledged(self, x: f.SendAck, record: LeaseRecord | None) -> None:
        if x.verdict == "lease_unknown":
            lost = record is not None and record.ended == "" and record.kept.node == x.node
            need(not lost, 1, x, "throws away the result of an open lease")
        else:
            need(record is not None and bool(record.proof), 1, x, "acknowledges what is not in the store")
            same = x.verdict == "duplicate" or record.seq == x.seq
            need(same, 1, x, "acknowledges another receipt than the store has")

    def _send_lease(self, x: f.SendLease) -> None:
        record = self.journal.by_nonce.get(x.nonce)
        need(record is not None and record.kept.node == x.node and record.kept.fence == x.fence, 5, x,
                  "is sent but not in the store")
        self.witness.sent(record.kept.lease, x.report_by_ms)

    def _advance(self, x: f.AdvanceSolver) -> None:
        if x.task in self.anew:
            return   # its solver is stopped next
        need(self.witness.fits(x.task, x.round), 19, x, "goes on with answers of another release")
        for index, answer in enumerate(self.witness.advances(x)):
            need(self.journal.answers.get((x.task, x.round, index), (None,))[0] == answer, 7, (x, index),
                      "goes on with an answer that the job does not have")
        self.advanced[x.task] = max(self.advanced.get(x.task, -1), x.round)

    def _publish(self, x: f.PublishResult) -> None:
        record = self.journal.tasks.get(x.task)
        need(record is not None and (x.result in record.results if x.result else record.state or record.kept.life), 1,
             x, "is not in the store")

    def _reply(self, x: f.Reply) -> None:
        if x.error is None:
            need(x.data["task"] in self.journal.tasks, 1, x, "accepts a task that is not in the store")

    # Credit

    def paying(self, epoch: int) -> None:
        need(epoch < self.journal.epoch, 3, epoch, "is sealed before it ended")

    def paid(self, seal: Seal) -> None:
        """The log pays what was judged ok, no more and no less; sealing again pays nothing."""
        due = self.journal.seal(seal.epoch)
        for record in due:
            lease = record.kept.lease
            need(lease not in self.paid_leases, 2, record.kept, "is paid twice")
            self.paid_leases.add(lease)
            self.results_paid += 1
            if record.answer != self.rights[lease]:
                need(self.world.mix.cartel, 7, record.kept, "is paid for a wrong answer")
                self.wrong_paid += 1
        need(self.journal.sealed[seal.epoch] == seal.credits, 15, seal, "pays another sum than was judged")
        self.world.owners.paid(seal, due)

    def forgotten(self, epoch: int) -> None:
        """The journal lets an epoch go: it is in the log, or there was nothing to pay."""
        need(epoch < self.journal.epoch, 3, epoch, "is forgotten before it ended")
        need(not self.journal.seal(epoch), 3, epoch, "is forgotten unpaid")
