"""Networks at the edge of what the host may send: still 31 bits, still the same bytes everywhere, never stuck."""

from __future__ import annotations

import os
import random
import struct

import pytest

from lamplighter.gateway.devicebuild.interpreter import find_micropython
from lamplighter.gateway.kindkit.pool import Pool, Runtime
from lamplighter.gateway.kindkit.rules import watched
from lamplighter.tasks.api import Context, Job
from lamplighter.tasks.energy.evhosting import KIND
from lamplighter.tasks.energy.evhosting.jobs import BIAS, HEADROOM_PU, Q20, Q23, Q24
from lamplighter.tasks.local import run_job

EDGES_17 = (0, 1, 65_535, 65_536, 131_071)


def extreme(pick: random.Random) -> Job:
    """Random trees whose powers and shunts use up the headroom, impedances and gains from nothing to their bounds."""
    n, slots, count = pick.randrange(2, 9), pick.choice((1, 2, 5)), pick.choice((1, 2))
    source = round(pick.choice((0.7, 1.0, 1.3, pick.uniform(0.7, 1.3))) * Q24)
    net = struct.pack("<iii", n, pick.randrange(2), source) + struct.pack("<iiii", 0, 0, 0, 0)
    for bus in range(1, n):
        exponent = pick.choice((0, 0, 1, 3, 6, 10, 30, 31, 32, 33))
        mantissas = (pick.choice((*EDGES_17, pick.randrange(131_072))) for _ in range(2))
        net += struct.pack("<iiii", pick.randrange(bus) | exponent << 16, *mantissas,
                           pick.choice((0, 1, 65_536, 65_537, pick.randrange(1, 1 << 25), (1 << 25) - 1)))
    shares = [pick.choice((0, 0, 1, 5)) for _ in range(n * 4 + 1)]
    unit = HEADROOM_PU * Q20 / max(1, sum(shares))
    cars, rows, halves = 0, b"", struct.pack("<ii", BIAS, BIAS)
    for bus in range(n):
        places = pick.choice((0, 1, 3))
        cars += places
        powers: list[int] = []
        for share in shares[4 * bus:4 * bus + 2]:
            most = int(share * unit)
            low = pick.choice((-most, 0, most, pick.randint(-most, most)))
            powers += [BIAS + low, pick.choice((0, most - low, pick.randint(0, most - low)))]
        rows += struct.pack("<5i", *powers, places | pick.randrange(2) << 16 | pick.randrange(2) << 24)
        y = int(shares[4 * bus + 2] * unit / 16)
        if bus:
            halves += struct.pack("<ii", BIAS + pick.choice((0, y)), BIAS + pick.choice((-y, y)))
    day = struct.pack("<BBHiiiii", 60, slots, 2, int(shares[-1] * unit / max(1, cars) * (Q23 / Q20)),
                      *(pick.choice((0, 1, Q20, 4 * Q20)) for _ in range(2)),
                      *(pick.choice((0, 65_536, 9 * 65_536)) for _ in range(2)))
    day += bytes(pick.randrange(256) for _ in range(768))
    profiles = struct.pack(f"<{2 * slots}H", *(pick.choice((0, 1, 32_767, 32_768)) for _ in range(2 * slots)))
    contexts = [net, rows, day, profiles] + ([halves] if pick.randrange(2) else [])
    data = struct.pack("<IIBB", pick.randrange(1 << 32), pick.randrange(1 << 32), pick.choice((0, 50, 100)), count)
    return Job(data, 20 * count, 1, 1, tuple(map(Context, contexts)))


def _check(seeds: range, watch: int) -> None:
    if find_micropython() is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("needs a MicroPython")
    jobs = [extreme(random.Random(seed)) for seed in seeds]
    wanted = [run_job(KIND, job) for job in jobs]
    careful = watched(KIND.kernel.read_text())
    for job, answer in list(zip(jobs, wanted, strict=True))[:watch]:
        slices = careful.run(job.input, tuple(context.data for context in job.contexts))
        try:
            while True:
                next(slices)
        except StopIteration as end:
            assert end.value == answer
    for runtime in (Runtime.MACHINE_CODE, Runtime.BYTECODE):
        with Pool(KIND.kernel, runtime, heap=65_536) as pool:
            assert pool.answers(jobs) == wanted, runtime
    flags = [answer[0] for answer in wanted]
    assert any(flag & 16 for flag in flags) and any(not flag & 16 for flag in flags)


def test_extreme_networks() -> None:
    """Two hundred, all of them watched for words that leave 31 bits."""
    _check(range(200), 200)


@pytest.mark.soak
def test_thousands_of_extreme_networks() -> None:
    """Ten thousand, half of them watched."""
    _check(range(1_000, 11_000), 5_000)
