"""An asyncio event loop in virtual time: what the shell of a gateway runs on when it is simulated.

Each life of a gateway has a loop of its own. When the process is killed nothing of that loop happens any more. What a
real gateway does in a thread is done at once, at a time that is drawn: one thread does one thing after the other.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context
from random import Random
from typing import Any

from tests.simulation.clock import Clock

THREAD_MS = 3
"""How long work in a thread takes, at most."""
STALL_MS, STALLS = 200, 0.05
"""The same for such a share of it: a card may be putting its flash in order."""


class Crash(BaseException):
    """The process ends here: no handler of errors may hold it."""


class Handle:
    """What is to be called, without the context that asyncio's own would copy for each: nothing here has any."""

    __slots__ = ("args", "callback", "due")

    def __init__(self, callback: Callable[..., Any], args: tuple[Any, ...], due: float = 0.0) -> None:
        self.callback: Callable[..., Any] | None = callback
        self.args = args
        self.due = due

    def cancel(self) -> None:
        self.callback = None

    def cancelled(self) -> bool:
        return self.callback is None

    def when(self) -> float:
        return self.due


class Loop(asyncio.AbstractEventLoop):
    """``failed`` is told of what no part of the program has caught; once it is ``dead`` nothing happens any more."""

    def __init__(self, clock: Clock, rng: Random, failed: Callable[[BaseException], None]) -> None:
        self._clock, self._rng, self._failed = clock, rng, failed
        self._free_at: dict[Executor | None, int] = {}
        self._ready: deque[Handle] = deque()
        self._turning = False
        self._first = True
        self._tasks: dict[asyncio.Task[Any], None] = {}   # in their order, which a seed must repeat
        self.dead = False

    def end(self) -> None:
        """As SIGKILL does: no handler of what is under way runs to any effect."""
        if not self.dead:
            self.dead = True
            if asyncio._get_running_loop() is self:
                asyncio._set_running_loop(None)
            self._clock.at(self._clock.now, self.bury)

    def bury(self) -> None:
        """Lets go of what was under way."""
        for task in list(self._tasks):
            with suppress(RuntimeError):   # one that goes on although it is told to end
                task.get_coro().close()
        self._tasks.clear()

    def time(self) -> float:
        return self._clock.now / 1_000

    get_debug = bool   # which is False: asked for each future

    def is_running(self) -> bool:
        return not self.dead

    def is_closed(self) -> bool:
        return self.dead

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)
        return task

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> Any:
        handle = Handle(callback, args)
        self._ready.append(handle)
        if not self._turning:
            self._turning = True
            self._clock.at(self._clock.now, self._turn)
        return handle

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any,
                   context: Context | None = None) -> Any:
        return self.call_at(self._clock.now / 1_000 + delay, callback, *args)

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> Any:
        """A handle that is cancelled stays in the heap, and is passed over when its time comes."""
        handle = Handle(callback, args, when)
        self._clock.at(-int(-when * 1_000 // 1), self._due, handle)
        return handle

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """A pool of one thread keeps the order; the default one has threads enough."""
        future = self.create_future()
        most = STALL_MS if self._rng.random() < STALLS else THREAD_MS
        due = self._clock.now + int(most * self._rng.random())
        if isinstance(executor, ThreadPoolExecutor):
            due = self._free_at[executor] = max(due, self._free_at.get(executor, 0))
        self._clock.at(due, self._work, future, func, args)
        return future

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not self.dead and not isinstance(error, Crash):
            self._failed(error or RuntimeError(context["message"]))

    def _due(self, handle: Handle) -> None:
        if handle.callback is not None and not self.dead:
            self._ready.append(handle)
            self._turn()

    def _turn(self) -> None:
        """All that is ready now, then what that makes ready, unless something else happens before.

        It is the running loop until it ends: to ask and to set that for each turn takes longer than most of them.
        """
        if self.dead:
            return
        ready = self._ready
        self._turning = True
        if self._first:
            self._first = False
            asyncio._set_running_loop(self)
        while ready:
            for _ in range(len(ready)):
                handle = ready.popleft()
                if handle.callback is not None:
                    self._call(handle.callback, handle.args)
                    if self.dead:
                        return
            if self._clock.has_more_now():
                break
        self._turning = bool(ready)
        if ready:
            self._clock.at(self._clock.now, self._turn)

    def _call(self, callback: Callable[..., Any], args: tuple[Any, ...]) -> None:
        try:
            callback(*args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self.call_exception_handler({"exception": error})

    def _work(self, future: asyncio.Future[Any], func: Callable[..., Any], args: tuple[Any, ...]) -> None:
        if self.dead:
            return
        try:
            made = func(*args)
        except Crash:
            return
        except BaseException as error:
            if not future.cancelled():
                future.set_exception(error)
        else:
            if not future.cancelled():
                future.set_result(made)
