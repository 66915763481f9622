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
    run: int = 0
    by: str = ""
    rounds: int = 0
    """How many rounds were begun: these are recalled as they are replayed."""
    audited: int = 0
    totals: str = ""
    """The figures of a finished task, as JSON."""
    round_jobs: int = 0
    all_jobs: int = 0
    """Jobs of its last round, and of all that were begun, as its solver yielded them."""
    answered: int = 0
    """Those of the last round that have an answer; of those before it all have."""
    expected: int = 0
    """How many rounds its kind expects; 0 where nobody knows."""
    setback: str = ""
    """Why rounds were begun anew last."""
    life: int = 0
    """The run that it began with."""
    where: str = "auto"
    """A word of ``lifecycle.Place``."""
    here: int = 0
    misfits: int = 0
    """Jobs that the gateway has computed in place of devices, and those of them that no device could hold."""


class LeaseRow(NamedTuple):
    """A lease. ``ended`` and ``verdict`` are words, ``''`` while open; ``epoch`` is that of the verdict, -1 before.

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
    report_by: int = 0
    epoch: int = -1


class AnswerRow(NamedTuple):
    """The accepted answer of a job of a round."""

    job_index: int
    answer: bytes
    audited: bool


class StandingRow(NamedTuple):
    node: str
    score: int
    lies: int
    quarantined_until: int
    boot: int
    conn: int = 0
    once: int = -1
    """The newest start of the device that was heard of, and its newest connection: as in ``KeepStanding``."""
    pending_kop: int = 0
    """Credits that it was judged to have earned since the last seal."""
    used: bytes = b""
    """The numbers of its receipts, as ``Numbers.take`` takes them."""


class ShareRow(NamedTuple):
    """How many leases of an unfinished task a node was given, and how many it answered in time."""

    task: str
    node: str
    leases: int
    done: int


class Made(NamedTuple):
    """By what a round was made, and what it was: answers to it are answers to nothing else.

    What a journal does not know of a round (those of older versions do not) is like no round that is made now.
    """

    version: int = 0
    """Of its kind."""
    kernel: bytes = b""
    """The hash of the source of its kernel."""
    digest: bytes = b""
    """Over its jobs, in their order."""


UNMADE = Made()


@dataclass(slots=True)
class Snapshot:
    """Everything that is not finished, in row order, plus the counters that must never fall.

    ``leases`` are those that are open or wait for a verdict, and the newest of the others, so that duplicates of
    their results are known. The rest of a task comes round by round as it is replayed: however long it has run, a
    restart takes no more memory than one round.
    """

    tasks: list[TaskRow] = field(default_factory=list)
    leases: list[LeaseRow] = field(default_factory=list)
    shares: list[ShareRow] = field(default_factory=list)
    standing: list[StandingRow] = field(default_factory=list)
    next_lease: int = 1
    epoch: int = 0
    clock_ms: int = 0
