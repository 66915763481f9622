"""The host's independent simulation against the kernel."""

from __future__ import annotations

from typing import Any

import pytest

from lamplighter.tasks import registry
from lamplighter.tasks.api import Result
from lamplighter.tasks.local import run_job, run_local
from lamplighter.tasks.traffic.signals import KIND
from lamplighter.tasks.traffic.signals.demo import generated_street
from lamplighter.tasks.traffic.signals.jobs import Cost, jittered, shipped_plan
from lamplighter.tasks.traffic.signals.reference import reference, simulate
from lamplighter.tasks.traffic.signals.result import programmes
from lamplighter.tasks.traffic.signals.solve import evaluate
from lamplighter.tasks.traffic.signals.spec import Plan, Spec

KINDS = {KIND.name: KIND}
SMALL = {"generations": 2, "children": 6, "cycles_s": [60], "replicas": 1}


def _timings(spec: Spec) -> list[dict[str, Any]]:
    return [{"cycle_s": p["cycle_s"], "offset_s": p["offset_s"],
             "durations_s": [phase["duration_s"] for phase in p["phases"]]}
            for p in programmes(spec.network, shipped_plan(spec.network))]


def _kernel_mean_s(spec: Spec) -> float:
    plan = shipped_plan(spec.network)
    found: dict[Plan, Cost] = {}
    round_ = evaluate(spec, spec.training, [plan], found)
    jobs = next(round_)
    with pytest.raises(StopIteration):
        round_.send([run_job(KIND, job) for job in jobs])
    return found[plan].total / 10 / sum(window.counted for window in spec.training)


@pytest.mark.parametrize("movement", ["south", "west", "left"])
def test_agrees_on_single_vehicles(crossing: dict[str, Any], movement: str) -> None:
    """At every second of the cycle one vehicle's cost is the same in both simulations."""
    for second in range(0, 60, 7):
        crossing["routes"] = [{"legs": [{"travel_s": 10, "movement": movement}], "departures_s": [second + 0.3]}]
        spec = registry.prepare(KINDS, KIND.name, {"plain": crossing, "search": {**SMALL, "jitter_s": 0}})
        cars = jittered(spec.demand, 0, 1)
        assert simulate(spec, _timings(spec), cars) == pytest.approx(_kernel_mean_s(spec), abs=0.11)


def test_agrees_on_a_street() -> None:
    """On a street of three junctions below saturation the two differ by less than 3 %."""
    given = {**generated_street(3), "search": SMALL}
    spec = registry.prepare(KINDS, KIND.name, given)
    cars = jittered(spec.demand, 600, spec.search.seed)
    assert simulate(spec, _timings(spec), cars) == pytest.approx(_kernel_mean_s(spec), rel=0.03)


def test_says_so_when_a_prediction_is_wrong() -> None:
    """An honest result passes; one with half the delay claimed does not, and the text has the figures."""
    spec = registry.prepare(KINDS, KIND.name, {**generated_street(2), "search": SMALL})
    result = run_local(KIND, spec)
    honest = reference(spec, result)
    assert honest["ok"] and f"{honest['reference_shipped_s_per_vehicle']:.1f} s (shipped)" in honest["text"]
    claimed = {**result.data, "delay_after_s_per_vehicle": result.data["delay_after_s_per_vehicle"] / 2}
    assert not reference(spec, Result(result.summary, claimed))["ok"]


def test_says_so_when_nothing_is_gained() -> None:
    """A proposal that does worse than the shipped programme on fresh demand is not ok."""
    spec = registry.prepare(KINDS, KIND.name, {**generated_street(2), "search": SMALL})
    data = run_local(KIND, spec).data
    swapped = {**data, "delay_before_s_per_vehicle": data["delay_after_s_per_vehicle"],
               "delay_after_s_per_vehicle": data["delay_before_s_per_vehicle"],
               "junctions": [{**j, "shipped": j["proposed"], "proposed": j["shipped"]} for j in data["junctions"]]}
    assert not reference(spec, Result("", swapped))["ok"]
