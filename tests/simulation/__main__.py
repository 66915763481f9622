"""``python -m tests.simulation``: ``--seed N`` replays a seed with its trace, ``--seeds A-B`` runs many."""

from __future__ import annotations

import argparse
import sys
import time

from tests.simulation.cartel import table
from tests.simulation.run import report, run_seed, tail_of
from tests.simulation.world import World


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="one seed, with its trace")
    parser.add_argument("--seeds", default="0-999", help="from-to, without a trace (default 0-999)")
    parser.add_argument("--tail", type=int, default=400, help="how many steps of the trace to show")
    parser.add_argument("--cartel", action="store_true", help="measure what a cartel of liars gets accepted")
    asked = parser.parse_args()
    if asked.cartel:
        print(table())
        return 0
    if asked.seed is not None:
        return _replay(asked.seed, asked.tail)
    first, last = (int(part) for part in asked.seeds.split("-"))
    began, virtual, failed = time.perf_counter(), 0, 0
    for seed in range(first, last + 1):
        world, broken = run_seed(seed)
        virtual += world.clock.now
        if broken:
            failed += 1
            print(report(world, broken, tail=0))
    took = time.perf_counter() - began
    print(f"{last - first + 1} seeds, {failed} failed, {took:.1f} s, {virtual / 1000 / took:.0f} x real time")
    return 1 if failed else 0


def _replay(seed: int, tail: int) -> int:
    world = World(seed, hashing=True)
    world, broken = run_seed(seed, world)
    print(tail_of(world, tail))
    print(world.mix)
    for device in world.devices:
        lie = f", lies: {getattr(device.lie, '__name__', type(device.lie).__name__)}" if device.lie else ""
        print(f"device {device.node} of {device.owner}, {device.slowness} x as slow as it says{lie}")
    print(f"trace {world.digest()}")
    print(broken or "no invariant broken", f"at {world.clock.now} ms")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
