"""Reading a SUMO network."""

from __future__ import annotations

import pytest

from tasks.api import TaskError
from tasks.traffic.signals.network import GREEN, PERMISSIVE, RED, YELLOW
from tasks.traffic.signals.sumo import read_network


def test_reads_signals_lanes_and_conflicts(network_xml: str) -> None:
    """Movements, shared lanes, headways and who gives way come out as the file says."""
    network, roads = read_network(network_xml)
    assert network.movements == ("s_in > n_out", "e_in > w_out", "w_in > e_out", "w_in > n_out")
    assert [link.turn for link in network.links] == ["straight", "straight", "straight", "left"]
    assert network.lanes == 3 and network.links[2].lane == network.links[3].lane
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
    ("tlLogic", "tlOther", "no_signals"),
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
