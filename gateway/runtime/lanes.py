"""Worker processes, and what waits for them: one thing after the other, each within a limit of time and memory."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from lamplighter.gateway.runtime.child import Parcel, pack, receive, start, unpack
from lamplighter.gateway.runtime.kinds import KindInfo, from_dict

START_S = 60.0
"""Until then a worker has loaded all kinds."""
QUICK_S = 0.5
"""What takes longer in the quick lane goes on in the other."""
GRACE_S = 1.0
TIMES = 10
"""A worker that was told to leave off so often, over so long, is killed."""
FULL = 0.95
"""Of its memory: a worker that was killed with so much had no more to go on with."""
TASKS, REQUESTS = range(2)
"""Work of tasks comes before what may become one."""

_WHICH = pack({"do": "kinds"})
T = TypeVar("T")


class WorkerDied(Exception):
    """The process has ended, and every generator in it; ``full`` where it was for want of memory."""

    def __init__(self, full: bool = False) -> None:
        super().__init__("a worker has ended")
        self.full = full


class Overdue(Exception):
    """It took longer than allowed, and was called off."""


class Overfull(Exception):
    """It needed more memory than there is for a worker."""


class Interrupted(Exception):
    """It was called off, by whoever."""


class Unwanted(Exception):
    """Nobody wanted it any more when its turn came."""


class NoKinds(Exception):
    """The kinds cannot be loaded, or are not those that they were: the message says what to do."""


class Worker(Protocol):
    """A process that answers messages (``workshop``); with it ends all that it knows."""

    def ask(self, request: bytes) -> bytes:
        """The answer, without its length; blocks. Raises WorkerDied."""

    def interrupt(self) -> None:
        """Calls off what it is at."""

    def kill(self) -> None:
        """Ends it, at once."""


def data_mb(process: int) -> float:
    """What its memory limit counts; 0 where that cannot be known, or when it has ended. Source: proc_pid_statm(5)."""
    try:
        pages = Path(f"/proc/{process}/statm").read_text().split()[5]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGESIZE") / (1 << 20)


class Process:
    """A worker on this computer, with ``memory_mb`` for all that it holds.

    ``ask`` is for one thread at a time, all else for the thread that made it, which must live as long.
    """

    def __init__(self, memory_mb: int) -> None:
        self._child, self._line = start("lamplighter.gateway.runtime.workshop", str(memory_mb))
        self._ending = threading.Lock()
        self._memory_mb, self._full = memory_mb, False

    def ask(self, request: bytes) -> bytes:
        try:
            self._line.sendall(request)
            answer = receive(self._line)
        except (OSError, ValueError):
            answer = None
        if answer is None:
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(GRACE_S)   # it says itself why it ended, if it has
            self.kill()
            self._line.close()
            # Native code that gets no memory aborts, or never comes back.
            raise WorkerDied(self._full or self._child.returncode == -signal.SIGABRT)
        return answer

    def interrupt(self) -> None:
        with self._ending:
            if self._child.returncode is None:   # else its number may be another's by now
                os.kill(self._child.pid, signal.SIGALRM)

    def kill(self) -> None:
        with self._ending:
            self._full = self._full or data_mb(self._child.pid) >= self._memory_mb * FULL
            self._child.kill()
            self._child.wait()   # a moment, since nothing can put off a SIGKILL


@dataclass(eq=False, slots=True)
class Work(Generic[T]):
    """What waits for a worker. ``request`` is asked for in its turn, None if it is not wanted any more."""

    owner: object
    request: Callable[[], bytes | None]
    read: Callable[[Parcel], T]
    done: asyncio.Future[T]
    overdue: bool = False


def _nobody_hears(_lane: Lane, _owner: object) -> None:
    """Until somebody has generators in a lane."""


def _of_use(_kinds: Mapping[str, KindInfo]) -> bool:
    """Until somebody knows which kinds there are to be."""
    return True


class Lane:
    """One worker at a time, made when it is needed; ``died`` hears of its end, with whom it was working for.

    ``begun`` hears which kinds a worker has loaded, and says whether it is of use with these.
    """

    def __init__(self, make: Callable[[], Worker], limit_s: float) -> None:
        self.limit_s = limit_s
        self.died: Callable[[Lane, object], None] = _nobody_hears
        self.begun: Callable[[Mapping[str, KindInfo]], bool] = _of_use
        self._make = make
        self._worker: Worker | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="worker")
        self._waiting: asyncio.PriorityQueue[tuple[int, int, int, Work[Any]]] = asyncio.PriorityQueue()
        self._asked = 0
        self._now: Work[Any] | None = None
        self._axe: asyncio.TimerHandle | None = None
        self._turns: asyncio.Task[None] | None = None

    async def begin(self) -> dict[str, KindInfo]:
        """Starts its worker, before there is anything to do. The kinds that are installed. Raises NoKinds."""
        try:
            return await self._begin()
        except WorkerDied:
            raise NoKinds("the installed kinds cannot be loaded: the error stands above; uninstall the package that "
                          "raises it, or give workers more memory (--worker-mb)") from None

    async def ask(self, owner: object, rank: int, request: Callable[[], bytes | None],
                  read: Callable[[Parcel], T], turn: int = 0) -> T:
        """What ``read`` makes of the answer, in the thread. Of one ``rank`` lower turns come first, then what came
        first. Raises what it raises, and the exceptions above."""
        loop = asyncio.get_running_loop()
        work = Work(owner, request, read, loop.create_future())
        self._asked += 1
        self._waiting.put_nowait((rank, turn, self._asked, work))
        if self._turns is None:
            self._turns = loop.create_task(self._take_turns())
        answer: T = await work.done
        return answer

    def call_off(self, owner: object) -> bool:
        """Interrupts what is being done for ``owner``; False where nothing is."""
        if self._now is None or self._now.owner is not owner:
            return False
        if self._axe is None:
            self._interrupt()
        return True

    def close(self) -> None:
        """Nothing is left of it; what waits is not answered."""
        if self._turns is not None:
            self._turns.cancel()
        if self._worker is not None:
            self._worker.kill()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _take_turns(self) -> None:
        while True:
            work = (await self._waiting.get())[3]
            try:
                request = work.request()
                if request is None:
                    raise Unwanted
                answer = await self._carry_out(work, request)
            except Exception as error:
                if not work.done.cancelled():
                    work.done.set_exception(error)
            else:
                if not work.done.cancelled():
                    work.done.set_result(answer)

    async def _begin(self) -> dict[str, KindInfo]:
        loop = asyncio.get_running_loop()
        try:
            worker = self._worker = self._make()
        except OSError:   # the system has no room for another process
            raise WorkerDied from None
        axe = loop.call_later(START_S, worker.kill)
        try:
            kinds = await loop.run_in_executor(self._thread, _answer, worker, _WHICH, _kinds)
            if not self.begun(kinds):
                worker.kill()
                raise WorkerDied
            return kinds
        except WorkerDied:
            self._worker = None
            raise
        finally:
            axe.cancel()

    async def _carry_out(self, work: Work[T], request: bytes) -> T:
        loop = asyncio.get_running_loop()
        if self._worker is None:
            await self._begin()
        worker = self._worker
        assert worker is not None
        self._now = work
        clock = loop.call_later(self.limit_s, self._too_long, work)
        try:
            return await loop.run_in_executor(self._thread, _answer, worker, request, work.read)
        except WorkerDied as died:
            self._worker = None
            self.died(self, work.owner)
            raise Overfull if died.full else Overdue if work.overdue else died from None
        except Interrupted:
            raise Overdue if work.overdue else Interrupted from None
        finally:
            self._now = None
            clock.cancel()
            if self._axe is not None:
                self._axe.cancel()
                self._axe = None

    def _too_long(self, work: Work[Any]) -> None:
        work.overdue = True
        if self._axe is None:
            self._interrupt()

    def _interrupt(self, times: int = 0) -> None:
        """Again and again, since what it is told before it has begun is not heard; then it is killed."""
        assert self._worker is not None
        if times == TIMES:
            self._worker.kill()
            return
        self._worker.interrupt()
        self._axe = asyncio.get_running_loop().call_later(GRACE_S / TIMES, self._interrupt, times + 1)


def _answer(worker: Worker, request: bytes, read: Callable[[Parcel], T]) -> T:
    """In the thread. A worker that sends what is no message is of no use any more."""
    try:
        parcel = unpack(worker.ask(request))
        if parcel.head["is"] == "stopped":
            raise Interrupted
        if parcel.head["is"] == "overfull":
            raise Overfull
        return read(parcel)
    except (ValueError, LookupError, TypeError):
        worker.kill()
        raise WorkerDied from None


def _kinds(parcel: Parcel) -> dict[str, KindInfo]:
    return {info.name: info for info in map(from_dict, parcel.head["kinds"])}


class Lanes(NamedTuple):
    """Short work has a worker of its own, so that it never waits for long work."""

    quick: Lane
    long: Lane

    def close(self) -> None:
        for lane in self:
            lane.close()


def open_lanes(make: Callable[[], Worker], limit_s: float) -> Lanes:
    """Lanes whose workers ``make`` gives; what takes over ``limit_s`` is called off."""
    return Lanes(Lane(make, min(QUICK_S, limit_s)), Lane(make, limit_s))
