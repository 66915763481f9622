"""From homes to plans: the extremes, the deadline, thousands of homes."""

from __future__ import annotations

import json

import pytest

from lamplighter.tasks.api import DeadlinePassed
from lamplighter.tasks.energy.battery import KIND
from lamplighter.tasks.energy.battery.model import Batteries
from lamplighter.tasks.energy.battery.prepare import prepare
from lamplighter.tasks.local import run_job, run_local


def result(given, **more):
    return run_local(KIND, prepare(Batteries(**given)), **more)


def home(given, **more):
    (only,) = result(given, **more).data["homes"]
    return only


ROUND = {"charge_efficiency_permille": 1000, "discharge_efficiency_permille": 1000}
PLAIN = {"capacity_wh": 10_000, "charge_w": 5_000, "discharge_w": None, "soc_start_wh": 5_000, "soc_end_wh": 5_000,
         "export_limit_w": None, "charge_efficiency_permille": 950, "discharge_efficiency_permille": 950}


def test_sums_are_those_of_the_homes(homes_of) -> None:
    """Totals, the street's load and the shown home follow from the plans."""
    given = homes_of(3, homes=4)
    data = result(given).data
    assert data["total_saving_eur"] == pytest.approx(sum(one["saving_eur"] for one in data["homes"]), abs=1e-3)
    assert data["street"]["battery_w"] == [
        sum(row) for row in zip(*(one["plan_w"] for one in data["homes"]), strict=True)]
    assert data["street"]["net_load_w"] == [
        sum(row) for row in zip(*(one["net_load_w"] for one in given["homes"]), strict=True)]
    best = max(data["homes"], key=lambda one: one["saving_eur"])
    assert data["picture"]["id"] == best["id"] and data["picture"]["battery_w"] == best["plan_w"]
    for one in data["homes"]:
        assert one["cost_without_eur"] - one["cost_eur"] == pytest.approx(one["saving_eur"], abs=2e-4)


def test_flat_prices_and_no_surplus_leave_the_battery_alone(homes_of) -> None:
    """Losses cost and nothing is gained: not a watt, whether prices are positive or nothing."""
    for price in (200.0, 0.0):
        given = homes_of(1, net_load_w=[500] * 96, **PLAIN)
        for losses in ({}, ROUND):
            given["homes"][0] |= losses
            given["prices"] = {"buy_eur_per_mwh": [price] * 24}
            one = home(given)
            assert one["plan_w"] == [0] * 96 and one["saving_eur"] == 0


def test_flat_prices_with_a_surplus_keep_it_for_the_evening(homes_of) -> None:
    """Buying at 300, selling at 50: the noon surplus serves the home."""
    given = homes_of(1, net_load_w=[600] * 40 + [-1500] * 16 + [600] * 40, **PLAIN | {"soc_start_wh": 0,
                                                                                      "soc_end_wh": 0})
    given["prices"] = {"buy_eur_per_mwh": [300.0] * 24, "sell_eur_per_mwh": [50.0] * 24}
    one = home(given)
    assert one["plan_w"][:56] == [0] * 40 + [1500] * 16 and min(one["plan_w"][56:]) >= -600
    assert one["saving_eur"] == pytest.approx(6 * 0.9025 * 0.3 - 6 * 0.05, abs=0.001)


def test_negative_prices_fill_the_battery(homes_of) -> None:
    """Who is paid for taking takes all there is room for, and keeps it."""
    given = homes_of(1, net_load_w=[300] * 96, **PLAIN | {"soc_end_wh": 0})
    given["prices"] = {"buy_eur_per_mwh": [-50.0] * 24}
    one = home(given)
    assert one["stored_at_end_wh"] == pytest.approx(10_000, abs=1) and one["saving_eur"] > 0.25
    assert one["gap_at_most_eur"] > 0.05, "a relaxed programme could burn more: said, not hidden"


@pytest.mark.parametrize(("fields", "plan"), [
    ({"capacity_wh": 0, "soc_start_wh": 0, "soc_end_wh": 0}, 0), ({"charge_w": 0, "discharge_w": 0}, 0),
    ({"capacity_wh": 0.1, "soc_start_wh": 0.1, "soc_end_wh": 0}, 0), ({"net_load_w": [0] * 96}, None),
    ({"soc_start_wh": 10_000, "soc_end_wh": 10_000}, None), ({"soc_start_wh": 0, "soc_end_wh": 0}, None),
    ({"net_load_w": [-30_000] * 96}, None), ({"net_load_w": [-30_000] * 96, "export_limit_w": 0}, None),
    ({"net_load_w": [30_000] * 96}, None), ({"charge_w": 1}, None), ({"discharge_w": 0}, None),
    ({"capacity_wh": 200_000, "charge_w": 30_000}, None), ({"soc_min_wh": 5_000}, None),
    ({"charge_efficiency_permille": 500, "discharge_efficiency_permille": 500}, None), (ROUND, None)])
def test_extreme_homes_get_a_right_plan(homes_of, fields, plan) -> None:
    """No battery, full, empty, huge sun, no load, no way into the grid: feasible, near the best, never dearer."""
    given = homes_of(2, **PLAIN | fields)
    spec = prepare(Batteries(**given))
    told = run_local(KIND, spec)
    (one,) = told.data["homes"]
    assert plan is None or one["plan_w"] == [plan] * 96
    assert one["saving_eur"] >= -1e-4 and one["gap_at_most_eur"] < 0.005
    report = KIND.reference(spec, told)
    assert report["ok"], report["text"]


def test_sun_that_may_not_be_sold_is_stored_for_nothing(homes_of) -> None:
    """With no way into the grid a surplus is lost unless it is kept."""
    given = homes_of(1, net_load_w=[-1000] * 48 + [1000] * 48, **PLAIN | {"soc_start_wh": 0, "soc_end_wh": 0,
                                                                          "export_limit_w": 0} | ROUND)
    given["prices"] = {"buy_eur_per_mwh": [200.0] * 24, "sell_eur_per_mwh": [150.0] * 24}
    one = home(given)
    assert one["cost_without_eur"] == pytest.approx(2.4) and one["saving_eur"] == pytest.approx(2.0)


def test_thousands_of_homes_come_in_rounds(homes_of) -> None:
    """Of 2,000 homes, here a quarter: rounds of bounded size, all planned, and a document that a broker carries."""
    given = homes_of(7, homes=20, capacity_wh=10_000, charge_w=5_000, soc_start_wh=0, soc_end_wh=0)
    given["homes"] = [{**one, "id": f"{number}: {one['id']}"} for number in range(25) for one in given["homes"]]
    known: dict[bytes, bytes] = {}
    sizes: list[int] = []
    done = result(given, on_round=sizes.append, run_jobs=lambda jobs: [
        known.setdefault(one.input, known.get(one.input) or run_job(KIND, one)) for one in jobs])
    assert sum(sizes) == 500 and max(sizes) <= 256
    assert done.data["homes_planned"] == 500 and not done.partial
    assert 4 * len(json.dumps(done.data, allow_nan=False, separators=(",", ":"))) < 1_500_000


def test_a_deadline_leaves_plans_and_bounds(homes_of) -> None:
    """Homes without a plan are named, with what they cost idle and what no plan could beat."""
    given = homes_of(8, homes=5, soc_end_wh=0)
    late, whole = result(given, deadline_after_jobs=3), result(given)
    assert late.data["jobs_missing"] == 2 and "home 3" in late.partial and not whole.partial
    assert [one["id"] for one in late.data["homes_without_plan"]] == ["home 3", "home 4"]
    assert late.data["homes"] == whole.data["homes"][:3]
    for bounds, one in zip(late.data["homes_without_plan"], whole.data["homes"][3:], strict=True):
        assert bounds["cost_at_least_eur"] <= one["cost_eur"] <= bounds["cost_without_eur"] + 1e-4
    assert "home 3" in KIND.text(late.data) and KIND.files(late.data)


def test_a_deadline_before_any_plan_passes(homes_of) -> None:
    """Nothing useful can be said."""
    with pytest.raises(DeadlinePassed):
        result(homes_of(8, homes=2), deadline_after_jobs=0)
