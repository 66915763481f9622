"""Verdicts from scores: changes, biases and runs, held against the other stations."""

from __future__ import annotations

import random

import pytest

from lamplighter.tasks.environment.sensorqc.method.judge import change, judge, stuck_runs


def _scores(seed: int, stations: int = 12, times: int = 60) -> list[list[float]]:
    pick = random.Random(seed)
    return [[offset + pick.gauss(0, 1) for _ in range(times)]
            for offset in [pick.gauss(0, 0.5) for _ in range(stations)]]


def _judged(scores: list[list[float]]) -> list[int]:
    rows = [[round(random.Random(1000 * i + t).gauss(20, 5), 3) for i in range(len(scores))]
            for t in range(len(scores[0]))]
    return [i for i, verdict in enumerate(judge(scores, rows, 3)) if verdict.suspect]


def test_honest_stations_are_left_alone() -> None:
    """Of twenty networks of twelve stations with offsets of their own, at most a handful of stations is doubted."""
    assert sum(len(_judged(_scores(seed))) for seed in range(20)) <= 6


def test_a_step_is_found_with_its_time() -> None:
    """The station, the time within two, and that it is no drift."""
    scores = _scores(3)
    scores[4] = [score - (4 if t >= 37 else 0) for t, score in enumerate(scores[4])]
    assert 4 in _judged(scores)
    step = change(scores[4])
    assert abs(step.at - 37) <= 2 and step.shift == pytest.approx(-4, abs=1) and not step.gradual
    assert step.chance < 1e-6


def test_a_drift_is_told_from_a_step() -> None:
    """It fits a line better."""
    scores = _scores(5)
    scores[7] = [score + t / 10 for t, score in enumerate(scores[7])]
    assert 7 in _judged(scores) and change(scores[7]).gradual


def test_a_bias_is_found_where_others_agree() -> None:
    """And it is not where every station has one as large."""
    scores = _scores(6)
    scores[2] = [score + 5 for score in scores[2]]
    assert _judged(scores) == [2]
    wide = [[score + 5 * (-1) ** i for score in one] for i, one in enumerate(_scores(6))]
    assert all(not verdict.bias for verdict in judge(wide, [[0.0] * 12] * 60, 3))


def test_four_stations_have_no_others_to_be_unlike() -> None:
    """With so few, only readings and runs are judged."""
    scores = _scores(8, stations=4)
    scores[0] = [score + 2 * (t > 30) for t, score in enumerate(scores[0])]
    verdict = judge(scores, [[float(t % 7 + i) for i in range(4)] for t in range(60)], 3)[0]
    assert verdict.change is None and not verdict.bias


def test_alike_neighbours_in_time_count_for_less() -> None:
    """Slow waves are no surprise: the same ranks shuffled would be."""
    pick = random.Random(2)
    walk = [0.0]
    for _ in range(199):
        walk.append(0.97 * walk[-1] + pick.gauss(0, 1))
    assert change(walk).chance > 0.05


def test_constant_scores_have_no_change() -> None:
    """Neither a shift nor a chance of one."""
    found = change([1.5] * 30)
    assert found.shift == 0 and found.chance == 1


def test_stuck_runs_are_longer_than_chance() -> None:
    """A run of ten among differing numbers is one; where everyone repeats itself it is not."""
    pick = random.Random(4)
    rows: list[list[float | None]] = [[round(pick.gauss(20, 5), 2) for _ in range(6)] for _ in range(80)]
    for t in range(30, 40):
        rows[t][3] = 21.5
    rows[35][3] = None
    assert stuck_runs(rows) == [[], [], [], [(30, 39)], [], []]
    coarse: list[list[float | None]] = [[float(t // 9) for _ in range(6)] for t in range(80)]
    assert stuck_runs(coarse) == [[]] * 6
    whole = [[5.0 if i == 2 else value for i, value in enumerate(row)] for row in rows]
    assert stuck_runs(whole)[2] == [(0, 79)]


def test_a_station_flagged_often_is_suspect() -> None:
    """Over a tenth of its readings, two at least."""
    scores = _scores(9)
    scores[5] = [8.0 if t % 8 == 0 else score for t, score in enumerate(scores[5])]
    rows = [[float(100 * t + i) for i in range(12)] for t in range(60)]
    assert judge(scores, rows, 3)[5].often_flagged and not judge(scores, rows, 3)[0].often_flagged
