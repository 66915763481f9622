"""Documents of every accepted format, of any size, made to be as hard on a reader as their format allows.

``DOCUMENTS[name](n)`` gives (kind, input); its length grows with ``n``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lamplighter.tasks.api import Input

Document = tuple[str, Input]
DOCUMENTS: dict[str, Callable[[int], Document]] = {}


def _document(make: Callable[[int], Document]) -> Callable[[int], Document]:
    DOCUMENTS[make.__name__.replace("_", " ")] = make
    return make


def _frame(rows: list[list[Any]], *columns: str) -> dict[str, Any]:
    split = {"columns": columns, "index": list(range(len(rows))), "data": rows}
    return {"_class": "DataFrame", "_object": json.dumps(split)}


@_document
def pandapower(n: int) -> Document:
    """Switches in a chain that joins all buses, and as many open ones at as many lines."""
    switches = [[i, i + 1, "b", True] for i in range(n - 1)] + [[0, i, "l", False] for i in range(n)]
    net = {
        "bus": _frame([[f"b{i}", 0.4] for i in range(n)], "name", "vn_kv"),
        "ext_grid": _frame([[0, 1.0]], "bus", "vm_pu"),
        "line": _frame([[0, 1, 0.1, 0.1, 0.1, 0.2] for _ in range(n)], "from_bus", "to_bus", "length_km",
                       "r_ohm_per_km", "x_ohm_per_km", "max_i_ka"),
        "load": _frame([[0, 0.001, 0.0]], "bus", "p_mw", "q_mvar"),
        "switch": _frame(switches, "bus", "element", "et", "closed"),
    }
    return "energy.evhosting", {"pandapower": {"_object": net}}


@_document
def pandapower_indices(n: int) -> Document:
    """Buses whose indices all fall into one place of a table, and a switch at each."""
    kind, given = pandapower(n)
    net, one = given["pandapower"]["_object"], (1 << 61) - 1
    buses = json.loads(net["bus"]["_object"])
    net["bus"]["_object"] = json.dumps({**buses, "index": [i * one for i in range(n)]})
    net["switch"] = _frame([[i * one, i * one, "b", True] for i in range(n)], "bus", "element", "et", "closed")
    net["line"]["_object"] = net["line"]["_object"].replace("[0, 1, 0.1", f"[0, {one}, 0.1")
    return kind, given


@_document
def pandapower_loads(n: int) -> Document:
    """Loads of one bus, and columns that are passed over."""
    kind, given = pandapower(3)
    columns = [f"cost_{i}" for i in range(20)]
    given["pandapower"]["_object"]["load"] = _frame([[1, 1e-6, 0, *range(20)] for _ in range(n)], "bus", "p_mw",
                                                    "q_mvar", *columns)
    given["pandapower"]["_object"]["switch"] = _frame([[1, 2, "b", True]], "bus", "element", "et", "closed")
    return kind, given


@_document
def pandapower_tables(n: int) -> Document:
    """Tables that nobody knows, with nothing in them."""
    kind, given = pandapower_loads(3)
    given["pandapower"]["_object"] |= {f"t{i}": _frame([], "a") for i in range(n)}
    return kind, given


def _csv(header: str, rows: Iterable[str]) -> str:
    return "\n".join([header, *rows])


def _simbench(n: int, nodes: int) -> dict[str, str]:
    return {
        "Node": _csv("id;type;vmR;vmSetp", (f"n{i:07};busbar;0.4;" for i in range(nodes))),
        "ExternalNet": "id;node\ne;n0000000", "LineType": "id;r;x;b;iMax\nt;0.1;0.1;0;100",
        "Line": "id;nodeA;nodeB;type;length\nl;n0000000;n0000001;t;0.1",
        "Load": _csv("id;node;profile;pLoad;qLoad;subnet", (f"l{i};n0000001;p{i};0.01;0;s" for i in range(n))),
    }


@_document
def simbench_switches(n: int) -> Document:
    """All nodes joined in a chain, from its far end."""
    tables = {**_simbench(1, n), "Switch": _csv("id;nodeA;nodeB;cond", (
        f"s{i};n{i:07};n{i + 1:07};1" for i in reversed(range(n - 1))))}
    return "energy.evhosting", {"simbench": tables}


@_document
def simbench_profiles(n: int) -> Document:
    """A profile for each load."""
    names = [f"p{i}{part}" for i in range(n) for part in ("_pload", "_qload")]
    profiles = _csv("time;" + ";".join(names), ("t" + ";1" * len(names) for _ in range(96)))
    return "energy.evhosting", {"simbench": {**_simbench(n, 3), "LoadProfile": profiles}}


@_document
def simbench_wide(n: int) -> Document:
    """A header of n columns over n rows of one."""
    wide = _csv(";".join(f"c{i}" for i in range(n)), ("x" for _ in range(n)))
    return "energy.evhosting", {"simbench": {**_simbench(2, 3), "Coordinates": wide}}


@_document
def simbench_values(n: int) -> Document:
    """Profiles in which each value is too large."""
    kind, given = simbench_profiles(n)
    tables = given["simbench"]
    return kind, {"simbench": {**tables, "LoadProfile": tables["LoadProfile"].replace(";1", ";9e9")}}


@_document
def simbench_types(n: int) -> Document:
    """Types of lines with many columns that hold nothing."""
    header = "id;r;x;b;iMax;" + ";".join(f"c{i}" for i in range(200))
    types = _csv(header, (f"t{i or ''};.1;.1;0;100" + ";" * 200 for i in range(n)))
    return "energy.evhosting", {"simbench": {**_simbench(2, 2), "LineType": types}}


@_document
def feeder(n: int) -> Document:
    """Loads without number at two buses, each with a profile."""
    return "energy.evhosting", {"feeder": {
        "nominal_kv": 0.4, "source_bus": "a", "buses": [{"name": "a"}, {"name": "b"}],
        "lines": [{"from_bus": "a", "to_bus": "b", "r_ohm": 0.1, "x_ohm": 0.1, "limit_a": 100}],
        "loads": [{"bus": "b", "kw": 0.01, "cars": 0, "profile": "p"} for _ in range(n)] + [{"bus": "b", "kw": 1}],
        "profiles": {"p": [1.0] * 96}}}


def _network(edges: int, more: str = "") -> str:
    """Edges in a row, the first junction of which has a signal."""
    roads = "".join(f'<edge id="e{i}" from="j{i}" to="j{i + 1}"><lane id="e{i}_0" index="0" speed="10" length="50"/>'
                    "</edge>" for i in range(edges))
    ways = "".join(f'<connection from="e{i}" to="e{i + 1}" fromLane="0"'
                   + (' tl="t" linkIndex="0" via=":j1_0"' if not i else "") + "/>" for i in range(edges - 1))
    table = '<junction id="j1" intLanes=":j1_0"><request index="0" response="0" foes="0"/></junction>'
    return ('<net><tlLogic id="t"><phase duration="40" state="G"/><phase duration="3" state="y"/>'
            f'<phase duration="40" state="r"/></tlLogic>{roads}{ways}{table}{more}</net>')


def _signals(network: str, routes: str = "", **more: Any) -> Document:
    sumo = {"network_xml": network, **({"routes_xml": f"<routes>{routes}</routes>"} if routes else {}), **more}
    return "traffic.signals", {"sumo": sumo, "period_start_s": 0, "period_end_s": 600,
                               "search": {"generations": 1, "replicas": 1}}


def _lit(junctions: int, ways: int, phases: Sequence[str], response: str = "", foes: str = "", more: str = "") -> str:
    """Junctions in a row, each with a signal for so many ways from one road into the next, by as many lanes."""
    given = [f'<edge id="e{i}" from="j{i}" to="j{i + 1}">' + "".join(
        f'<lane id="e{i}_{k}" index="{k}" speed="10" length="50"/>' for k in range(ways)) + "</edge>"
        for i in range(junctions + 1)]
    states = "".join(f'<phase duration="2" state="{state}"/>' for state in phases)
    table = "".join(f'<request index="{k}" response="{response or "0"}" foes="{foes or "0"}"/>' for k in range(ways))
    for i in range(junctions):
        lanes = " ".join(f":j{i + 1}_{k}" for k in range(ways))
        given += [f'<tlLogic id="t{i}">{states}</tlLogic>',
                  f'<junction id="j{i + 1}" type="traffic_light" intLanes="{lanes}">{table}</junction>',
                  *(f'<connection from="e{i}" to="e{i + 1}" fromLane="{k}" toLane="{k}" via=":j{i + 1}_{k}" '
                    f'tl="t{i}" linkIndex="{k}"/>' for k in range(ways))]
    return f"<net>{''.join(given)}{more}</net>"


PASSING = '<vehicle id="v" depart="1"><route edges="e0 e1"/></vehicle>'


@_document
def sumo_signals(n: int) -> Document:
    """n signals in a row, and vehicles that pass them all."""
    way = " ".join(f"e{i}" for i in range(n + 1))
    return _signals(_lit(n, 1, ("G", "y", "r")), f'<route id="r" edges="{way}"/>' + "".join(
        f'<vehicle id="{i}" route="r" depart="{i}"/>' for i in range(20)))


@_document
def sumo_tables(n: int) -> Document:
    """Ways that all cross and all yield to one another, in as large junctions as there are."""
    ways = min(n, 250)
    return _signals(_lit(max(1, n // 250), ways, ("g" * ways, "r" * ways), "1" * ways, "1" * ways), PASSING)


@_document
def sumo_phases(n: int) -> Document:
    """As many phases and signals as a programme has, no two of which may be green at once."""
    ways, length = min(n, 120), min(n, 250)
    phases = ["".join("G" if k == i % (2 * ways) // 2 and i % 2 else "r" for k in range(ways)) for i in range(length)]
    return _signals(_lit(max(1, n // 250), ways, phases, "", "1" * ways), PASSING)


@_document
def sumo_one_table(n: int) -> Document:
    """A junction with more ways than SUMO has."""
    ways = "1" * n
    return _signals(_lit(1, n, ("g" * n, "r" * n), ways, ways), PASSING)


@_document
def sumo_shared_ways(n: int) -> Document:
    """Movements from everywhere to everywhere, that all share a row of the table which yields to all of them."""
    side = 2 + int(n ** 0.5)
    roads = "".join(f'<edge id="{way}{i}" from="{a}" to="{b}"><lane id="{way}{i}_0" index="0" speed="9" length="9"/>'
                    "</edge>" for i in range(side) for way, a, b in (("a", f"x{i}", "j1"), ("b", "j1", f"y{i}")))
    links = "".join(f'<connection from="a{k // side}" to="b{k % side}" fromLane="0" tl="t0" linkIndex="0" '
                    f'via=":j1_0"/>' for k in range(n))
    return _signals(_lit(1, 1, ("g", "r"), "1", "1", roads + links), PASSING)


@_document
def sumo_lanes(n: int) -> Document:
    """A road of n lanes before a signal of one."""
    lanes = "".join(f'<lane id="w_{k}" index="{k}" speed="9" length="9" allow="all bus"/>' for k in range(n))
    return _signals(_lit(1, 1, ("G", "r"), more=f'<edge id="w" from="a" to="b">{lanes}</edge>'), PASSING)


@_document
def sumo_programmes(n: int) -> Document:
    """n programmes of one signal."""
    more = "".join(f'<tlLogic id="t0" programID="{i}"><phase duration="9" state="G"/><phase duration="9" state="r"/>'
                   "</tlLogic>" for i in range(n))
    return _signals(_lit(1, 1, ("G", "r"), more=more), PASSING)


@_document
def sumo_state(n: int) -> Document:
    """Signals that nothing stands at."""
    return _signals(_lit(1, 1, ("G" * n, "r" * n)), PASSING)


@_document
def sumo_unknown(n: int) -> Document:
    """Attributes that nobody knows and the operator wants passed over."""
    named = " ".join(f'lenght{i}=""' if i % 2 else f'fromm{i}="x"' for i in range(n))
    kind, given = _signals(_lit(1, 1, ("G", "r"), more=f"<edge {named}/>"), PASSING)
    return kind, {**given, "accept": ["not_understood"]}


@_document
def sumo_deep(n: int) -> Document:
    """Elements within elements that are left aside."""
    return _signals(_lit(1, 1, ("G", "r"), more="<param>" * n + "</param>" * n), PASSING)


@_document
def sumo_giant_number(n: int) -> Document:
    """A length of n digits."""
    return _signals(_lit(1, 1, ("G", "r")).replace('length="50"', f'length="0.{"7" * n}"'), PASSING)


@_document
def sumo_via(n: int) -> Document:
    """A trip by way of one end of the network and the other, again and again, and many that do the same."""
    far = " ".join(("e0", "e3") * n)
    return _signals(_lit(3, 1, ("G", "r"), more='<connection from="e3" to="e0" fromLane="0"/>'), "".join(
        f'<flow id="{i}" begin="0" end="600" number="50" from="e0" to="e1" via="{far}"/>' for i in range(1)))


@_document
def sumo_types(n: int) -> Document:
    """A distribution of n types, and n vehicles each of which draws one."""
    types = "".join(f'<vType id="{i}" length="{5 + i % 9}"/>' for i in range(n))
    return _signals(_lit(1, 1, ("G", "r")), f'<vTypeDistribution id="all">{types}</vTypeDistribution>' + "".join(
        f'<vehicle id="{i}" type="all" depart="{i % 500}"><route edges="e0 e1"/></vehicle>' for i in range(n)))


@_document
def sumo_routes(n: int) -> Document:
    """A distribution of n routes, and n vehicles each of which draws one."""
    ways = '<route edges="e0 e1"/>' * n
    return _signals(_lit(1, 1, ("G", "r")), f'<routeDistribution id="all">{ways}</routeDistribution>' + "".join(
        f'<vehicle id="{i}" route="all" depart="{i % 500}"/>' for i in range(n)))


@_document
def sumo_arrivals(n: int) -> Document:
    """Flows at random of more vehicles than anybody counts, all before the period."""
    flows = "".join(f'<flow id="{i}" begin="0" end="86400" number="100000" period="exp(10)" from="e0" to="e1"/>'
                    for i in range(n))
    kind, given = _signals(_lit(1, 1, ("G", "r")), PASSING.replace('depart="1"', 'depart="90000"') + flows)
    return kind, {**given, "period_start_s": 90_000, "period_end_s": 90_600}


@_document
def plain_phases(n: int) -> Document:
    """Junctions of as many phases and signals as there may be, no two of which are green at once."""
    letters, length = min(n, 250), min(n, 250)
    phases = [{"duration_s": 2, "signals": "".join("G" if k == i else "r" for k in range(letters))}
              for i in range(length)]
    junctions = [{"id": f"j{j}", "phases": phases, "movements": [
        {"id": f"m{j}", "turn": "left", "lanes": ["l"], "signal": 0}]} for j in range(max(1, min(60, n // 250)))]
    routes = [{"legs": [{"travel_s": 1, "movement": "m0"}], "departures_s": [1]}]
    return "traffic.signals", {"plain": {"junctions": junctions, "routes": routes}, "period_end_s": 600,
                               "search": {"generations": 1, "replicas": 1}}


@_document
def sumo_long_route(n: int) -> Document:
    """A route of n edges, and n vehicles that take it."""
    way = " ".join(f"e{i}" for i in range(n))
    return _signals(_network(n), f'<route id="r" edges="{way}"/>' + "".join(
        f'<vehicle id="{i}" route="r" depart="{i % 500}"/>' for i in range(n)))


@_document
def sumo_trips(n: int) -> Document:
    """Trips from the first edge to the last."""
    return _signals(_network(n), "".join(
        f'<trip id="{i}" from="e0" to="e{n - 1}" depart="1"/>' for i in range(n)))


@_document
def sumo_flows(n: int) -> Document:
    """Flows, all of whose vehicles depart before the period begins."""
    kind, given = _signals(_network(3), '<vehicle id="v" depart="90000"><route edges="e0 e1"/></vehicle>' + "".join(
        f'<flow id="{i}" begin="0" end="86400" period="0.01" from="e0" to="e1"/>' for i in range(n)))
    return kind, {**given, "period_start_s": 90_000, "period_end_s": 90_600}


@_document
def sumo_conflicts(n: int) -> Document:
    """n connections of one signal that share one row of conflicts."""
    ways = "".join('<connection from="e0" to="e1" fromLane="0" tl="t" linkIndex="0" via=":v_0"/>' for _ in range(n))
    row = f'<junction id="j1" intLanes=":v_0"><request index="0" response="{"1" * min(n, 250)}" foes="0"/></junction>'
    return _signals(_network(3, ways + row), '<vehicle id="v" depart="1"><route edges="e0 e1"/></vehicle>')


@_document
def sumo_fan(n: int) -> Document:
    """An edge that leads to n others, counted at by many vehicles."""
    fan = "".join(f'<edge id="f{i}" from="j1" to="k{i}"><lane id="f{i}_0" index="0" speed="9" length="9"/></edge>'
                  f'<connection from="e0" to="f{i}" fromLane="0"/>' for i in range(n))
    seen = {"id": "d", "type": "TrafficFlowObserved", "intensity": min(n, 20_000), "dateObserved":
            "2026-03-01T06:00:00Z/2026-03-01T06:10:00Z"}
    counts = {"entities": [seen], "entries": [{"detector": "d", "road": "e0"}], "turns": []}
    return _signals(_network(3, fan), counts=counts)


def _flow(number: int, when: int) -> dict[str, Any]:
    day, hour = divmod(when, 24)
    return {"id": f"o{number}", "type": "TrafficFlowObserved", "refDevice": f"d{number}", "intensity": 7,
            "dateObserved": f"2026-0{1 + day // 28}-{1 + day % 28:02}T{hour:02}:00:00Z"}


@_document
def traffic_entities(n: int) -> Document:
    """Hourly counts of few detectors."""
    return "traffic.forecast", {"entities": [_flow(at // 1_000, at % 1_000) for at in range(n)]}


@_document
def traffic_detectors(n: int) -> Document:
    """Ten weeks of hours of each."""
    return "traffic.forecast", {"detectors": [{"id": f"d{i}", "start": "2026-01-05T00:00", "counts": [7.5] * 1_680}
                                              for i in range(1 + n // 100)], "time_zone": "UTC"}


def _air(number: int, when: int) -> dict[str, Any]:
    return {"id": f"a{number}-{when}", "type": "AirQualityObserved", "PM10": 20 + number % 9,
            "refDevice": f"s{number}", "dateObserved": f"2026-03-01T{when % 24:02}:{when // 24 % 60:02}:00Z",
            "location": {"type": "Point", "coordinates": [5 + number % 70 / 1_000, 51 + number // 70 / 1_000]}}


@_document
def air_entities(n: int) -> Document:
    """A station each, up to as many as a map takes."""
    return "environment.airmap", {"entities": [_air(number, 0) for number in range(n)], "property": "PM10"}


def _stations(**more: Any) -> Document:
    """Three, of which one has more."""
    entities = [_air(number, 0) for number in range(3)]
    return "environment.airmap", {"entities": [{**entities[0], **more}, *entities[1:]], "property": "PM10"}


@_document
def air_attributes(n: int) -> Document:
    """A station with n readings that nobody asks for, each in another vocabulary."""
    return _stations(**{f"urn:{i}:a{i}": 1 for i in range(n)})


@_document
def air_members(n: int) -> Document:
    """A reading about which more is said than anybody knows."""
    return _stations(PM10={"value": 20, **{f"a{i}": 1 for i in range(n)}},
                     location={**{f"a{i}": 1 for i in range(n)}, "value": _air(0, 0)["location"]})


@_document
def air_instances(n: int) -> Document:
    """A reading n times, most of them in data sets of their own."""
    return _stations(PM10=[{"value": 20}] * n + [{"value": 1, "datasetId": f"d{i}"} for i in range(n)])


@_document
def air_history(n: int) -> Document:
    """n values with their times."""
    return _stations(PM10={"values": [[20, "2026-03-01T00:00:00Z"]] * n})


@_document
def air_features(n: int) -> Document:
    """A collection with more features than a list may have entities, none with a reading."""
    features = [{"type": "AirQualityObserved", "id": i} for i in range(n)]
    return "environment.airmap", {"entities": [{"type": "FeatureCollection", "features": features}],
                                  "property": "PM10"}


@_document
def senml_names(n: int) -> Document:
    """Records of a base name of as many parts as there may be."""
    return "environment.sensorqc", {"property": "PM10", "senml": [{"bn": "a:" * 16, "n": "a", "v": 1}] + [
        {"n": f"{i}", "v": 1, **({"u": "lat"} if i % 2 else {})} for i in range(n)]}


@_document
def senml_parts(n: int) -> Document:
    """Records of a base name of more parts than that."""
    return "environment.sensorqc", {"property": "PM10", "senml": [{"bn": ":" * 256, "n": "a", "v": 1}] + [
        {"n": f"{i}", "v": 1} for i in range(n)]}


def _cbor(*records: bytes) -> Document:
    packed = base64.b64encode(b"\x9a" + len(records).to_bytes(4, "big") + b"".join(records)).decode()
    return "environment.sensorqc", {"property": "PM10", "senml": packed}


@_document
def cbor_shared_label(n: int) -> Document:
    """A list of n numbers, by name the label of n values."""
    size = n.to_bytes(2, "big")
    return _cbor(b"\xa1\x61a\xd8\x1c\x99" + size + b"\x01" * n, b"\xb9" + size + b"\xd8\x1d\x00\x01" * n)


@_document
def cbor_nested_label(n: int) -> Document:
    """A list of twice the list before it, and so on, as a label."""
    lists = [b"\xd8\x1c\x80", *(b"\xd8\x1c\x82" + (b"\xd8\x1d\x19" + k.to_bytes(2, "big")) * 2 for k in range(n))]
    return _cbor(b"\xa1\x61a\x99" + (n + 1).to_bytes(2, "big") + b"".join(lists),
                 b"\xa1\xd8\x1d\x19" + n.to_bytes(2, "big") + b"\x01")


@_document
def cbor_numbers(n: int) -> Document:
    """Labels that all fall into one place of a table, and numbers of n digits."""
    labels = ((i * ((1 << 61) - 1)).to_bytes(12, "big") for i in range(1, n + 1))
    return _cbor(b"\xb9" + n.to_bytes(2, "big") + b"".join(b"\xc2\x4c" + label + b"\x01" for label in labels),
                 b"\xa2\x61b\xc4\x82\x1a\x7f\xff\xff\xff\x01\x61a\xc2\x59" + n.to_bytes(2, "big") + b"\xff" * n)


@_document
def cbor_depth(n: int) -> Document:
    """Lists in fractions in lists, and texts in pieces."""
    return _cbor(b"\xa2\x61a" + b"\xc4\x82\x81" * n + b"\x01" + b"\x01" * n + b"\x61b\x7f" + b"\x60" * n + b"\xff")


@_document
def air_senml(n: int) -> Document:
    """Three records a station."""
    records: list[dict[str, Any]] = []
    for i in range(n):
        records += [{"bn": f"s{i}:", "n": "PM10", "u": "ug/m3", "v": 20 + i % 9},
                    {"u": "lon", "n": "x", "v": 5 + i % 70 / 1_000},
                    {"u": "lat", "n": "y", "v": 51 + i // 70 / 1_000}]
    return "environment.airmap", {"senml": records, "property": "PM10"}


@_document
def sensors_entities(n: int) -> Document:
    """Few stations, that report at times of their own."""
    return "environment.sensorqc", {"entities": [_air(number % 20, number) for number in range(n)],
                                    "property": "PM10", "step_s": 60}


@_document
def sensors_table(n: int) -> Document:
    """Readings in rows."""
    stations = [{"x_m": i % 7 * 100, "y_m": i // 7 * 100} for i in range(50)]
    return "environment.sensorqc", {"stations": stations, "readings": [[20.5] * 50 for _ in range(1 + n // 50)]}


@_document
def homes_senml(n: int) -> Document:
    """A home's day in n records."""
    prices = {"buy_eur_per_mwh": [100] * 24}
    home = {"id": "h", "capacity_wh": 1_000, "charge_w": 100, "soc_start_wh": 0}
    records = [{"bn": "h:", "n": "net_load", "u": "W", "v": 500, "t": i * 86_400 // n} for i in range(n)]
    return "energy.battery", {"prices": prices, "homes": [home], "senml": records}


@_document
def homes(n: int) -> Document:
    """A day of quarter-hours of each."""
    about = {"capacity_wh": 1_000, "charge_w": 100, "soc_start_wh": 0, "net_load_w": [500.25] * 96}
    return "energy.battery", {"prices": {"buy_eur_per_mwh": [100] * 24},
                              "homes": [{"id": f"h{i}", **about} for i in range(1 + n // 96)]}


@_document
def nonsense(n: int) -> Document:
    """Each number is none."""
    return "energy.battery", {"prices": {"buy_eur_per_mwh": ["?"] * n}, "homes": []}
