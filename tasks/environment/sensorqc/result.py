"""The published answer: which readings and stations are flagged, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import median
from typing import Any

from lamplighter.tasks.api import Result
from lamplighter.tasks.drawing.scale import short
from lamplighter.tasks.environment.sensorqc.method.book import Book
from lamplighter.tasks.environment.sensorqc.method.judge import Verdict
from lamplighter.tasks.environment.sensorqc.method.reasons import reasons

FORMAT = 1
MOST_FLAGGED = 2_000
WIDEST_SCORE = 99.9


def assemble(book: Book, how: str, doubtful: Mapping[int, frozenset[int]], late: str) -> Result:
    """``doubtful``: who predicted nobody in the recheck, by time; ``late``: what the deadline cut short, or ""."""
    spec, scores = book.spec, book.scores()
    verdicts = book.verdicts(scores)
    readings = sum(value is not None for row in spec.rows for value in row)
    checked = sum(score is not None for row in scores for score in row)
    flagged = _flagged(book, scores)
    v = book.variogram
    sill = spec.variogram.sill if spec.variogram else median(book.scale) ** 2
    data: dict[str, Any] = {
        "format": FORMAT, "quantity": spec.quantity, "unit": spec.unit,
        "coordinates": "degrees, WGS 84" if spec.plane.geographic else "metres, as given",
        "transform": "log" if spec.log else "none",
        "threshold": spec.threshold, "scale": "each_time" if spec.each_time else "fixed",
        "times": spec.times, "readings": readings, "checked": checked, "unchecked": readings - checked,
        "flagged_count": len(flagged), "flagged": flagged[:MOST_FLAGGED],
        "rmse": short(_rmse(book), 6),
        "stations": [_station(book, scores, verdicts[i], i) for i in range(len(spec.ids))],
        "scores_tenths": [[_tenths(row[i]) for row in scores] for i in range(len(spec.ids))],
        "standard_deviation": [short(one, 5) for one in book.scale],
        "variogram": {"model": v.shape, "range_m": short(v.range_m, 6),
                      "nugget": short(v.nugget_share * sill, 6),
                      "partial_sill": short((1 - v.nugget_share) * sill, 6),
                      "angle_deg": v.angle_deg, "ratio": v.ratio,
                      "squared_unit_of": "ln" if spec.log else "unit", "how": how},
        "left_out_of_recheck": [[t, sorted(out)] for t, out in sorted(doubtful.items())],
        "rechecked": spec.recheck and late == "", "notes": spec.notes,
    }
    if spec.predictions:
        data["predicted"], data["standard_error"] = _predictions(book)
    return Result(_summary(data), data, _partial(data, late))


def _flagged(book: Book, scores: list[list[float | None]]) -> list[dict[str, Any]]:
    """Farthest first."""
    spec, found = book.spec, []
    for t, i, error, share in book.known():
        score = scores[t][i]
        if score is None or abs(score) <= spec.threshold:
            continue
        value, sd = book.spec.rows[t][i] or 0.0, book.scale[t] * math.sqrt(share)
        found.append({"station": i, "time": t, "reading": short(_out(value, spec.log), 6),
                      "predicted": short(_out(value - error, spec.log), 6),
                      "standard_error": short(_error(value - error, sd, spec.log), 4), "score": round(score, 2)})
    return sorted(found, key=lambda one: (-abs(float(one["score"])), int(one["time"]), int(one["station"])))


def _station(book: Book, scores: list[list[float | None]], verdict: Verdict, i: int) -> dict[str, Any]:
    spec = book.spec
    known = [(t, row[i]) for t, row in enumerate(scores) if row[i] is not None]
    far = sum(abs(score) > spec.threshold for _, score in known if score is not None)
    digits = 7 if spec.plane.geographic else 3
    x, y = spec.plane.to_given(*spec.places[spec.place_of[i]])
    errors = [(book.spec.rows[t][i] or 0.0) - (book.value[t][i] or 0.0) for t, _ in known]
    found: dict[str, Any] = {
        "id": spec.ids[i][:64], "x": round(x, digits), "y": round(y, digits),
        "verdict": "suspect" if verdict.suspect else "no objection" if known else "not checked",
        "reasons": reasons(book, i, verdict), "checked": len(known), "flagged": far,
        "score_median": short(median(score for _, score in known if score is not None), 3) if known else None,
        "bias": short(median(errors), 4) if known else None,
    }
    if verdict.stuck:
        found["stuck"] = [list(run) for run in verdict.stuck]
    if verdict.change:
        found["changed_at"] = known[verdict.change.at][0]
    return found


def _predictions(book: Book) -> tuple[list[list[float | None]], list[list[float | None]]]:
    """By time and station, in the readings' unit."""
    log = book.spec.log
    predicted: list[list[float | None]] = [[None] * len(row) for row in book.value]
    error: list[list[float | None]] = [[None] * len(row) for row in book.value]
    for t, i, _, share in book.known():
        value = book.value[t][i] or 0.0
        predicted[t][i] = short(_out(value, log), 6)
        error[t][i] = short(_error(value, book.scale[t] * math.sqrt(share), log), 4)
    return predicted, error


def _rmse(book: Book) -> float:
    """Of all predictions, in the readings' unit."""
    squares = []
    for t, i, error, _ in book.known():
        value = book.spec.rows[t][i] or 0.0
        squares.append((_out(value, book.spec.log) - _out(value - error, book.spec.log)) ** 2)
    return math.sqrt(math.fsum(squares) / len(squares))


def _out(value: float, log: bool) -> float:
    return math.exp(value) if log else value


def _error(value: float, sd: float, log: bool) -> float:
    """A lognormal number's standard deviation around its median (Aitchison & Brown 1957, 2.2)."""
    if not log:
        return sd
    variance = min(sd * sd, 50.0)
    return math.exp(value) * math.sqrt(math.expm1(variance) * math.exp(variance))


def _tenths(score: float | None) -> int | None:
    return None if score is None else round(10 * max(-WIDEST_SCORE, min(WIDEST_SCORE, score)))


def _partial(data: dict[str, Any], late: str) -> str:
    if not late:
        return ""
    said = []
    if data["unchecked"]:
        share = 100 * data["unchecked"] / data["readings"]
        said.append(f"{data['unchecked']} of {data['readings']} readings ({share:.0f} %) were not checked before the "
                    "deadline: they count neither as good nor as bad, and verdicts on stations rest on the others.")
    if late == "search":
        said.append("The variogram was set by rule, not searched, so predictions are a little and their standard "
                    "errors a good deal rougher.")
    said.append("The recheck without flagged readings was not finished before the deadline: some readings may be "
                "flagged for a neighbour's fault.")
    return " ".join(said)


def _summary(data: dict[str, Any]) -> str:
    suspects = [one for one in data["stations"] if one["verdict"] == "suspect"]
    suspects.sort(key=lambda one: -one["flagged"])
    places = len(data["stations"])
    head = (f"{len(suspects)} of {places} stations are suspect and {data['flagged_count']} of {data['checked']} "
            f"readings of {data['quantity']} lie over {data['threshold']:g} standard errors from what their "
            "neighbours say.")
    if suspects:
        head += f" {suspects[0]['id']}: {suspects[0]['reasons'][0]}"
        head += f"; also {', '.join(one['id'] for one in suspects[1:4])}." if suspects[1:] else "."
    if places < 3:
        head += " Between two stations nothing tells which one lies."
    return head
