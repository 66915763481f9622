"""Nets in pandapower's JSON, read without pandapower."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.energy.evhosting import KIND
from lamplighter.tasks.readers.pandapower import read
from lamplighter.tasks.registry import prepare


def _table(columns: str, *rows: list[Any]) -> dict[str, Any]:
    split = {"columns": columns.split(), "index": list(range(len(rows))), "data": list(rows)}
    return {"_module": "pandas.core.frame", "_class": "DataFrame", "_object": json.dumps(split), "orient": "split"}


@pytest.fixture
def net() -> dict[str, Any]:
    """20 kV, transformer with a tap, a busbar in two halves joined by a switch, three cables, one of them open."""
    return {"_module": "pandapower.auxiliary", "_class": "pandapowerNet", "_object": {
        "name": "little net",
        "bus": _table("name vn_kv in_service geo", ["mv", 20.0, True, '{"coordinates": [1.0, 5.0]}'],
                      ["bar1", 0.4, True, None], ["bar2", 0.4, True, None], ["end", 0.4, True, None],
                      ["side", 0.4, True, None], ["off", 0.4, False, None]),
        "line": _table("from_bus to_bus length_km r_ohm_per_km x_ohm_per_km max_i_ka df parallel in_service",
                       [2, 3, 0.5, 0.2, 0.08, 0.27, 1.0, 1, True], [2, 4, 0.1, 0.2, 0.08, 0.27, 0.5, 2, True],
                       [3, 4, 0.1, 0.2, 0.08, 99999.0, 1.0, 1, True]),
        "switch": _table("bus element et closed", [1, 2, "b", True], [3, 2, "l", False]),
        "trafo": _table("hv_bus lv_bus sn_mva vn_hv_kv vn_lv_kv vk_percent vkr_percent tap_side tap_neutral tap_pos "
                        "tap_step_percent parallel in_service pfe_kw i0_percent",
                        [0, 1, 0.4, 20.0, 0.4, 4.0, 1.325, "hv", 0, -2, 2.5, 1, True, 1.35, 0.3]),
        "ext_grid": _table("bus vm_pu in_service", [0, 1.01, True]),
        "load": _table("bus p_mw q_mvar scaling in_service", [3, 0.03, 0.01, 0.5, True], [4, 0.002, 0.0, 1.0, True],
                       [4, 9.0, 0.0, 1.0, False]),
        "sgen": _table("bus p_mw q_mvar in_service", [4, 0.01, 0.0, False])}}


def test_a_net_becomes_a_plain_feeder(net) -> None:
    """Switches, tap, parallel cables, scaling and what is out of service are taken into account."""
    feeder = read(net, 2)
    assert feeder.name == "little net" and feeder.nominal_kv == 0.4 and feeder.source_bus == "mv"
    assert feeder.source_voltage_pu == 1.01
    assert [bus.name for bus in feeder.buses] == ["mv", "bar1", "end", "side"]
    assert [(one.from_bus, one.to_bus) for one in feeder.lines] == [("bar1", "end"), ("bar1", "side")]
    assert feeder.lines[0].r_ohm == pytest.approx(0.1) and feeder.lines[0].limit_a == pytest.approx(270)
    assert feeder.lines[1].r_ohm == pytest.approx(0.01) and feeder.lines[1].limit_a == pytest.approx(270)
    assert [(load.kw, load.kvar, load.cars) for load in feeder.loads] == [(15.0, 5.0, 2), (2.0, 0.0, 2)]
    trafo = feeder.transformer
    assert trafo is not None and (trafo.rated_kva, trafo.iron_loss_kw, trafo.no_load_percent) == (400, 1.35, 0.3)
    assert (trafo.tap_side, trafo.tap_percent) == ("primary", -5.0)
    assert prepare({KIND.name: KIND}, KIND.name, {"pandapower": net}).source_pu == pytest.approx(1.01 / 0.95)
    assert feeder.buses[0].x == 1.0 and feeder.buses[0].y == 5.0


def _change(net: dict[str, Any], table: str, row: int, column: str, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(net)
    split = json.loads(changed["_object"][table]["_object"])
    split["data"][row][split["columns"].index(column)] = value
    changed["_object"][table]["_object"] = json.dumps(split)
    return changed


@pytest.mark.parametrize(("table", "row", "column", "value", "code"), [
    ("switch", 1, "closed", True, "not_radial"), ("sgen", 0, "in_service", True, None),
    ("ext_grid", 0, "in_service", False, "empty_data"), ("bus", 3, "vn_kv", 0.69, "transformer"),
    ("line", 0, "length_km", "long", "bad_pandapower"), ("line", 0, "length_km", -1, "bad_pandapower"),
    ("line", 0, "from_bus", 77, "bad_pandapower"), ("line", 1, "parallel", None, None),
    ("line", 0, "length_km", 0, None), ("trafo", 0, "vn_hv_kv", 0, "bad_pandapower"),
    ("load", 0, "p_mw", -1e6, "bad_pandapower"), ("load", 0, "p_mw", -0.1, None),
    ("line", 0, "in_service", False, "disconnected")])
def test_wrong_nets(net, table: str, row: int, column: str, value: Any, code: str | None) -> None:
    """Each fault gets its own code; a missing optional number gets its default."""
    given = {"pandapower": _change(net, table, row, column, value)}
    if code is None:
        prepare({KIND.name: KIND}, KIND.name, given)   # it is a net all the same
        return
    with pytest.raises(TaskError) as caught:
        prepare({KIND.name: KIND}, KIND.name, given)
    assert caught.value.code == code, caught.value.message


@pytest.mark.parametrize("document", [
    {}, {"_object": 3}, {"_object": {"bus": {}}}, {"_object": {"bus": {"_class": "DataFrame", "_object": "{"}}},
    {"_object": {"bus": {"_class": "DataFrame", "_object": '{"columns": ["a"], "index": [1], "data": [[1, 2]]}'}}},
    {"_object": {"bus": {"_class": "DataFrame", "_object": "[" * 100_000}}},
    {"_object": {"bus": _table("name vn_kv", ["a", 0.4])}}])
def test_what_is_no_net(document: dict[str, Any]) -> None:
    """Other documents and damaged tables are TaskErrors, never another exception."""
    with pytest.raises(TaskError) as caught:
        read(document, 1)
    assert caught.value.code in ("bad_pandapower", "empty_data")


@pytest.mark.parametrize(("changer", "side", "degree", "wanted"), [
    ("Ratio", "hv", 0.0, 1.01 / 0.95), ("Symmetrical", "lv", 0.0, 1.01 * 0.95), (None, "hv", 0.0, 1.01),
    ("Ideal", "hv", 0.0, 1.01), ("Ratio", "hv", 90.0, 1.01 / abs(1 - 0.05j))])
def test_tap_changers_count_as_pandapower_counts_them(net, changer, side: str, degree: float, wanted: float) -> None:
    """Only ratio changers move the voltage, on the side where they are, by the length of their step's vector."""
    split = json.loads(net["_object"]["trafo"]["_object"])
    split["columns"] += ["tap_changer_type", "tap_step_degree"]
    split["data"][0] += [changer, degree]
    split["data"][0][split["columns"].index("tap_side")] = side
    net["_object"]["trafo"]["_object"] = json.dumps(split)
    assert prepare({KIND.name: KIND}, KIND.name, {"pandapower": net}).source_pu == pytest.approx(wanted)


def test_charging_and_generators_are_read(net) -> None:
    """Capacitance counts by length and number of cables, a static generator is a negative load without cars."""
    split = json.loads(net["_object"]["line"]["_object"])
    split["columns"].append("c_nf_per_km")
    split["data"] = [[*row, 200.0] for row in split["data"]]
    net["_object"]["line"]["_object"] = json.dumps(split)
    feeder = read(_change(net, "sgen", 0, "in_service", True), 2)
    assert [line.c_nf for line in feeder.lines] == [100.0, 40.0]
    assert (feeder.loads[-1].kw, feeder.loads[-1].cars, feeder.loads[-1].bus) == (-10.0, 0, "side")
