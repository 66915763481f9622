"""Small inputs, each with one thing that a reader can take for what it is not; and what must come of it.

Voltages are those of pandapower 3.5.6, ``runpp``; the rest can be counted on the fingers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lamplighter.tasks.api import Input
from lamplighter.tasks.energy.evhosting.method.snapshot import Snapshots
from lamplighter.tasks.readers.groups import bounds

NEAR_PU = 2e-6
DAYS = 42


@dataclass(frozen=True)
class Small:
    """``told`` shows of a prepared spec what ``wanted`` must equal, or of a refusal its code and path."""

    name: str
    kind: str
    given: Input
    wanted: Any
    told: Callable[[Any], Any] = str

    def right(self, came: Any) -> bool:
        if isinstance(self.wanted, float):
            return isinstance(came, float) and abs(came - self.wanted) <= NEAR_PU
        return bool(came == self.wanted)


def cases() -> Iterator[Small]:
    yield from _maps()
    yield from _feeders()
    yield from _counts()
    yield from _crossings()


def _noted(*words: str) -> Callable[[Any], Any]:
    """Which of these words stand in the notes."""
    return lambda spec: [word for word in words if any(word in note for note in spec.notes)]


def _station(number: int, value: object, **more: object) -> dict[str, Any]:
    place = {"type": "Point", "coordinates": [13.3 + number % 3 / 50, 52.5 + number // 3 / 60]}
    return {"id": f"urn:ngsi-ld:AirQualityObserved:{number}", "type": "AirQualityObserved",
            "no2": {"type": "Property", "value": value, "unitCode": "GQ", **more},
            "location": {"type": "GeoProperty", "value": place}}


def _maps() -> Iterator[Small]:
    kind, plain = "environment.airmap", [_station(i, 30 + i) for i in range(9)]

    def of(entities: list[dict[str, Any]]) -> Input:
        return {"entities": entities, "property": "no2"}

    yield Small("a code for missing among readings", kind, of([*plain[:4], _station(4, -9999), *plain[5:]]),
                ("implausible", "/input/entities/4"))
    late = [_station(i, 30 + i, observedAt="2026-04-01T12:00:00Z") for i in range(9)]
    early = [_station(i, 80 + i, observedAt="2026-04-01T07:00:00Z") for i in range(9)]
    yield Small("observedAt of the reading decides", kind, of(late + early), [30.0 + i for i in range(9)],
                lambda spec: spec.readings)
    for name, change in (("type as a URI", {"type": "https://uri.etsi.org/ngsi-ld/default/AirQualityObserved"}),
                         ("type with a prefix", {"type": "fiware:AirQualityObserved"})):
        yield Small(name, kind, of([one | change for one in plain]), 9, lambda spec: len(spec.readings))
    dressed = [{"@type" if key == "type" else key: value for key, value in one.items()} for one in plain]
    yield Small("@type", kind, of(dressed), 9, lambda spec: len(spec.readings))
    pack = [record for i in range(9) for record in (
        {"bn": f"urn:dev:ow:{i}:", "n": "lat", "u": "lat", "v": 52.5 + i // 3 / 60},
        *([{"n": "lon", "u": "lon", "v": 13.3 + i % 3 / 50}] if i != 2 else []),
        {"n": "no2", "u": "ug/m3", "v": 30 + i} if i != 5 else {"n": "no2", "vs": "n/a"})]
    yield Small("SenML devices without position or number are told", kind, {"senml": pack, "property": "no2"},
                [7, "no reading of no2", "no position"],
                lambda spec: [len(spec.readings), *_noted("no reading of no2", "no position")(spec)])


def _frame(columns: str, *rows: list[Any]) -> dict[str, Any]:
    split = {"columns": columns.split(), "index": list(range(len(rows))), "data": list(rows)}
    return {"_module": "pandas.core.frame", "_class": "DataFrame", "_object": json.dumps(split), "orient": "split"}


def _net(**more: dict[str, Any]) -> Input:
    """A transformer, then four buses in a row."""
    return {"pandapower": {"_class": "pandapowerNet", "_object": {
        "bus": _buses(), "ext_grid": _frame("bus vm_pu in_service", [0, 1.0, True]),
        "line": _frame("from_bus to_bus length_km r_ohm_per_km x_ohm_per_km c_nf_per_km max_i_ka in_service",
                       *([i, i + 1, 0.25, 0.2, 0.08, 260.0, 0.27, True] for i in (1, 2, 3))),
        "trafo": _frame("hv_bus lv_bus sn_mva vn_hv_kv vn_lv_kv vk_percent vkr_percent pfe_kw i0_percent",
                        [0, 1, 0.4, 20.0, 0.4, 4.0, 1.325, 1.35, 0.3]),
        "load": _frame("bus p_mw q_mvar in_service", *([i, 0.008, 0.001, True] for i in (2, 3, 4))), **more}}}


def _buses(*more: list[Any], off: int | None = None) -> dict[str, Any]:
    return _frame("name vn_kv in_service", ["mv", 20.0, True],
                  *([f"b{i}", 0.4, i != off] for i in (1, 2, 3, 4)), *more)


def _volts(bus: str) -> Callable[[Any], float]:
    """At a bus without cars, by the kernel's own arithmetic."""

    def told(spec: Any) -> float:
        shots = Snapshots(spec, "on_arrival", 0, 0)
        shots.go_to(0)
        return float(dict(zip(spec.tree.names, map(abs, shots.voltages()), strict=True))[bus])

    return told


def _feeders() -> Iterator[Small]:
    kind = "energy.evhosting"
    motor = _frame("bus pn_mech_mw cos_phi efficiency_percent loading_percent scaling in_service",
                   [3, 0.04, 0.8, 90.0, 75.0, 1.0, True])
    yield Small("a motor is in the power flow", kind, _net(motor=motor), 0.950306, _volts("b4"))
    yield Small("a switch has an impedance", kind, _net(
        bus=_buses(["x", 0.4, True]), switch=_frame("bus element et closed z_ohm", [4, 5, "b", True, 0.15]),
        load=_frame("bus p_mw q_mvar in_service", *([i, 0.008, 0.001, True] for i in (2, 3, 4)),
                    [5, 0.015, 0.0, True])), 0.954089, _volts("x"))
    yield Small("a bus is out of service", kind, _net(bus=_buses(off=4)), [False, ["load (2)"]],
                lambda spec: ["b4" in spec.tree.names, _noted("load (2)")(spec)])


def _observed(hour: datetime, count: int, **more: str) -> dict[str, Any]:
    times = [when.strftime("%Y-%m-%dT%H:%M:%SZ") for when in (hour, hour + timedelta(hours=1))]
    return {"id": f"urn:ngsi-ld:TrafficFlowObserved:{times[0]}-{'-'.join(more.values())[-12:]}",
            "type": "TrafficFlowObserved", "dateObserved": "/".join(times), "intensity": count, **more}


def _counts() -> Iterator[Small]:
    kind = "traffic.forecast"
    hours = [datetime(2026, 6, 1) + timedelta(hours=hour) for hour in range(24 * DAYS)]
    roads = [_observed(when, 20 + when.hour, refRoadSegment=f"urn:ngsi-ld:RoadSegment:{road}")
             for road in ("A", "B") for when in hours]
    yield Small("observations of one road segment are one detector", kind, {"entities": roads}, 2,
                lambda spec: len(spec.series))
    classes = [_observed(when, 20 + when.hour, refDevice="D", vehicleType=one)
               for one in ("car", "lorry") for when in hours]
    yield Small("vehicle classes that count alike are added up", kind, {"entities": classes},
                [1, 2 * sum(20 + when.hour for when in hours)],
                lambda spec: [len(spec.series), round(sum(flow or 0 for one in spec.series for flow in one.flows))])


NETWORK = """<net version="1.20">
 <edge id="s_in" from="S" to="C"><lane id="s_in_0" index="0" speed="13.9" length="150" {south}/></edge>
 <edge id="w_in" from="W" to="C"><lane id="w_in_0" index="0" speed="13.9" length="210"/></edge>
 <edge id="n_out" from="C" to="N"><lane id="n_out_0" index="0" speed="13.9" length="90"/></edge>
 <edge id="e_out" from="C" to="E"><lane id="e_out_0" index="0" speed="13.9" length="90"/></edge>
 {more}
 <tlLogic id="C" type="{how}" programID="0" offset="0">{phases}</tlLogic>
 <junction id="C" type="traffic_light" incLanes="s_in_0 w_in_0" intLanes=":C_0_0 :C_1_0{inside}">{table}</junction>
 <connection from="s_in" to="n_out" fromLane="0" toLane="0" via=":C_0_0" tl="C" linkIndex="0" dir="s" state="o"/>
 <connection from="w_in" to="e_out" fromLane="0" toLane="0" via=":C_1_0" tl="C" linkIndex="1" dir="s" state="o"/>
</net>"""
PHASES = ((31, "Gr"), (4, "yr"), (21, "rG"), (4, "ry"))
TABLE = ("10", "01")
WALK = """<edge id=":C_c0" function="crossing" crossingEdges="e_out">
  <lane id=":C_c0_0" index="0" allow="pedestrian" speed="1.4" length="9"/></edge>
 <edge id=":C_w0" function="walkingarea">
  <lane id=":C_w0_0" index="0" allow="pedestrian" speed="1.4" length="3"/></edge>
 <connection from=":C_w0" to=":C_c0" fromLane="0" toLane="0" tl="C" linkIndex="2" dir="s" state="M"/>"""
WALKED = ((20, "GrG"), (11, "Grr"), (4, "yrr"), (21, "rGr"), (4, "ryr"))
RAIL = """<tlLogic id="rail" type="static" programID="0"><phase duration="86400" state="r"/></tlLogic>"""
CARS = """<flow id="w" begin="0" end="3600" period="10" from="w_in" to="e_out"/>"""


def _crossing(routes: str, phases: Iterable[tuple[int, str]] = PHASES, table: Iterable[str] = TABLE,
              **parts: str) -> Input:
    """Two one-way roads that cross under signals."""
    shown = "".join(f'<phase duration="{seconds}" state="{state}"/>' for seconds, state in phases)
    rows = list(table)
    asked = "".join(f'<request index="{i}" response="{"0" * len(rows)}" foes="{foes}" cont="0"/>'
                    for i, foes in enumerate(rows))
    words = {"south": "", "more": "", "how": "static", "inside": ""} | parts
    return {"sumo": {"network_xml": NETWORK.format(phases=shown, table=asked, **words),
                     "routes_xml": f"<routes>{routes}</routes>"}}


def _departures(spec: Any) -> int:
    return len(spec.demand.vehicles)


def _crossings() -> Iterator[Small]:
    kind = "traffic.signals"
    bus = """<vType id="bus" vClass="bus"/>
        <vehicle id="b" type="bus" depart="1"><route edges="s_in n_out"/></vehicle>"""
    yield Small("a bus on a road of its own", kind, _crossing(bus + CARS, south='allow="bus"'),
                [361, ["w_in > e_out", "s_in > n_out apart from cars"]],
                lambda spec: [_departures(spec), list(spec.network.movements)])
    day = '<flow id="s" begin="0" end="86400" period="4" from="s_in" to="n_out"/>'
    yield Small("a flow of a day, read to its end", kind, _crossing(day) | {
        "period_start_s": 61_200, "period_end_s": 64_800}, 900, _departures)
    yield Small("a programme that guards no road is passed over", kind, _crossing(CARS, more=RAIL), [1, ["(rail)"]],
                lambda spec: [len(spec.network.junctions), _noted("(rail)")(spec)])
    yield Small("a NEMA controller is refused by name", kind, _crossing(CARS, how="NEMA"),
                ("nema_programme", "/input/sumo/network_xml"))
    yield Small("walk and clearance are not shortened", kind,
                _crossing(CARS, WALKED, ("010", "101", "010"), more=WALK, inside=" :C_c0_0"),
                [{2}, 200, 110], _walked)
    mixed = """<flow id="f" begin="0" end="1000" period="1"><routeDistribution>
        <route edges="s_in n_out" probability="0.25"/><route edges="w_in e_out" probability="0.75"/>
        </routeDistribution></flow>"""
    yield Small("routes are drawn by probability", kind, _crossing(mixed), [1000, True],
                lambda spec: [_departures(spec), 0.2 < _share(spec, "s_in > n_out") < 0.3])


def _walked(spec: Any) -> list[Any]:
    """Who walks, what is the least that a walk is green, in 0.1 s, and how long it clears, which no plan changes."""
    (junction,) = spec.network.junctions
    clearance = junction.phases[1]
    (least, _), *_ = bounds(junction, 50)
    return [set(junction.walks), least, 0 if clearance.adjustable else clearance.duration_ds]


def _share(spec: Any, name: str) -> float:
    """Of the vehicles, those that pass this movement."""
    number = spec.network.movements.index(name)
    pass_it = {i for i, way in enumerate(spec.demand.routes) if any(movement == number for movement, _ in way)}
    return sum(route in pass_it for _, route in spec.demand.vehicles) / len(spec.demand.vehicles)
