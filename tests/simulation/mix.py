"""What goes wrong in one seed: each seed draws its own mix of faults."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Mix:
    """Shares are chances per message, batch or device, in 0..1; times in ms of virtual time."""

    devices: int
    owners: int
    tasks: int
    jobs: int                # in the first round of each task, about
    loss: float              # of a QoS 0 message; a session's end loses QoS 1 messages too
    double: float
    reorder: bool
    delay_ms: int            # most of the time
    stall: float             # a message that takes up to 30 times as long
    partitions: int          # links cut in silence for a while
    broker_restarts: int
    session_kept: bool       # the broker queues for the gateway while it is away
    reboots: int
    naps: int
    vanish: int              # devices that go and never come back
    slow: int                # devices 50 times slower than they say
    refuse: float
    liars: float
    cartel: bool             # liars agree among themselves, else each is wrong in its own way
    boasts: int              # births and bids of liars with absurd figures
    hostile: int             # hostile messages
    second_tries: int        # another result, signed by the device itself, for a lease that has one or is another's
    crash: float             # per batch of events, at a drawn point of the commit and release
    write_error: float
    replays: int             # what a device has said of itself, said again by another, however long ago it was
    amnesias: int            # devices that start with no numbers in flash, or with older ones
    worker_ends: float       # per request to a worker: it ends, or is told to leave off
    epochs: int
    wall_jumps: int
    cancels: int             # of the last task, which may be submitted anew
    revoked: int
    bad_tasks: int           # tasks of kinds whose kernel or solver raises
    hurry: bool              # the last task has a deadline that it may miss
    faults_ms: int           # from then on nothing new goes wrong; liars go on lying
    transfers: int           # devices that are handed over
    restore: bool            # who is revoked is restored some time later
    upgrades: int            # other releases of gateway and kinds, older ones among them, are installed
    older: int               # the journal of the next start is one of an older version
    renumbers: int           # liars of another kind: right answers under numbers that were used
    plain: int               # devices whose firmware takes no spans at most of their starts
    down_loss: float         # of a QoS 0 message to a device: a lease, an acknowledgement
    where: tuple[str, ...]   # words of which each task has one
    floods: int              # a liar sends garbage, or refusals of leases that never were, as fast as it can


def mix_of(seed: int) -> Mix:
    """The mix of a seed: about half of all faults are absent in any one, so that each is met alone and together."""
    rng = Random(f"mix/{seed}")

    def some(most: float) -> float:
        return most * rng.random() if rng.random() < 0.5 else 0.0

    def few(most: int) -> int:
        return 1 + int(rng.random() * most) if rng.random() < 0.5 else 0

    devices = 5 + int(rng.random() * 5)
    return Mix(
        devices=devices, owners=1 + int(rng.random() * devices), tasks=1 + int(rng.random() * 2),
        jobs=4 + int(rng.random() * 8), loss=some(0.4), double=some(0.3), reorder=rng.random() < 0.4,
        delay_ms=2 + int(rng.random() * 60), stall=some(0.1), partitions=few(4), broker_restarts=few(2),
        session_kept=rng.random() < 0.6, reboots=few(4), naps=few(2), vanish=few(2), slow=few(2), refuse=some(0.2),
        liars=0.1 + 0.3 * rng.random() if rng.random() < 0.6 else 0.0, cartel=rng.random() < 0.15,
        boasts=few(4), hostile=few(20), second_tries=few(6), crash=some(0.06), write_error=some(0.03), epochs=few(3),
        wall_jumps=few(4), cancels=few(1), revoked=few(1), bad_tasks=few(2) if rng.random() < 0.3 else 0,
        hurry=rng.random() < 0.1, faults_ms=15_000 + int(rng.random() * 20_000),
        transfers=few(4), restore=rng.random() < 0.5, floods=few(2), worker_ends=some(0.2), replays=few(40),
        amnesias=few(3), upgrades=few(4), plain=few(devices), renumbers=few(1),
        where=("auto", "fleet", "here", "auto", "fleet")[int(3 * Random(f"where/{seed}").random()):],
        down_loss=some(0.4), older=few(1) if rng.random() < 0.5 else 0,
    )
