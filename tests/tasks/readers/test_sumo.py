"""Reading a SUMO network."""

from __future__ import annotations

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.network import GREEN, PERMISSIVE, RED, YELLOW
from lamplighter.tasks.readers.sumo import headway_ds, read_network


def test_reads_signals_lanes_and_conflicts(network_xml: str) -> None:
    """Movements, shared lanes, headways and who gives way come out as the file says."""
    network, roads = read_network(network_xml)
    assert network.movements == ("s_in > n_out", "e_in > w_out", "w_in > e_out", "w_in > n_out")
    assert [link.headway_ds for link in network.links] == [19, 19, 19, 22]  # at 13.9 and, turning, at 10 m/s
    assert network.lanes == ((0, 18), (1, 18), (2, 37)) and network.feeders == (1, 1, 1)
    assert network.links[2].lane == network.links[3].lane
    assert [link.waits for link in network.links] == [(), (3,), (), ()]
    assert roads.edges["w_in"].travel_s == pytest.approx(20.0)
    assert roads.edges["w_in"].onward["n_out"].travel_s == pytest.approx(3.0)
    assert roads.edges["w_in"].onward["n_out"].movement == 3


def test_states_per_phase(network_xml: str) -> None:
    """Yellow counts right after green only; permissive and protected green are told apart."""
    junction = read_network(network_xml)[0].junctions[0]
    assert junction.states(0) == [RED, RED, GREEN, YELLOW]
    assert junction.states(3) == [PERMISSIVE, YELLOW, RED, RED]
    assert [phase.adjustable for phase in junction.phases] == [True, False, True, False]


def test_lanes_closed_to_cars_are_left_out(network_xml: str) -> None:
    """A movement that only buses may make is none."""
    closed = network_xml.replace('id="s_in_0"', 'id="s_in_0" allow="bus"')
    assert read_network(closed)[0].movements == ("e_in > w_out", "w_in > e_out", "w_in > n_out")


@pytest.mark.parametrize(("old", "new", "code"), [
    (' tl="C"', "", "no_signals"),
    ("tlLogic", "tlOther", "not_understood"),
    ('tl="C"', 'tl="D"', "no_signals"),
    ('duration="30"', 'duration="many"', "bad_xml"),
    ('duration="30"', 'duration="nan"', "bad_xml"),
    ('duration="30"', 'duration="0"', "bad_programme"),
    ('duration="30"', 'duration="900"', "bad_programme"),
    ('state="rGGg"', 'state="rGG"', "bad_programme"),
    ('linkIndex="3"', 'linkIndex="9"', "bad_programme"),
    ("</net>", "</net", "bad_xml"),
])
def test_a_broken_network_is_a_clear_error(network_xml: str, old: str, new: str, code: str) -> None:
    """Each error names what is wrong and where, with a hint."""
    with pytest.raises(TaskError) as caught:
        read_network(network_xml.replace(old, new))
    assert (caught.value.code, caught.value.path) == (code, "/sumo/network_xml")
    assert caught.value.hint


def test_lanes_reach_back_over_edges_that_only_they_continue(network_xml: str) -> None:
    """An edge that leads nowhere else makes its follower's lanes longer; a narrower one feeds them."""
    wide = ('<edge id="{0}" from="{1}" to="S"><lane id="{0}_0" index="0" speed="13.9" length="75"/>{2}</edge>'
            '<connection from="{0}" to="s_in" fromLane="0" toLane="0" dir="s"/>')
    second = '<lane id="b_1" index="1" speed="13.9" length="75"/>'
    alone = network_xml.replace("<tlLogic", wide.format("a", "A", "") + "<tlLogic")
    assert read_network(alone)[0].lanes[0] == (0, 28)
    joined = network_xml.replace("<tlLogic", wide.format("a", "A", "") + wide.format("b", "B", second) + "<tlLogic")
    assert read_network(joined)[0].lanes[0] == (0, 18)


def test_a_street_reaches_back_beyond_its_pockets(network_xml: str) -> None:
    """Two lanes that one leads to are short; their street is theirs and that lane, but not where it forks."""
    second = '<lane id="s_in_1" index="1" speed="13.9" length="139"/></edge>'
    wide = network_xml.replace('length="139.0"/></edge>', f'length="139.0"/>{second}', 1)
    one = ('<edge id="a" from="A" to="S"><lane id="a_0" index="0" speed="13.9" length="75"/></edge>'
           '<connection from="a" to="s_in" fromLane="0" toLane="0" dir="s"/>')
    fork = '<connection from="a" to="e_out" fromLane="0" toLane="0" dir="r"/>'
    for more, street in (("", 36), (one, 46), (one + fork, 36)):
        network, _ = read_network(wide.replace("<tlLogic", f"{more}<tlLogic"))
        assert network.lanes[0] == (0, 18) and network.streets == (street, 18, 37)


def test_headway_follows_speed_and_length() -> None:
    """Within 0.1 s of what SUMO 1.28 did on a generated junction (its default car, and one of 5.8 m)."""
    for speed, vehicle_m, seen_s in ((8.33, 7.5, 2.42), (13.89, 7.5, 1.94), (19.44, 7.5, 1.74), (8.33, 5.8, 2.19),
                                     (13.89, 5.8, 1.78), (19.44, 5.8, 1.67)):
        assert headway_ds(speed, vehicle_m) / 10 == pytest.approx(seen_s, abs=0.11)


def test_speeds_that_no_car_drives_are_refused_or_told(network_xml: str) -> None:
    """0 and what can only be km/h are refused, the latter unless it is meant; what may be either is told."""
    for speed, code in (("0", "out_of_range"), ("-3", "out_of_range"), ("70", "implausible")):
        with pytest.raises(TaskError) as caught:
            read_network(network_xml.replace('speed="13.9"', f'speed="{speed}"'))
        assert (caught.value.code, caught.value.path) == (code, "/sumo/network_xml")
    for speed, told in (("50", "more than 40 m/s"), ("13.9", "")):
        left = Left()
        read_network(network_xml.replace('speed="13.9"', f'speed="{speed}"'), left=left)
        assert told in "".join(left.notes()) and len(left.notes()) == bool(told)
    read_network(network_xml.replace('speed="13.9"', 'speed="70"'), left=Left(["implausible"]))
