"""Tasks with jobs that wait for a device, in the order in which they are offered: what that costs does not grow with
their number."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator
from itertools import islice

from lamplighter.gateway.core.entities import Node, Task


class _Queue:
    """Tasks of one priority and kind; ``served`` says when one of them was, by a count."""

    __slots__ = ("served", "tasks")

    def __init__(self) -> None:
        self.tasks: OrderedDict[str, Task] = OrderedDict()
        self.served = 0


class Turns:
    """The higher priority first, kinds as a node's kernel has it, and of those that are equal who was not served for
    longest."""

    def __init__(self) -> None:
        self._levels: dict[int, dict[str, _Queue]] = {}
        self._kinds: Counter[str] = Counter()
        self._count = 0

    def __bool__(self) -> bool:
        return bool(self._levels)

    def __iter__(self) -> Iterator[Task]:
        for level in self._levels.values():
            for queue in level.values():
                yield from queue.tasks.values()

    def add(self, task: Task) -> None:
        """It has jobs that wait: if it had none, it comes behind its equals."""
        queue = self._levels.setdefault(task.priority, {}).setdefault(task.kind, _Queue())
        if task.name not in queue.tasks:
            queue.tasks[task.name] = task
            self._kinds[task.kind] += 1

    def discard(self, task: Task) -> None:
        """It has none any more."""
        level = self._levels.get(task.priority, {})
        queue = level.get(task.kind)
        if queue is None or queue.tasks.pop(task.name, None) is None:
            return
        self._kinds[task.kind] -= 1
        if not self._kinds[task.kind]:
            del self._kinds[task.kind]
        if not queue.tasks:
            del level[task.kind]
            if not level:
                del self._levels[task.priority]

    def served(self, task: Task) -> None:
        """It goes behind its equals."""
        queue = self._levels[task.priority][task.kind]
        queue.tasks.move_to_end(task.name)
        self._count += 1
        queue.served = self._count

    def next(self, node: Node, workers: Counter[str], most: int) -> list[Task]:
        """Tasks in the order in which this node should be offered them, no more than ``most``.

        A node stays with the kind whose kernel it holds, so that kernels are not fetched over and over; it goes over
        to another kind when that has fewer nodes than its share and its own has more.
        """
        found: list[Task] = []
        for priority in sorted(self._levels, reverse=True) if len(self._levels) > 1 else self._levels:
            level = self._levels[priority]
            for queue in self._ranked(level, node, workers) if len(level) > 1 else level.values():
                found += islice(queue.tasks.values(), most - len(found))
                if len(found) >= most:
                    return found
        return found

    def _ranked(self, level: dict[str, _Queue], node: Node, workers: Counter[str]) -> list[_Queue]:
        share = workers.total() // len(self._kinds)
        own = -1 if workers[node.kind] <= share else share

        def rank(kind: str) -> tuple[int, int]:
            return own if kind == node.kind else workers[kind], level[kind].served

        return [level[kind] for kind in sorted(level, key=rank)]
