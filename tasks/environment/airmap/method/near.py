"""Finds the places nearest to a point."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence

Point = tuple[float, float]


class Near:
    """Looks along the longer side of the places' box, in a strip that grows until it must hold the nearest.

    With n places spread over a town a strip holds some multiples of sqrt(n) of them.
    """

    def __init__(self, places: Sequence[Point]) -> None:
        self.places = places
        spans = [max(place[axis] for place in places) - min(place[axis] for place in places) for axis in (0, 1)]
        self._axis = int(spans[1] > spans[0])
        self._order = sorted(range(len(places)), key=lambda i: (places[i][self._axis], i))
        self._along = [places[i][self._axis] for i in self._order]

    def around(self, point: Point, count: int, more: float = 0.0) -> list[tuple[float, int]]:
        """(distance, place), nearest first, equal ones by number: the ``count`` nearest places, and all others no
        more than ``more`` beyond the last of these."""
        at = point[self._axis]
        middle = bisect.bisect_left(self._along, at)
        wide = 2 * count + 8
        while True:
            low, high = max(0, middle - wide), min(len(self._order), middle + wide)
            apart = sorted((math.dist(point, self.places[i]), i) for i in self._order[low:high])
            last = apart[min(count, len(apart)) - 1][0]
            reach = last * (1 + 1e-9) + more
            if (low == 0 or at - self._along[low - 1] > reach) and \
                    (high == len(self._order) or self._along[high] - at > reach):
                return [one for one in apart if one[0] <= reach] if more else apart[:count]
            wide *= 2
