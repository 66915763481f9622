"""The allow-list of readers: what is known, what may be left aside, and what is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.allow import NAMES_SHOWN, SENTENCES_MAX, Left, Part, escaped

PART = Part("table 'line'", reads={"ohm"}, skips={"name": "a title", "r0_*": "zero sequence"},
            tells={"limit": "the task's own counts"}, only={"kind": (("AC",), "no direct current")},
            refuses={"svc": "give its power as a load"})


def _sift(given: dict[str, Any], accept: tuple[str, ...] = (), part: Part = PART) -> list[str]:
    left = Left(accept)
    part.sift(given, "/net/line", left, "row 3: ")
    return left.notes()


def test_what_is_known_passes_in_silence() -> None:
    """Read, ignored with a reason, by its beginning, or at its default."""
    assert _sift({"ohm": 1, "name": "x", "r0_ohm": 2, "kind": "AC"}) == []


@pytest.mark.parametrize("nothing", [None, "", float("nan"), [], {}])
def test_nothing_is_as_good_as_absent(nothing: object) -> None:
    """Tables have columns for everything; an empty cell asks for nothing."""
    assert _sift({"svc": nothing, "kind": nothing, "odd": nothing, "limit": nothing}) == []


@pytest.mark.parametrize(("given", "code", "words"), [
    ({"odd": 0}, "not_understood", "row 3: 'odd' of table 'line'"), ({"svc": 1}, "unsupported", "'svc'"),
    ({"kind": "DC"}, "unsupported", "no direct current")])
def test_anything_else_is_refused_by_name(given: dict[str, Any], code: str, words: str) -> None:
    """With the place and what to do."""
    with pytest.raises(TaskError) as caught:
        _sift({"ohm": 1} | given)
    assert (caught.value.code, caught.value.path) == (code, "/net/line")
    assert words in caught.value.message and caught.value.hint


def test_what_the_operator_means_is_a_note_but_not_what_cannot_be() -> None:
    """An unknown name may be accepted; what is known and not modelled may not."""
    assert _sift({"odd": 0}, ("not_understood",)) == ["row 3: 'odd' of table 'line' is not understood (accepted)"]
    with pytest.raises(TaskError, match="svc"):
        _sift({"svc": 1}, ("not_understood", "unsupported"))


def test_what_cannot_change_the_answer_is_told_once() -> None:
    """However many rows have it."""
    left = Left()
    for _ in range(3):
        PART.sift({"limit": 3}, "/net/line", left)
    assert left.notes() == ["'limit' of table 'line' was not read: the task's own counts"]


def test_strangers_additions_to_an_open_part_are_told_by_name() -> None:
    """And pointers end in a key where names are keys."""
    entity = Part("entity", reads={"id"}, open=True, keys=True, refuses={"a/b": "leave it out"})
    assert _sift({"id": 1, "mine": 2, "yours": 3}, part=entity) == [
        "2 attributes of entity (mine, yours) left out: unknown, and not asked for"]
    with pytest.raises(TaskError) as caught:
        _sift({"a/b": 1}, part=entity)
    assert caught.value.path == "/net/line/a~1b" and escaped("~/") == "~0~1"


def test_the_first_strange_name_of_a_document_is_the_one_that_is_told() -> None:
    """Not whichever comes first out of a set: a replay says the same."""
    for _ in range(20):
        with pytest.raises(TaskError, match="'z9'"):
            _sift({"z9": 1, "a1": 1, "m5": 1})


def test_what_is_left_out_is_counted_and_named_within_bounds() -> None:
    """Five names of each kind, forty kinds, whatever a document holds."""
    left = Left()
    left.out("entity", "no position", "urn:1")
    assert left.notes() == ["1 entity (urn:1) left out: no position"]
    for number in range(1000):
        left.out("entity", "no position", f"urn:{number}")
        left.out("record", f"reason {number}")
    notes = left.notes()
    assert notes[0].startswith("1001 entities (urn:1, urn:0,") and notes[0].count("urn:") == NAMES_SHOWN
    assert ", …)" in notes[0] and len(notes) == SENTENCES_MAX + 1
    assert notes[-1] == f"{1001 - SENTENCES_MAX} more things were left out"


def test_a_doubt_is_refused_unless_it_is_meant() -> None:
    """By its own name or by its code."""
    with pytest.raises(TaskError) as caught:
        Left().doubt("missing_code", "-999 is no reading", "/stations/3/value")
    assert caught.value.code == "implausible" and '"accept": ["missing_code"]' in caught.value.hint
    for word in ("missing_code", "implausible"):
        left = Left([word])
        left.doubt("missing_code", "-999 is no reading", "/stations/3/value")
        assert left.notes() == ["-999 is no reading (accepted)"]
