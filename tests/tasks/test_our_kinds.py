"""Every kind of ours passes what third parties' kinds are tested by."""

from __future__ import annotations

import pytest

from lamplighter.gateway.devicebuild.interpreter import find_micropython
from lamplighter.gateway.kindkit.check import TIMED, check
from lamplighter.tasks.fetch import cache_folder
from lamplighter.tasks.local import run_local
from lamplighter.tasks.registry import load_kinds, prepare


@pytest.mark.parametrize("name", sorted(load_kinds()))
def test_a_kind_passes(name: str) -> None:
    """From its source to its answer, on its demo's input; times are for benchmarks."""
    if find_micropython() is None:
        pytest.skip("no MicroPython on this machine")
    wrong = [one for one in check(load_kinds()[name], cache_folder()) if one.ok is False and one.what not in TIMED]
    assert not wrong


@pytest.mark.parametrize("name", sorted(load_kinds()))
def test_a_kind_says_how_many_rounds_there_may_be(name: str) -> None:
    """On its demo's input it is at most one off, so that the progress of a task tells something."""
    kinds = load_kinds()
    kind, rounds = kinds[name], []
    spec = prepare(kinds, name, kind.demo(cache_folder()).input)
    run_local(kind, spec, rounds.append)
    assert kind.rounds is not None and abs(kind.rounds(spec) - len(rounds)) <= 1
