"""What the auditor keeps of all that the gateway ever committed. It is never asked by the gateway."""

from __future__ import annotations

from typing import Any

from lamplighter.gateway.core import effects as f

JobKey = tuple[str, int, int]


class TaskRecord:
    __slots__ = ("end_epoch", "kept", "result", "results", "rounds", "run", "state")

    def __init__(self, kept: f.KeepTask, results: set[bytes]) -> None:
        self.kept = kept
        self.results = results
        """All that its id has ended with."""
        self.state = ""
        self.result = b""
        self.run = kept.life
        self.end_epoch = -1
        self.rounds: list[tuple[int, int, str]] = []
        """(run, first lease, why the gateway computes it) of each round that was begun."""


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
    """Nothing is forgotten here, so that the auditor can look back."""

    def __init__(self) -> None:
        self.tasks: dict[str, TaskRecord] = {}
        self.leases: dict[int, LeaseRecord] = {}
        self.by_nonce: dict[bytes, LeaseRecord] = {}
        self.by_job: dict[JobKey, list[LeaseRecord]] = {}
        self.answers: dict[JobKey, tuple[bytes, bool]] = {}
        self.here: dict[JobKey, str] = {}
        """Why the gateway answered those jobs itself that it leased to nobody."""
        self.standing: dict[str, tuple[int, int, int, int, int]] = {}
        self.epoch = self.clock_ms = 0
        self.sealed: dict[int, int] = {}
        """Credit paid by epoch, in kop."""
        self._apply = {
            f.KeepTask: self._task, f.KeepRound: self._round, f.KeepSetback: self._setback,
            f.KeepTaskEnd: self._task_end, f.KeepLease: self._lease, f.KeepEnd: self._end,
            f.KeepReceipt: self._receipt, f.KeepVerdict: self._verdict, f.KeepAnswer: self._answer,
            f.KeepStanding: self._standing, f.KeepEpoch: self._epoch,
            f.KeepClock: self._clock,
        }

    def apply(self, effect: Any) -> None:
        self._apply[type(effect)](effect)

    def _task(self, e: f.KeepTask) -> None:
        known = self.tasks.get(e.task)
        self.tasks[e.task] = TaskRecord(e, known.results if known else set())
        for kept in (self.answers, self.by_job, self.here):   # of one of this name that was cancelled
            for key in [key for key in kept if key[0] == e.task]:
                del kept[key]

    def _round(self, e: f.KeepRound) -> None:
        rounds = self.tasks[e.task].rounds
        assert len(rounds) == e.round
        rounds.append((e.run, e.first_lease, e.here))

    def _setback(self, e: f.KeepSetback) -> None:
        record = self.tasks[e.task]
        record.run = e.run
        del record.rounds[e.round + 1:]
        for kept in (self.answers, self.by_job, self.here):
            for key in [key for key in kept if key[0] == e.task and key[1] > e.round]:
                del kept[key]

    def _task_end(self, e: f.KeepTaskEnd) -> None:
        record = self.tasks[e.task]
        record.state, record.result, record.end_epoch = e.state, e.result, self.epoch
        record.results.add(e.result)

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
        if e.here:
            self.here[e.task, e.round, e.index] = e.here

    def _standing(self, e: f.KeepStanding) -> None:
        self.standing[e.node] = (e.score, e.lies, e.quarantined_until, e.boot, e.conn)

    def _clock(self, e: f.KeepClock) -> None:
        self.clock_ms = e.clock_ms

    def _epoch(self, e: f.KeepEpoch) -> None:
        self.epoch = e.epoch

    def seal(self, epoch: int) -> list[LeaseRecord]:
        """Pays each ``ok`` of an epoch, once; returns the leases paid. Sealing again changes nothing."""
        if epoch in self.sealed:
            return []
        due = [r for r in self.leases.values() if r.epoch == epoch and r.verdict == "ok" and not r.paid]
        for record in due:
            record.paid = True
        self.sealed[epoch] = sum(record.kept.price_kop for record in due)
        return due
