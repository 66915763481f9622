"""What the journal gives back after a restart: plain rows, which ``Machine.restore`` folds into state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class TaskRow(NamedTuple):
    """An unfinished task, or a finished one with its ``state`` and ``result`` (kept for display, newest 256)."""

    task: str
    kind: str
    body: bytes
    priority: int
    deadline_ms: int
    submitted_at_ms: int
    started_ms: int
    state: str
    result: bytes


class LeaseRow(NamedTuple):
    """A lease whose epoch is not sealed yet. ``ended`` and ``verdict`` are words, ``''`` while open.

    ``answer`` is given for receipts not judged yet (they wait for a second copy), else empty.
    """

    lease: int
    task: str
    round: int
    job_index: int
    fence: int
    node: str
    owner: str
    nonce: bytes
    price_kop: int
    ended: str
    verdict: str
    boot: int
    seq: int
    answer: bytes


class AnswerRow(NamedTuple):
    task: str
    round: int
    job_index: int
    answer: bytes
    audited: bool


class StandingRow(NamedTuple):
    node: str
    score: int
    lies: int
    quarantined_until: int
    earned_kop: int
    """Credits of sealed epochs; those of open ones are in the leases."""


@dataclass(slots=True)
class Snapshot:
    """Everything that is not finished, in row order, plus the counters that must never fall."""

    tasks: list[TaskRow] = field(default_factory=list)
    leases: list[LeaseRow] = field(default_factory=list)
    answers: list[AnswerRow] = field(default_factory=list)
    standing: list[StandingRow] = field(default_factory=list)
    next_lease: int = 1
    epoch: int = 0
    clock_ms: int = 0
