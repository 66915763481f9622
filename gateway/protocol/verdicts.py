"""What the gateway says of a receipt, and what a device says when it declines: words with a code each.

A receipt is ``pending`` until the core judges it. ``ok`` may be taken back once: by the core, when the gateway's own
recomputation proves an accepted answer wrong, or by the settlement of its epoch, which knows every number that was
ever used. Any other verdict is the last. A result that names no lease, or one that has a result already, is answered
with a word too, but nothing is judged by it.

The position of a word is its code on the wire and in the ledger, for ever: a word that nothing says any more keeps
its place, and its meaning says that it is unassigned.
"""

from __future__ import annotations

from lamplighter.gateway.protocol.words import Word

UNASSIGNED = "unassigned: no gateway gives it"
UNSAID = "(our firmware never says it)"


class Verdict(Word):
    """The gateway's judgement on a receipt."""

    PENDING = "pending", "not judged yet: it waits for a second copy"
    OK = "ok", "right and in time: paid its job's price"
    MINORITY = "minority", "proven wrong by the gateway's recomputation"
    CANARY = "canary", UNASSIGNED
    NO_QUORUM = "no_quorum", UNASSIGNED
    LATE = "late", "the lease had ended when it came"
    LEASE_UNKNOWN = "lease_unknown", "it names no lease of this gateway, or another network"
    DUPLICATE = "duplicate", "its number or its lease was used before"
    KEY_REVOKED = "key_revoked", "nobody was registered for the device when the epoch was sealed"
    CLASS_CAP = "class_cap", UNASSIGNED
    OWNER_CAP = "owner_cap", UNASSIGNED
    UNPRICED = "unpriced", UNASSIGNED
    WRONG_SIZE = "wrong_size", "the answer has not the length that the job asked for"
    BAD_SEAL = "bad_seal", "the seal does not fit the answer that came with it"
    CANCELLED = "cancelled", "the task ended before it was judged"


VERDICTS = tuple(Verdict)
PENDING, OK, MINORITY = VERDICTS[:3]
VERDICT_MOVES: dict[Verdict, tuple[Verdict, ...]] = dict.fromkeys(Verdict, ()) | {
    Verdict.PENDING: (Verdict.OK, Verdict.MINORITY, Verdict.LATE, Verdict.WRONG_SIZE, Verdict.BAD_SEAL,
                      Verdict.CANCELLED),
    Verdict.OK: (Verdict.MINORITY, Verdict.LEASE_UNKNOWN, Verdict.DUPLICATE, Verdict.KEY_REVOKED),
}


class Refusal(Word):
    """Why a device declined a lease. No failure of the device: it costs no standing."""

    NONE = "", "never sent"
    NO_HEAP = "no_heap", "the working set does not fit now"
    NO_KERNEL = "no_kernel", "the kernel could not be had"
    TOO_SLOW = "too_slow", "it would not finish in time"
    TOO_HOT = "too_hot", f"its own policy {UNSAID}"
    ON_BATTERY = "on_battery", f"its own policy {UNSAID}"
    BUSY = "busy", "it holds as many leases as it will"
    BAD_MAC = "bad_mac", f"the lease was not signed with its key {UNSAID}"
    EXPIRED = "expired", "the report clock ran out before it could start"
    FAILED = "failed", "the kernel raised"


REFUSALS = tuple(Refusal)
