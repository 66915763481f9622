"""Tests of the system run as coroutines, within a bound; here is what an operator among them does."""

from __future__ import annotations

import asyncio
import collections
import inspect
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = str(Path(__file__).parents[2])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)   # so that ``tests.system`` is found however pytest is started

from tests.conftest import STARTED  # noqa: E402 - found by the line above

LIMIT_S = 600.0


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs an ``async def`` test in a loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    limit_s = LIMIT_S * 10 if pyfuncitem.get_closest_marker("soak") else LIMIT_S

    async def bounded() -> None:
        async with asyncio.timeout(limit_s):
            await pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames})

    try:
        asyncio.run(bounded())
    except TimeoutError:
        print(*[gateway.story() for gateway in STARTED if gateway.process.poll() is None], sep="\n")
        raise
    return True


def chain(jobs: int, rounds: int = 1, steps: int = 1_000, salt: int = 0, reverse: bool = False) -> int:
    """Where the task ``toy.chain`` with this input must end, computed here; ``reverse``: split in that order."""
    from tests.system.device import truth

    state = salt
    for round_ in range(rounds):
        answers = [truth(struct.pack(">II", steps, (state + 77 * index + round_) % 65_537)) for index in range(jobs)]
        if reverse:
            answers.reverse()
        state = sum(int.from_bytes(answer, "big") * (index + 1) for index, answer in enumerate(answers)) % 65_537
    return state


@pytest.fixture
def expected() -> Callable[..., int]:
    """expected(jobs, rounds, steps, salt): the right answer."""
    return chain


@pytest.fixture
def result_of() -> Callable[..., Any]:
    """``await result_of(client, task)`` follows a task until its result is published."""
    async def follow(client: Any, task: str) -> dict[str, Any]:
        while True:
            name, leaf, document = await client.next()
            if (name, leaf) == (task, "result"):
                return dict(document)

    return follow


@pytest.fixture
def submit() -> Callable[..., Any]:
    """``await submit(client, task, jobs=…, rounds=…, steps=…, salt=…)`` submits a ``toy.chain``."""
    async def send(client: Any, task: str, **given: int) -> dict[str, Any]:
        return dict(await client.call("task.submit", id=task, kind="toy.chain", input=given, where="fleet"))

    return send


@pytest.fixture
def counted() -> Callable[..., Any]:
    """``await counted(gateway, true)`` asks for the gateway's counters until ``true(counters)``, and returns them."""
    async def wait(gateway: Any, true: Callable[[dict[str, int]], bool]) -> dict[str, int]:
        while True:
            counters: dict[str, int] = collections.defaultdict(int, await asyncio.to_thread(gateway.ask, "counters"))
            if true(counters):
                return counters

    return wait
