"""The float power flow is right by itself, and tells a true answer from a false one."""

from __future__ import annotations

import copy

import pytest

from lamplighter.tasks.api import Result
from lamplighter.tasks.energy.evhosting import KIND
from lamplighter.tasks.energy.evhosting.demo import feeder33
from lamplighter.tasks.energy.evhosting.method.snapshot import Snapshots
from lamplighter.tasks.energy.evhosting.model import EvHosting
from lamplighter.tasks.energy.evhosting.prepare import prepare
from lamplighter.tasks.energy.evhosting.reference import Network, draw_cars
from lamplighter.tasks.local import run_local


def test_losses_of_the_published_feeder() -> None:
    """Baran and Wu's base case loses 202.68 kW in floats."""
    spec = prepare(EvHosting(feeder=feeder33(limits=False)))
    network = Network(spec)
    volts = network.solve([complex(one.kw[0], one.kvar[0]) for one in spec.demand])
    assert volts is not None
    assert network.losses_kw(volts) == pytest.approx(202.677, abs=0.001)


def test_two_buses_against_the_closed_form() -> None:
    """One line with a resistive load: the quadratic's upper root."""
    feeder = {"nominal_kv": 0.4, "source_bus": "a", "buses": [{"name": "a"}, {"name": "b"}],
              "lines": [{"from_bus": "a", "to_bus": "b", "r_ohm": 0.2, "x_ohm": 0.0, "limit_a": 100.0}],
              "loads": [{"bus": "b", "kw": 20.0}]}
    spec = prepare(EvHosting(feeder=feeder))
    volts = Network(spec).solve([0j, 20 + 0j])
    assert volts is not None
    u = 400 / 3**0.5
    assert abs(volts[1]) == pytest.approx((u + (u * u - 4 * 0.2 * 20_000 / 3) ** 0.5) / 2, rel=1e-9)
    assert Network(spec).solve([0j, 400 + 0j]) is None


@pytest.mark.parametrize(("seed", "buses", "transformer", "stress"), [
    (1, 2, False, 1), (3, 9, True, 1), (5, 25, False, 2), (7, 40, True, 0.5), (9, 30, False, 5)])
def test_kernel_agrees_with_floats(feeder_of, seed: int, buses: int, transformer: bool, stress: float) -> None:
    """On random feeders every loading is within 0.05 points, every flag equal, every voltage within 2e-5 pu, or
    within the bar on the feeder that is past its last solution in half of the slots (there any rounding grows)."""
    feeder = feeder_of(seed, buses, transformer=transformer, stress=stress)
    for load in feeder["loads"]:
        load["cars"] += 1
    spec = prepare(EvHosting(feeder=feeder, seed=seed, scenarios_per_level=4, levels_percent=[30, 70, 100],
                             first_slot=72, last_slot=75))
    report = KIND.reference(spec, run_local(KIND, spec))
    assert report["ok"], report["text"]
    assert report["max_voltage_difference_pu"] < 2e-5 or report["collapsed_snapshots"] > 100
    assert report["max_loading_difference_points"] < 0.05
    assert report["same_flags"] == report["scenarios"] >= 10


@pytest.mark.parametrize(("buses", "back", "stress", "share"), [(1000, 400, 0.05, 1.0), (999, 1, 0.02, 0.01)])
def test_a_thousand_buses_agree_with_floats(feeder_of, buses: int, back: int, stress: float, share: float) -> None:
    """What is cut off at a bus does not add up over a thousand of them, be they a bush or one long row: every voltage
    is within 1e-5 pu and every loading within a ten-thousandth of itself."""
    feeder = feeder_of(3, buses, transformer=True, stress=stress, back=back)
    feeder["transformer"]["rated_kva"] = 2500.0
    for load in feeder["loads"]:
        load |= {"kw": share * load["kw"], "kvar": share * load["kvar"]}
    spec = prepare(EvHosting(feeder=feeder, first_slot=72, last_slot=73, charge_kw=11 * share))
    network, cars = Network(spec), draw_cars(spec, "on_arrival", 60, 7)
    shots = Snapshots(spec, "on_arrival", 60, 7)
    for slot in range(spec.slots):
        shots.go_to(slot)
        volts = network.solve([complex(one.kw[72 + slot] + 11 * share * row[72 + slot], one.kvar[72 + slot])
                               for one, row in zip(spec.demand, cars, strict=True)])
        assert volts is not None and not shots.collapsed
        base = 400 / 3**0.5
        assert max(abs(abs(a) / base - abs(b)) for a, b in zip(volts, shots.voltages(), strict=True)) < 1e-5
        assert shots.loadings()[1:] == pytest.approx(
            network.loadings(volts)[1:], rel=1e-4, abs=1e-3)


@pytest.mark.parametrize("ohm", [0.35, 0.7, 1.3])
def test_a_long_way_to_a_small_house_is_no_weak_line(feeder_of, ohm: float) -> None:
    """Of a feeder with 12 MW of cars a line of up to 16 pu to a house without any is right to 1e-5 pu."""
    feeder = feeder_of(3, 400, transformer=True, stress=0.02, back=100)
    feeder["transformer"]["rated_kva"] = 5000.0
    for load in feeder["loads"]:
        load["cars"] = 3
    feeder["buses"].append({"name": "house"})
    feeder["lines"].append({"from_bus": "b1", "to_bus": "house", "r_ohm": ohm, "x_ohm": 0.1, "limit_a": 63.0})
    feeder["loads"].append({"bus": "house", "kw": 1.5, "kvar": 0.2, "cars": 0})
    spec = prepare(EvHosting(feeder=feeder, first_slot=72, last_slot=72))
    shots = Snapshots(spec, "on_arrival", 0, 0)
    shots.go_to(0)
    volts = Network(spec).solve([complex(one.kw[72], one.kvar[72]) for one in spec.demand])
    assert volts is not None
    house = spec.tree.names.index("house")
    assert abs(abs(volts[house]) / (400 / 3**0.5) - abs(shots.voltages()[house])) < 1e-5


def test_a_false_flag_is_found(feeder_of) -> None:
    """A result whose published flags were changed does not pass."""
    spec = prepare(EvHosting(feeder=feeder_of(5, 8), scenarios_per_level=3, levels_percent=[50], first_slot=72,
                             last_slot=75))
    result = run_local(KIND, spec)
    forged = copy.deepcopy(result.data)
    forged["policies"][0]["levels"][0]["flags_hex"] = "040404"
    assert KIND.reference(spec, result)["ok"]
    assert not KIND.reference(spec, Result("", forged))["ok"]
