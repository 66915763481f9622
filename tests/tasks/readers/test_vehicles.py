"""Vehicle types, distributions and flows of SUMO's demand files."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.routes import parse_routes
from lamplighter.tasks.readers.vehicles import Types, departures, seconds


def _times(flow: str, start_s: float = 0.0, until_s: float = 1e6) -> list[float]:
    element = parse_routes(f"<routes>{flow}</routes>").children[0]
    return list(departures(element, start_s, until_s, random.Random(3)))


@pytest.mark.parametrize("how", ['period="7"', 'vehsPerHour="514.2857"', 'number="1429"'])
def test_a_flow_is_read_to_its_end(how: str) -> None:
    """What departs late is where it would be if all had been counted from the beginning."""
    flow = f'<flow id="f" begin="100" end="10103" {how}/>'
    every = _times(flow)
    assert len(every) == 1429 and every[0] == 100 and every[1] == pytest.approx(107)
    assert _times(flow, 5000.0, 6000.0) == [time for time in every if 5000 <= time < 6000] != []


def test_a_flow_of_days_costs_what_its_period_holds() -> None:
    """Its first millions of departures are not made."""
    assert len(_times('<flow id="f" begin="0" end="9999999" period="0.01"/>', 9_999_000.0, 9_999_001.0)) == 100


@pytest.mark.parametrize("how", ['probability="0.2"', 'period="exp(0.2)"'])
def test_flows_at_random_keep_their_rate(how: str) -> None:
    """0.2 a second are about 2,000 in 10,000 s, at any time of the flow; a chance gives no two in a second."""
    times = _times(f'<flow id="f" begin="0" end="1e6" {how}/>', 500_000.0, 510_000.0)
    assert 1850 < len(times) < 2150 and 500_000 <= min(times) <= max(times) < 510_000
    assert "exp" in how or min(b - a for a, b in pairwise(times)) >= 1


def test_a_number_bounds_what_is_drawn() -> None:
    """A flow ends with its last vehicle, also where it departs at random and has no end."""
    assert len(_times('<flow id="f" begin="0" number="7" probability="0.5"/>', until_s=math.inf)) == 7
    assert len(_times('<flow id="f" begin="0" number="7" period="5"/>', until_s=math.inf)) == 7
    with pytest.raises(TaskError, match="end of <flow> is missing"):
        _times('<flow id="f" begin="0" period="5"/>', until_s=math.inf)


def test_times_may_have_colons() -> None:
    """Hours, minutes and seconds, with days before them or not."""
    element = parse_routes('<routes><trip id="a" depart="1:02:03"/><trip id="b" depart="1:00:00:07"/></routes>')
    assert [seconds(trip, "depart") for trip in element.children] == [3723.0, 86_407.0]


@pytest.mark.parametrize(("flow", "name"), [
    ('<flow id="f" begin="0" end="9" probability="1.5"/>', "probability"),
    ('<flow id="f" begin="0" end="9" probability="-0.1"/>', "probability"),
    ('<trip id="a" depart="-5"/>', "depart"), ('<trip id="a" depart="0:-5:00"/>', "depart"),
    ('<flow id="f" begin="-5" end="9" period="1"/>', "begin")])
def test_what_no_flow_can_be_is_refused(flow: str, name: str) -> None:
    """A chance above 1 is not taken for 1, nor a vehicle before the beginning left out in silence."""
    with pytest.raises(TaskError, match=f"line 1: {name} of") as caught:
        _times(flow)
    assert (caught.value.code, caught.value.path) == ("out_of_range", "/sumo/routes_xml") and caught.value.hint


def test_types_have_classes_and_lengths() -> None:
    """Given lengths, SUMO's default of the class, a member of a distribution by its probability, or a name."""
    root = parse_routes("""<routes><vType id="long" length="9.5"/><vType id="line" vClass="bus"/>
        <vType id="bike" vClass="bicycle"/><vTypeDistribution id="mix"><vType id="a" probability="3"/>
        <vType refId="line" probability="1"/><vType refId="bike" probability="9"/></vTypeDistribution>
        <vTypeDistribution id="named" vTypes="long line" probabilities="0.5 0.5"/>
        <trip id="0" type="long"/><trip id="1" type="line"/><trip id="2" type="bike"/><trip id="3" type="mix"/>
        <trip id="4" type="named"/><trip id="5"/><trip id="6" type="DEFAULT_BIKETYPE"/>
        <trip id="7" type="?"/></routes>
        """)
    types = Types(root)
    trips = [element for element in root.children if element.tag == "trip"]
    assert [types.room_m(trip) for trip in trips] == [12.0, 14.5, None, 9.25, 13.25, 7.5, None, 7.5]
    assert types.unknown == {"?"}
    drawn = [types.of(trips[3]).one(random.Random(seed)).sort for seed in range(300)]
    assert 30 < drawn.count("passenger") < 100 and drawn.count("bicycle") > 160


@pytest.mark.parametrize("mix", [
    '<vTypeDistribution id="d"/>', '<vTypeDistribution id="d" vTypes="a"/>',
    '<vType id="a"/><vTypeDistribution id="d" vTypes="a" probabilities="0.5 0.5"/>',
    '<vType id="a"/><vTypeDistribution id="d" vTypes="a" probabilities="0"/>',
    '<vTypeDistribution id="d"><vType id="a" probability="-1"/><vType id="b" probability="2"/></vTypeDistribution>'])
def test_distributions_that_cannot_be_drawn_from_are_refused(mix: str) -> None:
    """Without members, with unknown ones, with other than as many probabilities, or none above 0: with the line."""
    with pytest.raises(TaskError) as caught:
        Types(parse_routes(f"<routes>{mix}</routes>"))
    assert caught.value.code == "bad_distribution" and "line 1" in caught.value.message and caught.value.hint
