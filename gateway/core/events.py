"""What happened: the facts that the core is told, one fact each, named in the past tense.

Times are not in here: ``Machine.handle`` is given ``now_ms`` of a monotonic clock. Device ids are the 16
hex digits of topics. Where an event comes from a device, ``intake`` has verified sender, topic and MAC.
"""

from __future__ import annotations

from typing import NamedTuple

from lamplighter.gateway.core.facts import fact
from lamplighter.gateway.core.snapshot import UNMADE, AnswerRow, LeaseRow, Made
from lamplighter.gateway.protocol.frames import Receipt
from lamplighter.gateway.protocol.numbers import Numbers
from lamplighter.gateway.protocol.verdicts import Verdict


class Item(NamedTuple):
    """One of the jobs that are leased as a span."""

    input_bytes: int
    answer_bytes: int
    price_kop: int
    heap_bytes: int


@fact
class JobSpec:
    """One job as the core sees it: bytes, bounds and a price, nothing of what it means.

    ``contexts`` are names (16 bytes each); ``price_kop`` is its credit, fixed here, before any lease. A span is a job
    with ``items``: its input and its answer are theirs, one after the other (``spans``).
    """

    input: bytes
    contexts: tuple[bytes, ...]
    answer_bytes: int
    price_kop: int
    heap_bytes: int
    items: tuple[Item, ...] = ()

    @property
    def jobs(self) -> int:
        """How many its solver yielded it as."""
        return len(self.items) or 1


# From operators


@fact
class TaskSubmitted:
    """A validated task. ``body`` is the canonical request, compared when an id comes again."""

    task: str
    kind: str
    body: bytes
    ref: object = None
    """Whom to answer; opaque to the core, None after a restart."""
    priority: int = 0
    deadline_ms: int = 86_400_000
    submitted_at_ms: int = 0
    """Wall clock, for display only."""
    by: str = ""
    """Who asks, by the broker's account."""
    where: str = "auto"
    """A word of ``lifecycle.Place``."""


@fact
class TaskCancelled:
    task: str
    ref: object = None


# From the solver of a task, in the name of the ``life`` that it was started for: an id may have another one since


@fact
class RoundYielded:
    """The solver wants these jobs answered. ``round`` counts from 0; ``expected`` is how many there may be in all.

    ``digest`` is over all of the jobs that decides their answers, in their order.
    """

    task: str
    round: int
    jobs: tuple[JobSpec, ...]
    expected: int = 1
    digest: bytes = b""
    life: int = 0


@fact
class TaskSolved:
    """``result`` is the JSON document of the city's answer, without provenance; it follows from ``rounds`` rounds."""

    task: str
    result: bytes
    rounds: int = 1
    life: int = 0


@fact
class TaskBroke:
    """The solver raised. ``fault`` is ``operator`` for a TaskError, ``kind`` for a bug."""

    task: str
    code: str
    message: str
    fault: str
    life: int = 0


@fact
class SolverLost:
    """The process that ran the solver has ended, and the solver with it: it is wanted anew, from its start."""

    task: str
    life: int = 0


@fact
class AnswerChecked:
    """What the kind says of ``answer``: an answer that is not ``possible`` is wrong, one that is may be."""

    task: str
    round: int
    index: int
    run: int
    answer: bytes
    possible: bool


@fact
class Recomputed:
    """The gateway ran a job itself. ``answer`` is None when the kernel raised."""

    task: str
    round: int
    index: int
    run: int
    answer: bytes | None


@fact
class RoundRecalled:
    """What the journal knows of a round that is being replayed."""

    task: str
    round: int
    run: int
    answers: tuple[AnswerRow, ...]
    leases: tuple[LeaseRow, ...]
    whole: bool
    """Whether ``leases`` are all there are; else there is at least an answer for each job."""
    made: Made = UNMADE
    cuts: bytes = b""
    """How it was cut into spans."""
    here: str = ""
    """Why the gateway computes it, if it does: a word of ``lifecycle.Here``."""


@fact
class WorkFound:
    """Accepted jobs, (task, round, index), in which a proven liar took part and that nobody recomputed."""

    places: tuple[tuple[str, int, int], ...]


@fact
class KernelsCompiled:
    """For boards of ``arch`` the kernel of each kind now exists as a blob: kind -> blob name."""

    arch: int
    blobs: dict[str, bytes]


# From devices


class At(NamedTuple):
    """When a device said something, by its own count: its start, the connection of it, the message. It only rises."""

    boot: int
    conn: int
    number: int


@fact
class NodeEnrolled:
    """``device`` is the 16-byte name in structs, ``node`` the one in topics. Of a known one: how it stands now.

    ``next_owner``: to whom it will belong when the epoch ends, '' if it stays where it is.
    """

    node: str
    device: bytes
    owner: str
    next_owner: str = ""


@fact
class NodeRevoked:
    node: str


@fact
class NodeBorn:
    """Heap in bytes, speed in credits/s, ``message`` bytes it takes in one message, ``why`` it restarted itself.

    ``once`` is a random number of this start, ``can`` words for what the device understands; ``state`` is empty
    unless it does not know which numbers it has used (``lost``, ``damaged``).
    """

    node: str
    at: At
    board: str
    arch: int
    firmware: str
    heap: int
    speed: int
    message: int
    once: int
    can: tuple[str, ...]
    state: str = ""
    why: str = ""


@fact
class NodeBid:
    """Spare in permille of time, heap in bytes, ``room`` leases it is willing to hold at once, ``why`` that is 0."""

    node: str
    at: At
    spare: int
    heap: int
    room: int
    blobs: tuple[str, ...]
    power: str
    temp: int | None
    why: str = ""


@fact
class NodeStatusChanged:
    """``state`` is ready, sleeping, updating or lost; ``lost`` is the broker's word (a will)."""

    node: str
    at: At
    state: str


@fact
class NodeMuted:
    """It sent more than its budget: nothing that it sends is read any more, for ``for_ms`` if it falls silent now."""

    node: str
    for_ms: int


@fact
class ResultArrived:
    """``proof`` is the receipt with its MAC as it came (158 bytes), ``sealed`` whether the seal fits the answer."""

    node: str
    receipt: Receipt
    proof: bytes
    answer: bytes
    sealed: bool


@fact
class LeaseRefused:
    node: str
    nonce: bytes
    code: int


@fact
class LeaseAccepted:
    """The device has the lease and needs longer than half of its acknowledge clock."""

    node: str
    nonce: bytes


@fact
class BlobWanted:
    node: str
    name: bytes
    offset: int


@fact
class DeviceMisbehaved:
    """Bytes that version 1 does not allow, or a wrong MAC. Counted; changes nothing else."""

    node: str
    reason: str


@fact
class DeviceIsNewer:
    """A device said ``times`` things that this gateway does not know: ``what`` names where. Counted, and no fault."""

    node: str
    what: str
    times: int = 1


# From the broker


@fact
class BrokerLost:
    """The connection to the broker broke."""


@fact
class BrokerFound:
    """There is a connection to the broker, the first one or a new one."""


# From the clock and the ledger


@fact
class Ticked:
    """Time passed: lease clocks and deadlines are looked at, changed statuses published."""


@fact
class BatchTaken:
    """All that had come is dealt with, and the commit is next: devices that have room get work, once for it all."""


@fact
class EpochEnded:
    """It is time to seal; what is judged from now on belongs to the next epoch."""

    ref: object = None


@fact
class LogRead:
    """What the public log says at a start: see ``EpochSealed``, and the numbers that sealed receipts have used."""

    settled: dict[tuple[str, str], int]
    numbers: Numbers


@fact
class EpochSealed:
    """What settlement decided: these ``epochs`` are in the log, or there was nothing to pay in them.

    ``settled`` are credits, all that the log pays by (owner, node). ``lowered`` are receipts that it does not
    pay although they were judged ``ok``: the nonce of the lease, and why.
    """

    epochs: tuple[int, ...]
    settled: dict[tuple[str, str], int]
    lowered: tuple[tuple[bytes, Verdict], ...] = ()


Event = (
    TaskSubmitted | TaskCancelled | RoundYielded | TaskSolved | TaskBroke | SolverLost | AnswerChecked | Recomputed
    | RoundRecalled | WorkFound | KernelsCompiled
    | NodeEnrolled | NodeRevoked | NodeBorn | NodeBid | NodeStatusChanged | NodeMuted | ResultArrived
    | LeaseRefused | LeaseAccepted | BlobWanted | DeviceMisbehaved | DeviceIsNewer | BrokerLost | BrokerFound
    | Ticked | BatchTaken | EpochEnded
    | LogRead | EpochSealed
)
