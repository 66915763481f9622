"""The journal as a little model in memory: a commit applies all Keep* effects of a batch, or none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core.events import RoundRecalled
from lamplighter.gateway.core.snapshot import AnswerRow, LeaseRow, ShareRow, Snapshot, StandingRow, TaskRow

JobKey = tuple[str, int, int]
REMEMBERED = 64
"""As the policy of the simulated gateway has it."""


class TaskRecord:
    __slots__ = ("end_epoch", "kept", "result", "rounds", "run", "state")

    def __init__(self, kept: f.KeepTask) -> None:
        self.kept = kept
        self.state = ""
        self.result = b""
        self.run = 0
        self.end_epoch = -1
        self.rounds: list[tuple[int, int]] = []
        """(run, first lease) of each round that was begun."""


class LeaseRecord:
    """One lease from KeepLease on. ``epoch`` is that of its verdict, -1 before; ``paid`` once it is sealed, ``gone``
    when a store would have forgotten it."""

    __slots__ = ("answer", "boot", "ended", "epoch", "gone", "kept", "key", "paid", "proof", "seq", "verdict")

    def __init__(self, kept: f.KeepLease) -> None:
        self.kept = kept
        self.key: JobKey = (kept.task, kept.round, kept.index)
        self.ended = self.verdict = ""
        self.epoch = -1
        self.boot = self.seq = 0
        self.proof = self.answer = b""
        self.paid = self.gone = False


class Journal:
    """Nothing is forgotten here, so that the auditor can look back; ``snapshot`` gives what a store would."""

    def __init__(self) -> None:
        self.tasks: dict[str, TaskRecord] = {}
        self.leases: dict[int, LeaseRecord] = {}
        self.by_nonce: dict[bytes, LeaseRecord] = {}
        self.by_job: dict[JobKey, list[LeaseRecord]] = {}
        self.answers: dict[JobKey, tuple[bytes, bool]] = {}
        self.standing: dict[str, tuple[int, int, int]] = {}
        self.epoch = self.clock_ms = 0
        self.sealed: dict[int, int] = {}
        """Credit paid by epoch, in kop."""
        self.earned: dict[str, int] = {}
        """Of sealed epochs, by node."""
        self._apply = {
            f.KeepTask: self._task, f.KeepRound: self._round, f.KeepSetback: self._setback,
            f.KeepTaskEnd: self._task_end, f.KeepLease: self._lease, f.KeepEnd: self._end,
            f.KeepReceipt: self._receipt, f.KeepVerdict: self._verdict, f.KeepAnswer: self._answer,
            f.KeepStanding: self._standing, f.KeepEpoch: self._epoch,
            f.KeepClock: self._clock,
        }

    def apply(self, effect: Any) -> None:
        self._apply[type(effect)](effect)

    def durable(self, effects: Iterable[f.Effect]) -> list[f.Effect]:
        """Those of ``effects`` that this journal keeps, in order."""
        return [effect for effect in effects if type(effect) in self._apply]

    def _task(self, e: f.KeepTask) -> None:
        self.tasks[e.task] = TaskRecord(e)

    def _round(self, e: f.KeepRound) -> None:
        rounds = self.tasks[e.task].rounds
        assert len(rounds) == e.round
        rounds.append((e.run, e.first_lease))

    def _setback(self, e: f.KeepSetback) -> None:
        record = self.tasks[e.task]
        record.run = e.run
        del record.rounds[e.round + 1:]
        for kept in (self.answers, self.by_job):
            for key in [key for key in kept if key[0] == e.task and key[1] > e.round]:
                del kept[key]

    def _task_end(self, e: f.KeepTaskEnd) -> None:
        record = self.tasks[e.task]
        record.state, record.result, record.end_epoch = e.state, e.result, self.epoch

    def _lease(self, e: f.KeepLease) -> None:
        record = LeaseRecord(e)
        self.leases[e.lease] = self.by_nonce[e.nonce] = record
        self.by_job.setdefault(record.key, []).append(record)

    def _end(self, e: f.KeepEnd) -> None:
        self.leases[e.lease].ended = e.ended

    def _receipt(self, e: f.KeepReceipt) -> None:
        record = self.leases[e.lease]
        record.ended, record.boot, record.seq, record.proof, record.answer = e.ended, e.boot, e.seq, e.proof, e.answer

    def _verdict(self, e: f.KeepVerdict) -> None:
        record = self.leases[e.lease]
        if record.epoch in (-1, e.epoch):   # what an ended epoch was told stays as it is
            record.verdict, record.epoch = e.verdict, e.epoch

    def _answer(self, e: f.KeepAnswer) -> None:
        self.answers[e.task, e.round, e.index] = (e.answer, e.audited)

    def _standing(self, e: f.KeepStanding) -> None:
        self.standing[e.node] = (e.score, e.lies, e.quarantined_until)

    def _clock(self, e: f.KeepClock) -> None:
        self.clock_ms = e.clock_ms

    def _epoch(self, e: f.KeepEpoch) -> None:
        self.epoch = e.epoch

    # The ledger's part

    def seal(self, epoch: int) -> list[LeaseRecord]:
        """Pays each ``ok`` of an epoch, once; returns the leases paid. Sealing again changes nothing."""
        if epoch in self.sealed:
            return []
        due = [r for r in self.leases.values() if r.epoch == epoch and r.verdict == "ok" and not r.paid]
        for record in due:
            record.paid = True
            self.earned[record.kept.node] = self.earned.get(record.kept.node, 0) + record.kept.price_kop
        self.sealed[epoch] = sum(record.kept.price_kop for record in due)
        for record in self.leases.values():
            task = self.tasks[record.kept.task]
            needed = (not task.state or task.end_epoch > epoch) and (
                record.epoch < 0 or record.key not in self.answers or bool(task.state))
            record.gone = record.gone or (record.epoch <= epoch and not needed)
        return due

    def unsealed(self) -> list[int]:
        """Epochs that ended but were not sealed, oldest first."""
        return [epoch for epoch in range(self.epoch) if epoch not in self.sealed]

    # What a restart gets

    def snapshot(self) -> Snapshot:
        snapshot = Snapshot(next_lease=max(self.leases, default=0) + 1, epoch=self.epoch,
                            clock_ms=self.clock_ms)
        for task in self.tasks.values():
            k = task.kept
            audited = sum(known[1] for key, known in self.answers.items() if key[0] == k.task and not task.state)
            snapshot.tasks.append(TaskRow(k.task, k.kind, k.body, k.priority, k.deadline_ms, k.submitted_at_ms,
                                          k.started_ms, task.state, task.result, task.run,
                                          0 if task.state else len(task.rounds), audited))
        snapshot.leases += [_row(r) for r in self._wanted()]
        shares: dict[tuple[str, str], list[int]] = {}
        for r in self.leases.values():
            if not self.tasks[r.kept.task].state and not r.gone:
                share = shares.setdefault((r.kept.task, r.kept.node), [0, 0])
                share[0] += 1
                share[1] += r.ended == "done"
        snapshot.shares += [ShareRow(*key, *share) for key, share in sorted(shares.items())]
        unsealed = [r for r in self.leases.values() if r.verdict == "ok" and r.epoch not in self.sealed]
        for node in sorted({*self.standing, *self.earned, *(r.kept.node for r in unsealed)}):
            earned = self.earned.get(node, 0) + sum(r.kept.price_kop for r in unsealed if r.kept.node == node)
            snapshot.standing.append(StandingRow(node, *self.standing.get(node, (0, 0, 0)), earned))
        return snapshot

    def _wanted(self) -> list[LeaseRecord]:
        """As the store: the newest, and of the newest round of each task those without an outcome."""
        top = max(self.leases, default=0)
        first = min((t.rounds[-1][1] for t in self.tasks.values() if t.rounds and not t.state), default=top + 1)
        sealed = max(self.sealed, default=-1)
        found = []
        for number, r in self.leases.items():
            open_ = not self.tasks[r.kept.task].state
            waits = open_ and not r.verdict and r.ended in ("", "done")
            needed = open_ and not r.gone and (r.epoch < 0 or r.key not in self.answers)
            if (number > top - REMEMBERED and (needed or r.epoch > sealed)) or (number >= first and waits):
                found.append(r)
            else:
                assert not waits, "a lease without an outcome is not of the newest round"
        return found

    def recall(self, x: f.RecallRound) -> RoundRecalled | None:
        """What is known of a round."""
        rounds = self.tasks[x.task].rounds
        if self.tasks[x.task].state or x.round >= len(rounds):
            return None
        run, first = rounds[x.round]
        end = rounds[x.round + 1][1] if x.round + 1 < len(rounds) else 1 << 62
        answers = tuple(AnswerRow(key[2], *known) for key, known in sorted(self.answers.items())
                        if key[:2] == (x.task, x.round))
        whole = x.leases or len(answers) < x.jobs
        leases = tuple(_row(r) for number, r in self.leases.items() if whole and r.key[:2] == (x.task, x.round)
                       and first <= number < end and not r.gone)
        return RoundRecalled(x.task, x.round, run, answers, leases, whole)

    def work_of(self, node: str) -> tuple[JobKey, ...]:
        """Of open tasks: accepted, not sealed, not recomputed."""
        return tuple(r.key for r in self.leases.values()
                     if r.kept.node == node and r.verdict == "ok" and r.epoch not in self.sealed
                     and not self.tasks[r.kept.task].state and not self.answers.get(r.key, (b"", True))[1])


def _row(r: LeaseRecord) -> LeaseRow:
    return LeaseRow(r.kept.lease, *r.key, r.kept.fence, r.kept.node, r.kept.owner, r.kept.nonce, r.kept.price_kop,
                    r.ended, r.verdict, r.boot, r.seq, b"" if r.verdict else r.answer)
