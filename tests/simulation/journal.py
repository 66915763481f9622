"""The journal as a little model in memory: a commit applies all Keep* effects of a batch, or none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway.core import effects as f
from gateway.core.snapshot import AnswerRow, LeaseRow, Snapshot, StandingRow, TaskRow

JobKey = tuple[str, int, int]


class TaskRecord:
    __slots__ = ("kept", "result", "state")

    def __init__(self, kept: f.KeepTask) -> None:
        self.kept = kept
        self.state = ""
        self.result = b""


class LeaseRecord:
    """One lease from KeepLease on. ``epoch`` is that of its verdict, -1 before; ``paid`` once it is sealed."""

    __slots__ = ("answer", "boot", "ended", "epoch", "kept", "key", "paid", "proof", "seq", "verdict")

    def __init__(self, kept: f.KeepLease) -> None:
        self.kept = kept
        self.key: JobKey = (kept.task, kept.round, kept.index)
        self.ended = self.verdict = ""
        self.epoch = -1
        self.boot = self.seq = 0
        self.proof = self.answer = b""
        self.paid = False


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
            f.KeepTask: self._task, f.KeepTaskEnd: self._task_end, f.KeepLease: self._lease, f.KeepEnd: self._end,
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

    def _task_end(self, e: f.KeepTaskEnd) -> None:
        record = self.tasks[e.task]
        record.state, record.result = e.state, e.result

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
            snapshot.tasks.append(TaskRow(k.task, k.kind, k.body, k.priority, k.deadline_ms, k.submitted_at_ms,
                                          k.started_ms, task.state, task.result))
        sealed = max(self.sealed, default=-1)
        for number, r in self.leases.items():
            needed = not self.tasks[r.kept.task].state and (r.epoch < 0 or r.key not in self.answers)
            if needed or r.epoch > sealed:
                answer = b"" if r.verdict else r.answer
                snapshot.leases.append(LeaseRow(number, *r.key, r.kept.fence, r.kept.node, r.kept.owner, r.kept.nonce,
                                                r.kept.price_kop, r.ended, r.verdict, r.boot, r.seq, answer))
        for key, (answer, audited) in sorted(self.answers.items()):
            if not self.tasks[key[0]].state:
                snapshot.answers.append(AnswerRow(*key, answer, audited))
        for node in sorted({*self.standing, *self.earned}):
            standing = self.standing.get(node, (0, 0, 0))
            snapshot.standing.append(StandingRow(node, *standing, self.earned.get(node, 0)))
        return snapshot
