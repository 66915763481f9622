"""Answers that cannot be."""

from __future__ import annotations

import struct

from lamplighter.tasks.api import Job
from lamplighter.tasks.local import run_job
from lamplighter.tasks.registry import prepare
from lamplighter.tasks.traffic.forecast import KIND
from lamplighter.tasks.traffic.forecast.demo import generated
from lamplighter.tasks.traffic.forecast.solve import CANDIDATES, solve


def test_check_passes_honest_answers_and_stops_impossible_ones() -> None:
    """Errors that no counts can have, more hours than there are, ends out of order, another length."""
    spec = prepare({KIND.name: KIND}, KIND.name, generated(1, 5, 6))
    solution = solve(spec)
    assert KIND.check is not None
    rounds: list[tuple[Job, bytes]] = []
    try:
        jobs = next(solution)
        while True:
            answers = [run_job(KIND, job) for job in jobs]
            rounds += zip(jobs, answers, strict=True)
            jobs = solution.send(answers)
    except StopIteration:
        pass
    assert all(KIND.check(spec, job, answer) for job, answer in rounds)
    search, forecast, rehearsal = rounds[0], rounds[len(CANDIDATES)], rounds[-1]
    for (job, answer), wrong in ((search, struct.pack("<I", 2**30)), (forecast, struct.pack("<HHH", 5, 6, 7)),
                                 (forecast, struct.pack("<HHH", 5, 4, 40_000)),
                                 (rehearsal, struct.pack("<IHH", 0, 169, 168)),
                                 (rehearsal, struct.pack("<IHH", 0, 100, 169)),
                                 (rehearsal, struct.pack("<IHH", 2**30, 100, 168))):
        assert not KIND.check(spec, job, wrong + answer[len(wrong):])
        assert not KIND.check(spec, job, answer + b"\0")


def test_neighbours_share_contexts() -> None:
    """The jobs of two detectors can go under one lease; heap for both contexts is declared, and the last stands
    alone where it has no neighbour."""
    spec = prepare({KIND.name: KIND}, KIND.name, generated(3, 5, 6))
    jobs = next(solve(spec))
    assert [job.contexts for job in jobs[::len(CANDIDATES)]] == [
        (spec.series[0].context, spec.series[1].context)] * 2 + [(spec.series[2].context,)]
    assert [job.input[0] >> 1 for job in jobs[::len(CANDIDATES)]] == [0, 1, 0]
    assert jobs[0].heap_bytes - jobs[-1].heap_bytes >= len(spec.series[0].context.data)
