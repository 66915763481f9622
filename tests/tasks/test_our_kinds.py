"""Every kind of ours passes what third parties' kinds are tested by."""

from __future__ import annotations

import pytest

from lamplighter.gateway.kindkit.check import TIMED, check
from lamplighter.gateway.simulate.fleet import find_micropython
from lamplighter.tasks.fetch import cache_folder
from lamplighter.tasks.registry import load_kinds


@pytest.mark.parametrize("name", sorted(load_kinds()))
def test_a_kind_passes(name: str) -> None:
    """From its source to its answer, on its demo's input; times are for benchmarks."""
    if find_micropython() is None:
        pytest.skip("no MicroPython on this machine")
    wrong = [one for one in check(load_kinds()[name], cache_folder()) if one.ok is False and one.what not in TIMED]
    assert not wrong
