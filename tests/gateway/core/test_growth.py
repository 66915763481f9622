"""However many jobs a task has, the core remembers one round and a fixed number of leases."""

import gc
from collections import Counter

import pytest

from gateway.core.effects import SendLease
from gateway.core.state import Job, Lease


@pytest.fixture
def alive():
    """alive() counts jobs and leases; none of them may wait for the collector, which the gateway lets come rarely."""
    gc.collect()
    gc.disable()
    yield lambda: Counter(type(thing) for thing in gc.get_objects() if isinstance(thing, Job | Lease))
    gc.enable()


def test_a_task_holds_one_round_however_many_it_has(make_city, alive):
    """After each round nothing is left of it but the leases that are remembered, with their jobs."""
    city = make_city(remembered_leases=40)
    for name in ("anna-1", "ben-1", "carla-1"):
        city.device(name, room=8)
    city.submit()
    city._said = lambda said: city.sent.update({x.nonce: x for x in said if isinstance(x, SendLease)}) or said
    seq = 0
    for number in range(20):
        city.round(number=number, jobs=20)
        while leases := city.leases():
            for lease in leases:
                seq += 1
                city.answer(lease, seq=seq)
        city.wait(10_000)
        assert city.of().done_jobs == 20 * (number + 1) and not city.of().jobs
        left = alive()
        assert left[Lease] == len(city.board.leases) <= 40 and left[Job] <= 40
    assert not city.board.timers
