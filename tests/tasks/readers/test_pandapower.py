"""Nets in pandapower's JSON, read without pandapower."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.energy.evhosting import KIND
from lamplighter.tasks.energy.evhosting.method.snapshot import Snapshots
from lamplighter.tasks.energy.evhosting.spec import Spec
from lamplighter.tasks.readers import pandapower
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.pandapower import read
from lamplighter.tasks.readers.pandapower_parts import COLUMNS, NET, OPTIONS
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
    feeder = read(net, 2).feeder
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
    ("line", 0, "in_service", False, "disconnected"), ("load", 0, "p_mw", None, "bad_pandapower"),
    ("load", 0, "q_mvar", float("nan"), "bad_pandapower"), ("load", 0, "scaling", None, "bad_pandapower"),
    ("ext_grid", 0, "vm_pu", None, "bad_pandapower"), ("line", 0, "r_ohm_per_km", None, "bad_pandapower"),
    ("load", 0, "bus", 77, "bad_pandapower"), ("load", 0, "bus", [3], "bad_pandapower")])
def test_wrong_nets(net, table: str, row: int, column: str, value: Any, code: str | None) -> None:
    """Each fault gets its own code; a missing optional number gets its default."""
    given = {"pandapower": _change(net, table, row, column, value)}
    if code is None:
        prepare({KIND.name: KIND}, KIND.name, given)   # it is a net all the same
        return
    with pytest.raises(TaskError) as caught:
        prepare({KIND.name: KIND}, KIND.name, given)
    assert caught.value.code == code, caught.value.message
    assert caught.value.path.startswith("/input/pandapower")


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
    feeder = read(_change(net, "sgen", 0, "in_service", True), 2).feeder
    assert [line.c_nf for line in feeder.lines] == [100.0, 40.0, 20.0]
    assert [(one.from_bus, one.to_bus) for one in feeder.lines][2] == ("open end of line 2", "side")
    assert (feeder.loads[-1].kw, feeder.loads[-1].cars, feeder.loads[-1].bus) == (-10.0, 0, "side")


def street(kv: float, **more: dict[str, Any]) -> dict[str, Any]:
    """20 kV, then four buses in a row at 0.4 kV behind a transformer, or at 20 kV behind a line, each with a load."""
    km, scale = (0.25, 1) if kv == 0.4 else (6, 40)
    cables = [[i, i + 1, km, 0.2, 0.08, 260.0, 0.27, True] for i in (1, 2, 3)]
    head = [] if kv == 0.4 else [[0, 1, 1, 0.3, 0.12, 200.0, 0.25, True]]
    tables = {
        "bus": _table("name vn_kv in_service", ["mv", 20.0, True], *([f"b{i}", kv, True] for i in (1, 2, 3, 4))),
        "line": _table(LINE, *head, *cables), "ext_grid": _table("bus vm_pu in_service", [0, 1.0, True]),
        "load": _table("bus p_mw q_mvar in_service", *([i, 0.008 * scale, 0.001 * scale, True] for i in (2, 3, 4)))}
    if kv == 0.4:
        tables["trafo"] = _table(TRAFO, [0, 1, 0.4, 20.0, 0.4, 4.0, 1.325, 1.35, 0.3])
    return {"_class": "pandapowerNet", "_object": {**tables, **more}}


LINE = "from_bus to_bus length_km r_ohm_per_km x_ohm_per_km c_nf_per_km max_i_ka in_service"
TRAFO = "hv_bus lv_bus sn_mva vn_hv_kv vn_lv_kv vk_percent vkr_percent pfe_kw i0_percent"
PHASES = "bus p_a_mw p_b_mw p_c_mw q_a_mvar q_b_mvar q_c_mvar scaling in_service"
MORE_BUSES = _table("name vn_kv in_service", ["mv", 20.0, True], *([f"b{i}", 0.4, True] for i in (1, 2, 3, 4)),
                    ["x", 0.4, True])
RING = _table(LINE, [0, 1, 1, 0.3, 0.12, 200.0, 0.25, True], *(
    [i, i + 1, 6, 0.2, 0.08, 260.0, 0.27, True] for i in (1, 2, 3)), [2, 4, 15, 0.2, 0.08, 260.0, 0.27, True])
OFF = _table("name vn_kv in_service", ["mv", 20.0, True], *([f"b{i}", 20.0, i != 4] for i in (1, 2, 3, 4)))


def volts_of(given: dict[str, Any]) -> tuple[Spec, dict[str, float]]:
    """The spec, and its voltages without cars by the kernel's own arithmetic."""
    spec: Spec = prepare({KIND.name: KIND}, KIND.name, {"pandapower": given})
    shots = Snapshots(spec, "on_arrival", 0, 0)
    shots.go_to(0)
    return spec, dict(zip(spec.tree.names, map(abs, shots.voltages()), strict=True))


@pytest.mark.parametrize(("kv", "more", "wanted"), [
    (0.4, {}, {"b1": 0.998876, "b4": 0.982883}),
    (0.4, {"motor": _table("bus pn_mech_mw cos_phi efficiency_percent loading_percent scaling in_service",
                           [3, 0.04, 0.8, 90.0, 75.0, 1.0, True])}, {"b3": 0.953068, "b4": 0.950306}),
    (0.4, {"asymmetric_load": _table(PHASES, [4, 0.006, 0.012, 0, 0, 0.003, 0.001, 0.9, True])}, {"b4": 0.964543}),
    (0.4, {"asymmetric_sgen": _table(PHASES, [4, 0.006, 0.012, 0, 0, 0.003, 0.001, 0.9, True])}, {"b4": 1.000538}),
    (0.4, {"bus": MORE_BUSES, "switch": _table("bus element et closed z_ohm", [4, 5, "b", True, 0.15]),
           "load": _table("bus p_mw q_mvar in_service", *([i, 0.008, 0.001, True] for i in (2, 3, 4)),
                          [5, 0.015, 0.0, True])}, {"b4": 0.967295, "x": 0.954089}),
    (0.4, {"trafo": _table(f"{TRAFO} tap2_side tap2_pos tap2_neutral tap2_step_percent tap2_changer_type",
                           [0, 1, 0.4, 20.0, 0.4, 4.0, 1.325, 1.35, 0.3, "lv", 2, 0, 1.5, "Ratio"])},
     {"b1": 1.028844, "b4": 1.01333}),
    (20.0, {"line": RING, "switch": _table("bus element et closed", [4, 4, "l", False])}, {"b3": 0.996015}),
    (20.0, {"line": RING, "switch": _table("bus element et closed", [4, 4, "l", False], [2, 4, "l", False])},
     {"b3": 0.995285}),
    (20.0, {"bus": OFF}, {"b3": 0.997577})],
    ids=["plain", "motor", "load by phases", "generator by phases", "switch with an impedance", "second tap",
         "cable open at one end", "cable open at both", "bus out of service"])
def test_voltages_are_those_of_a_power_flow(kv: float, more: dict[str, Any], wanted: dict[str, float]) -> None:
    """Of pandapower 3.5.6, ``runpp``, to 2e-6 pu."""
    _, volts = volts_of(street(kv, **more))
    assert {name: volts[name] for name in wanted} == pytest.approx(wanted, abs=2e-6)


def test_what_is_left_out_is_told() -> None:
    """An element whose bus is out of service, by its number; the sum of phases, since it is less than the truth."""
    spec, _ = volts_of(street(20.0, bus=OFF))
    assert any("1 element of load (2) left out" in note for note in spec.notes)
    spec, _ = volts_of(street(0.4, asymmetric_load=_table(PHASES, [4, 0.006, 0.012, 0, 0, 0.003, 0.001, 0.9, True])))
    assert any("sum of their phases" in note for note in spec.notes)


def test_what_a_net_allows_is_the_limit() -> None:
    """``max_loading_percent`` of lines and transformer makes their limits."""
    given = street(0.4, trafo=_table(f"{TRAFO} max_loading_percent",
                                     [0, 1, 0.4, 20.0, 0.4, 4.0, 1.325, 1.35, 0.3, 60.0]),
                   line=_table(f"{LINE} max_loading_percent", *([i, i + 1, 0.25, 0.2, 0.08, 260.0, 0.27, True, 80.0]
                                                                for i in (1, 2, 3))))
    spec, _ = volts_of(given)
    head, line = spec.tree.branch[1:3]
    assert head is not None and line is not None
    assert head.limit_a == pytest.approx(0.6 * 400 / (3**0.5 * 0.4)) and line.limit_a == pytest.approx(216)


def _everything() -> dict[str, Any]:
    """A net that has each table which is read, some with two rows."""
    return street(
        0.4, bus=MORE_BUSES, switch=_table("bus element et closed z_ohm in_ka", [4, 5, "b", True, 0.15, 0.3]),
        motor=_table("bus pn_mech_mw cos_phi efficiency_percent loading_percent scaling in_service",
                     [3, 0.04, 0.8, 90.0, 75.0, 1.0, True]),
        asymmetric_load=_table(PHASES, [4, 0.006, 0.012, 0, 0, 0.003, 0.001, 0.9, True]),
        asymmetric_sgen=_table(PHASES, [4, 0.006, 0.012, 0, 0, 0.003, 0.001, 0.9, True]),
        sgen=_table("bus p_mw q_mvar", [2, 0.004, 0.001]), bus_geodata=_table("x y", *([i, 2 * i] for i in range(6))),
        trafo=_table(TRAFO + "".join(f" {tap}_{what}" for tap in ("tap", "tap2") for what in (
            "side", "pos", "step_percent", "changer_type")),
            [0, 1, 0.4, 20.0, 0.4, 4.0, 1.325, 1.35, 0.3, "hv", 1, 2.5, "Ratio", "lv", 1, 1.5, "Ratio"]))


def _variants(net: dict[str, Any], table: str, column: str) -> Iterator[tuple[object, dict[str, Any]]]:
    """The net with another value in that column, each row and value in turn; with the column, where it lacks it."""
    entry = net["_object"][table]
    given = json.loads(entry["_object"])
    for place in range(len(given["data"])):
        for value in (True, False, 0, 1.5, 37.5, 3, "lv", "hv", "l", "x", '{"coordinates": [7, 8]}'):
            split = copy.deepcopy(given)
            if column not in split["columns"]:
                split["columns"].append(column)
                split["data"] = [[*row, None] for row in split["data"]]
            split["data"][place][split["columns"].index(column)] = value
            yield value, {**net, "_object": {**net["_object"], table: {**entry, "_object": json.dumps(split)}}}


@pytest.mark.parametrize(("table", "column"), [
    (table, column) for table, part in COLUMNS.items() for column in sorted({*part.reads, *part.only, *part.tells})])
def test_every_column_that_is_read_counts(table: str, column: str) -> None:
    """Some other value changes the feeder, is told, or, where it is a number, refused: none is dropped in silence."""
    net = _everything()
    before = read(net, 1, silent := Left())
    for value, changed in _variants(net, table, column):
        try:
            after = read(changed, 1, left := Left())
        except TaskError as error:
            if error.code != "bad_pandapower" or not isinstance(value, str | bool):
                return
            continue
        if after.feeder != before.feeder or left.notes() != silent.notes():
            return
    pytest.fail(f"{column} of {table} may be anything")


def test_limits_that_look_like_shares_are_told() -> None:
    """``max_loading_percent`` of 1 is 1 %."""
    given = street(0.4, line=_table(f"{LINE} max_loading_percent", *(
        [i, i + 1, 0.25, 0.2, 0.08, 260.0, 0.27, True, 1.0] for i in (1, 2, 3))))
    assert any("max_loading_percent of a line is 1 %" in note for note in volts_of(given)[0].notes)


def test_errors_point_into_the_net_that_was_sent() -> None:
    """With the number of its element, although the feeder made of it is what is wrong."""
    loop = street(0.4, line=_table(LINE, *([i, i + 1, 0.25, 0.2, 0.08, 260.0, 0.27, True] for i in (1, 2, 3)),
                                   [2, 4, 0.1, 0.2, 0.08, 260.0, 0.27, True]))
    weak = street(0.4, line=_table(LINE, *([i, i + 1, 900, 0.2, 0.08, 260.0, 0.27, True] for i in (1, 2, 3))))
    for given, path, words in ((loop, "/line", "line 3: the feeder has a loop"), (weak, "/line", "line 0: b1–b2 is")):
        with pytest.raises(TaskError) as caught:
            prepare({KIND.name: KIND}, KIND.name, {"pandapower": given})
        assert caught.value.path == "/input/pandapower/_object" + path and words in caught.value.message


@pytest.mark.parametrize(("more", "code", "path", "words"), [
    ({"svc": _table("bus x_l_ohm in_service", [3, 1.0, True])}, "unsupported", "/svc", "'svc'"),
    ({"heat_pump": _table("bus p_mw in_service", [3, 1.0, True])}, "not_understood", "/heat_pump", "'heat_pump'"),
    ({"load": _table("bus p_mw q_mvar p_heat_mw", [3, 0.1, 0, 0.05])}, "not_understood", "/load",
     "load 0: 'p_heat_mw'"),
    ({"load": _table("bus p_mw q_mvar const_z_p_percent", [3, 0.1, 0, 50.0])}, "unsupported", "/load", "load 0"),
    ({"user_pf_options": {"trafo_model": "pi"}}, "unsupported", "/user_pf_options/trafo_model", "'pi'"),
    ({"trafo": _table(f"{TRAFO} leakage_resistance_ratio_hv", [0, 1, 0.4, 20.0, 0.4, 4.0, 1.3, 1.35, 0.3, 0.2])},
     "unsupported", "/trafo", "trafo 0"), ({"weather": {"sun": 1}}, "not_understood", "/weather", "'weather'")])
def test_what_is_not_understood_is_refused_by_name(more: dict[str, Any], code: str, path: str, words: str) -> None:
    """An unknown table, column or option; out of service, empty, or accepted, it passes."""
    with pytest.raises(TaskError) as caught:
        read(street(0.4, **more), 1)
    assert (caught.value.code, caught.value.path) == (code, "/pandapower/_object" + path)
    assert words in caught.value.message
    if code == "not_understood":
        left = Left(["not_understood"])
        read(street(0.4, **more), 1, left)
        assert any(words in note for note in left.notes())


def test_what_is_out_of_service_or_empty_is_not_there() -> None:
    """Whatever it is; and what may be ignored is."""
    read(street(0.4, svc=_table("bus in_service", [3, False]), heat_pump=_table("bus p_mw"),
                res_bus=_table("vm_pu", [1.0]), std_types={"line": {}},
                user_pf_options={"algorithm": "nr", "switch_rx_ratio": 3}), 1)


def test_every_reason_to_ignore_is_given() -> None:
    """An allow-list without reasons is a list of what was overlooked; and no name stands in two lists."""
    for part in (NET, OPTIONS, *COLUMNS.values()):
        assert all(len(why) > 5 for why in (*part.skips.values(), *part.tells.values(), *part.refuses.values()))
        names = [*{*part.reads, *part.skips}, *part.tells, *part.only, *part.refuses]
        assert part.label and len(set(names)) == len(names)


def test_a_transformer_open_at_its_far_end_is_refused() -> None:
    """It draws its no-load power from there; at the source that is nobody's voltage."""
    two = [[0, 1, 0.4, 20.0, 0.4, 4.0, 1.325, 1.35, 0.3], [0, 2, 0.4, 20.0, 0.4, 4.0, 1.325, 1.35, 0.3]]
    for bus, code in ((0, "unsupported"), (2, "")):
        given = street(0.4, trafo=_table(TRAFO, *two), switch=_table("bus element et closed", [bus, 1, "t", False]))
        if code:
            with pytest.raises(TaskError, match="open at one end"):
                read(given, 1)
        else:
            assert any("transformer (1) left out" in note for note in volts_of(given)[0].notes)


@pytest.mark.parametrize(("table", "row", "column", "value", "words"), [
    ("load", 0, "in_service", "False", "load 0: in_service is 'False', not true or false"),
    ("load", 2, "in_service", None, "load 2: in_service is 'None', not true or false"),
    ("switch", 1, "closed", "no", "switch 1: closed is 'no', not true or false"),
    ("switch", 1, "et", "line", "switch 1: et is 'line', not 'l' or 'b'"),
    ("line", 0, "length_km", "0.5", "line 0: length_km is '0.5', not a number"),
    ("line", 0, "max_i_ka", True, "line 0: max_i_ka is 'True', not a number"),
    ("line", 1, "parallel", 0, "line 1: parallel is '0', not a number above 0"),
    ("trafo", 0, "vn_lv_kv", 0, "trafo 0: vn_lv_kv is '0', not a number above 0"),
    ("bus", 0, "vn_kv", 0.0, "bus 0: vn_kv is '0.0', not a number above 0"),
    ("line", 0, "from_bus", "2", "line 0: from_bus is '2', not a number"),
    ("trafo", 0, "tap_side", "HV", "trafo 0: tap_side is 'HV', not 'hv' or 'lv'"),
    ("trafo", 0, "tap_pos", 50, "trafo 0: tap_percent: 125.0 is too large"),
])
def test_each_column_takes_only_its_type(net, table: str, row: int, column: str, value: Any, words: str) -> None:
    """A text is neither a truth nor a number; what is wrong is told by the net's own names."""
    with pytest.raises(TaskError) as caught:
        read(_change(net, table, row, column, value), 1)
    assert (caught.value.code, caught.value.path) == ("bad_pandapower", f"/pandapower/_object/{table}")
    assert words in caught.value.message


def test_a_tap_beyond_its_bounds_is_refused(net) -> None:
    """Where the net gives them."""
    split = json.loads(net["_object"]["trafo"]["_object"])
    split["columns"] += ["tap_min", "tap_max"]
    split["data"][0] += [-1, 1]
    net["_object"]["trafo"]["_object"] = json.dumps(split)
    with pytest.raises(TaskError, match="tap_pos is -2, beyond tap_min -1 to tap_max 1"):
        read(net, 1)


@pytest.mark.parametrize("part", ["index", "columns"])
def test_what_comes_twice_in_a_table_is_refused(net, part: str) -> None:
    """Of two rows of one index the first would be gone in silence."""
    split = json.loads(net["_object"]["load"]["_object"])
    split[part][1] = split[part][0]
    net["_object"]["load"]["_object"] = json.dumps(split)
    with pytest.raises(TaskError) as caught:
        read(net, 1)
    assert (caught.value.code, caught.value.path) == ("duplicate", "/pandapower/_object/load")


def test_lines_without_a_limit_are_told(net) -> None:
    """No current overloads them, which a share of 100 % would not say."""
    left = Left()
    read(_change(net, "line", 0, "max_i_ka", None), 1, left)
    assert any("1 of 2 lines have no limit of current in the net (line 0)" in note for note in left.notes())


class Compared(int):
    """An index that counts how often it is compared."""

    times = 0
    __hash__ = int.__hash__

    def __eq__(self, other: object) -> bool:
        Compared.times += 1
        return int.__eq__(self, other)


def test_indices_that_fall_into_one_place_are_not_compared_with_one_another(net) -> None:
    """Of numbers a sender can choose such; of a table of n that would be n times n / 2 comparisons."""
    loads = [Compared(k * ((1 << 61) - 1)) for k in range(60)]
    net["_object"]["load"] = {"_class": "DataFrame", "_object": {
        "columns": ["bus", "p_mw", "q_mvar"], "index": loads, "data": [[3, 0.001, 0] for _ in loads]}}
    assert len(read(net, 1).feeder.loads) == 60 and Compared.times == 0


@pytest.mark.parametrize("index", [[0.0], [True], ["0"], [1e400], [0.5]])
def test_an_index_is_a_number_or_a_word(net, index: list[Any]) -> None:
    """1.0 is 1, as columns with gaps have it; a word is no number."""
    net["_object"]["load"] = {"_class": "DataFrame", "_object": {
        "columns": ["bus", "p_mw", "q_mvar"], "index": index, "data": [[3.0, 0.001, 0]]}}
    assert [load.bus for load in read(net, 1).feeder.loads] == ["end"]


@pytest.mark.parametrize("index", [[None], [[0]], 0, None])
def test_what_is_no_index_is_told(net, index: Any) -> None:
    """Nothing and a list, as one or in place of all."""
    net["_object"]["load"] = {"_class": "DataFrame", "_object": {
        "columns": ["bus", "p_mw", "q_mvar"], "index": index, "data": [[3, 0.001, 0]]}}
    with pytest.raises(TaskError) as refused:
        read(net, 1)
    assert refused.value.code == "bad_pandapower" and "damaged" in refused.value.message


def test_all_tables_together_have_so_many_rows(net, monkeypatch: pytest.MonkeyPatch) -> None:
    """The net has 17; what is passed over does not count."""
    net["_object"]["res_bus"] = _table("vm_pu", *[[1.0]] * 50)
    monkeypatch.setattr(pandapower, "MOST_ROWS", 17)
    assert read(net, 1).feeder.loads
    monkeypatch.setattr(pandapower, "MOST_ROWS", 16)
    with pytest.raises(TaskError) as refused:
        read(net, 1)
    assert refused.value.code == "too_large"
