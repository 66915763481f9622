"""Spare time is measured honestly: against a synthetic duty of known share, on both interpreters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lamplighter.gateway.devicebuild.interpreter import find_micropython

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


@pytest.mark.parametrize("permille", [100, 300, 600, 900])
@pytest.mark.parametrize("runtime", ["micropython", "cpython"])
def test_the_measured_share_is_within_five_points_of_the_duty(runtime: str, permille: int) -> None:
    """Busy time is what the duty took, give or take five points, and never less than the processor time used.

    Where other processes take the processor away, a device cannot tell: it looks busy. The kernel says how long
    that was, and the upper bound allows for it.
    """
    program, path = sys.executable, {"PYTHONPATH": str(ROOT / "src")}
    if runtime == "micropython":
        found = find_micropython()
        if not found:
            assert not os.environ.get("CI"), "no micropython program"
            pytest.skip("no micropython program here")
        program, path = found[0], {"MICROPYPATH": f"{ROOT}/src:.frozen"}
    done = subprocess.run([program, str(HERE / "spare_probe.py"), str(permille), "700"], timeout=300, check=True,
                          capture_output=True, text=True, env={"PATH": os.environ["PATH"], **path})
    busy, took, cpu, waited = map(int, done.stdout.split())
    assert took - 50 <= busy <= took + 50 + waited
    assert busy >= cpu - 50
    assert took <= permille + 100
