"""Requests that are refused."""

from __future__ import annotations

from typing import Any

import pytest

from lamplighter.tasks import registry
from lamplighter.tasks.api import TaskError
from lamplighter.tasks.traffic.signals import KIND
from lamplighter.tasks.traffic.signals.demo import generated_street

STREET: dict[str, Any] = generated_street(2)["plain"]
BOUND = {**STREET["junctions"][0], "phases": [{**phase, "shortest_s": 31, "longest_s": 31} for phase in
                                              STREET["junctions"][0]["phases"]]}


@pytest.mark.parametrize(("change", "code", "path"), [
    ({"plain": None}, "bad_value", "/input"),
    ({"sumo": {"network_xml": "<net/>", "routes_xml": "<routes/>"}}, "bad_value", "/input"),
    ({"sumo": {"network_xml": "<net/>", "routes_xml": "<routes/>"}, "plain": None}, "no_signals",
     "/input/sumo/network_xml"),
    ({"period_end_s": 0}, "out_of_range", "/input/period_end_s"),
    ({"period_start_s": 800, "period_end_s": 800.1}, "zero_demand", "/input"),
    ({"period_end_s": None}, "missing_field", "/input/period_end_s"),
    ({"search": {"cycles_s": [20]}}, "nothing_to_adjust", "/input/search/cycles_s"),
    ({"search": {"cycles_s": [19]}}, "out_of_range", "/input/search/cycles_s/0"),
    ({"search": {"generation": 3}}, "unknown_field", "/input/search/generation"),
    ({"plain": {"junctions": []}}, "missing_field", "/input/plain/routes"),
    ({"plain": {"junctions": [], "routes": []}}, "no_signals", "/input/plain/junctions"),
    ({"plain": {**generated_street(1)["plain"], "routes": []}}, "zero_demand", "/input"),
    ({"only": ["J0", "J7"]}, "unknown_junction", "/input/only/1"),
    ({"plain": {**STREET, "junctions": [BOUND, BOUND]}}, "duplicate_id", "/input/plain/junctions/1/movements/0/id"),
    ({"plain": {**STREET, "junctions": [BOUND, STREET["junctions"][1]]}, "only": ["J0"]}, "nothing_to_adjust",
     "/input/search/cycles_s"),
    ({"sumo": {"network_xml": "<net/>"}, "plain": None}, "bad_value", "/input/sumo"),
    ({"period_start_s": float("nan")}, "bad_value", "/input/period_start_s"),
])
def test_requests_that_cannot_be_carried_out(change: dict[str, Any], code: str, path: str) -> None:
    """Each bad request gets its own code and points at the field."""
    with pytest.raises(TaskError) as caught:
        registry.prepare({KIND.name: KIND}, KIND.name, {**generated_street(2), **change})
    assert (caught.value.code, caught.value.path) == (code, path)
