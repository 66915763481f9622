"""Runs the generators of tasks beside the loop, in one thread, and turns what they yield into events."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lamplighter.firmware.wire import MAX_ANSWER, MAX_BLOB, MAX_CONTEXTS, MAX_INPUT
from lamplighter.gateway.core.effects import AdvanceSolver, GiveUp, StartSolver
from lamplighter.gateway.core.events import Event, JobSpec, RoundYielded, TaskBroke, TaskSolved
from lamplighter.gateway.core.policy import price_kop
from lamplighter.tasks.api import Context, DeadlinePassed, Job, Kind, Result, Solution, TaskError
from lamplighter.tasks.registry import prepare

log = logging.getLogger("lamplighter.solver")


class Running:
    """A task's generator, its spec, and the contexts that its jobs name."""

    def __init__(self, kind: Kind, spec: Any) -> None:
        self.kind = kind
        self.spec = spec
        self.solution: Solution = kind.solve(spec)
        self.round = -1
        self.expected = kind.rounds(spec) if kind.rounds else 1
        """Rounds that there may be."""
        self.jobs = 0
        """Jobs of the open round."""
        self.contexts: dict[bytes, Context] = {}


class Solvers:
    """All running generators. ``put`` takes the resulting events, on the loop's thread."""

    def __init__(self, kinds: dict[str, Kind], put: Callable[[Event], None]) -> None:
        self.kinds = kinds
        self._put = put
        self._wanted: set[str] = set()
        """Tasks that are not over: what the thread still says of others is dropped."""
        self._running: dict[str, Running] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="solver")
        self._waiting: set[asyncio.Task[None]] = set()

    def start(self, effect: StartSolver) -> None:
        self._wanted.add(effect.task)
        self._later(effect.task, lambda: self._begin(effect))

    def advance(self, effect: AdvanceSolver) -> None:
        self._later(effect.task, lambda: self._step(effect.task, effect.answers))

    def give_up(self, effect: GiveUp) -> None:
        self._later(effect.task, lambda: self._last_word(effect))

    def stop(self, task: str) -> None:
        """Forgets a task's generator and contexts."""
        self._wanted.discard(task)
        self._running.pop(task, None)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def context(self, name: bytes) -> bytes | None:
        """The bytes of a context that a running task uses."""
        for running in tuple(self._running.values()):   # the thread may add one meanwhile
            if name in running.contexts:
                return running.contexts[name].data
        return None

    def check(self, task: str, spec: JobSpec, answer: bytes) -> bool:
        """The kind's own cheap check of an answer; True where it has none, False where it raises."""
        running = self._running.get(task)
        if running is None or running.kind.check is None:
            return True
        contexts = tuple(running.contexts[name] for name in spec.contexts)
        job = Job(spec.input, spec.answer_bytes, spec.price_kop * 1_000, spec.heap_bytes, contexts)
        try:
            return running.kind.check(running.spec, job, answer)
        except Exception:   # a bug of the kind, met by an answer of whoever: the recomputation decides
            log.exception("task %s: the check of its kind raised", task)
            return False

    async def prepare(self, kind: str, given: dict[str, Any]) -> Any:
        """Validates an input in the thread. Raises TaskError."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, prepare, self.kinds, kind, given)

    async def first_round(self, kind: str, spec: Any) -> Sequence[Job]:
        """The jobs that a task would start with, for its price; nothing is kept."""
        def ask() -> Sequence[Job]:
            try:
                return next(self.kinds[kind].solve(spec))
            except StopIteration:
                return ()
        return await asyncio.get_running_loop().run_in_executor(self._thread, ask)

    def _later(self, task: str, work: Callable[[], Event]) -> None:
        async def run() -> None:
            try:
                event = await asyncio.get_running_loop().run_in_executor(self._thread, work)
            except TaskError as error:
                event = TaskBroke(task, error.code, error.message, "operator")
            except Exception as error:   # a bug of the kind must not take the gateway with it
                if task in self._wanted:
                    log.exception("task %s: its kind raised", task)
                event = TaskBroke(task, "kind_failed", f"{type(error).__name__}: {error}"[:300], "kind")
            if task in self._wanted:
                self._put(event)
            else:
                self._running.pop(task, None)   # it ended while the thread was at it

        waiting = asyncio.get_running_loop().create_task(run())
        self._waiting.add(waiting)
        waiting.add_done_callback(self._waiting.discard)

    def _begin(self, effect: StartSolver) -> Event:
        spec = prepare(self.kinds, effect.kind, json.loads(effect.body)["input"])
        self._running[effect.task] = Running(self.kinds[effect.kind], spec)
        return self._step(effect.task, None)

    def _step(self, task: str, answers: Sequence[bytes] | None) -> Event:
        running = self._running[task]
        while True:
            try:
                jobs = next(running.solution) if answers is None else running.solution.send(answers)
            except StopIteration as end:
                return _solved(task, end.value)
            if jobs:
                break
            answers = ()   # a round without jobs is answered at once
        running.round += 1
        running.jobs = len(jobs)
        return RoundYielded(task, running.round, tuple(_spec(running, job) for job in jobs), running.expected)

    def _last_word(self, effect: GiveUp) -> Event:
        """The deadline passed where the generator waits: what it says now is its answer."""
        running = self._running[effect.task]
        known = effect.answers if effect.round == running.round else ()
        try:
            running.solution.throw(DeadlinePassed(known or (None,) * running.jobs))
        except StopIteration as end:
            return _solved(effect.task, end.value)
        except DeadlinePassed:
            done = f"; {sum(answer is not None for answer in known)} of the round's {running.jobs} jobs were done"
            return TaskBroke(effect.task, "deadline", "not finished by its deadline" + done, "nobody")
        running.solution.close()
        raise RuntimeError("the kind asked for more work after its deadline")


def _solved(task: str, result: Result) -> TaskSolved:
    said: dict[str, Any] = {"summary": result.summary, "data": result.data}
    if result.partial:
        said["partial"] = result.partial
    return TaskSolved(task, json.dumps(said, allow_nan=False).encode())


def _spec(running: Running, job: Job) -> JobSpec:
    """What the core needs of a job. Raises ValueError when a kind breaks the bounds of the wire."""
    for context in job.contexts:
        running.contexts.setdefault(context.name, context)
    if len(job.input) > MAX_INPUT or not 0 < job.answer_bytes <= MAX_ANSWER or len(job.contexts) > MAX_CONTEXTS \
            or any(len(context.data) > MAX_BLOB for context in job.contexts) or job.ops < 1:
        raise ValueError(f"job out of bounds: {len(job.input)} bytes in, {job.answer_bytes} out, "
                         f"{len(job.contexts)} contexts, {job.ops} ops")
    names = tuple(context.name for context in job.contexts)
    return JobSpec(job.input, names, job.answer_bytes, price_kop(job.ops), job.heap_bytes)
