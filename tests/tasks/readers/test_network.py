"""Signals and phases as bits."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from lamplighter.tasks.readers.network import LETTERS, Junction, Phase, bits, crossing, greens


@given(st.text(st.characters(codec="utf-8"), max_size=300))
def test_a_letter_of_green_is_a_bit(letters: str) -> None:
    """The first is the lowest, whatever else there is."""
    assert list(bits(greens(letters))) == [place for place, letter in enumerate(letters) if letter in LETTERS]


@given(st.sets(st.sampled_from(list(combinations(range(6), 2)))))
def test_who_crosses_whom_is_a_bit_at_both(pairs: set[tuple[int, int]]) -> None:
    """And the pairs are found again."""
    foes = crossing(6, pairs)
    assert Junction("j", 0, (Phase(10, "r" * 6),), foes).conflicts == pairs
    assert all(foes[other] >> one & 1 for one, others in enumerate(foes) for other in bits(others))


def test_greens_by_signal_and_by_phase() -> None:
    """The same, seen from both sides."""
    junction = Junction("j", 0, (Phase(10, "Gr"), Phase(10, "gO"), Phase(10, "yr")))
    assert (junction.by_phase, junction.by_signal) == ([0b01, 0b11, 0b00], [0b011, 0b010])
