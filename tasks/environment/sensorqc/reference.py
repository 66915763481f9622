"""The same scores by floating-point kriging on the host."""

from __future__ import annotations

import math
from typing import Any

from lamplighter.tasks.api import Result
from lamplighter.tasks.environment.airmap.method.variogram import Variogram
from lamplighter.tasks.environment.airmap.reference import krige
from lamplighter.tasks.environment.sensorqc.method.book import LEAST_SHARE
from lamplighter.tasks.environment.sensorqc.spec import Spec

MOST = 1_000
NEAR = 0.1
SHARE_NEAR = 0.99
AGREE = 0.98


def reference(spec: Spec, result: Result) -> dict[str, Any]:
    """Predicts at most 1,000 evenly taken readings again, in doubles, from the same stations.

    An independent method: the kriging system with the semivariances themselves (Cressie 1993, 3.2), solved by
    Gaussian elimination; positions unrounded, neighbours by full search. Scores are published in tenths. ``ok``:
    99 % of them within 0.1, and at least 98 % of those flagged by either are flagged by both.
    """
    data = result.data
    v = data["variogram"]
    sill = v["nugget"] + v["partial_sill"]
    variogram = Variogram(v["model"], v["range_m"], v["nugget"] / sill if sill else 0.0)
    out = {t: frozenset(stations) for t, stations in data["left_out_of_recheck"]} if data["rechecked"] else {}
    readings = [(t, i) for i, scores in enumerate(data["scores_tenths"])
                for t, score in enumerate(scores) if score is not None]
    sample = readings[::max(1, math.ceil(len(readings) / MOST))]
    apart, both, either = [], 0, 0
    for t, i in sample:
        score = _score(spec, data, variogram, t, i, out.get(t, frozenset()))
        published = data["scores_tenths"][i][t] / 10
        apart.append(abs(max(-99.9, min(99.9, score)) - published))
        flags = abs(score) > spec.threshold, abs(published) > spec.threshold
        if max(abs(abs(score) - spec.threshold), abs(abs(published) - spec.threshold)) > NEAR:
            both, either = both + all(flags), either + any(flags)
    near = sum(one <= NEAR for one in apart) / len(apart)
    ok = near >= SHARE_NEAR and both >= AGREE * either
    text = (f"Against floating-point kriging of {len(sample)} of {len(readings)} readings: {100 * near:.1f} % of "
            f"scores within {NEAR}, the largest difference {max(apart):.2g} (they are published in tenths); {both} "
            f"of the {either} flagged by either are flagged by both, those at the very threshold not counted.")
    return {"ok": ok, "text": text, "readings": len(sample), "largest_difference": max(apart),
            "share_within_0.1": near, "flagged_by_both": both, "flagged_by_either": either}


def _score(spec: Spec, data: dict[str, Any], variogram: Variogram, t: int, i: int, out: frozenset[int]) -> float:
    there = spec.at(t, out)
    itself = spec.place_of[i]
    places = [spec.places[place] for place in there if place != itself]
    values = [value for place, value in there.items() if place != itself]
    value, share = krige(places, values, spec.places[itself], variogram)
    error = (spec.rows[t][i] or 0.0) - value
    deviation: float = data["standard_deviation"][t] * math.sqrt(max(share, LEAST_SHARE))
    return error / deviation
