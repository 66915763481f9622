"""What effects start beside the loop's other work; the first that fails ends the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class Errands:
    """``failed`` is done, with the error, once something has happened after which the gateway cannot go on."""

    def __init__(self) -> None:
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._open: set[asyncio.Task[None]] = set()

    def send(self, work: Coroutine[Any, Any, None]) -> None:
        """Begins ``work``; nobody waits for it."""
        task = asyncio.get_running_loop().create_task(work)
        self._open.add(task)
        task.add_done_callback(self._done)

    def fail(self, error: BaseException) -> None:
        """Says why the gateway must end; only the first reason counts."""
        if not self.failed.done():
            self.failed.set_exception(error)

    def close(self) -> None:
        """Calls everything off."""
        for task in self._open:
            task.cancel()
        self.failed.cancel()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._open.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.fail(error)
