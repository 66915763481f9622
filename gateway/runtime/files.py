"""An answer's files: made by its kind in a worker, shown as retained messages and on the page.

Nothing of them is kept here but their names and sizes: what is durable is the answer, from which they can be made
again, after a restart too.
"""

from __future__ import annotations

import json
import logging
import re
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Protocol

from lamplighter.gateway.protocol.topics import file_topic, task_topic
from lamplighter.gateway.runtime.solvers import KindBroke
from lamplighter.tasks.api import TaskError

log = logging.getLogger("lamplighter.files")

TASKS = 32
"""Of so many answers, the newest, files are retained."""
MOST = 16
"""Files of one answer that are."""
TOTAL = 32 << 20
"""Bytes of all that are."""
CACHED = 8 << 20
"""Bytes of the files that were made last, which are kept for whoever reads one after the other."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)

Made = Mapping[str, bytes]


class Publish(Protocol):
    """Hands a message to the broker's connection."""

    def __call__(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False) -> object: ...


class Files:
    """``make`` asks a kind for the files of a published result, ``send`` begins what nobody waits for.

    A file of more than ``max_file`` bytes is not published, only listed.
    """

    def __init__(self, site: str, make: Callable[[bytes], Awaitable[Made]], publish: Publish, max_file: int,
                 send: Callable[[Coroutine[Any, Any, None]], None], counters: Counter[str]) -> None:
        self._site, self._make, self._publish, self._max_file = site, make, publish, max_file
        self._send, self._counters = send, counters
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._works = False
        self._shown: dict[str, dict[str, int]] = {}
        """By task: the bytes of each file that the broker keeps."""
        self._last: tuple[bytes, Made] = b"", {}

    def result(self, task: str, result: bytes) -> None:
        """``result`` has been published for a task; an empty one was cleared, and its files go with it."""
        self._waiting.append((task, result))
        results = [at for at, waits in enumerate(self._waiting) if waits[1]]
        if len(results) > TASKS:
            del self._waiting[results[0]]
        if not self._works:
            self._works = True
            self._send(self._work())

    async def of(self, result: bytes) -> Made:
        """The files of a result that was published. Raises TaskError and KindBroke where they cannot be made."""
        if self._last[0] != result:
            made = {name: data for name, data in (await self._make(result)).items() if NAME.fullmatch(name)}
            if sum(map(len, made.values())) > CACHED:
                return made
            self._last = result, made
        return self._last[1]

    def holds(self) -> dict[str, tuple[int, int]]:
        """(how many, at most) of the bytes that the broker keeps."""
        return {"file_bytes": (sum(sum(sizes.values()) for sizes in self._shown.values()), TOTAL)}

    async def _work(self) -> None:
        while self._waiting:
            task, result = self._waiting.popleft()
            self._clear(task)
            if not result:
                continue
            try:
                self._show(task, await self.of(result))
            except (TaskError, KindBroke) as error:
                self._counters["files_failed"] += 1
                log.error("task %s: its files were not made: %s\n%s", task, error, error.__cause__ or "")
        self._works = False

    def _show(self, task: str, made: Made) -> None:
        if not made:
            return
        fit = [name for name, data in made.items() if len(data) <= self._max_file][:MOST]
        sizes = self._shown[task] = {}
        for name in fit:
            if sum(sizes.values()) + len(made[name]) <= TOTAL:
                sizes[name] = len(made[name])
                self._publish(file_topic(self._site, task, name), made[name], 1, True)
        listed = [{"name": name, "bytes": len(data), "retained": name in sizes,
                   "http": f"/api/tasks/{task}/files/{name}"} for name, data in made.items()]
        self._publish(task_topic(self._site, task, "files"), json.dumps({"v": 1, "files": listed}).encode(), 1, True)
        while len(self._shown) > TASKS or self.holds()["file_bytes"][0] > TOTAL:
            self._counters["files_cleared"] += 1
            self._clear(next(iter(self._shown)))

    def _clear(self, task: str) -> None:
        names = self._shown.pop(task, None)
        for name in names or ():
            self._publish(file_topic(self._site, task, name), b"", 1, True)
        if names is not None:
            self._publish(task_topic(self._site, task, "files"), b"", 1, True)
