"""What an operator may send, and what is said when it cannot be right."""

from __future__ import annotations

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.energy.battery import KIND
from lamplighter.tasks.registry import prepare

KINDS = {KIND.name: KIND}


def refusal(given) -> TaskError:
    with pytest.raises(TaskError) as caught:
        prepare(KINDS, KIND.name, given)
    return caught.value


@pytest.mark.parametrize(("field", "value", "path"), [
    ("capacity_wh", -1, "/input/homes/0/capacity_wh"), ("capacity_wh", float("nan"), "/input/homes/0/capacity_wh"),
    ("capacity_wh", 200_001, "/input/homes/0/capacity_wh"), ("charge_w", float("inf"), "/input/homes/0/charge_w"),
    ("charge_efficiency_permille", 95, "/input/homes/0/charge_efficiency_permille"),
    ("discharge_efficiency_permille", 1001, "/input/homes/0/discharge_efficiency_permille"),
    ("net_load_w", [0] * 95, "/input/homes/0/net_load_w"), ("net_load_w", [0] * 97, "/input/homes/0/net_load_w"),
    ("net_load_w", [0] * 95 + [float("nan")], "/input/homes/0/net_load_w/95"),
    ("net_load_w", [40_000] * 96, "/input/homes/0/net_load_w/0"), ("id", "", "/input/homes/0/id"),
    ("soc_start_wh", 99_999, "/input/homes/0/soc_start_wh"), ("soc_end_wh", 99_999, "/input/homes/0/soc_end_wh"),
    ("soc_min_wh", 9_000, "/input/homes/0/soc_start_wh"), ("pv_w", [1] * 96, "/input/homes/0/net_load_w"),
    ("export_limit_w", -5, "/input/homes/0/export_limit_w"), ("capacity", 5, "/input/homes/0/capacity")])
def test_each_wrong_field_is_refused_where_it_stands(homes_of, field: str, value: object, path: str) -> None:
    """The path points to the field, or to one of those that contradict one another; the hint is a sentence."""
    given = homes_of(1, capacity_wh=10_000, soc_start_wh=5_000, soc_end_wh=5_000)
    given["homes"][0][field] = value
    error = refusal(given)
    assert error.path == path and error.hint and error.message


@pytest.mark.parametrize("values", [[], [50.0] * 22, [50.0] * 26, [50.0] * 48, [50.0] * 91, [50.0] * 101])
def test_prices_of_another_length_are_refused(homes_of, values: list[float]) -> None:
    """Hours or quarter-hours of no day there is; the message names the length, the hint those that would do."""
    for name in ("buy_eur_per_mwh", "sell_eur_per_mwh"):
        given = homes_of(1)
        given["prices"][name] = values
        error = refusal(given)
        assert error.path == f"/input/prices/{name}" and f"{len(values)} values" in error.message
        assert "24 hours or 96 quarter-hours, or 23 or 92 and 25 or 100 where the clocks change" in error.hint


@pytest.mark.parametrize("slots", [0, 24, 91, 95, 97, 99, 101])
def test_a_forecast_of_no_day_is_refused(homes_of, slots: int) -> None:
    """The message says how many values there are, the hint how many a day has."""
    error = refusal(homes_of(1, load_w=[5] * slots, net_load_w=None))
    assert error.path == "/input/homes/0/load_w" and f"{slots} values" in error.message
    assert "96, or 92 and 100 where the clocks change" in error.hint


@pytest.mark.parametrize("hours", [23, 24, 25])
def test_prices_and_forecasts_are_of_days_of_one_length(homes_of, hours: int) -> None:
    """A forecast, or prices to sell, of another day are refused where they stand; quarter-hours may meet hours."""
    given = homes_of(1, homes=2, hours=hours)
    given["prices"]["sell_eur_per_mwh"] = [40.0] * (4 * hours)
    prepare(KINDS, KIND.name, given)
    for others in {92, 96, 100} - {4 * hours}:
        given["homes"][1]["net_load_w"] = [7] * others
        error = refusal(given)
        assert (error.code, error.path) == ("other_day", "/input/homes/1/net_load_w")
        assert f"{4 * hours} quarter-hours" in error.hint and f"{others} quarter-hours" in error.message
    given = homes_of(1, hours=hours)
    given["prices"]["sell_eur_per_mwh"] = [40.0] * (48 - hours if hours != 24 else 25)
    assert (refusal(given).code, refusal(given).path) == ("other_day", "/input/prices/sell_eur_per_mwh")
    given = homes_of(1, hours=hours, net_load_w=None, load_w=[5] * 4 * hours, pv_w=[1] * (92 if hours == 24 else 96))
    assert refusal(given).path == "/input/homes/0/pv_w"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 20_000.0, "dear"])
def test_a_price_that_is_none_is_refused(homes_of, value: object) -> None:
    """Not a number, without end, or beyond 10 EUR per kWh."""
    given = homes_of(1)
    given["prices"]["buy_eur_per_mwh"][7] = value
    assert refusal(given).path == "/input/prices/buy_eur_per_mwh/7"


def test_an_end_out_of_reach_names_home_and_quarter_hour(homes_of) -> None:
    """Empty at first, 500 W all day: 11,400 Wh inside at 24:00, not 12,000."""
    given = homes_of(1, homes=2)
    given["homes"][1] |= {"id": "mill", "capacity_wh": 15_000, "charge_w": 500, "soc_start_wh": 0,
                          "charge_efficiency_permille": 950, "soc_end_wh": 12_000}
    error = refusal(given)
    assert (error.code, error.path) == ("end_unreachable", "/input/homes/1/soc_end_wh")
    assert "mill" in error.message and "quarter-hour 95 (23:45)" in error.message and "11400 Wh" in error.message
    given["homes"][1]["soc_end_wh"] = 11_399
    prepare(KINDS, KIND.name, given)


def test_two_homes_of_one_name_are_refused(homes_of) -> None:
    """Which plan is whose must be clear."""
    given = homes_of(1, homes=3, id="same")
    assert "number 2" in refusal(given).hint and refusal(given).path == "/input/homes"


def test_there_is_a_home_and_at_most_two_thousand(homes_of) -> None:
    """No home is no task; 2,001 are too many."""
    given = homes_of(1)
    given["homes"] = []
    assert refusal(given).path == "/input/homes"
    given["homes"] = homes_of(1)["homes"] * 2001
    assert refusal(given).path == "/input/homes"


def test_every_field_is_described_with_its_unit() -> None:
    """The published schema says what each field is."""
    schema = KIND.Model.model_json_schema()
    for part in (schema, *schema["$defs"].values()):
        for name, field in part["properties"].items():
            assert field.get("description"), name
