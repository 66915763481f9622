"""What the core does at once, in this process: the longest that the loop would stand still, and what a lease costs
where many tasks are open beside where there is one. Processor time; there is no broker and no disk.

    python -m benchmarks.stops
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable

from benchmarks.figures import Figure, print_table
from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import events as e
from lamplighter.gateway.core.entities import KindFacts
from lamplighter.gateway.core.machine import Machine
from lamplighter.gateway.core.policy import Policy
from lamplighter.gateway.protocol.frames import Receipt
from lamplighter.gateway.runtime.pump import step

NET = b"n" * 8
RUNS = 3


class Street:
    """A machine with devices that have room; ``tell`` steps it as the pump does, and on while it has more to do."""

    def __init__(self, devices: int, room: int, **policy: int) -> None:
        known = {"audit_permille": 0, "probation_audit_permille": 0, **policy}
        self.machine = Machine(Policy(**known), b"secret", {"toy": KindFacts()}, 1, NET)
        self.now, self.seq, self.longest_s = 1_000, 0, 0.0
        self.leases: list[f.SendLease] = []
        self.nodes = {f"{number:016x}": f"o{number % 7}" for number in range(devices)}
        self.tell(e.KernelsCompiled(0, {"toy": b"k" * 16}))
        for node, owner in self.nodes.items():
            at = e.At(1, 1, 1)
            self.tell(e.NodeEnrolled(node, node.encode(), owner), e.NodeStatusChanged(node, at, "ready"),
                      e.NodeBorn(node, at, "b", 0, "f", 100_000, 1_000_000, 16_384, 1, ()))
        self.tell(e.KernelsCompiled(0, {"toy": b"k" * 16}))
        self.bids = [e.NodeBid(node, e.At(1, 1, 2), 900, 100_000, room, (), "mains", None) for node in self.nodes]

    def tell(self, *events: e.Event) -> float:
        """Seconds of the longest step."""
        longest = 0.0
        while events:
            start = time.process_time()
            batch = step(self.machine, ((event, None) for event in events), self.now)
            longest = max(longest, time.process_time() - start)
            self.leases += (effect for effect in batch.outward if type(effect) is f.SendLease)
            events = (e.Ticked(),) if self.machine.busy else ()
        self.longest_s = max(self.longest_s, longest)
        return longest

    def task(self, name: str, jobs: int) -> float:
        self.tell(e.TaskSubmitted(name, "toy", b"{}", where="fleet"))
        return self.tell(e.RoundYielded(name, 0, tuple(e.JobSpec(b"%8d" % n, (), 8, 1, 64) for n in range(jobs))))

    def result(self, lease: f.SendLease) -> e.ResultArrived:
        self.seq += 1
        receipt = Receipt(NET, lease.node.encode(), 1, self.seq, 0, 0, lease.job, lease.nonce, bytes(32), 1,
                          bytes(32))
        return e.ResultArrived(lease.node, receipt, bytes(158), lease.input, True)

    def work(self, copies: int) -> float:
        """Seconds per copy, over so many, 64 at once."""
        spent, done = 0.0, 0
        while done < copies:
            now, self.leases = self.leases[:64], self.leases[64:]
            events = [self.result(lease) for lease in now]
            self.now += 1
            start = time.process_time()
            self.tell(*events)
            spent += time.process_time() - start
            done += len(now)
        return spent / done


def per_lease(tasks: int) -> float:
    street = Street(16, 8, max_tasks=tasks + 1)
    for number in range(tasks):
        street.task(f"t{number}", max(8, 8_000 // tasks))
    street.tell(*street.bids)
    street.work(512)
    return street.work(4_000)


def expiring() -> float:
    street = Street(125, 64)
    street.task("t", 8_000)
    for bid in street.bids:
        street.tell(bid)
    assert len(street.leases) == 8_000
    street.now += Policy().ack_by_ms
    return street.tell(e.Ticked())


def round_of(jobs: int) -> float:
    """As it comes, while devices work on it, and when its task is cancelled."""
    street = Street(16, 8)
    street.tell(*street.bids)
    street.longest_s = 0.0
    street.task("t", jobs)
    street.work(512)
    street.now += 300
    street.tell(e.Ticked())
    street.tell(e.TaskCancelled("t"))
    return street.longest_s


def whole_round(jobs: int) -> float:
    """To its answer."""
    street = Street(16, 64, copies=1)
    street.task("t", jobs)
    street.longest_s = 0.0
    street.tell(*street.bids)
    street.work(jobs)
    return street.longest_s


def _least(measure: Callable[[], float]) -> float:
    return min(measure() for _ in range(RUNS))


def figures() -> list[Figure]:
    gc.set_threshold(5_000, 1_000, 100)   # as the gateway has it
    ratios = [per_lease(1_000) / per_lease(1) for _ in range(RUNS)]
    stops: Iterable[tuple[str, Callable[[], float]]] = (
        ("8,000 leases that expire at once", expiring),
        ("a round of 64,000 jobs, begun and cancelled", lambda: round_of(64_000)),
        ("  to its answer", lambda: whole_round(64_000)),
        ("a round of 1,000,000 jobs that wait", lambda: round_of(1_000_000)))
    return [Figure("a lease and its result, 1,000 open tasks / one", min(ratios), "x", "<= 1.3"),
            *(Figure(f"longest step: {name}", _least(measure) * 1e3, "ms", "<= 20") for name, measure in stops)]


if __name__ == "__main__":
    print_table("stops", figures())
