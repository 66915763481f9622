"""What a rule was chosen on is not what it is judged on."""

from __future__ import annotations

import random
from typing import Any

from benchmarks.quality.tools import fields
from benchmarks.quality.tools.fields import CHOSEN_ON, JUDGED_ON, PAIRS, SCRIPT


def test_no_field_is_both_chosen_on_and_judged_on() -> None:
    """Nor do two fields share their stations: a name begins with its network, up to the underscore."""
    chosen, judged = ({name.partition("_")[0] for name in names} for names in (CHOSEN_ON, JUDGED_ON))
    assert not chosen & judged
    assert len(judged) >= 6 and chosen


def test_every_field_is_of_a_network_that_the_script_has() -> None:
    """By the name that it has there."""
    script = SCRIPT.read_text()
    assert all(f"  {name.partition('_')[0]} = function(name)" in script for name in (*CHOSEN_ON, *JUDGED_ON))


def _table(count: int) -> list[dict[str, float]]:
    pick = random.Random(1)
    return [{"x": pick.random(), "y": pick.random(), "z": float(i)} for i in range(count)]


def test_splits_keep_back_what_is_not_given(monkeypatch: Any) -> None:
    """Of each day in turn, and at least 1,000 in all; pairs are stations with their neighbours."""
    days = [one | {"day": float(day)} for day in range(3) for one in _table(90)]
    monkeypatch.setattr(fields.Fields, "__init__", lambda self, _: None)
    monkeypatch.setattr(fields.Fields, "_run", lambda self, *_: days)
    one = fields.Fields(None)  # type: ignore[arg-type]
    for design, given in (("halves", 45), ("pairs", 2 * PAIRS)):
        splits = one.splits("some", design)
        assert sum(len(kept) for _, kept in splits) >= 1_000
        for number, (some, kept) in enumerate(splits):
            assert len(some) == given and len(kept) == 90 - given
            assert {row["z"] for row in some} | {row["z"] for row in kept} == {float(i) for i in range(90)}
            assert {row["day"] for row in (*some, *kept)} == {float(number % 3)}
        assert one.splits("some", design) == splits
