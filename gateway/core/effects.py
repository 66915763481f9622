"""What to do: the imperatives that the core answers with.

``Keep*`` effects are durable: they are committed to the journal before any other effect of the same call
reaches the outside. They are rows: a state or a verdict stands in them as its plain word.
"""

from __future__ import annotations

from typing import Any

from lamplighter.gateway.core.events import JobSpec
from lamplighter.gateway.core.facts import fact
from lamplighter.gateway.protocol.verdicts import Verdict

# Durable: rows of the journal


@fact
class KeepTask:
    task: str
    kind: str
    body: bytes
    priority: int
    deadline_ms: int
    submitted_at_ms: int
    started_ms: int
    """By the journal's clock, as ``quarantined_until``: it goes on after a restart."""
    by: str = ""
    life: int = 0
    """The run that it begins with: one that was cancelled before had those below."""
    where: str = "auto"


@fact
class KeepRound:
    """A round of ``jobs`` jobs begins, spans or not; its leases have numbers from ``first_lease`` on. ``run``: how
    often the task was set back. ``expected``: how many rounds its kind now expects there to be. ``cuts``: how many
    of the jobs are in each span, in their order by contexts; empty where none is. ``here``: why the gateway computes
    it, a word of ``lifecycle.Here``; empty where devices do. The others: see ``Made``.
    """

    task: str
    round: int
    run: int
    first_lease: int
    jobs: int = 0
    expected: int = 0
    version: int = 0
    kernel: bytes = b""
    digest: bytes = b""
    cuts: bytes = b""
    here: str = ""


@fact
class KeepSetback:
    """An accepted answer of ``round`` was wrong, or the next round is another now: the rounds after it are void, the
    task goes on as ``run``. ``why`` is a sentence for an operator."""

    task: str
    round: int
    run: int
    why: str = ""


@fact
class KeepTaskEnd:
    """The task is over: ``state`` is done, failed or cancelled; its answers are no longer needed.

    ``totals`` are its figures as JSON: what its status goes on to show.
    """

    task: str
    state: str
    result: bytes
    totals: str = ""


@fact
class KeepLease:
    """A lease is about to be sent. ``lease`` is its row number, rising over the life of the journal."""

    lease: int
    task: str
    round: int
    index: int
    fence: int
    node: str
    owner: str
    nonce: bytes
    price_kop: int
    report_by: int = 0
    """When its report clock runs out, by the journal's clock."""


@fact
class KeepEnd:
    """A lease ended without a usable result: rejected, expired or failed."""

    lease: int
    ended: str


@fact
class KeepReceipt:
    """A result arrived for a lease: its proof, its answer, and how the lease ended (done or late)."""

    lease: int
    ended: str
    boot: int
    seq: int
    proof: bytes
    answer: bytes


@fact
class KeepVerdict:
    """A receipt was judged, in ``epoch``; a later verdict on the same lease replaces it until the epoch is sealed."""

    lease: int
    verdict: str
    epoch: int


@fact
class KeepAnswer:
    """The accepted answer of a job; ``audited`` when the gateway recomputed it, ``here`` why it was leased to
    nobody, a word of ``lifecycle.Here``."""

    task: str
    round: int
    index: int
    answer: bytes
    audited: bool
    here: str = ""


@fact
class KeepStanding:
    """What is known of a node: ``boot`` is the newest start of the device that was heard of, ``conn`` the newest
    connection of that, ``once`` as its birth said, -1 before one was heard."""

    node: str
    score: int
    lies: int
    quarantined_until: int
    boot: int = 0
    conn: int = 0
    once: int = -1


@fact
class KeepEpoch:
    """The epoch that verdicts are now counted in."""

    epoch: int


@fact
class KeepClock:
    """How late it is: after a restart time goes on from here at the earliest."""

    clock_ms: int


# To devices


@fact
class SendLease:
    """``span``: its input is that of several jobs."""

    node: str
    fence: int
    nonce: bytes
    job: bytes
    kernel: bytes
    epoch: int
    ack_by_ms: int
    report_by_ms: int
    budget_kop: int
    contexts: tuple[bytes, ...]
    input: bytes
    span: bool = False


@fact
class SendCancel:
    node: str
    nonce: bytes


@fact
class SendAck:
    """This receipt is durable: the device may forget it."""

    node: str
    seq: int
    verdict: Verdict


@fact
class SendFloor:
    """Numbers that the device whose birth said ``once`` has used: it goes on above them."""

    node: str
    once: int
    boot: int
    seq: int


@fact
class SendChunk:
    node: str
    name: bytes
    offset: int


# To the solver and the kernels


@fact
class StartSolver:
    """Validate the body again, start the generator and report its first round, all in the name of this ``life``."""

    task: str
    kind: str
    body: bytes
    life: int = 0


@fact
class RecallRound:
    """A replayed round was yielded, of ``jobs`` jobs if they are not leased as spans: report what the journal knows
    of it (``RoundRecalled``).

    Its leases are wanted where not all of its jobs are answered, and where ``leases`` says so.
    """

    task: str
    round: int
    jobs: int
    leases: bool


@fact
class FindWork:
    """A node was proven wrong: report its accepted, unsealed work in open tasks that nobody has recomputed."""

    node: str


@fact
class AdvanceSolver:
    """``answers`` of ``round``, in job order."""

    task: str
    round: int
    answers: tuple[bytes, ...]


@fact
class GiveUp:
    """The deadline passed: the solver may still say what follows from the verified ``answers`` of ``round``.

    One per job of the round, None where there is none; empty between rounds.
    """

    task: str
    round: int
    answers: tuple[bytes | None, ...]


@fact
class StopSolver:
    task: str


@fact
class CheckAnswer:
    """Ask the kind of ``task`` whether ``answer`` to ``job`` is possible at all, then report ``AnswerChecked``."""

    task: str
    round: int
    index: int
    run: int
    job: JobSpec
    answer: bytes


@fact
class Recompute:
    task: str
    kind: str
    round: int
    index: int
    run: int
    job: JobSpec


@fact
class CompileKernels:
    arch: int


# To operators


@fact
class Reply:
    """Answers the request ``ref``: ``error`` is None or (code, message, hint)."""

    ref: object
    data: dict[str, Any]
    error: tuple[str, str, str] | None = None


@fact
class PublishStatus:
    """The retained status of a task, as a JSON-able dict."""

    task: str
    status: dict[str, Any]


@fact
class PublishEvent:
    """A transition of a task; ``seq`` rises by one."""

    task: str
    seq: int
    what: str
    detail: dict[str, Any]


@fact
class PublishResult:
    """The retained result of a task: a JSON document."""

    task: str
    result: bytes


# To the ledger


@fact
class SealEpoch:
    """Seal the verdicts of this epoch into the log, then report ``EpochSealed``."""

    epoch: int
    ref: object = None


Durable = (
    KeepTask | KeepRound | KeepSetback | KeepTaskEnd | KeepLease | KeepEnd | KeepReceipt | KeepVerdict | KeepAnswer
    | KeepStanding | KeepEpoch | KeepClock
)
Outward = (
    SendLease | SendCancel | SendAck | SendFloor | SendChunk | StartSolver | RecallRound | AdvanceSolver | GiveUp
    | StopSolver | CheckAnswer | Recompute | FindWork | CompileKernels | Reply | PublishStatus | PublishEvent
    | PublishResult | SealEpoch
)
Effect = Durable | Outward
