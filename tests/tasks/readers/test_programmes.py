"""Reading the programmes of a SUMO network's signals."""

from __future__ import annotations

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.groups import bounds
from lamplighter.tasks.readers.network import Junction
from lamplighter.tasks.readers.sumo import read_network

WALK = """<edge id=":C_c0" function="crossing" crossingEdges="n_out">
    <lane id=":C_c0_0" index="0" allow="pedestrian" speed="1.4" length="8"/></edge>
    <edge id=":C_w0" function="walkingarea">
    <lane id=":C_w0_0" index="0" allow="pedestrian" speed="1.4" length="3"/></edge>
    <connection from=":C_w0" to=":C_c0" fromLane="0" toLane="0" tl="C" linkIndex="4" dir="s" state="M"/>
    <tlLogic"""
PHASES = """<phase duration="30" state="rGGg"/><phase duration="4" state="ryyy"/>
        <phase duration="22" state="Grrr"/><phase duration="4" state="yrrr"/>"""


def _junction(network_xml: str) -> Junction:
    return read_network(network_xml)[0].junctions[0]


@pytest.fixture
def walked_xml(network_xml: str) -> str:
    """The crossing with a walk across its northern exit, green with the road from the west: 20 s, 10 s to clear."""
    text = network_xml.replace("<tlLogic", WALK).replace(PHASES, """<phase duration="20" state="rGGrG"/>
        <phase duration="10" state="rGGrr"/><phase duration="4" state="ryyrr"/>
        <phase duration="22" state="Grrrr"/><phase duration="4" state="yrrrr"/>""")
    text = text.replace('intLanes=":C_0_0 :C_1_0 :C_2_0 :C_4_0"', 'intLanes=":C_0_0 :C_1_0 :C_2_0 :C_4_0 :C_c0_0"')
    for index, foes in enumerate(("1110", "1001", "0001", "0011")):
        text = text.replace(f'<request index="{index}" response="{"0010" if index == 3 else "0000"}" foes="{foes}"',
                            f'<request index="{index}" response="00000" foes="{int(index in (0, 3))}{foes}"')
    return text.replace("</junction>", '<request index="4" response="00000" foes="01001" cont="0"/></junction>')


def test_conflicts_come_from_the_request_table(network_xml: str) -> None:
    """Each pair of signals once, whichever of the two the table names."""
    assert _junction(network_xml).conflicts == {(0, 1), (0, 2), (0, 3), (1, 3)}


@pytest.mark.parametrize(("old", "new", "links"), [
    ('state="rGGg"', 'state="GGrr"', "link 0 (s_in > n_out) and link 1 (e_in > w_out)"),
    ('state="rGGg"', 'state="rGGG"', "link 1 (e_in > w_out) and link 3 (w_in > n_out)"),
    ('response="0010"', 'response="0000"', "link 1 (e_in > w_out) and link 3 (w_in > n_out)"),
    ('state="rGGg"', 'state="gGrr"', "link 0 (s_in > n_out) and link 1 (e_in > w_out)"),
])
def test_greens_that_cross_are_refused_unless_one_gives_way(network_xml: str, old: str, new: str, links: str) -> None:
    """Two protected greens, or a permissive one that the table lets nobody go before, name junction and links."""
    assert old in network_xml
    with pytest.raises(TaskError) as caught:
        read_network(network_xml.replace(old, new))
    assert (caught.value.code, caught.value.path) == ("unsafe_programme", "/sumo/network_xml")
    assert links in caught.value.message and "'C'" in caught.value.message and caught.value.hint


def test_greens_that_join_are_noted_where_one_gives_way(network_xml: str) -> None:
    """A right turn into the road of a left turn, both protected, is taken as real networks have it."""
    joining = network_xml.replace('state="Grrr"', 'state="GrrG"').replace(
        'index="3" response="0010"', 'index="3" response="0011"')
    left = Left()
    read_network(joining, left=left)
    assert any("1 signals (C) show protected green" in note for note in left.notes())
    with pytest.raises(TaskError, match="lets the other go first"):
        read_network(joining.replace('response="0011"', 'response="0010"'))


def test_a_walk_and_its_clearance_are_kept(walked_xml: str) -> None:
    """The walk may be longer but not shorter; the phase that clears it stays, though cars have green in it."""
    junction = _junction(walked_xml)
    assert junction.others == junction.walks == {4} and (0, 4) in junction.conflicts
    assert [phase.adjustable for phase in junction.phases] == [True, False, False, True, False]
    assert [least for least, _ in bounds(junction, 50)] == [200, 50]


def _for_bicycles(text: str, lane: str) -> str:
    return text.replace(f'<lane id="{lane}"', f'<lane id="{lane}" allow="bicycle"')


def test_conflicts_without_cars_are_told(walked_xml: str) -> None:
    """Bicycles and people on foot with green at once keep it, and the notes say so; cars there are refused."""
    together = walked_xml.replace('state="Grrrr"', 'state="GrrrG"')
    with pytest.raises(TaskError, match="lets the other go first"):
        read_network(together)
    left = Left()
    network, _ = read_network(_for_bicycles(together, "s_in_0"), left=left)
    assert any("1 signals (C) show green at once to bicycles" in note for note in left.notes())
    assert (0, 4) in network.junctions[0].conflicts


def test_permissive_greens_of_bicycles_and_cars_are_told(network_xml: str) -> None:
    """Both give way, and the table does not say to whom; for two cars that is refused, and so is a protected one."""
    for states, lane in (("grrg", ""), ("Grrg", "s_in_0")):
        with pytest.raises(TaskError, match="lets the other go first"):
            read_network(_for_bicycles(network_xml, lane).replace('state="rGGg"', f'state="{states}"'))
    left = Left()
    read_network(_for_bicycles(network_xml, "s_in_0").replace('state="rGGg"', 'state="grrg"'), left=left)
    assert any("1 signals (C) show green at once to bicycles" in note for note in left.notes())


def test_halves_of_a_turn_are_told(network_xml: str) -> None:
    """Bicycles that turn in two halves go on with the road that they waited beside: no half is held against it."""
    halved = _for_bicycles(network_xml, "w_in_0").replace('via=":C_4_0" dir="l"',
                                                          'via=":C_4_0" tl="C" linkIndex="0" dir="l"')
    left = Left()
    read_network(halved, left=left)
    assert any("turn in two halves" in note for note in left.notes())
    left = Left()
    read_network(_for_bicycles(network_xml, "w_in_0"), left=left)
    assert not any("turn in two halves" in note for note in left.notes())


def test_limits_of_phases_are_kept(network_xml: str) -> None:
    """minDur and maxDur bound a phase; where they leave nothing between, it stays."""
    limited = network_xml.replace('duration="30"', 'duration="30" minDur="25" maxDur="40"')
    assert bounds(_junction(limited), 50)[0] == (250, 400)
    fixed = network_xml.replace('duration="30"', 'duration="30" minDur="30" maxDur="30"')
    assert [phase.adjustable for phase in _junction(fixed).phases] == [False, False, True, False]


def test_a_recorded_plan_is_read_by_its_signals(network_xml: str) -> None:
    """46 intervals, some of 1 s: a green keeps its minimum over all of them, not each."""
    green = '<phase duration="1" state="rGGg"/>' * 20 + '<phase duration="10" state="rGGg"/>'
    text = network_xml.replace('<phase duration="30" state="rGGg"/>', green)
    text = text.replace('<phase duration="22" state="Grrr"/>', '<phase duration="1" state="Grrr"/>' * 22)
    junction = _junction(text)
    assert len(junction.phases) == 45
    limits = bounds(junction, 50)
    assert sum(low for low, _ in limits[:21]) >= 50 and sum(low for low, _ in limits[21:]) == 220
    assert max(low for low, _ in limits) < 50


def test_detectors_are_not_taken_for_a_clock(network_xml: str) -> None:
    """An actuated programme is known as one: sure to be shown is the least, and what has no limits stays."""
    text = network_xml.replace('type="static"', 'type="actuated"')
    text = text.replace('duration="30"', 'duration="30" minDur="8" maxDur="50"')
    left = Left()
    junction = read_network(text, left=left)[0].junctions[0]
    assert junction.actuated and junction.shown == [80, 40, 220, 40]
    assert [phase.adjustable for phase in junction.phases] == [True, False, False, False]
    assert "detectors switch today (C)" in left.notes()[0] and "no saving" in left.notes()[0]


def test_foreign_programmes_are_passed_over(network_xml: str) -> None:
    """A train signal, a second programme and a junction that is switched by hand are counted; the others are read."""
    rail = '<tlLogic id="rail" type="static" programID="0"><phase duration="86400" state="r"/></tlLogic>'
    off = network_xml[network_xml.index("<tlLogic"):network_xml.index("</tlLogic>")].replace('id="0"', 'id="1"')
    hand = '<tlLogic id="C" type="static" programID="hand"><phase duration="10000" state="GGGG"/></tlLogic>'
    left = Left()
    text = network_xml.replace("<tlLogic", f"{rail}{off}</tlLogic>{hand}<tlLogic", 1)
    network, _ = read_network(text, left=left)
    assert len(network.junctions) == 1 and network.junctions[0].phases[0].duration_ds == 300
    assert [note.split(" left")[0] for note in left.notes()] == ["1 programme (rail)", "2 programmes (C)"]


def test_a_junction_switched_by_hand_is_named(network_xml: str) -> None:
    """It is taken as always green where others run by the clock, and refused as what it is where none does."""
    hand = network_xml.replace('duration="30"', 'duration="10000"')
    with pytest.raises(TaskError) as caught:
        read_network(hand)
    assert caught.value.code == "bad_programme" and "switched by hand" in caught.value.message


@pytest.mark.parametrize(("old", "new", "code"), [
    ('type="static"', 'type="NEMA"', "nema_programme"),
    ('type="static"', 'type="clever"', "unknown_programme"),
    ('duration="22"', 'duration="22" next="0 1"', "branching_programme"),
    (' foes="1110"', "", "no_foes"),
    ('index="3" response="0010" foes="0011"', 'index="9" response="0010" foes="0011"', "no_foes"),
    ('via=":C_1_0" ', "", "no_foes"),
    ('type="traffic_light"', 'type="traffic_light_unregulated"', "no_foes"),
])
def test_what_cannot_be_planned_safely_is_refused(network_xml: str, old: str, new: str, code: str) -> None:
    """Ring-and-barrier control, unknown types, branches and ways whose conflicts are unknown: each by its name."""
    assert old in network_xml
    with pytest.raises(TaskError) as caught:
        read_network(network_xml.replace(old, new))
    assert (caught.value.code, caught.value.path) == (code, "/sumo/network_xml") and caught.value.hint


def test_phases_may_say_what_comes_next(network_xml: str) -> None:
    """A phase that leads to the one after it branches nowhere."""
    assert len(_junction(network_xml.replace('duration="22"', 'duration="22" next="3"')).phases) == 4
