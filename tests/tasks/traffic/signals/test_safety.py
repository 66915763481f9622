"""The safety check, against the second-by-second view of a programme, and as the last step before publishing."""

from __future__ import annotations

import ast
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.tasks import registry
from lamplighter.tasks.api import TaskError
from lamplighter.tasks.local import run_local
from lamplighter.tasks.readers.groups import bounds, freed
from lamplighter.tasks.readers.network import Junction, Phase, crossing
from lamplighter.tasks.traffic.signals import KIND
from lamplighter.tasks.traffic.signals.demo import generated_street
from lamplighter.tasks.traffic.signals.method import safety, search
from lamplighter.tasks.traffic.signals.method.safety import Shipped, Shown, faults

MINIMUM_DS = 50
CROSSING = Shipped((Shown("GrG", 280), Shown("Grr", 140), Shown("yrr", 30), Shown("rGr", 300), Shown("ryr", 30)),
                   frozenset({(0, 1), (1, 2)}), frozenset({2}), frozenset({2}))
"""A road, a road across it, and a walk along the first: 28 s of walk, 14 s to clear."""


@st.composite
def programmes(draw: st.DrawFn) -> Shipped:
    """Any letters, lengths and conflicts, sensible or not."""
    signals, count = draw(st.integers(1, 5)), draw(st.integers(1, 9))
    phases = tuple(Shown("".join(draw(st.lists(st.sampled_from("GGgyrru"), min_size=signals, max_size=signals))),
                         draw(st.sampled_from([5, 10, 30, 50, 120, 300]))) for _ in range(count))
    pairs = list(combinations(range(signals), 2))
    others = frozenset(draw(st.sets(st.integers(0, signals - 1))))
    return Shipped(phases, frozenset(draw(st.sets(st.sampled_from(pairs)))) if pairs else frozenset(), others,
                   frozenset(signal for signal in others if draw(st.booleans())))


def _plan(shipped: Shipped, chosen: list[float]) -> list[int]:
    """Lengths within the bounds that preparation gives, one number from 0 to 1 for each free phase."""
    junction = freed(Junction("J", 0, tuple(Phase(p.duration_ds, p.signals) for p in shipped.phases),
                              crossing(len(shipped.phases[0].signals), shipped.conflicts), shipped.others,
                              shipped.walks))
    free = iter([round(low + share * (min(most, 900) - low))
                 for (low, most), share in zip(bounds(junction, MINIMUM_DS), chosen, strict=False)])
    return [next(free) if phase.adjustable else phase.duration_ds for phase in junction.phases]


@settings(max_examples=300, deadline=None)
@given(programmes(), st.lists(st.floats(0, 1), min_size=9, max_size=9))
def test_every_plan_within_the_bounds_is_safe(shipped: Shipped, chosen: list[float]) -> None:
    """Preparation and check, which know nothing of one another, agree; so does the second-by-second view."""
    plan = _plan(shipped, chosen)
    assert not list(faults(shipped, [phase.signals for phase in shipped.phases], plan, MINIMUM_DS))
    assert not _seen(shipped, plan)


@settings(max_examples=300, deadline=None)
@given(programmes(), st.lists(st.sampled_from([1, 5, 10, 30, 49, 50, 100, 120, 300]), min_size=9, max_size=9))
def test_any_plan_is_judged_as_a_watch_would(shipped: Shipped, lengths: list[int]) -> None:
    """Whatever the lengths, the check finds something exactly where the second-by-second view does."""
    plan = lengths[:len(shipped.phases)]
    found = list(faults(shipped, [phase.signals for phase in shipped.phases], plan, MINIMUM_DS))
    assert bool(found) == _seen(shipped, plan)


def _seen(shipped: Shipped, plan: list[int]) -> bool:
    """Whether someone with a watch at the junction would see green, yellow or time between that are too short."""
    def shown(lengths: list[int], signal: int) -> str:
        return "".join(phase.signals[signal] * length for phase, length in zip(shipped.phases, lengths, strict=True)
                       ).translate(str.maketrans("Ggyu", "GGyy"))

    before = [phase.duration_ds for phase in shipped.phases]
    for signal in range(len(shipped.phases[0].signals)):
        old, new = shown(before, signal), shown(plan, signal)
        for was, now in zip(_stretches(old, "G"), _stretches(new, "G"), strict=True):
            if now < (was if signal in shipped.others else min(was, MINIMUM_DS)):
                return True
        if _stretches(old, "y") != _stretches(new, "y"):
            return True
    for pair in shipped.conflicts:
        for ends, begins in (pair, pair[::-1]):
            most = 300 if ends in shipped.walks else 100
            waits = [_waits(shown(lengths, ends), shown(lengths, begins)) for lengths in (before, plan)]
            if any(now < min(was, most) for was, now in zip(*waits, strict=True)):
                return True
    return False


def _stretches(shown: str, letter: str) -> list[int]:
    """Lengths of the stretches of a letter, from the first that begins in the cycle on."""
    starts = [i for i in range(len(shown)) if shown[i] == letter != shown[i - 1]]
    return [next(n for n in range(len(shown) + 1) if shown[(i + n) % len(shown)] != letter) for i in starts]


def _waits(ends: str, begins: str) -> list[int]:
    """Times from each end of a green to the next green of another that comes before its own."""
    count, found = len(ends), []
    for i in range(count):
        if ends[i - 1] == "G" != ends[i]:
            wait = next(n for n in range(count) if "G" in (ends[(i + n) % count], begins[(i + n) % count]))
            found.append(wait if begins[(i + wait) % count] == "G" else 0)
    return found


@pytest.mark.parametrize(("lengths", "said"), [
    ([280, 140, 30, 300, 30], ""),
    ([300, 140, 30, 50, 30], ""),
    ([270, 140, 30, 300, 30], "signal 2 is green for 27 s, 28 s before"),
    ([280, 130, 30, 300, 30], "signal 1 follows signal 2 after 16 s, 17 s before"),
    ([280, 140, 30, 49, 30], "signal 1 is green for 4.9 s, 30 s before"),
    ([280, 140, 29, 300, 30], "signal 0 is yellow for 2.9 s, 3 s before"),
    ([280, 140, 40, 300, 30], "signal 0 is yellow for 4 s, 3 s before"),
    ([280, 140, 30, 300, 0], "phase 4 lasts 0 s, less than its minimum"),
])
def test_faults_are_said_in_words(lengths: list[int], said: str) -> None:
    """Walk, clearance, green and yellow: each is kept, and what was not is named."""
    found = list(faults(CROSSING, [phase.signals for phase in CROSSING.phases], lengths, MINIMUM_DS))
    assert (found[0] if found else "") == said


def test_order_and_limits_are_kept() -> None:
    """Other signals, another order, fewer phases, and lengths beyond the programme's own limits are faults."""
    signals = [phase.signals for phase in CROSSING.phases]
    for changed in (signals[::-1], signals[:-1], ["GGG", *signals[1:]]):
        assert "another order" in next(faults(CROSSING, changed, [300] * len(changed), MINIMUM_DS))
    limited = Shipped((Shown("Gr", 200, 150, 250), Shown("yr", 30), Shown("rG", 200), Shown("ry", 30)),
                      frozenset({(0, 1)}), frozenset(), frozenset())
    for length, word in ((140, "minimum"), (260, "maximum")):
        assert word in next(faults(limited, [p.signals for p in limited.phases], [length, 30, 200, 30], 50))


def test_a_plan_that_fails_is_not_published(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search gone wrong, which gives greens of 2 s, ends the task with a reason instead of an answer."""
    monkeypatch.setattr(search, "bounds", lambda junction, _: tuple((20, 20 + 980 * (i == 0)) for i, _ in enumerate(
        phase for phase in junction.phases if phase.adjustable)))
    given: dict[str, Any] = {**generated_street(1), "search": {"generations": 1, "children": 4, "cycles_s": [60],
                                                               "replicas": 1}}
    del given["plain"]["routes"][2:]   # nobody comes from the sides
    spec = registry.prepare({KIND.name: KIND}, KIND.name, given)
    with pytest.raises(TaskError) as caught:
        run_local(KIND, spec)
    assert caught.value.code == "unsafe_plan" and "green for 2 s" in caught.value.message


def test_the_check_stands_alone() -> None:
    """It imports nothing of the search, of preparation or of the readers."""
    source = ast.parse(Path(safety.__file__).read_text())
    ours = {node.module for node in ast.walk(source) if isinstance(node, ast.ImportFrom)
            and (node.module or "").startswith("lamplighter")}
    assert ours == {"lamplighter.tasks.api"}
