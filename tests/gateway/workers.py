"""A worker without a process: what one would say, in the thread that asks."""

from __future__ import annotations

from collections.abc import Callable

from lamplighter.gateway.runtime.lanes import WorkerDied
from lamplighter.gateway.runtime.workshop import Workshop
from lamplighter.tasks.api import Kind


class InlineWorker:
    """``before(request)`` may raise what is to become of it; ``interrupt`` and ``kill`` are counted."""

    def __init__(self, kinds: dict[str, Kind], before: Callable[[bytes], bytes | None]) -> None:
        self._workshop, self._before = Workshop(kinds), before
        self.interrupted = self.killed = 0

    def ask(self, request: bytes) -> bytes:
        instead = self._before(request[4:])
        if self.killed:
            raise WorkerDied
        return (instead or self._workshop.answer(request[4:]))[4:]

    def interrupt(self) -> None:
        self.interrupted += 1

    def kill(self) -> None:
        self.killed += 1
