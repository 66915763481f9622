"""What is to be looked at again, and when. Many things are due at the same time: those of one batch."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Timers(Generic[T]):
    """There is no way to take a timer back: what is ``stale`` is passed over when it comes to the front, so that
    nobody wakes up for it; what goes stale between is for whoever looks at it to tell."""

    def __init__(self, stale: Callable[[T], bool]) -> None:
        self._stale = stale
        self._dues: list[int] = []
        self._at: dict[int, list[T]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._at.values()))

    def set(self, due_ms: int, what: T) -> None:
        """``what`` is to be looked at from ``due_ms`` on, after all that was set for then before."""
        if due_ms in self._at:
            self._at[due_ms].append(what)
        else:
            self._at[due_ms] = [what]
            heapq.heappush(self._dues, due_ms)

    @property
    def first_ms(self) -> int | None:
        """When the first is due that is not stale."""
        while self._dues:
            there = self._at[self._dues[0]]
            while there and self._stale(there[-1]):
                there.pop()
            if there:
                return self._dues[0]
            del self._at[heapq.heappop(self._dues)]
        return None

    def due(self, now_ms: int, most: int) -> list[T]:
        """What is due by now, but not more of it than ``most``, the earliest first; it is not in here any more."""
        found: list[T] = []
        while self._dues and self._dues[0] <= now_ms and len(found) < most:
            there, room = self._at[self._dues[0]], most - len(found)
            found += there[:room]
            del there[:room]
            if not there:
                del self._at[heapq.heappop(self._dues)]
        return found
