"""A crossing in SUMO's files, for the readers and the kinds that get it from them."""

from __future__ import annotations

import pytest

LANES = {"s_in": ("S", "C", 139.0), "e_in": ("E", "C", 139.0), "w_in": ("W", "C", 278.0),
         "n_out": ("C", "N", 100.0), "w_out": ("C", "W", 100.0), "e_out": ("C", "E", 100.0)}

NETWORK = """<net version="1.9">
{edges}
    <edge id=":C_3" function="internal"><lane id=":C_3_0" index="0" speed="10" length="20"/></edge>
    <edge id=":C_4" function="internal"><lane id=":C_4_0" index="0" speed="10" length="10"/></edge>
    <tlLogic id="C" type="static" programID="0" offset="0">
        <phase duration="30" state="rGGg"/><phase duration="4" state="ryyy"/>
        <phase duration="22" state="Grrr"/><phase duration="4" state="yrrr"/>
    </tlLogic>
    <junction id="C" type="traffic_light" incLanes="s_in_0 e_in_0 w_in_0" intLanes=":C_0_0 :C_1_0 :C_2_0 :C_4_0">
        <request index="0" response="0000" foes="1110" cont="0"/>
        <request index="1" response="0000" foes="1001" cont="0"/>
        <request index="2" response="0000" foes="0001" cont="0"/>
        <request index="3" response="0010" foes="0011" cont="1"/>
    </junction>
    <connection from="s_in" to="n_out" fromLane="0" toLane="0" via=":C_0_0" tl="C" linkIndex="0" dir="s" state="o"/>
    <connection from="e_in" to="w_out" fromLane="0" toLane="0" via=":C_1_0" tl="C" linkIndex="1" dir="s" state="o"/>
    <connection from="w_in" to="e_out" fromLane="0" toLane="0" via=":C_2_0" tl="C" linkIndex="2" dir="s" state="o"/>
    <connection from="w_in" to="n_out" fromLane="0" toLane="0" via=":C_3_0" tl="C" linkIndex="3" dir="l" state="o"/>
    <connection from=":C_3" to="n_out" fromLane="0" toLane="0" via=":C_4_0" dir="l" state="m"/>
    <connection from=":C_4" to="n_out" fromLane="0" toLane="0" dir="l" state="M"/>
</net>
"""

ROUTES = """<routes>
    <vType id="car" vClass="passenger"/>
    <trip id="a" depart="3.0" from="w_in" to="n_out"/>
    <vehicle id="b" depart="10"><route edges="s_in n_out"/></vehicle>
    <flow id="c" begin="0" end="100" number="5" from="e_in" to="w_out"/>
</routes>
"""


@pytest.fixture
def network_xml() -> str:
    """One crossing: from the south straight, from the east straight, from the west straight and, giving way, left."""
    edges = "\n".join(f'    <edge id="{name}" from="{a}" to="{b}" priority="1"><lane id="{name}_0" index="0" '
                      f'speed="13.9" length="{length}"/></edge>' for name, (a, b, length) in LANES.items())
    return NETWORK.format(edges=edges)


@pytest.fixture
def routes_xml() -> str:
    """A trip that turns left, a vehicle from the south, five from the east."""
    return ROUTES
