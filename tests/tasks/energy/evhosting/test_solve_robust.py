"""Feeders at the edge of sense: each gives the right answer, by the float power flow, or the right error."""

from __future__ import annotations

import math
from typing import Any

import pytest

from lamplighter.tasks.api import Result
from lamplighter.tasks.energy.evhosting import KIND
from lamplighter.tasks.energy.evhosting.model import EvHosting
from lamplighter.tasks.energy.evhosting.prepare import prepare
from lamplighter.tasks.energy.evhosting.reference import Network
from lamplighter.tasks.energy.evhosting.spec import Spec
from lamplighter.tasks.local import run_local

FEW: dict[str, Any] = {"scenarios_per_level": 3, "levels_percent": [50, 100], "first_slot": 70, "last_slot": 74}


def _solved(feeder: dict[str, Any], **more: Any) -> tuple[Spec, Result]:
    """The answer, after the float power flow agreed with it."""
    spec = prepare(EvHosting(feeder=feeder, **{**FEW, **more}))
    result = run_local(KIND, spec)
    report = KIND.reference(spec, result)
    assert report["ok"], report["text"]
    assert report["max_voltage_difference_pu"] < 2e-5 and report["max_loading_difference_points"] < 0.05
    return spec, result


def test_without_any_load_only_cars_draw(feeder_of) -> None:
    """Loads of zero: flat voltage without cars, and only cars' power with them."""
    feeder = feeder_of(4, 9)
    feeder["loads"] = [{**load, "kw": 0.0, "kvar": 0.0, "cars": 1} for load in feeder["loads"]]
    spec, result = _solved(feeder)
    base = result.data["without_cars"]
    assert (base["lowest_voltage_pu"], base["highest_line_percent"], base["violated"]) == (1.0, 0.0, False)
    assert result.data["policies"][0]["levels"][-1]["lowest_voltage_pu"] < 1
    assert spec.base_kva == pytest.approx(9 * 11 / 8)


def test_sun_on_the_roofs_raises_the_voltage(feeder_of) -> None:
    """Feed-in beyond the demand: voltages above the band are counted as such, and profiles may change sign."""
    feeder = feeder_of(5, 12, stress=2)
    feeder["profiles"]["sun"] = [math.sin(slot / 95 * math.pi) - 0.2 for slot in range(96)]
    feeder["loads"] += [{"bus": f"b{bus}", "kw": -60.0, "kvar": 3.0, "cars": 0, "profile": "sun"}
                        for bus in range(4, 12)]
    _, result = _solved(feeder, first_slot=40, last_slot=48)
    row = result.data["policies"][0]["levels"][0]
    assert row["violated_by"]["overvoltage"] == row["violated"] == 3 and not row["violated_by"]["undervoltage"]
    assert "a voltage above the band" not in result.summary and "even without a single electric car" in result.summary


def test_a_transformer_at_its_limit(feeder_of) -> None:
    """A limit one tenth of a point above the loading holds, one below does not."""
    feeder = feeder_of(6, 8, transformer=True)
    feeder["transformer"].update(no_load_percent=1.5, iron_loss_kw=0.8, tap_percent=2.5)
    feeder["loads"] = [{**load, "profile": None} for load in feeder["loads"]]
    spec = prepare(EvHosting(feeder=feeder, **FEW))
    network = Network(spec)
    volts = network.solve([complex(one.kw[0], one.kvar[0]) for one in spec.demand])
    assert volts is not None
    percent = 100 * network.loadings(volts)[1]
    for limit, violated in ((percent + 0.05, False), (percent - 0.05, True)):
        _, result = _solved(feeder, transformer_limit_percent=limit, voltage_min_pu=0.6)
        assert result.data["without_cars"]["violated"] is violated
        assert result.data["without_cars"]["highest_transformer_percent"] == pytest.approx(percent, abs=0.01)


def test_a_line_without_impedance_joins_two_buses(feeder_of) -> None:
    """A coupler of zero ohms drops no voltage but carries, and is checked for, its current."""
    feeder = feeder_of(3, 6)
    feeder["buses"].append({"name": "far"})
    feeder["lines"].append({"from_bus": "b5", "to_bus": "far", "r_ohm": 0.0, "x_ohm": 0.0, "limit_a": 20.0})
    feeder["loads"].append({"bus": "far", "kw": 15.0, "cars": 3})
    _, result = _solved(feeder)
    volts = {bus["name"]: bus["voltage_pu"] for bus in result.data["picture"]["buses"]}
    assert volts["far"] == volts["b5"]
    row = result.data["policies"][0]["levels"][1]
    assert row["highest_line"] == "b5–far" and row["violated_by"]["line"] == 3


def test_long_cables_charge(feeder_of) -> None:
    """Capacitance lifts the voltage at no load, and a cable's two ends carry different currents."""
    feeder = feeder_of(2, 7)
    feeder["nominal_kv"] = 20.0
    feeder["lines"] = [{**line, "r_ohm": 0.6, "x_ohm": 0.9, "c_nf": 3000.0, "limit_a": 200.0}
                       for line in feeder["lines"]]
    feeder["loads"] = [{**load, "kw": 100 * load["kw"], "kvar": 0.0} for load in feeder["loads"]]
    _, result = _solved(feeder, voltage_min_pu=0.9)
    idle = {**feeder, "loads": [{**load, "kw": 0.0} for load in feeder["loads"]]}
    _, without = _solved(idle, first_slot=0, last_slot=1, voltage_min_pu=1.0, voltage_max_pu=1.0)
    assert without.data["without_cars"]["highest_line_percent"] > 1
    assert without.data["policies"][0]["levels"][0]["violated_by"]["overvoltage"] == 3
    assert result.data["policies"][0]["levels"][0]["violated"] == 0


def test_two_buses_are_the_smallest_feeder(feeder_of) -> None:
    """One line, one load, one slot, one scenario, one level."""
    _, result = _solved(feeder_of(1, 2), scenarios_per_level=1, levels_percent=[100], first_slot=72, last_slot=72)
    assert result.data["jobs"] == 2 and result.data["policies"][0]["levels"][0]["scenarios"] == 1
