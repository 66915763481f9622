"""The proposal in SUMO, with a stand-in for the program."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from lamplighter.gateway.commands.task import _verified
from lamplighter.tasks.api import TaskError
from lamplighter.tasks.traffic.signals import KIND
from lamplighter.tasks.traffic.signals.method import closedloop

PROGRAM = """#!{python}
import sys
words = sys.argv[1:]
if "fail" in open("net.xml").read():
    sys.exit("no such edge")
plan = open(words[words.index("-a") + 1]).read()
loss = 12 if "lamplighter" in plan else 30
trips = [(99, 0, 500), (100, 0, loss), (150, 20, loss), (-1, 3640, loss), (200, 0, 500)]
with open(words[words.index("--tripinfo-output") + 1], "w") as out:
    out.write("<tripinfos>" + "".join('<tripinfo depart="%d" departDelay="%d" timeLoss="%d"/>' % trip
                                      for trip in trips) + "</tripinfos>")
"""
DATA: dict[str, Any] = {"period_end_s": 200.0, "delay_before_s_per_vehicle": 40.0,
                        "delay_after_s_per_vehicle": 30.5, "junctions": [{
    "id": "C", "signals": ["G", "y"], "proposed": {"cycle_s": 9, "offset_s": 0, "durations_s": [5, 4]}}]}
GIVEN: dict[str, Any] = {"sumo": {"network_xml": "<net/>", "routes_xml": "<routes/>"}, "period_start_s": 100}


@pytest.fixture(autouse=True)
def sumo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of SUMO's: 30 s are lost, 12 s with our plan, and 500 s outside of the period."""
    program = tmp_path / "bin" / "sumo"
    program.parent.mkdir()
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("SUMO_HOME", str(tmp_path))
    return program


def test_the_figure_stands_beside_the_prediction() -> None:
    """Time lost and delay before departure of who was to depart in the period, arrived or not."""
    found = closedloop.verify(GIVEN, DATA)
    assert (found["shipped_s_per_vehicle"], found["proposed_s_per_vehicle"]) == (1250.0, 1232.0)
    assert found["ok"] and found["saved_share"] == 0.0144 and found["predicted_saving_s_per_vehicle"] == 9.5
    assert "18.0 s (1.4%) less" in found["text"] and "9.5 s less at signals was predicted" in found["text"]
    assert "nothing was promised" in found["text"]
    for high, held in ((0.02, "1% to 2% less was promised: it is inside"), (0.012, "it is not inside")):
        assert held in closedloop.verify(GIVEN, {**DATA, "saved_share_low": 0.01, "saved_share_high": high})["text"]
    unknown = {**DATA, "delay_before_s_per_vehicle": None}
    assert "nothing was predicted" in closedloop.verify(GIVEN, unknown)["text"]


def test_a_loss_is_called_one(sumo: Path) -> None:
    """Where vehicles lose more under the proposal the sentence says so, and it is not accepted."""
    sumo.write_text(sumo.read_text().replace("12 if", "30 if").replace("else 30", "else 12"))
    found = closedloop.verify(GIVEN, DATA)
    assert not found["ok"] and "18.0 s (1.5%) more, where 9.5 s less at signals was predicted" in found["text"]


@pytest.mark.parametrize(("given", "code"), [
    ({"plain": {}}, "cannot_verify"), ({"sumo": {"network_xml": "<net/>", "counts": {}}}, "cannot_verify"),
    ({"sumo": {"network_xml": "<fail/>", "routes_xml": "<routes/>"}}, "cannot_verify"),
    ({**GIVEN, "period_start_s": 190}, "cannot_verify")])
def test_what_cannot_be_verified_says_why(given: dict[str, Any], code: str) -> None:
    """Other fields than SUMO's, files that SUMO does not take, and a period in which nobody departs."""
    with pytest.raises(TaskError) as caught:
        closedloop.verify(given, DATA)
    assert caught.value.code == code


def test_without_the_program_there_is_no_figure(sumo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal says how to get it; the command prints it below the answer."""
    sumo.unlink()
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(closedloop.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(TaskError) as caught:
        closedloop.find_sumo()
    assert (caught.value.code, "eclipse-sumo" in caught.value.hint) == ("no_sumo", True)
    told = {"result": {"data": DATA}}
    assert _verified({"kind": KIND.name, "input": GIVEN}, told)["error"] == "no_sumo"
    assert "No simulator" in _verified({"kind": "energy.battery", "input": {}}, told)["text"]
