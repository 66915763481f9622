"""A city that no device can hold."""

from __future__ import annotations

from typing import Any

import pytest

from lamplighter.tasks import registry
from lamplighter.tasks.api import Result, TaskError
from lamplighter.tasks.local import run_job, run_local
from lamplighter.tasks.traffic.signals import KIND, prepare
from lamplighter.tasks.traffic.signals.demo import generated_street
from lamplighter.tasks.traffic.signals.jobs import CONTEXT_BYTES, check
from lamplighter.tasks.traffic.signals.method import city
from lamplighter.tasks.traffic.signals.solve import TOO_MANY, rounds, solve
from lamplighter.tasks.traffic.signals.spec import Spec

KINDS = {KIND.name: KIND}
SEARCH = {"generations": 2, "children": 4, "cycles_s": [60], "replicas": 2}


def _given(junctions: int, **more: Any) -> dict[str, Any]:
    return {**generated_street(junctions), "search": SEARCH, "period_end_s": 300, **more}


@pytest.fixture
def small_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of 12 lanes, so that a street of seven junctions is a city."""
    monkeypatch.setattr(city, "MAX_TABLE", 12)


@pytest.fixture
def solved(small_devices: None) -> tuple[Spec, Result]:
    """A street of seven junctions as regions, solved."""
    spec = registry.prepare(KINDS, KIND.name, _given(7))
    return spec, run_local(KIND, spec)


def test_regions_are_solved_side_by_side(solved: tuple[Spec, Result]) -> None:
    """One answer for all junctions, better than before, from rounds that all regions share."""
    spec, result = solved
    assert len(spec.regions) > 1 and all(len(own.network.lanes) <= 12 for _, own in spec.regions)
    assert [junction["id"] for junction in result.data["junctions"]] == [f"J{j}" for j in range(7)]
    assert result.data["delay_after_s_per_vehicle"] < 0.9 * result.data["delay_before_s_per_vehicle"]
    assert result.data["vehicles"] == len(spec.demand.vehicles)
    assert f"{len(spec.regions)} regions" in result.data["notes"][0]
    seen: list[int] = []
    assert run_local(KIND, spec, on_round=seen.append).data == result.data
    assert len(seen) == rounds(spec)
    answer = run_job(KIND, one := next(solve(spec))[-1])
    assert check(spec, one, answer) and not check(spec, one, b"\xff" * len(answer))


@pytest.mark.usefixtures("small_devices")
def test_more_arrivals_than_a_device_holds_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans that bring too many to a border end no task after half its jobs: the first half is the answer."""
    spec = registry.prepare(KINDS, KIND.name, _given(7))

    def too_many(*_: object) -> None:
        raise TaskError("too_dense", "too many")

    monkeypatch.setitem(solve.__globals__, "arrivals", too_many)
    result = run_local(KIND, spec)
    assert result.data["notes"][-1] == TOO_MANY and not result.partial
    assert result.data["generations_done"] == 1
    assert result.data["delay_after_s_per_vehicle"] <= result.data["delay_before_s_per_vehicle"]


@pytest.mark.usefixtures("small_devices")
def test_regions_change_only_the_junctions_named() -> None:
    """The others keep their programmes, offsets included, in a city as in a network that fits."""
    for junctions in (2, 7):
        spec = registry.prepare(KINDS, KIND.name, _given(junctions, only=["J1"]))
        assert bool(spec.regions) == (junctions == 7)
        changed = [junction["id"] for junction in run_local(KIND, spec).data["junctions"]
                   if junction["shipped"] != junction["proposed"]]
        assert changed in ([], ["J1"])


def test_a_deadline_leaves_what_the_regions_have(solved: tuple[Spec, Result]) -> None:
    """Late in the first half or the second, each region brings its best so far; the answer says what is missing."""
    spec = solved[0]
    sizes: list[int] = []
    run_local(KIND, spec, on_round=sizes.append)
    for after in (sizes[0] + 1, sum(sizes[:2]) + sizes[2] - 1, sum(sizes) - 1):
        data = run_local(KIND, spec, deadline_after_jobs=after)
        assert data.partial and data.data["jobs_missing"] > 0 and len(data.data["junctions"]) == 7


def test_forty_junctions_fit_their_devices() -> None:
    """What was refused is cut, and every context travels."""
    spec = registry.prepare(KINDS, KIND.name, _given(60))
    assert max(len(region.junctions) for region, _ in spec.regions) <= 16
    assert sum(len(region.junctions) for region, _ in spec.regions) == 60
    assert all(len(window.context.data) <= CONTEXT_BYTES for _, own in spec.regions for window in own.training)
    assert prepare.MAX_JOBS_CITY > prepare.MAX_JOBS
