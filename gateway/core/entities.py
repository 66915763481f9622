"""What the core remembers: tasks, jobs, leases, nodes. What may become of each stands in ``lifecycle``."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from lamplighter.gateway.core.events import At, JobSpec, TaskSolved
from lamplighter.gateway.core.lifecycle import (
    ACCEPTED,
    AUDIT,
    CHECK,
    ENDED_MOVES,
    JOB_MOVES,
    LEASE_MOVES,
    NODE_MOVES,
    OPEN,
    OUT,
    OVER,
    READY,
    TASK_MOVES,
    UNSENT,
    Ended,
    NodeState,
    Phase,
    TaskState,
    Where,
)
from lamplighter.gateway.core.snapshot import UNMADE, Made, StandingRow
from lamplighter.gateway.protocol.verdicts import PENDING, VERDICT_MOVES, Verdict
from lamplighter.gateway.protocol.words import IllegalMove, Word, move, named

FENCE_BITS = 16
"""Of a fence that count the leases of a job; those above count how often its task was set back before its round."""
UNKNOWN = JobSpec(b"", (), 0, 0, 0)
"""The content of a job between a restart and the replay of its round."""
UNBORN = -1
"""What a node has not said in a birth yet."""
MADE_AT_ONCE = 64
"""Jobs of a round that become objects at once."""
_NOWHERE = dict.fromkeys(Phase, 0)
TOLD = 300
"""Letters of the story of a job: its last moves, about eight."""


class KindFacts(NamedTuple):
    """What the core knows of a kind. It stays as it is for as long as the gateway runs."""

    version: int = 0
    kernel: bytes = b""
    """The hash of the source of its kernel."""
    checks: bool = False
    """Whether it can say of an answer that it is impossible."""
    native: bool = False
    """Whether its kernel becomes machine code where a board runs any."""


class Storied:
    """Something that remembers its moves, to tell them when it is asked for one that its table does not have."""

    __slots__ = ("story",)
    story: str
    """What became of it, when and by which event, in order (a ``moment`` is a turn's). It is text: objects for
    thousands of moves a second would keep the garbage collector busy."""

    def _illegal(self, now: Word, to: Word) -> IllegalMove:
        return IllegalMove(f"{self}: {named(now)} -> {named(to)}; its story: {self.story.rstrip(', ') or 'none'}")


class Lease(Storied):
    """One attempt at a job on one node."""

    __slots__ = ("again", "answer", "boot", "ended", "epoch", "fence", "job", "node", "nonce", "number", "owner",
                 "price_kop", "report_by", "sent_at", "seq", "takes_ms", "verdict", "where")

    def __init__(self, number: int, job: Job, node: str, owner: str, fence: int, nonce: bytes) -> None:
        self.story = ""   # bounded by the tables, which have no way back
        self.number = number
        self.job = job
        self.node = node
        self.owner = owner
        self.fence = fence
        self.nonce = nonce
        self.price_kop = job.spec.price_kop
        self.where = UNSENT
        self.ended = OPEN
        self.verdict = PENDING
        self.sent_at = 0
        self.takes_ms = 0
        """From lease to result on that node, if it had no other, as expected."""
        self.report_by = 0
        self.again = False
        """It is to be sent once more: nobody knows whether the device has got it."""
        self.boot = 0
        self.seq = 0
        self.epoch = -1
        """In which it was judged."""
        self.answer = b""

    def move(self, where: Where, moment: str) -> None:
        if where not in LEASE_MOVES[self.where]:
            raise self._illegal(self.where, where)
        self.story += where + moment
        self.where = where

    def end(self, ended: Ended, moment: str) -> None:
        """It is over, if it was not already and now its result came late."""
        if not self.ended:
            self.move(OVER, moment)
        if ended not in ENDED_MOVES[self.ended]:
            raise self._illegal(self.ended, ended)
        self.story += ended + moment
        self.ended = ended

    def judge(self, verdict: Verdict, moment: str) -> None:
        if verdict not in VERDICT_MOVES[self.verdict]:
            raise self._illegal(self.verdict, verdict)
        self.story += verdict + moment
        self.verdict = verdict

    def __str__(self) -> str:
        return (f"lease {self.number} (fence {self.fence} on {self.node}: ended {named(self.ended)}, "
                f"judged {self.verdict}) of {self.job}")


class Job(Storied):
    """What is leased of the round that its task is in: one micro-job, or a span of them."""

    __slots__ = ("_name", "answer", "asked", "audited", "copies", "fence", "here", "index", "lots", "phase",
                 "phases", "possible", "refused", "round", "run", "spec", "task", "tries")

    def __init__(self, task: Task, round_: int, index: int, spec: JobSpec, run: int = 0) -> None:
        self.story = ""
        self.task = task
        self.round = round_
        self.index = index
        self.spec = spec
        self._name = b""
        self.lots: tuple[int, ...] | None = None
        """Those of its state, once they are drawn."""
        self.belong_to(run)
        self.phase = READY
        self.phases = _NOWHERE
        """How many jobs of its round are in each."""
        self.copies: list[Lease] = []
        """Leases with a recorded result of the right size and seal, one per owner."""
        self.asked: bytes | None = None
        """The answer of a copy that its kind was asked about, if it has a check."""
        self.possible: bool | None = None
        """What its kind said."""
        self.answer: bytes | None = None
        self.audited = False
        self.here = ""
        """Why the gateway computes it in place of devices, if it does."""
        self.tries: dict[str, int] = {}
        self.refused: dict[str, int] = {}
        """Nodes that declined or lost this job, and until when others come first."""

    def belong_to(self, run: int) -> None:
        """Before its first lease: names and fences of another run are not those of this one."""
        self.run = run
        self.fence = run << FENCE_BITS

    def move(self, phase: Phase, moment: str) -> None:
        if phase not in JOB_MOVES[self.phase]:
            raise self._illegal(self.phase, phase)
        self.story = (self.story + phase + moment)[-TOLD:]
        self._count(phase)

    def _count(self, phase: Phase) -> None:
        self.phases[self.phase] -= 1
        self.phases[phase] += 1
        self.phase = phase

    def recall(self, answer: bytes, audited: bool) -> None:
        """It was accepted with this, as the journal has it."""
        self.answer, self.audited = answer, audited
        self._count(ACCEPTED)
        self.story = "accepted in the journal, "

    def __str__(self) -> str:
        return f"task {self.task.name} round {self.round} job {self.index} ({self.phase})"

    @property
    def name(self) -> bytes:
        """What structs call this job: 16 bytes that commit to its place and its content."""
        if not self._name:
            h = hashlib.sha256(b"lamp/job/1\0" + self.task.name.encode() + b"\0")
            h.update(self.run.to_bytes(4, "big") + self.round.to_bytes(4, "big") + self.index.to_bytes(4, "big"))
            h.update(b"".join(self.spec.contexts) + self.spec.input)
            self._name = h.digest()[:16]
        return self._name


class Round:
    """The jobs that a task's solver yielded last. Between rounds there are none, only the number of the last."""

    __slots__ = ("asked_here", "fresh", "here", "jobs", "made", "number", "open_jobs", "order", "phases", "recalling",
                 "second", "specs", "yielded")

    def __init__(self, number: int = -1, made: Made = UNMADE, yielded: Sequence[JobSpec] = ()) -> None:
        self.number = number
        self.made = made
        self.yielded = yielded
        """Its jobs, as the solver yielded them."""
        self.specs: Sequence[JobSpec] = ()
        """What is leased: jobs, or spans of them; empty until that is known."""
        self.jobs: list[Job] = []
        """The first of them, as far as somebody has come to them: a round may have a million."""
        self.order: list[int] = []
        """Where there are spans: the places of their jobs among those that the solver yielded."""
        self.recalling = False
        """It is replayed, and the journal has not said yet what it knows of it."""
        self.here = ""
        """Why the gateway computes all of it, if it does."""
        self.asked_here = 0
        """Jobs that the gateway is at in place of devices."""
        self.open_jobs = len(yielded)
        """Jobs without an accepted answer, of those yielded: those of a span are open until it is accepted."""
        self.phases = dict.fromkeys(Phase, 0)
        self.fresh: deque[Job] = deque()
        """Jobs that wait for their first copy."""
        self.second: dict[str, deque[Job]] = {}
        """Jobs that wait for another copy, by the owner of the last: a node need not look at those of its own."""

    def make(self, task: Task, least: int) -> None:
        """Comes to further jobs where less than so many wait for their first copy."""
        if len(self.fresh) < least and len(self.jobs) < len(self.specs):
            self.fresh += self._more(task, task.run, MADE_AT_ONCE)

    def make_all(self, task: Task, run: int) -> list[Job]:
        """All of them, those of a replay: some have answers."""
        self._more(task, run, len(self.specs))
        return self.jobs

    def _more(self, task: Task, run: int, most: int) -> list[Job]:
        first = len(self.jobs)
        made = [Job(task, self.number, index, spec, run)
                for index, spec in enumerate(self.specs[first:first + most], first)]
        for job in made:
            job.phases = self.phases
        self.phases[READY] += len(made)
        self.jobs += made
        return made

    @property
    def done_jobs(self) -> int:
        """Jobs with an accepted answer."""
        return len(self.yielded) - self.open_jobs

    @property
    def waiting(self) -> bool:
        """Whether jobs wait for a device, as far as is known without a look at each."""
        return bool(self.fresh or self.second)

    @property
    def unleased(self) -> int:
        """Jobs without a copy that nobody is at."""
        return len(self.fresh) + len(self.specs) - len(self.jobs)

    @property
    def moving(self) -> bool:
        """Whether a device or the gateway is at a job."""
        return self.phases[OUT] + self.phases[CHECK] + self.phases[AUDIT] > 0

    @property
    def rechecking(self) -> bool:
        """Whether a job is being recomputed, though every job may have an answer."""
        return self.phases[AUDIT] > 0


STILL_MS = 5_000
"""A task that nobody has worked on for this long waits: before it may just be the turn of another one."""


class Task:
    """An operator's request: what it is, how far it is, and the round that it is in."""

    __slots__ = ("accepted", "audited", "body", "by", "copies", "deadline_at", "deadline_ms", "devices", "dirty",
                 "ending", "events", "expected", "here", "jobs_before", "kept", "kind", "life", "name", "priority",
                 "progress", "rate", "rate_at", "rate_done", "result", "round", "rounds", "run", "setback", "solved",
                 "started_ms", "state", "submitted_at_ms", "suspects", "waits", "where", "worked_until")

    def __init__(self, name: str, kind: str, body: bytes, priority: int, deadline_ms: int, submitted_at_ms: int,
                 started_ms: int, by: str = "", life: int = 0, where: str = "auto") -> None:
        self.name = name
        self.kind = kind
        self.body = body
        self.where = where
        """A word of ``lifecycle.Place``."""
        self.setback = ""
        """Why rounds were begun anew last; empty where none were."""
        self.by = by
        """Who asked for it, by the broker's account."""
        self.priority = priority
        self.deadline_ms = deadline_ms
        self.deadline_at = started_ms + deadline_ms
        self.submitted_at_ms = submitted_at_ms
        self.started_ms = started_ms
        self.ending = False
        """The deadline passed; the solver was asked for what it can say."""
        self.state = TaskState.PREPARING
        self.result = b""
        self.round = Round()
        self.jobs_before = 0
        """Jobs of the rounds before that one."""
        self.rounds = 0
        """Rounds that the journal knows: below that number a round that is yielded is a replayed one."""
        self.run = self.life = life
        """It rises whenever the task is set back: an accepted answer turned out to be wrong, or its kind is another
        now. It began with ``life``: what came before was done for a task of this name that was cancelled."""
        self.solved: TaskSolved | None = None
        """Its answer, until it is known whether the work of a device that was just proven wrong is in it."""
        self.suspects: dict[int, set[int]] = {}
        """By round: jobs to be recomputed when it has been recalled, because a proven liar took part."""
        self.expected = 0
        """How many rounds its kind expects; 0 until it has said so."""
        self.progress = 0
        """In permille; it never falls."""
        self.kept = (0, 0)
        """Jobs done and jobs in all, as the journal had them at the start: less is not shown while it is replayed."""
        self.accepted = 0
        """Jobs accepted since the gateway started."""
        self.copies = 0
        self.audited = 0
        self.here: dict[str, int] = {}
        """Jobs that the gateway has computed in place of devices, by why."""
        self.devices: dict[str, int] = {}
        self.events = 0
        self.dirty = True
        self.rate = 0
        self.rate_at = started_ms
        self.rate_done = 0
        self.waits = ""
        self.worked_until = -STILL_MS
        """When a device or the gateway was last seen at one of its jobs."""

    def move(self, state: TaskState) -> None:
        self.state = move(TASK_MOVES, self.state, state)

    @property
    def over(self) -> bool:
        """Whether nothing can become of it any more."""
        return not TASK_MOVES[self.state]

    @property
    def replaying(self) -> bool:
        """Whether the solver still has to come to where it was before."""
        return self.round.recalling or self.round.number + 1 < self.rounds

    @property
    def _done(self) -> int:
        return self.jobs_before + self.round.done_jobs

    def put_round_away(self) -> None:
        """Its jobs are not in memory any more, only how many there were."""
        self.jobs_before, self.round = self._done, Round(self.round.number)

    @property
    def done_jobs(self) -> int:
        return max(self._done, self.kept[0]) if self.replaying or self.over else self._done

    @property
    def all_jobs(self) -> int:
        jobs = self.jobs_before + len(self.round.yielded)
        return max(jobs, self.kept[1]) if self.replaying or self.over else jobs

    def advance(self, rounds: int, done: int, jobs: int) -> None:
        """So many rounds are done, and of the jobs of the next one so many."""
        share = 1_000 * done // jobs if jobs else 0
        self.progress = max(self.progress, min(999, (1_000 * rounds + share) // max(self.expected, rounds + 1)))


class Node:
    """A device as the gateway sees it: who pays for it, what it said, how it did."""

    __slots__ = ("ahead_kop", "ahead_ms", "arch", "backoff_until", "below", "bid", "board", "boot", "can", "claimed",
                 "compiled_at", "conn", "device", "firmware", "heap", "kind", "lies", "mends_at", "message",
                 "muted_until", "name", "newest", "next_owner", "no_heap", "once", "online", "open", "owner", "pace",
                 "pending", "power", "quarantined_until", "restarted", "revoked", "room", "score", "seen_at", "spare",
                 "speed", "state", "temp", "why")

    def __init__(self, name: str, device: bytes, owner: str) -> None:
        self.name = name
        self.device = device
        self.owner = owner
        self.next_owner = ""
        """Whose it will be when the epoch ends, if it changes hands; until then both count as one."""
        self.online = False
        self.state = NodeState.UNSEEN
        self.boot = self.conn = 0
        """Its newest start, and the newest connection of that: whatever names an older one is stale."""
        self.newest: dict[str, At] = {}
        """By leaf: of the newest status, birth and bid that was heard."""
        self.once = UNBORN
        """Of the birth of this start."""
        self.below: int | None = None
        """Of the last birth of a start that is not above those that are known."""
        self.can: tuple[str, ...] = ()
        self.board = self.firmware = ""
        self.arch = UNBORN            # no kernel is for it
        self.claimed = UNBORN
        """The one that it was born with last: while it starts again, kernels for that are kept."""
        self.heap = self.speed = self.message = 0
        self.bid = False
        self.spare = self.room = 0
        self.power = ""
        self.temp: int | None = None
        self.why = ""
        """The device's word for why its room is 0."""
        self.restarted = ""
        """Its word for why it restarted itself before this boot; empty where something else ended the last."""
        self.open: dict[int, Lease] = {}
        """By number; ``hold`` and ``drop`` change it."""
        self.ahead_ms = self.ahead_kop = 0
        """What its open leases are expected to take, and are worth: added up as they come and go, for it is asked
        several times for each lease and a device may hold many."""
        self.kind = ""
        """Of its last lease: the kernel it surely holds."""
        self.pace: dict[str, int] = {}
        """Measured by the gateway: microseconds per credit, from lease to result, by kind."""
        self.no_heap: dict[str, tuple[int, int]] = {}
        """By kind: the least working set in bytes that it said does not fit, and until when that is believed."""
        self.mends_at = 0
        """When half of what lost leases have taught of its pace is forgotten; 0 where there is nothing to forget."""
        self.compiled_at = 0
        """When kernels were last compiled because of it."""
        self.backoff_until = 0
        self.quarantined_until = 0
        self.muted_until = 0
        self.revoked = False
        self.score = 0
        self.lies = 0
        self.pending: dict[int, int] = {}
        """Credits that it was judged to have earned, by epoch, as long as that is not sealed."""
        self.seen_at = 0

    def move(self, state: NodeState) -> None:
        self.state = move(NODE_MOVES, self.state, state)

    def hold(self, lease: Lease) -> None:
        """It has one more open lease, whose figures stay as they are."""
        self.open[lease.number] = lease
        self.ahead_ms += lease.takes_ms
        self.ahead_kop += lease.price_kop

    def drop(self, lease: Lease) -> None:
        """One that it holds is over."""
        del self.open[lease.number]
        self.ahead_ms -= lease.takes_ms
        self.ahead_kop -= lease.price_kop

    def belongs_to(self, owner: str) -> bool:
        """Whether it is this owner's, or will be."""
        return owner in (self.owner, self.next_owner or self.owner)

    def start(self, boot: int, conn: int = 0, once: int = UNBORN) -> None:
        """This is its newest start."""
        self.boot, self.conn, self.once = boot, conn, once

    def stand(self, row: StandingRow, epoch: int) -> None:
        """What the journal knows of it counts; ``epoch`` is the one that is not sealed."""
        self.pending = {epoch: row.pending_kop} if row.pending_kop else {}
        self.score, self.lies, self.quarantined_until = row.score, row.lies, row.quarantined_until
