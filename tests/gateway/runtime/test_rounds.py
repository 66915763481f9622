"""Rounds between a worker and the gateway."""

import random
from dataclasses import replace

import pytest

from lamplighter.firmware.wire import MAX_BLOB, MAX_CONTEXTS
from lamplighter.gateway.core.events import JobSpec
from lamplighter.gateway.runtime.rounds import Contexts, OutOfBounds, digest_of, pack_round
from lamplighter.tasks.api import JOB_ANSWER, JOB_INPUT, Context, Job

ONE, TWO = Context(b"one"), Context(b"two")


def test_jobs_come_out_as_the_core_takes_them():
    """With names in place of contexts and a price in place of operations."""
    jobs = [Job(b"a", 1, 1, 10, (ONE, TWO)), Job(b"", 2, 1_001, 20, (TWO,)), Job(b"ccc", 3, 9, 0)]
    assert Contexts().take(pack_round(jobs, {})) == (
        JobSpec(b"a", (ONE.name, TWO.name), 1, 1, 10), JobSpec(b"", (TWO.name,), 2, 2, 20),
        JobSpec(b"ccc", (), 3, 1, 0))


def test_a_digest_is_of_what_decides_the_answers():
    """Of inputs, contexts, sizes and their order; not of what they cost."""
    one, two = JobSpec(b"a", (ONE.name,), 8, 10, 1_000), JobSpec(b"b", (), 8, 10, 1_000)
    same = [(one, two), (replace(one, price_kop=11, heap_bytes=9), two)]
    moved = (replace(one, input=b"ab"), replace(two, input=b""))
    others = [(two, one), (one,), moved, (replace(one, contexts=()), two), (replace(one, answer_bytes=9), two),
              (one, replace(two, contexts=(TWO.name,))), ()]
    assert len(set(map(digest_of, same))) == 1 and len({*map(digest_of, same), *map(digest_of, others)}) == 8


def test_a_context_travels_once():
    """Later rounds name it; a solver that begins anew sends it again, and it stays one."""
    sent, there = {}, Contexts()
    first = pack_round([Job(b"", 1, 1, 1, (ONE,))], sent)
    second = pack_round([Job(b"", 1, 1, 1, (TWO, ONE))], sent)
    assert len(first) == len(second) == 4
    there.take(first)
    assert there.take(second)[0].contexts == (TWO.name, ONE.name)
    again = Contexts(there.data)
    again.take(first)
    assert again.data == {ONE.name: b"one", TWO.name: b"two"}


@pytest.mark.parametrize("job", [
    Job(b"x" * (JOB_INPUT + 1), 1, 1, 1), Job(b"", 0, 1, 1), Job(b"", JOB_ANSWER + 1, 1, 1), Job(b"", 1, 0, 1),
    Job(b"", 1, 1, 1, (ONE,) * (MAX_CONTEXTS + 1)), Job(b"", 1, 1, 1, (Context(b"x" * (MAX_BLOB + 1)),)),
])
def test_a_job_that_cannot_travel_is_refused(job):
    """By the gateway, which believes no worker."""
    with pytest.raises(OutOfBounds, match="out of bounds"):
        Contexts().take(pack_round([job], {}))


def test_noise_is_refused_or_a_round():
    """Whatever comes: jobs within bounds, or OutOfBounds."""
    good = pack_round([Job(b"ab", 1, 1, 10, (ONE, TWO)), Job(b"c", 2, 1_001, 20, (TWO,))], {})
    rng = random.Random(1)
    refused = 0
    for _ in range(2_000):
        parts = [bytearray(part) for part in good]
        part = parts[rng.randrange(3)]
        if rng.random() < 0.2:
            del part[rng.randrange(len(part)):]
        else:
            part[rng.randrange(len(part))] ^= 1 << rng.randrange(8)
        try:
            jobs = Contexts().take([bytes(part) for part in parts])
        except OutOfBounds:
            refused += 1
        else:
            assert len(jobs) == 2 and all(len(job.input) <= JOB_INPUT for job in jobs)
    assert refused > 1_000
    for parts in ([], [b""], [b"", b""]):
        with pytest.raises(OutOfBounds):
            Contexts().take(parts)
