"""Virtual time: a heap of callbacks. Nothing here reads a real clock, so a seed replays exactly."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any


class Clock:
    """Time in ms since the start of the world; callbacks run in order of (due time, order of asking)."""

    __slots__ = ("_asked", "_heap", "now")

    def __init__(self) -> None:
        self.now = 0
        self._asked = 0
        self._heap: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []

    def at(self, due_ms: int, call: Callable[..., None], *args: Any) -> None:
        """Runs ``call(*args)`` at ``due_ms``, or next if that is past. There is no way to take it back."""
        self._asked += 1
        heapq.heappush(self._heap, (due_ms if due_ms > self.now else self.now, self._asked, call, args))

    def after(self, delay_ms: int, call: Callable[..., None], *args: Any) -> None:
        self.at(self.now + delay_ms, call, *args)

    def has_more_now(self) -> bool:
        """Whether there is something else to happen in this ms."""
        return bool(self._heap) and self._heap[0][0] == self.now

    def step(self) -> None:
        """Runs the next callback. Raises IndexError when nothing is left to happen."""
        self.now, _, call, args = heapq.heappop(self._heap)
        call(*args)
