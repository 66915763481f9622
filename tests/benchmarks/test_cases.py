"""Small inputs of the quality report."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.quality.__main__ import KINDS
from benchmarks.quality.readers_cases import what_came
from benchmarks.quality.tools.small import cases
from lamplighter.tasks.registry import load_kinds


def test_every_case_comes_out_right_and_is_in_the_report() -> None:
    """Each by its name; there are cases of all readers."""
    kinds = load_kinds()
    wrong = [(one.name, came) for one in cases() if not one.right(came := what_came(kinds, one))]
    assert not wrong and KINDS["readers.cases"] == "readers_cases"
    assert {one.kind for one in cases()} == {
        "environment.airmap", "energy.evhosting", "traffic.forecast", "traffic.signals"}
    assert len({one.name for one in cases()}) == len(list(cases()))


def test_what_comes_out_otherwise_is_not_right() -> None:
    """Another code, another count, a voltage a little off."""
    for one in cases():
        other = one.wanted + 1e-5 if isinstance(one.wanted, float) else [one.wanted]
        assert one.right(one.wanted) and not one.right(other) and not replace(one, wanted=None).right(one.wanted)
