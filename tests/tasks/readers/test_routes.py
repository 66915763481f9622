"""Reading SUMO demand."""

from __future__ import annotations

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers import network, routes
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.network import Demand
from lamplighter.tasks.readers.routes import classes, parse_routes, read_routes, vehicle_m
from lamplighter.tasks.readers.sumo import read_network


def _read(network_xml: str, body: str, start_s: float = 0.0, end_s: float = 1e6) -> Demand:
    return read_routes(parse_routes(f"<routes>{body}</routes>"), read_network(network_xml)[1], start_s, end_s, 1)


def test_vehicles_trips_and_flows(network_xml: str, routes_xml: str) -> None:
    """Each becomes departures with the movements passed and the free travel time to the stop line."""
    demand = read_routes(parse_routes(routes_xml), read_network(network_xml)[1], 0.0, 1e6, 1)
    assert [depart for depart, _ in demand.vehicles] == [0, 30, 100, 200, 400, 600, 800]
    ways = {depart: demand.routes[route] for depart, route in demand.vehicles}
    assert (ways[30], ways[100], ways[0]) == (((3, 200),), ((0, 100),), ((1, 100),))


def test_the_period_cuts(network_xml: str, routes_xml: str) -> None:
    """Departures before its start, or at its end or later, are left out."""
    demand = read_routes(parse_routes(routes_xml), read_network(network_xml)[1], 10.0, 40.0, 1)
    assert [depart for depart, _ in demand.vehicles] == [100, 200]


def test_named_routes_and_rates(network_xml: str) -> None:
    """A vehicle may name its route; a flow may give vehicles per hour or a period."""
    demand = _read(network_xml, '<route id="r" edges="s_in n_out"/><vehicle id="v" depart="5" route="r"/>'
                   '<flow id="f" begin="0" end="60" vehsPerHour="180" route="r"/>'
                   '<flow id="g" begin="0" end="60" period="30" route="r"/>')
    assert [depart for depart, _ in demand.vehicles] == [0, 0, 50, 200, 300, 400]


def test_who_passes_no_signal_is_counted_apart(network_xml: str) -> None:
    """A vehicle that stays on one edge is no one's delay."""
    demand = _read(network_xml, '<trip id="a" depart="1" from="s_in" to="s_in"/>'
                   '<trip id="b" depart="1" from="s_in" to="n_out"/>')
    assert (len(demand.vehicles), demand.unsignalled) == (1, 1)


@pytest.mark.parametrize(("body", "code"), [
    ("", "zero_demand"),
    ('<trip id="a" depart="1" from="s_in" to="s_in"/>', "zero_demand"),
    ('<vehicle id="a" depart="1"><route edges="s_in e_out"/></vehicle>', "broken_route"),
    ('<vehicle id="a" depart="1"><route edges="s_in nowhere"/></vehicle>', "broken_route"),
    ('<vehicle id="a" depart="1"/>', "broken_route"),
    ('<vehicle id="a" depart="1" route="unknown"/>', "broken_route"),
    ('<trip id="a" depart="1" from="n_out" to="s_in"/>', "broken_route"),
    ('<trip id="a" depart="triggered" from="s_in" to="n_out"/>', "bad_xml"),
    ('<trip id="a" from="s_in" to="n_out"/>', "bad_xml"),
    ('<flow id="a" begin="0" end="1e6" period="0.01" from="s_in" to="n_out"/>', "too_large"),
])
def test_broken_demand_is_a_clear_error(network_xml: str, body: str, code: str) -> None:
    """Each error names the vehicle or line and gives a hint."""
    with pytest.raises(TaskError) as caught:
        _read(network_xml, body)
    assert caught.value.code == code and caught.value.hint


def test_searches_and_departures_are_bounded_together(network_xml: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many trips and flows share the work; what departs outside of the period costs nothing."""
    trip = '<trip id="a" depart="1" from="s_in" to="n_out"/>'
    monkeypatch.setattr(routes, "MAX_VISITED", 4)
    assert len(_read(network_xml, 3 * trip).vehicles) == 3   # one search serves them all
    other = '<trip id="b" depart="1" from="e_in" to="n_out"/>'
    monkeypatch.setattr(routes, "MAX_VEHICLES", 150)
    flow = '<flow id="f" begin="0" end="10" number="100" from="s_in" to="n_out"/>'
    for body in (trip + other, 2 * flow):
        with pytest.raises(TaskError) as caught:
            _read(network_xml, body)
        assert caught.value.code == "too_large" and caught.value.hint
    days = '<flow id="g" begin="0" end="900000" period="1" from="s_in" to="n_out"/>'
    assert len(_read(network_xml, 2 * flow + days, 899_900.0).vehicles) == 100


def test_ways_that_are_known_are_counted_too(network_xml: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trip may go by way of the same edges again and again; vehicles may pass only so many signals in all."""
    back = network_xml.replace("</net>", '<connection from="n_out" to="s_in" fromLane="0" toLane="0"/></net>')
    trip = '<trip id="a" depart="1" from="s_in" via="{}" to="n_out"/>'.format(" ".join(["n_out", "s_in"] * 50))
    assert len(_read(back, trip).routes[0]) == 51
    for module, bound, most in ((routes, "MAX_VISITED", 100), (network, "MAX_PASSAGES", 50)):
        with monkeypatch.context() as patched, pytest.raises(TaskError) as caught:
            patched.setattr(module, bound, most)
            _read(back, trip)
        assert caught.value.code == "too_large" and caught.value.hint


def test_flows_at_random_begin_anywhere(network_xml: str) -> None:
    """Vehicles before the period count towards their number, and are not drawn one by one."""
    flow = '<flow id="f" begin="0" end="90000" number="{}" {} from="s_in" to="n_out"/>'
    for rate in ('period="exp(1)"', 'probability="0.5"'):
        assert 300 < len(_read(network_xml, flow.format(10_000_000, rate), 80_000.0, 81_000.0).vehicles) < 1_200
        with pytest.raises(TaskError, match="no vehicle passes"):
            _read(network_xml, flow.format(1_000, rate), 80_000.0, 81_000.0)


def test_length_of_a_vehicle_in_a_queue() -> None:
    """The mean of length and gap over those who drive; SUMO's default car where no type says otherwise."""
    types = '<vType id="short" length="4" minGap="1"/><vType id="unused" length="90"/>'
    body = '<vehicle id="a" type="short" depart="0"/><trip id="b" depart="1"/>'
    assert vehicle_m(parse_routes(f"<routes>{types}{body}</routes>")) == pytest.approx((5.0 + 7.5) / 2)
    assert vehicle_m(parse_routes("<routes/>")) == 7.5


def test_routes_are_drawn_by_probability(network_xml: str) -> None:
    """By name, within a vehicle, by reference or as a list of names: each vehicle draws its own."""
    mix = ('<routeDistribution id="d"><route id="r" edges="s_in n_out" probability="0.7"/>'
           '<route edges="w_in n_out" probability="0.3"/></routeDistribution>')
    named = '<routeDistribution id="n" routes="r" probabilities="1"/>'
    inner = mix.replace(' id="d"', "").replace(' id="r"', "")
    flow = '<flow id="f" begin="0" end="1000" period="1" {}>{}</flow>'
    for body in (mix + flow.format('route="d"', ""), flow.format("", inner)):
        demand = _read(network_xml, body)
        south = sum(demand.routes[route] == ((0, 100),) for _, route in demand.vehicles)
        assert len(demand.vehicles) == 1000 and 640 < south < 760
    demand = _read(network_xml, mix + named + flow.format('route="n"', ""))
    assert demand.routes == (((0, 100),),)


def test_only_vehicles_of_the_queues_are_planned_for(network_xml: str) -> None:
    """People, bicycles and a bus where none may drive are left out and counted; a bus among cars is not."""
    left = Left()
    closed = network_xml.replace('id="s_in_0"', 'id="s_in_0" allow="bus"')
    body = """<vType id="bus" vClass="bus"/><vType id="bike" vClass="bicycle"/>
        <trip id="a" type="bus" depart="1" from="s_in" to="n_out"/><trip id="b" type="bus" depart="1" from="w_in"
        to="e_out"><stop busStop="here" duration="20"/></trip>
        <trip id="c" type="bike" depart="1" from="w_in" to="e_out"/>
        <trip id="d" depart="2" from="w_in" to="e_out"/><personFlow id="p" begin="0" end="9" period="1"/>
        <busStop id="here" lane="e_out_0"/>"""
    demand = read_routes(parse_routes(f"<routes>{body}</routes>"), read_network(closed)[1], 0.0, 1e6, 1, left)
    assert [depart for depart, _ in demand.vehicles] == [10, 20]
    assert [note.split(":")[0] for note in left.notes()] == [
        "1 vehicle of class bus (a) left out", "1 stop (b) left out", "1 vehicle of class bicycle (c) left out",
        "1 flow of people (p) left out", "1 bus stop (here) left out"]
    with pytest.raises(TaskError, match="no way for cars"):
        _read(closed, body.replace('vClass="bus"', ""))


def test_a_bus_takes_its_own_lane(network_xml: str) -> None:
    """Where cars may not drive, or beside them: a movement and a queue of its own, whose green no plan shortens."""
    closed = network_xml.replace('id="s_in_0"', 'id="s_in_0" allow="bus"')
    beside = network_xml.replace("</edge>\n    <edge id=\"w_in\"", "<lane id=\"e_in_1\" index=\"1\" allow=\"bus\" "
                                 "speed=\"13.9\" length=\"139\"/></edge>\n    <edge id=\"w_in\"").replace(
        '<connection from="w_in"', '<connection from="e_in" to="w_out" fromLane="1" toLane="0" via=":C_1_0" tl="C" '
        'linkIndex="1" dir="s" state="o"/>\n<connection from="w_in"', 1)
    body = """<vType id="bus" vClass="bus"/><trip id="a" type="bus" depart="1" from="s_in" to="n_out"/>
        <vehicle id="b" type="bus" depart="1"><route edges="e_in w_out"/></vehicle>
        <trip id="c" depart="2" from="e_in" to="w_out"/>"""
    routes = parse_routes(f"<routes>{body}</routes>")
    assert classes(routes) == {"bus"}
    network, roads = read_network(closed, classes=classes(routes))
    assert network.movements == ("e_in > w_out", "w_in > e_out", "w_in > n_out", "s_in > n_out apart from cars")
    assert read_routes(routes, roads, 0.0, 1e6, 1).routes == (((3, 100),), ((0, 100),))
    assert 0 in network.junctions[0].others
    network, roads = read_network(beside, classes=classes(routes))
    own = network.movements.index("e_in > w_out apart from cars")
    assert sorted(read_routes(routes, roads, 0.0, 1e6, 1).routes) == [((0, 100),), ((1, 100),), ((own, 100),)]
    assert len({link.lane for link in network.links if link.movement in (1, own)}) == 2


def test_a_crossing_without_rules_is_crowded(network_xml: str) -> None:
    """Told where more cross it than find their way by themselves, and it has three roads at least."""
    lane = '<lane id="{0}_0" index="0" speed="9" length="9"/></edge>'
    more = "".join(f'<edge id="{name}" from="{a}" to="{b}">' + lane.format(name)
                   for name, a, b in (("on", "E", "X"), ("a", "Y", "E"), ("b", "Z", "E")))
    more += '<junction id="E" type="unregulated"/><connection from="e_out" to="on" fromLane="0" toLane="0"/>'
    for count, roads, expected in ((350, more, ("E",)), (250, more, ()), (350, more.replace('to="E"', 'to="Q"'), ())):
        routes = parse_routes(f'''<routes><flow id="f" begin="0" end="900" number="{count}">
                              <route edges="w_in e_out on"/></flow></routes>''')
        left = Left()
        network = read_network(network_xml.replace("</net>", roads + "</net>"))[1]
        assert read_routes(routes, network, 0.0, 1e6, 1, left).crowded == expected
        assert [note[:26] for note in left.notes()] == ["more than 1200 vehicles an"] * len(expected)


def test_flows_of_an_interval_have_its_times(network_xml: str) -> None:
    """They begin and end with it."""
    flow = '<interval begin="100" end="200"><flow id="f" number="4" from="s_in" to="n_out"/></interval>'
    assert [depart for depart, _ in _read(network_xml, flow).vehicles] == [1000, 1250, 1500, 1750]


def test_a_way_between_zones_is_no_way(network_xml: str) -> None:
    """Zones need a router; the refusal says so."""
    with pytest.raises(TaskError, match="fromTaz, toTaz"):
        _read(network_xml, '<trip id="a" depart="1" fromTaz="1" toTaz="2"/>')
