"""What becomes of a task, a job, a lease and a node: their states, and for each kind the table of allowed moves.

A *lease* has three states that are independent of each other. ``Where`` it is: made, sent, running where the device
said so, over. How it ``Ended``: with a result, or without one because the device declined it, its kernel raised, a
clock ran out or nobody wants its answer any more; when the result comes after all, the lease was late. And what its
receipt was judged, which the ledger must know too: ``protocol.verdicts``. After a restart, and after the broker was
away, nobody knows whether the device has an open lease: it is sent once more, and a device passes over what it has.

A *job* is ready until a device gets it, and again when a lease of it ended without a result or when the first copy is
in and another owner's is wanted. It is audited, which is to be recomputed by the gateway, where copies differ, where
none can be had, by lot, or where the gateway computes it in place of devices. It is accepted with the answer that
copies or the gateway agree on, and audited once more if a device that took part is proven wrong. A job whose round
comes again from the journal begins where that left it.

A *task* is preparing until its solver yields a first round, then running to its end. A *node* is what it last said of
itself, or what the broker said for it.

Everything that moves does so by ``move`` of its entity, which looks up these tables and refuses what they lack.
"""

from __future__ import annotations

from lamplighter.gateway.protocol.words import Word, table


class Where(Word):
    """Where a lease is."""

    UNSENT = "unsent", "made, not on its way yet"
    SENT = "sent", "on its way; the device has not said that it has it"
    RUNNING = "running", "the device has it, as far as anyone knows"
    OVER = "over", "ended, one way or another"


LEASE_MOVES = {
    Where.UNSENT: (Where.SENT, Where.RUNNING),
    Where.SENT: (Where.RUNNING, Where.OVER),
    Where.RUNNING: (Where.OVER,),
    Where.OVER: (),
}


class Ended(Word):
    """How a lease ended: the word in the journal."""

    OPEN = "", "it has not"
    DONE = "done", "its result is recorded"
    REJECTED = "rejected", "the device declined it"
    EXPIRED = "expired", "a clock ran out, or the device was lost"
    FAILED = "failed", "the kernel raised on the device"
    CANCELLED = "cancelled", "nobody wants its answer any more"
    LATE = "late", "it had ended without a result, then its result came"


ENDED_MOVES = {
    Ended.OPEN: (Ended.DONE, Ended.REJECTED, Ended.EXPIRED, Ended.FAILED, Ended.CANCELLED),
    Ended.DONE: (),
    Ended.REJECTED: (Ended.LATE,),
    Ended.EXPIRED: (Ended.LATE,),
    Ended.FAILED: (Ended.LATE,),
    Ended.CANCELLED: (Ended.LATE,),
    Ended.LATE: (),
}


class Phase(Word):
    """Where a job is."""

    READY = "ready", "it waits for a device"
    OUT = "out", "one lease of it is open"
    CHECK = "check", "its copies agree; its kind is asked whether their answer is possible"
    AUDIT = "audit", "the gateway recomputes it"
    ACCEPTED = "accepted", "it has its answer"


JOB_MOVES = {
    Phase.READY: (Phase.OUT, Phase.AUDIT),
    Phase.OUT: (Phase.READY, Phase.CHECK, Phase.AUDIT, Phase.ACCEPTED),
    Phase.CHECK: (Phase.AUDIT, Phase.ACCEPTED),
    Phase.AUDIT: (Phase.ACCEPTED,),
    Phase.ACCEPTED: (Phase.AUDIT,),   # only to check again what a proven liar took part in
}


class TaskState(Word):
    """How far a task is: the word in the journal and in its status."""

    PREPARING = "preparing", "its solver has yielded no round yet, or not again since the gateway started"
    RUNNING = "running", "its rounds are computed"
    DONE = "done", "it has its answer"
    FAILED = "failed", "it has none, and its result says whose fault that is"
    CANCELLED = "cancelled", "an operator ended it"


TASK_MOVES = {
    TaskState.PREPARING: (TaskState.RUNNING, TaskState.DONE, TaskState.FAILED, TaskState.CANCELLED),
    TaskState.RUNNING: (TaskState.DONE, TaskState.FAILED, TaskState.CANCELLED),
    TaskState.DONE: (),
    TaskState.FAILED: (),
    TaskState.CANCELLED: (),
}


class Place(Word):
    """Where an operator wants the jobs of a task to be computed."""

    AUTO = "auto", "by devices; by the gateway where leases would cost it more than the work, or none can hold it"
    FLEET = "fleet", "by devices; a job that none can hold waits for one"
    HERE = "here", "by the gateway"


class Here(Word):
    """Why the gateway computes a job itself that it leases to nobody."""

    ASKED = "asked", "its task says so"
    COST = "cost", "leases would cost the gateway about as much as the work"
    MISFIT = "misfit", "no device can hold it"


class NodeState(Word):
    """What a node is, by its own word or by the broker's."""

    UNSEEN = "unseen", "nothing was heard of it since the gateway started"
    READY = "ready", "it is connected, and works when it bids"
    SLEEPING = "sleeping", "it said that it goes to sleep"
    UPDATING = "updating", "it said that it takes new firmware"
    LOST = "lost", "its connection broke: the broker says so"


_SAID = (NodeState.READY, NodeState.SLEEPING, NodeState.UPDATING, NodeState.LOST)
NODE_MOVES = dict.fromkeys(NodeState, _SAID)

READY, OUT, CHECK, AUDIT, ACCEPTED = Phase
UNSENT, SENT, RUNNING, OVER = Where
OPEN, DONE = Ended.OPEN, Ended.DONE
"""Where moves are made by the thousand: members of an enumeration take three times as long as attributes of it."""


class Why(Word):
    """Why a device does not get a job, whoever asks: of several reasons the first that ``whynot`` finds."""

    REVOKED = "revoked", "the keys were taken away"
    AWAY = "away", "not connected"
    NO_BID = "no_bid", "nothing offered yet since the last connection or restart"
    NO_ROOM = "no_room", "no room for leases: own duty, or results that wait for their acknowledgement, come first"
    FULL = "full", "as many leases as there is room for"
    QUARANTINE = "quarantine", "proven wrong: no leases for a while"
    MUTED = "muted", "sent more than its budget: not listened to until it sends less for a while"
    BACKOFF = "backoff", "declined a lease a moment ago"
    NO_KERNELS = "no_kernels", "kernels for the instruction set are not compiled yet"
    NO_KERNEL = "no_kernel", "no kernel of this kind for the instruction set"
    NO_SPANS = "no_spans", "firmware that takes no several jobs under one lease"
    HEAP = "heap", "too little free heap"
    MESSAGE = "message", "the lease or its answer is larger than a message may be"
    NO_HEAP = "no_heap", "declined jobs of this size a short while ago, for want of heap"
    OWNER = "owner", "the owner has a copy"
    DECLINED = "declined", "declined or lost this job a short while ago: others come first"
    BACKLOG = "backlog", "enough work ahead"
    DEADLINE = "deadline", "would not be done by the deadline"


def tables() -> dict[str, str]:
    """Every table of this file by its title, as the docs show it."""
    return {"where a lease is": table("where", LEASE_MOVES), "how a lease ended": table("ended", ENDED_MOVES),
            "where a job is": table("job", JOB_MOVES), "a task's state": table("task", TASK_MOVES),
            "a node's state": table("node", NODE_MOVES)}
