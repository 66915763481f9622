"""Why a station is suspect, in words a person can act on."""

from __future__ import annotations

import math
from statistics import median

from lamplighter.tasks.environment.sensorqc.method.book import Book
from lamplighter.tasks.environment.sensorqc.method.judge import Verdict


def reasons(book: Book, i: int, verdict: Verdict) -> list[str]:
    """One phrase for each thing that is wrong with station ``i``, the gravest first."""
    spec = book.spec
    known = [t for t in range(len(spec.times)) if spec.rows[t][i] is not None and book.value[t][i] is not None]
    found = []
    for first, last in sorted(verdict.stuck, key=lambda run: run[0] - run[1]):
        value = spec.rows[first][i] or 0.0
        found.append(f"stuck at {math.exp(value) if spec.log else value:.4g} from {spec.times[first]} "
                     f"to {spec.times[last]}")
    if verdict.change:
        before, after = known[:verdict.change.at], known[verdict.change.at:]
        if verdict.change.gradual:
            third = len(known) // 3
            size = _apart(book, i, known[-third:], known[:third])
            found.append(f"drifts {size} its neighbours between {spec.times[known[0]]} and {spec.times[known[-1]]}")
        else:
            found.append(f"reads {_apart(book, i, after, before)} its neighbours since {spec.times[after[0]]}, "
                         "compared with before")
    if verdict.bias:
        found.append(f"reads {_apart(book, i, known)} its neighbours throughout: a fault, or an unusual place")
    if verdict.often_flagged:
        far = sum(abs(score) > spec.threshold for row in book.scores() if (score := row[i]) is not None)
        found.append(f"{far} of its {len(known)} readings are flagged")
    return found


def _apart(book: Book, i: int, times: list[int], less: list[int] | None = None) -> str:
    """How far station ``i`` is from its predictions at these times; ``less`` how far it was at those.

    As a percentage where all readings are above zero or kriged as logarithms, else in the unit.
    """
    spec = book.spec
    positive = spec.log or all(value > 0 for row in spec.rows for value in row if value is not None)
    size = _level(book, i, times, positive) - (_level(book, i, less, positive) if less else 0.0)
    side = "above" if size > 0 else "below"
    if positive:
        return f"{abs(100 * math.expm1(size)):.0f} % {side}"
    return f"{abs(size):.3g} {spec.unit or 'units'} {side}"


def _level(book: Book, i: int, times: list[int], ratio: bool) -> float:
    """Median of reading minus prediction; as the logarithm of their medians' ratio where asked and possible."""
    pairs = [(book.spec.rows[t][i] or 0.0, book.value[t][i] or 0.0) for t in times]
    reading, predicted = median(a for a, _ in pairs), median(b for _, b in pairs)
    if book.spec.log:
        return median(a - b for a, b in pairs)
    if ratio:
        return math.log(reading / predicted) if reading > 0 and predicted > 0 else 0.0
    return median(a - b for a, b in pairs)
