"""The demo's feeder."""

from __future__ import annotations

import json
from pathlib import Path

from lamplighter.tasks.energy.evhosting import KIND
from lamplighter.tasks.energy.evhosting.model import EvHosting
from lamplighter.tasks.energy.evhosting.prepare import prepare
from lamplighter.tasks.energy.evhosting.solve import solve


def test_demo_is_the_published_feeder() -> None:
    """The demo names its source and its assumptions, and fits the budget of jobs."""
    demo = KIND.demo(Path("unused"))
    assert demo.real and "Baran" in demo.source and "Assumed" in demo.source
    spec = prepare(EvHosting(**demo.input))
    jobs = next(solve(spec))
    assert 100 <= len(jobs) <= 1500
    assert sum(load["kw"] for load in demo.input["feeder"]["loads"]) == 3715
    assert sum(load["kvar"] for load in demo.input["feeder"]["loads"]) == 2300
    assert len(json.dumps(demo.input)) < 20_000
