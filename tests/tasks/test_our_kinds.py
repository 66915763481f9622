"""Every kind of ours passes what third parties' kinds are tested by."""

from __future__ import annotations

import pytest

from lamplighter.gateway.devicebuild.interpreter import find_micropython
from lamplighter.gateway.kindkit.check import TIMED, check
from lamplighter.tasks.fetch import cache_folder
from lamplighter.tasks.registry import load_kinds


@pytest.mark.parametrize("name", sorted(load_kinds()))
def test_a_kind_passes(name: str) -> None:
    """From its source to its answer, on its demo's input, and it says how many rounds there may be; times are for
    benchmarks."""
    if find_micropython() is None:
        pytest.skip("no MicroPython on this machine")
    found = list(check(load_kinds()[name], cache_folder()))
    assert [one for one in found if one.ok is False and one.what not in TIMED] == []
    assert [one.ok for one in found if one.what == "rounds"] == [True]
