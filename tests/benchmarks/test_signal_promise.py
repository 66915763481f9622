"""What is promised of signal plans, as it is held against SUMO, and by what answers are kept."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.quality.tools import signal_promise
from benchmarks.quality.tools.signal_networks import Made
from benchmarks.quality.tools.signal_promise import MOST_VEHICLES, by_model, digest, promises
from benchmarks.quality.tools.sumo import Sumo
from benchmarks.quality.workshop import Workshop
from lamplighter.tasks.api import Result, TaskError
from lamplighter.tasks.registry import prepare
from lamplighter.tasks.traffic.signals import KIND
from lamplighter.tasks.traffic.signals.demo import generated_street
from lamplighter.tasks.traffic.signals.method.errors import ERRORS_PERMILLE
from lamplighter.tasks.traffic.signals.spec import Spec


def _spec(**search: Any) -> Spec:
    spec = prepare({KIND.name: KIND}, KIND.name, {**generated_street(2), "search": search})
    assert isinstance(spec, Spec)
    return spec


def test_a_promise_is_of_the_errors() -> None:
    """The lowest and the highest error about what is expected; nothing for programmes that stay, or where queues are
    longer than streets."""
    data: dict[str, Any] = {"saved_share_in_all": 0.25, "kept_shipped": False}
    low, high = by_model(data)
    assert low == pytest.approx(0.25 + ERRORS_PERMILLE[0] / 1000)
    assert high == pytest.approx(0.25 + ERRORS_PERMILLE[-1] / 1000)
    assert by_model({"saved_share_in_all": 0.0, "kept_shipped": True}) == (0.0, 0.0)
    assert by_model({"saved_share_in_all": None, "kept_shipped": False}) == (None, None)


def test_an_answer_is_kept_by_its_spec() -> None:
    """The same task finds what was answered to it; another search, or other demand, does not."""
    assert digest(_spec(seed=3)) == digest(_spec(seed=3)) != digest(_spec(seed=4))


def test_networks_left_out_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused ones, those with too many vehicles, those that stay and those of which nothing is promised: none is
    yielded, and each says why."""
    few = _spec()
    many = replace(few, demand=replace(few.demand, vehicles=((0, 0),) * (MOST_VEHICLES + 1)))
    answers: list[dict[str, Any]] = [{"saved_share_low": 0.0, "kept_shipped": True},
                                     {"saved_share_low": None, "kept_shipped": False, "full_junctions": ["A1"]}]

    def prepared(_kinds: object, _name: str, given: int) -> Spec:
        if given == 0:
            raise TaskError("unsafe_programme", "two greens", "one of them")
        return many if given == 1 else few

    monkeypatch.setattr(signal_promise, "prepare", prepared)
    monkeypatch.setattr(signal_promise, "solved", lambda *_: Result("", answers.pop(0)))
    monkeypatch.setattr(signal_promise, "AT_ONCE", 1)
    monkeypatch.setattr(Made, "drawn", lambda number: SimpleNamespace(task=lambda _: number))
    said: list[str] = []
    sumo = Sumo.__new__(Sumo)
    assert not list(promises(Workshop(say=said.append), sumo, range(4)))
    reasons = ("unsafe_programme", f"{MOST_VEHICLES + 1} vehicles", "kept as shipped", "at A1")
    assert len(said) == 4 and all(reason in text for reason, text in zip(reasons, said, strict=True))
