"""The quality report's tables about readers: what is judged was not chosen on, and the judge sees what is wrong."""

from __future__ import annotations

import json
import random
from typing import Any, get_args

import pytest

from benchmarks.quality import readers_pandapower, readers_plausible
from benchmarks.quality.tools.planted import FAULTS
from lamplighter.tasks.readers.allow import Finding


def _table(columns: str, *rows: list[Any]) -> dict[str, Any]:
    split = {"columns": columns.split(), "index": list(range(len(rows))), "data": list(rows)}
    return {"_class": "DataFrame", "_object": json.dumps(split)}


def _net() -> dict[str, Any]:
    return {"_object": {
        "bus": _table("name vn_kv in_service", *([f"b{i}", 20.0, True] for i in range(3))),
        "line": _table("from_bus to_bus length_km r_ohm_per_km x_ohm_per_km c_nf_per_km max_i_ka in_service",
                       *([i, i + 1, 2.0, 0.2, 0.1, 0.0, 0.3, True] for i in range(2))),
        "load": _table("bus p_mw q_mvar in_service", [2, 0.5, 0.1, True]),
        "ext_grid": _table("bus vm_pu in_service", [0, 1.0, True])}}


def test_no_field_is_both_chosen_on_and_judged_on() -> None:
    """Else the bar would be held against what thresholds were made for."""
    assert not {*readers_plausible.CHOSEN} & {*readers_plausible.JUDGED}


def test_faults_are_named_by_findings_that_there_are() -> None:
    """Each by one that an operator may accept."""
    assert {finding for faults in FAULTS.values() for _, finding, _ in faults} <= {*get_args(Finding)}


def test_a_planted_fault_is_counted_and_a_clean_field_is_not() -> None:
    """Of a field of twelve stations: one code each, all found, and nothing in the field itself."""
    field = [{"id": f"urn:{i}", "type": "AirQualityObserved", "z": 20 + i % 5,
              "location": {"type": "Point", "coordinates": [10 + 0.1 * (i % 4), 50 + 0.1 * (i // 4)]}}
             for i in range(12)]
    given = {"entities": field, "property": "z", "grid": {"rows": 2, "cols": 2}}
    scores, false, sent = readers_plausible._judge({"city": [("environment.airmap", given)]}, 2)
    assert (sent, sum(false.values())) == (1, 0)
    assert scores["airmap: code for missing"] == readers_plausible.Score(2, 2)
    assert field[0]["z"] == 20, "what is planted is planted into a copy"


@pytest.mark.parametrize(("change", "verdict"), [
    ({}, "the same answer"), ({"vm": {"b2": 0.9}}, "another answer"), ({"error": "?"}, "no answer of runpp"),
    ({"line": {"b0–b1": 3.0}}, "another answer")])
def test_another_answer_is_seen(change: dict[str, Any], verdict: str) -> None:
    """A voltage or a loading that is another is no same answer."""
    case = {"net": _net(), "column": "p_mw", "vm": {}, "line": {}, "trafo": []} | change
    assert readers_pandapower._verdict(case, set(readers_pandapower._spec(_net()).notes)) == verdict


def test_a_column_of_pandapower_nets_can_be_spoilt() -> None:
    """In all rows: metres for kilometres are found in the net of this test."""
    given = {"pandapower": _net()}
    plant = next(plant for name, _, plant in FAULTS["energy.evhosting"] if name == "m for km")
    assert readers_plausible.findings("energy.evhosting", given) == set()
    assert plant(given, random.Random(1))
    assert readers_plausible.findings("energy.evhosting", given) == {"length_unit"}
