"""Where the generators of tasks are, and what becomes of what they say: workers run them, their answers are events.

Short documents and what follows from them are in the quick lane; what turns out to take long goes on in the other.
When a worker ends, by whatever, its generators begin anew in the next one, and the core gives them the answers that
the journal has.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, starmap
from typing import Any, TypeVar

from lamplighter.gateway.api.requests import Ref, Request, RequestError
from lamplighter.gateway.core.effects import AdvanceSolver, CheckAnswer, GiveUp, StartSolver
from lamplighter.gateway.core.events import (
    AnswerChecked,
    Event,
    Item,
    JobSpec,
    RoundYielded,
    SolverLost,
    TaskBroke,
    TaskSolved,
)
from lamplighter.gateway.core.spans import inputs_of
from lamplighter.gateway.runtime.child import Parcel, pack
from lamplighter.gateway.runtime.kinds import KindInfo, changed
from lamplighter.gateway.runtime.lanes import (
    REQUESTS,
    TASKS,
    Interrupted,
    Lane,
    Lanes,
    NoKinds,
    Overdue,
    Overfull,
    Unwanted,
    WorkerDied,
)
from lamplighter.gateway.runtime.rounds import ITEM, Contexts, OutOfBounds, digest_of
from lamplighter.tasks.api import TaskError

log = logging.getLogger("lamplighter.solver")

QUICK_BYTES = 32_768
"""A longer document is not for the quick lane."""
MAX_DEATHS = 3
"""As often may a worker end over one thing before that thing is to blame: whoever wanted memory may have ended it."""
MAX_ROUNDS = 1_000_000
"""Rounds that a kind may expect."""
MAX_CHECKS = 64
"""Answers that a worker is asked about at once; the last may be those of a span."""

T = TypeVar("T")
Said = RoundYielded | TaskSolved | TaskBroke | SolverLost


class KindBroke(Exception):
    """A kind raised what it should not."""


class Place:
    """Where a task's generator is, or will be. It is ``lost`` once nothing more is to be had from it."""

    def __init__(self, lane: Lane, before: Place | None, life: int) -> None:
        self.lane, self.life = lane, life
        self.contexts: Contexts = Contexts(before.contexts.data if before else {})
        self.begun = self.lost = False
        self.round = -1
        self.slow: bool = before is not None and before.slow
        """Whether the task was too much for the quick lane."""
        self.checks: bool = before is None or before.checks
        """Whether its kind's check can be asked: one that ended badly is not asked again."""
        self.deaths: tuple[str, int] = before.deaths if before else ("", 0)
        """Over which of the task's steps a worker ended last, and how often in a row."""


class Solvers:
    """All generators that run. ``put`` takes the resulting events, on the loop's thread; ``fail`` hears why the
    gateway must end."""

    def __init__(self, kinds: Mapping[str, KindInfo], lanes: Lanes, put: Callable[[Event], None],
                 fail: Callable[[Exception], None]) -> None:
        self.kinds = kinds
        self._lanes, self._put, self._fail = lanes, put, fail
        self._places: dict[str, Place] = {}
        self._asks: dict[Lane, list[CheckAnswer]] = {lane: [] for lane in lanes}
        self._waiting: set[asyncio.Task[None]] = set()
        self._asking: Counter[str] = Counter()
        """Requests in the lanes, by operator."""
        for lane in lanes:
            lane.died, lane.begun = self._died, self._begun

    # What the core wants

    def start(self, effect: StartSolver) -> None:
        before = self._places.get(effect.task)
        lane = self._lanes.long if before and before.slow else self._lane_for(len(effect.body))
        place = self._places[effect.task] = Place(lane, before, effect.life)
        request = pack({"do": "start", "task": effect.task, "kind": effect.kind}, effect.body)
        self._later(self._step(effect.task, place, "start", request))

    def advance(self, effect: AdvanceSolver) -> None:
        head = {"do": "advance", "task": effect.task}
        self._go_on(effect.task, f"round {effect.round}", lambda: pack(head, *effect.answers))

    def give_up(self, effect: GiveUp) -> None:
        head = {"do": "last", "task": effect.task, "round": effect.round}
        self._go_on(effect.task, "last word", lambda: pack(head, *(answer or b"" for answer in effect.answers)))

    def stop(self, task: str) -> None:
        """Forgets a task's generator and contexts; what a worker is doing for it is called off."""
        place = self._places.pop(task, None)
        if place is not None and not place.lane.call_off(place) and place.begun and not place.lost:
            self._later(self._forget(task, place))

    def check(self, effect: CheckAnswer) -> None:
        """Asks a kind for its word on an answer. A task whose generator is lost will ask again."""
        place = self._places.get(effect.task)
        if place is None or place.lost:
            return
        if not place.checks:
            self._say([effect], [True])
            return
        asks = self._asks[place.lane]
        asks.append(effect)
        if len(asks) == 1:
            self._later(self._ask_kinds(place.lane))

    def context(self, name: bytes) -> bytes | None:
        """The bytes of a context that a running task uses."""
        for place in tuple(self._places.values()):   # a lane's thread may add one meanwhile
            if name in place.contexts.data:
                return place.contexts.data[name]
        return None

    def close(self) -> None:
        for waiting in self._waiting:
            waiting.cancel()
        for lane in self._lanes:
            lane.close()

    # What operators want

    async def read(self, user: str, method: str, payload: bytes, door: bool) -> Request:
        """A long request, parsed beside the loop; ``door``: of those that may come by the door of the data folder.
        Its input stays out of it. Raises RequestError, TaskError."""
        head = {"do": "read", "user": user, "method": method, "door": door}
        return await self._request(user, len(payload), pack(head, payload), _request_of)

    async def prepare(self, kind: str, body: bytes, user: str = "") -> None:
        """Validates the input of a request's body. Raises TaskError."""
        await self._request(user, len(body), pack({"do": "prepare", "kind": kind}, body), _checked)

    async def first_round(self, kind: str, body: bytes, user: str = "") -> Sequence[JobSpec]:
        """The jobs that a task would start with, for its price; nothing is kept. Raises TaskError."""
        def read(parcel: Parcel) -> Sequence[JobSpec]:
            return Contexts().take(_checked(parcel).parts)
        return await self._request(user, len(body), pack({"do": "price", "kind": kind}, body), read)

    async def files(self, result: bytes) -> dict[str, bytes]:
        """The files of a published result, made by its kind. Raises TaskError, KindBroke."""
        return await self._request("", len(result), pack({"do": "files"}, result), _files_of)

    # How

    def _lane_for(self, size: int) -> Lane:
        return self._lanes.quick if size <= QUICK_BYTES else self._lanes.long

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        waiting = asyncio.get_running_loop().create_task(work)
        self._waiting.add(waiting)
        waiting.add_done_callback(self._waiting.discard)

    def _go_on(self, task: str, what: str, request: Callable[[], bytes]) -> None:
        """The next step of a generator; one that is lost is on its way to where it was."""
        place = self._places.get(task)
        if place is not None and not place.lost:
            self._later(self._step(task, place, what, request()))

    async def _step(self, task: str, place: Place, what: str, request: bytes) -> None:
        def wanted() -> bytes | None:
            if place.lost or self._places.get(task) is not place:
                return None
            place.begun = True
            return request

        try:
            event: Said = await place.lane.ask(place, TASKS, wanted, lambda parcel: _event(task, place, parcel))
            if place.deaths[0] == what:
                place.deaths = "", 0
        except Unwanted:
            return
        except TaskError as error:
            event = TaskBroke(task, error.code, error.message, "operator")
        except (KindBroke, OutOfBounds) as error:
            log.error("task %s: its kind raised\n%s", task, error.__cause__ or error)
            event = TaskBroke(task, "kind_failed", str(error), "kind")
        except (Overdue, Overfull) as error:
            event = self._too_much(task, place, error)
        except (Interrupted, WorkerDied) as error:
            event = self._ended(task, place, what, error)
        if self._places.get(task) is place and not place.lost:
            place.lost = isinstance(event, SolverLost | TaskBroke)
            self._put(replace(event, life=place.life))

    def _too_much(self, task: str, place: Place, error: Overdue | Overfull) -> Said:
        if place.lane is self._lanes.quick:
            place.slow = True
            return SolverLost(task)
        said = _refusal(error, place.lane.limit_s)
        return TaskBroke(task, said.code, f"{said.message}: {said.hint}", "operator")

    def _ended(self, task: str, place: Place, what: str, error: Exception) -> Said:
        """Over one thing a worker ends by chance a few times, not more."""
        if isinstance(error, WorkerDied):
            last, count = place.deaths
            place.deaths = what, count + 1 if last == what else 1
        if place.deaths[1] >= MAX_DEATHS:
            return TaskBroke(task, "worker_died", f"{MAX_DEATHS} workers ended over its {what}; {LOOK}", "kind")
        return SolverLost(task)

    def _begun(self, said: Mapping[str, KindInfo]) -> bool:
        """A worker that has loaded other kinds than the gateway knows is of no use: a start goes over to them."""
        names = changed(self.kinds, said)
        if names:
            self._fail(NoKinds(f"{', '.join(names)}: another version is installed than was when the gateway started, "
                               "and a new worker has found it; start the gateway again, it goes on with that"))
        return not names

    def _died(self, lane: Lane, owner: object) -> None:
        """With a worker all its generators have gone; ``owner`` hears of it himself."""
        for task, place in tuple(self._places.items()):
            if place.lane is lane and place.begun and not place.lost and place is not owner:
                place.lost = True
                self._put(SolverLost(task, place.life))

    async def _forget(self, task: str, place: Place) -> None:
        """Unless it has begun anew meanwhile, which forgets as well."""
        request = pack({"do": "stop", "task": task})
        try:
            await place.lane.ask(None, TASKS, lambda: request if task not in self._places else None, _checked)
        except (Unwanted, Interrupted, Overdue, WorkerDied):
            pass

    async def _request(self, user: str, size: int, request: bytes, read: Callable[[Parcel], T]) -> T:
        """In turn with other operators: the next of ``user`` comes after the first of everybody else."""
        turn = self._asking[user]
        self._asking[user] += 1
        try:
            return await self._in_turn(turn, self._lane_for(size), request, read)
        finally:
            self._asking[user] -= 1
            self._asking += Counter()   # without those who ask for nothing

    async def _in_turn(self, turn: int, lane: Lane, request: bytes, read: Callable[[Parcel], T]) -> T:
        for _ in range(MAX_DEATHS):
            try:
                return await lane.ask(None, REQUESTS, lambda: request, read, turn)
            except (Overdue, Overfull) as error:
                if lane is self._lanes.long:
                    raise _refusal(error, lane.limit_s) from None
                lane = self._lanes.long
            except (WorkerDied, Interrupted):
                pass
        raise TaskError("worker_died", f"{MAX_DEATHS} workers ended over this request", LOOK)

    # Checks: as many as have come while the worker was at something else

    async def _ask_kinds(self, lane: Lane) -> None:
        asked: list[CheckAnswer] = []

        def request() -> bytes | None:
            asks = self._asks[lane]
            jobs = accumulate(len(ask.job.items) or 1 for ask in asks)
            most = 1 + sum(count < MAX_CHECKS for count in jobs)
            asked.extend(ask for ask in asks[:most] if self._has(lane, ask.task))
            del asks[:most]
            if asks:
                self._later(self._ask_kinds(lane))
            return _ask(asked) if asked else None

        try:
            said = await lane.ask(asked, TASKS, request, _checked)
        except Unwanted:
            return
        except (KindBroke, Overdue, Overfull, Interrupted, WorkerDied) as error:
            log.error("a check ended as %s: its tasks go on without", type(error).__name__)
            for ask in asked:
                if ask.task in self._places:
                    self._places[ask.task].checks = False
            self._say(asked, [False] * len(asked))
            return
        if said.head.get("trace"):
            log.error("a check of an answer raised\n%s", said.head["trace"])
        self._say(asked, [word is True for word in said.head.get("possible", ())])

    def _has(self, lane: Lane, task: str) -> bool:
        place = self._places.get(task)
        return place is not None and place.lane is lane and place.begun and not place.lost

    def _say(self, asked: Sequence[CheckAnswer], possible: Sequence[bool]) -> None:
        for at, ask in enumerate(asked):
            word = at < len(possible) and possible[at]
            self._put(AnswerChecked(ask.task, ask.round, ask.index, ask.run, ask.answer, word))


LOOK = "see the gateway's log; a smaller task may do"


def _refusal(error: Overdue | Overfull, limit_s: float) -> TaskError:
    if isinstance(error, Overdue):
        return TaskError("too_slow", f"its kind worked on it for more than {limit_s:g} s",
                         "cut it into smaller tasks, or start the gateway with more --worker-s")
    return TaskError("too_much_memory", "its kind needs more memory than a worker has",
                     "cut it into smaller tasks, or start the gateway with more --worker-mb")


def _checked(parcel: Parcel) -> Parcel:
    """What a worker says, if it is no error. Raises TaskError, KindBroke."""
    if parcel.head.get("is") == "refused":
        raise TaskError(*(str(word)[:1_000] for word in parcel.head["error"]))
    if parcel.head.get("is") == "broken":
        raise KindBroke(str(parcel.head.get("error"))[:300]) from KindBroke(str(parcel.head.get("trace"))[:10_000])
    return parcel


def _files_of(parcel: Parcel) -> dict[str, bytes]:
    names = _checked(parcel).head["names"]
    return {str(name): data for name, data in zip(names, parcel.parts, strict=True)}


def _request_of(parcel: Parcel) -> Request:
    head = _checked(parcel).head
    if head["is"] == "unfit":
        error = RequestError(**head["error"])
        error.ref = Ref(*head["ref"])
        raise error
    return Request(head["method"], head["params"], head["reply_to"], head["cid"], head["user"], parcel.parts[0])


def _event(task: str, place: Place, parcel: Parcel) -> Said:
    """In a lane's thread. Raises TaskError, KindBroke, OutOfBounds."""
    head = _checked(parcel).head
    if head["is"] == "solved":
        return TaskSolved(task, parcel.parts[0], place.round + 1)
    if head["is"] == "silent":
        done = f"; {head['done']} of the round's {head['jobs']} jobs were done" if head["jobs"] else ""
        return TaskBroke(task, "deadline", "not finished by its deadline" + done, "nobody")
    place.round += 1
    expected = head.get("expected")
    if not isinstance(expected, int) or not 0 <= expected <= MAX_ROUNDS:
        raise OutOfBounds(f"expected rounds that are no number up to {MAX_ROUNDS}")
    jobs = place.contexts.take(parcel.parts)
    return RoundYielded(task, place.round, jobs, expected, digest_of(jobs))


def _ask(asked: Sequence[CheckAnswer]) -> bytes:
    """A span goes as it is: its kind is asked job by job there. ``jobs``: how many each has."""
    parts: list[bytes] = []
    for ask in asked:
        job = ask.job
        items = job.items or [Item(len(job.input), job.answer_bytes, job.price_kop, job.heap_bytes)]
        parts += (b"".join(starmap(ITEM.pack, items)), inputs_of(job), ask.answer, b"".join(job.contexts))
    head = {"do": "check", "of": [ask.task for ask in asked], "jobs": [len(ask.job.items) or 1 for ask in asked]}
    return pack(head, *parts)
