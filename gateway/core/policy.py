"""The numbers that rule the core, with what each one costs or buys."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """Defaults for a street of a few to a thousand devices. Times in ms, shares in permille."""

    copies: int = 2
    """Equal answers from as many owners before a job is accepted without a recomputation."""
    audit_permille: int = 50
    """Share of jobs that the gateway recomputes although the copies agree."""
    probation_audit_permille: int = 300
    """The same where a device on probation took part."""
    probation_score: int = 10
    """A device is on probation until it was right this often."""
    quorum_wait_ms: int = 2_000
    """How long a committed copy waits for a second owner before the gateway recomputes the job itself, unless one is
    there that only has other work first."""
    ack_by_ms: int = 4_000
    """A device that has neither accepted, refused nor answered by then has lost the lease."""
    report_floor_ms: int = 6_000
    """The shortest report clock; it grows with the expected time of the job on that device."""
    report_ceiling_ms: int = 600_000
    window_ms: int = 250
    """How long results of devices that have work ahead may wait for others to share their commit: that of a lone
    result writes 8 KB to the disk. Nothing waits that a round, an operator or an idle device waits for."""
    return_ms: int = 65_000
    """After a restart of gateway or broker no lease ends by its clock before that: as long as a device waits, at
    most, before it sends again what nobody has acknowledged."""
    backlog_ms: int = 1_000
    """A device whose leases it is expected to take longer for than that gets no more ahead; but one, whatever it
    takes, while more jobs wait than there are devices."""
    max_open: int = 64
    """Open leases of one device, whatever room it bids."""
    max_expired: int = 5
    """Expired leases of one job before the gateway recomputes it."""
    max_failed: int = 3
    """Devices on which a job's kernel may raise before the gateway runs it itself."""
    declined_ms: int = 10_000
    """A node that declined or lost a job comes after others for so long; one without heap gets none of that size."""
    quarantine_ms: int = 60_000
    """After a first proven wrong answer; doubled with each further one, up to a day."""
    give_up_ms: int = 60_000
    """How long after its deadline a task's solver may take to say what it can; then the task fails."""
    max_tasks: int = 1_000
    """Unfinished tasks; a further one is refused."""
    max_finished: int = 256
    """Finished tasks that are still listed; older ones are cleared."""
    max_nodes: int = 4_096
    """Enrolled devices, revoked ones too; a further one is refused."""
    max_compiling: int = 4
    """Instruction sets for which kernels are compiled at once; further ones wait."""
    compile_ms: int = 60_000
    """How long a device whose instruction set was new waits until kernels are compiled for another one of it."""
    remembered_leases: int = 8_192
    """Ended leases whose results are still answered by name; a later duplicate is `lease_unknown`."""
    span_ms: int = 5_000
    """What a span is to take of a device's time, as those that are there have shown, if there are jobs enough."""
    span_least_ms: int = 1_500
    """What it is to take at least, if jobs are few: less is hardly worth a lease; more, and devices wait for the
    last."""
    spans_per_node: int = 1
    """What is left of a round is enough for so many further spans for each of its devices, in each copy: the last are
    short, for devices would wait for each other at its end."""
    lease_us: int = 700
    """What a lease costs the gateway's computer: messages, commits, verdicts. `python -m benchmarks offload` has 0.5
    to 1.4 ms for gateway and broker together; in doubt devices get the work."""
    credit_ns: int = 1_000
    """What computing a credit costs it as machine code: all kinds take 0.7 to 1.4 us of a PC's core, jobs of a few
    credits more."""
    lease_permille: int = 1_000
    """Leases of a round may cost so much of what computing it would; else the gateway computes it itself."""
    here_ms: int = 50
    """Of what the gateway computes in place of devices it asks itself for so much at once, about: what is to be
    recomputed for others waits no longer behind each."""
    max_here: int = 4
    """So many of these are under way."""
    scan: int = 24
    """Jobs looked at in one queue when a device has room: bounds the work of one event."""


def price_kop(ops: int) -> int:
    """Credits of a job: one per thousand normalised operations, begun thousands counted whole."""
    return -(-ops // 1_000)
