"""The fleet in virtual time that the benchmark of utilisation runs."""

import pytest

from benchmarks.utilisation import run
from lamplighter.gateway.devicebuild.interpreter import find_micropython
from lamplighter.tasks.energy.evhosting.demo import feeder33
from lamplighter.tasks.registry import load_kinds


def test_a_fleet_works_off_its_tasks():
    """Each job has its second copy or its recomputation, and no board works for longer than it gives."""
    if find_micropython() is None:
        pytest.skip("no MicroPython on this machine")
    task = {"feeder": feeder33(), "levels_percent": [20, 40], "scenarios_per_level": 80, "policies": ["on_arrival"]}
    done = run(load_kinds()["energy.evhosting"], lambda boards: [task] * boards, 3)
    assert 0 < done.first < done.busy < 1
    assert done.copies + done.audited == pytest.approx(2)
    assert done.each_s < done.seconds
