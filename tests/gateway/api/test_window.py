"""What the page and the API show of a running gateway."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from types import SimpleNamespace

import pytest

from lamplighter.gateway.adapters.http import NoFiles
from lamplighter.gateway.adapters.mqtt import BrokerUrl
from lamplighter.gateway.api.budget import Budgets
from lamplighter.gateway.api.guard import MAX_NAMED, MAX_TOPIC, Guard
from lamplighter.gateway.api.window import Window
from lamplighter.gateway.core import events as e
from lamplighter.gateway.core.machine import Machine
from lamplighter.gateway.core.policy import Policy
from lamplighter.gateway.runtime.solvers import KindBroke
from lamplighter.tasks.api import TaskError


@pytest.fixture
def machine():
    """A machine with one task and one device."""
    made = Machine(Policy(), b"secret", {}, 1, b"n" * 8)
    made.handle(e.NodeEnrolled("anna-1", b"d" * 16, "anna"), 1)
    made.handle(e.TaskSubmitted("rush", "toy", b"{}"), 1)
    return made


@pytest.fixture
def window(machine, small_log):
    """A window on it, with a log of three epochs."""
    counters = SimpleNamespace(received=7, published=8, dropped=9, held=3)
    link = SimpleNamespace(broker=BrokerUrl.parse("mqtt://gw1:secret@127.0.0.1:1883"), up=True, counters=counters)
    async def of(result):
        if b"cancelled" in result:
            raise {"TaskError": TaskError("too_slow", "m"), "KindBroke": KindBroke("m")}[machine.fails]
        return {"made of": result}
    shell = SimpleNamespace(machine=machine, files=SimpleNamespace(of=of), pump=SimpleNamespace(events=5, batches=2),
                            sealing=SimpleNamespace(damaged={"checkpoint": "It is damaged."}),
                            budgets=Budgets(lambda: 0, Counter()), counters={"muted": 6},
                            means=lambda: {"bounds": {"devices": {"now": 1, "most": 9}}})
    return Window(shell, link, Guard("here", 1883), small_log, "north", 3)


def test_everything_is_json(window):
    """Whatever is shown can be sent as it is."""
    for shown in (window.health(), window.tasks(), window.nodes(), window.epochs(), window.counters()):
        assert json.loads(json.dumps(shown)) == shown


def test_health_says_which_gateway_it_is(window, small_log):
    """Site, start number, network and broker without its password, beside the numbers of the core."""
    told = window.health()
    assert (told["site"], told["boot"], told["net"], told["broker_up"]) == ("north", 3, small_log.net.hex(), True)
    assert told["bounds"]["devices"]["most"] == 9
    assert told["tasks_open"] == 1 and told["broker"] == "mqtt://127.0.0.1:1883"


@pytest.mark.parametrize(("fails", "code"), [("TaskError", "too_slow"), ("KindBroke", "kind_failed")])
def test_files_that_cannot_be_made_have_a_code(window, machine, fails, code):
    """Which says whether a smaller task would do, or its kind has a bug."""
    machine.handle(e.TaskCancelled("rush"), 2)
    machine.fails = fails
    with pytest.raises(NoFiles, match=code):
        asyncio.run(window.files("rush"))


def test_kept_requests_are_named_as_far_as_there_is_room():
    """All are counted; of those named there are sixteen at most, and none longer than a line or two."""
    guard = Guard("here", 1883)
    guard.ignore("city", "t" * (MAX_TOPIC + 1))
    for number in range(MAX_NAMED + 1):
        guard.ignore("city", "t" * (MAX_TOPIC - 2) + f"{number:02d}")
    assert guard.ignored == MAX_NAMED + 2 and len(guard.view()["retained_requests"]) == MAX_NAMED
    assert {len(shown["topic"]) for shown in guard.view()["retained_requests"]} == {MAX_TOPIC}


def test_one_of_each_is_found_by_name(window, machine):
    """A task, its result once there is one, a device; None for what is not there."""
    assert window.task("rush")["state"] == "preparing" and window.node("anna-1")["owner"] == "anna"
    assert window.result("rush") is None and asyncio.run(window.files("rush")) is None
    machine.handle(e.TaskBroke("rush", "c", "m", "kind"), 1)
    assert window.result("rush")["error"]["code"] == "c"
    assert asyncio.run(window.files("rush")) == {"made of": machine.state.tasks["rush"].result}
    assert asyncio.run(window.files("jam")) is None
    assert window.task("jam") is window.result("jam") is window.node("ben-1") is None


def test_epochs_are_those_of_the_log(window):
    """Receipts and credits of each sealed epoch."""
    assert [(seal["epoch"], seal["receipts"], seal["credits"]) for seal in window.epochs()] == [
        (0, 2, 100), (1, 1, 30), (5, 0, 0)]


def test_damage_is_what_was_found(window):
    """By the names of files, for those who serve them."""
    assert window.damaged() == {"checkpoint": "It is damaged."}


def test_counters_are_gathered(window, machine):
    """Of the core, the shell, the broker link, the pump and the page."""
    window.turn_away()
    machine.handle(e.DeviceMisbehaved("?", "topic"), 1)
    told = window.counters()
    assert (told["misbehaved_topic"], told["messages_in"], told["messages_out"]) == (1, 7, 8)
    assert (told["messages_held"], told["muted"], told["listeners_refused"]) == (3, 6, 1)
    assert (told["messages_dropped"], told["events"], told["batches"]) == (9, 5, 2)
