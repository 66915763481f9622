"""The allow-list of SUMO's files."""

from __future__ import annotations

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.routes import parse_routes
from lamplighter.tasks.readers.sumo import read_network


@pytest.mark.parametrize(("old", "new", "words"), [
    ("<tlLogic", "<gate/><tlLogic", "'gate' of the network's elements"),
    ("<net ", '<net gravity="1" ', "'gravity' of <net>"),
    ("<edge id=", '<edge slope="3" id=', "'slope' of <edge>"),
    ('<lane id="', '<lane toll="3" id="', "'toll' of <lane>"),
    ("<tlLogic ", '<tlLogic brain="3" ', "'brain' of <tlLogic>"),
    ("<phase ", '<phase skip="1" ', "'skip' of <phase>"),
    ("<junction ", '<junction gate="1" ', "'gate' of <junction>"),
    ("<request ", '<request order="1" ', "'order' of <request>"),
    ("<connection ", '<connection barrier="1" ', "'barrier' of <connection>"),
])
def test_a_network_is_read_by_an_allow_list(network_xml: str, old: str, new: str, words: str) -> None:
    """An element or attribute that nobody knows is refused by name and line; who means it has it in the notes."""
    changed = network_xml.replace(old, new, 1)
    with pytest.raises(TaskError) as caught:
        read_network(changed)
    assert (caught.value.code, caught.value.path) == ("not_understood", "/sumo/network_xml")
    assert words in caught.value.message and "line " in caught.value.message
    left = Left(["not_understood"])
    assert read_network(changed, left=left)[0] == read_network(network_xml)[0]
    assert words in left.notes()[0]


@pytest.mark.parametrize(("body", "code", "words"), [
    ("<convoy/>", "not_understood", "'convoy' of the routes' elements"),
    ('<vType id="a" wings="2"/>', "not_understood", "'wings' of <vType>"),
    ('<trip id="a" mood="2"/>', "not_understood", "'mood' of <trip>"),
    ('<flow id="a" mood="2"/>', "not_understood", "'mood' of <flow>"),
    ('<vehicle id="a"><route edges="b" mood="2"/></vehicle>', "not_understood", "'mood' of <route>"),
    ('<routeDistribution id="a" mood="2"/>', "not_understood", "'mood' of <routeDistribution>"),
    ('<vTypeDistribution id="a" mood="2"/>', "not_understood", "'mood' of <vTypeDistribution>"),
    ('<interval begin="0" end="1" mood="2"/>', "not_understood", "'mood' of <interval>"),
    ('<vType id="a" scale="2"/>', "unsupported", "it multiplies the vehicles"),
    ('<route id="a" edges="b" repeat="3"/>', "unsupported", "'repeat' of <route>"),
    ('<trip id="a" fromJunction="b"/>', "unsupported", "'fromJunction' of <trip>"),
    ('<rerouter id="r" edges="b"/>', "unsupported", "'rerouter' of the routes' elements"),
    ('<include href="more.xml"/>', "unsupported", "'include' of the routes' elements"),
])
def test_routes_are_read_by_an_allow_list(body: str, code: str, words: str) -> None:
    """What nobody knows is refused by name, and what is known and not modelled with what to do."""
    with pytest.raises(TaskError) as caught:
        parse_routes(f"<routes>{body}</routes>")
    assert (caught.value.code, caught.value.path) == (code, "/sumo/routes_xml")
    assert words in caught.value.message and caught.value.hint


def test_how_vehicles_drive_is_told() -> None:
    """Parameters of car-following change nothing here; the notes say so, once however many types have them."""
    left = Left()
    parse_routes('<routes><vType id="a" accel="2.6" color="red"/><vType id="b" accel="1"/></routes>', left)
    assert left.notes() == ["'accel' of <vType> was not read: all vehicles are taken to drive as fast as the street "
                            "allows and to leave a queue like SUMO's default car"]


def test_what_belongs_to_people_is_not_looked_into() -> None:
    """A person's plan may say what it likes: people are left out as a whole."""
    person = '<person id="p" depart="0" hat="red"><walk to="x" gait="slow"><shoe/></walk></person>'
    assert len(parse_routes(f"<routes>{person}</routes>").children) == 1


def test_swapped_files_are_still_called_so(network_xml: str) -> None:
    """Another root is no unknown element."""
    with pytest.raises(TaskError, match="root is not <net>"):
        read_network("<routes/>")
    with pytest.raises(TaskError, match="root is not <routes>"):
        parse_routes(network_xml)
