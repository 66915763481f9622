"""Another version of a third party's kind is installed while a task of it is half done."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import conftest

OTHER_ORDER = (("for index in range(spec.jobs)]", "for index in reversed(range(spec.jobs))]"),)
"""Which says nothing of it: the version stays."""
TASK = {"jobs": 40, "rounds": 6, "steps": 60_000, "salt": 5}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the kind is installed; not where the other tests have it."""
    folder = shutil.copytree(conftest.KINDS, tmp_path / "site")
    monkeypatch.setattr(conftest, "KINDS", folder)
    return folder / "lamplighter_toy"


def install(file: Path, *changes: tuple[str, str]) -> None:
    text = file.read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    file.write_text(text)


def kill_workers(gateway: Any) -> None:
    for child in gateway.children():
        if "workshop" in Path(f"/proc/{child}/cmdline").read_text():
            os.kill(child, signal.SIGKILL)


async def until(client: Any, leaf: str, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The next message on a topic of the task of which that is true."""
    while True:
        _, heard, document = await client.next()
        if heard == leaf and true(document):
            return dict(document)


async def half_done(client: Any) -> None:
    await client.call("task.submit", id="upgraded", kind="toy.chain", input=TASK, where="fleet")
    await until(client, "status", lambda told: told["round"] >= 1)


async def ended(client: Any, expected: Callable[..., int], reverse: bool) -> dict[str, Any]:
    """The task was set back and says so, and its answer is that of what is installed now. What the event of it says
    is for the core's tests: a client may still be on its way back to the broker that ended with the gateway.
    """
    told = await until(client, "result", lambda told: True)
    assert told["ok"] and told["result"]["data"] == {"state": expected(**TASK, reverse=reverse)}
    assert (await client.call("task.get", task="upgraded"))["setbacks"] == 1
    return dict(told["provenance"])


async def test_a_kind_that_splits_otherwise_begins_anew(
        site: Path, start_gateway: Callable[..., Any], operator: Callable[..., Any], street: Callable[..., Any],
        expected: Callable[..., int]) -> None:
    """Stopped, upgraded, started: no answer is given to another job than it was made for."""
    gateway = start_gateway()
    async with operator(gateway) as client, street(gateway, 3, owners=3):
        await half_done(client)
        await asyncio.to_thread(gateway.end)
        install(site / "solve.py", *OTHER_ORDER)
        await asyncio.to_thread(gateway.start)
        assert (await ended(client, expected, reverse=True))["kind_version"] == 1


async def test_a_kind_that_is_upgraded_under_a_running_gateway_counts_from_its_next_start(
        site: Path, start_gateway: Callable[..., Any], operator: Callable[..., Any], street: Callable[..., Any],
        expected: Callable[..., int]) -> None:
    """A new worker would load it: the gateway ends with a sentence, and goes on with the other version and kernel."""
    gateway = start_gateway()
    async with operator(gateway) as client, street(gateway, 3, owners=3):
        await half_done(client)
        install(site / "__init__.py", ('"toy.chain", 1,', '"toy.chain", 2,'))
        install(site / "kernel.py", ("STEPS = 256", "STEPS = 128"))
        kill_workers(gateway)
        assert await asyncio.to_thread(gateway.process.wait, 300)
        assert "toy.chain: another version is installed" in gateway.errors and "Traceback" not in gateway.errors
        await asyncio.to_thread(gateway.end)
        await asyncio.to_thread(gateway.start)
        made = await ended(client, expected, reverse=False)
    assert made["kind_version"] == 2 and len(bytes.fromhex(made["kernel"])) == 16
