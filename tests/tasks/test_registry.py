"""Which kinds there are, and how an operator's input becomes a spec."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from lamplighter.tasks import registry
from lamplighter.tasks.api import Kind, TaskError
from lamplighter.tasks.registry import GROUP, LOOKED_AT, load_kinds, nearest, prepare


class Inner(BaseModel):
    """A part of the input."""

    model_config = ConfigDict(extra="forbid")
    length_m: int = Field(default=1, le=100)


class Model(BaseModel):
    """Input of the toy kind."""

    model_config = ConfigDict(extra="forbid")
    cars: int = Field(ge=1)
    roads: list[Inner] = []


def _prepare(model: Model) -> int:
    if model.cars == 13:
        raise TaskError("unlucky", "13 cars", "take 12", "/cars")
    return model.cars


def toy(name: str = "toy.cars") -> Kind:
    """A kind with nothing but an input."""
    none: Any = None
    return Kind(name, 1, "toy", Model, none, _prepare, none, none, none, none, none)


KINDS = {"toy.cars": toy()}


def refused(name: str, given: Any) -> TaskError:
    with pytest.raises(TaskError) as raised:
        prepare(KINDS, name, given)
    return raised.value


def test_our_kinds_are_installed() -> None:
    """By their own names, in order."""
    assert list(load_kinds()) == ["energy.battery", "energy.evhosting", "environment.airmap", "environment.sensorqc",
                                    "traffic.forecast", "traffic.signals"]
    assert all(name == kind.name for name, kind in load_kinds().items())


def test_third_parties_add_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry point in the group is enough."""
    monkeypatch.setattr(EntryPoint, "load", lambda point: toy(point.name))
    points = [EntryPoint(name, "x:y", GROUP) for name in ("b.two", "a.one")]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == GROUP else [])
    assert list(load_kinds()) == ["a.one", "b.two"]


def test_a_broken_package_does_not_start_silently(monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry point that is no kind names itself."""
    monkeypatch.setattr(EntryPoint, "load", lambda point: "a string")
    monkeypatch.setattr(registry, "entry_points", lambda group: [EntryPoint("a.one", "x:y", GROUP)])
    with pytest.raises(TypeError, match=r"entry point a\.one of group lamplighter\.kinds is str, not a Kind"):
        load_kinds()


def test_a_valid_input_becomes_a_spec() -> None:
    """Validated, then prepared by its kind."""
    assert prepare(KINDS, "toy.cars", {"cars": 3, "roads": [{"length_m": 5}]}) == 3


@pytest.mark.parametrize(("name", "given", "code", "path", "hint"), [
    ("toy.car", {}, "unknown_kind", "/kind", "did you mean 'toy.cars'?"),
    ("zzz", {}, "unknown_kind", "/kind", "known: toy.cars"),
    ("toy.cars", {}, "missing_field", "/input/cars", "give a whole number of at least 1"),
    ("toy.cars", {"cars": 0}, "out_of_range", "/input/cars", "give a whole number of at least 1"),
    ("toy.cars", {"cars": "many"}, "bad_value", "/input/cars", "give a whole number of at least 1"),
    ("toy.cars", {"cars": 1, "road": 1}, "unknown_field", "/input/road", "did you mean 'roads'?"),
    ("toy.cars", {"cars": 1, "roads": [{"length_n": 1}]}, "unknown_field", "/input/roads/0/length_n",
     "did you mean 'length_m'?"),
    ("toy.cars", {"cars": 1, "roads": [{}, {"length_m": 101}]}, "out_of_range", "/input/roads/1/length_m",
     "give a whole number of at most 100"),
    ("toy.cars", {f"k{n}": 1 for n in range(1_000)}, "unknown_field", "/input/k0", "known: cars, roads"),
    ("toy.cars", {"cars": 13}, "unlucky", "/input/cars", "take 12"),
    ("toy.cars", [], "bad_value", "/input", "give an object"),
])
def test_a_refusal_says_what_where_and_what_would_do(name: str, given: Any, code: str, path: str, hint: str) -> None:
    """Code, JSON Pointer into the request, and the nearest spelling or range."""
    error = refused(name, given)
    assert (error.code, error.path) == (code, path)
    assert error.hint.startswith(hint), error.hint


def test_further_problems_are_named() -> None:
    """The first one stands alone, those that follow in its hint with their places, ten in all."""
    error = refused("toy.cars", {"roads": [{"length_m": 101}]})
    assert (error.path, error.message) == ("/input/cars", "cars is missing")
    assert error.hint.endswith(
        " | also: /input/roads/0/length_m: 101 is too large (give a whole number of at most 100)")
    assert refused("toy.cars", {"roads": [{"length_m": 101}] * 2_000}).hint.count("/input/roads/") == 9


def test_long_words_are_not_repeated_whole() -> None:
    """What a stranger sends does not fill the log."""
    assert len(refused("k" * 100_000, {}).message) < 100
    error = refused("toy.cars", {"cars": 1, "k" * 100_000: 1})
    assert len(error.message) < 100 and len(error.hint) < 200


def test_nearest_offers_what_is_close_or_everything() -> None:
    """One spelling if it is close, else all, in order."""
    assert nearest("rods", ["roads", "cars"]) == "did you mean 'roads'?"
    assert nearest("xyz", ["roads", "cars"]) == "known: cars, roads"


def test_a_word_is_compared_with_so_many_others() -> None:
    """Each takes long, and a sender says how many there are."""
    others = [f"{number:08}" for number in range(LOOKED_AT)]
    assert nearest("rods", [*others[1:], "roads"]) == "did you mean 'roads'?"
    assert nearest("rods", [*others, "roads"]).startswith("known: ")


WORDS = st.text(max_size=6)
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS,
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
                    max_leaves=8)


@pytest.mark.parametrize("kind", sorted(load_kinds()))
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_no_input_raises_anything_but_a_task_error(kind: str, data: st.DataObject) -> None:
    """Whatever JSON an operator sends to one of our kinds is prepared or refused with a code and a place."""
    kinds = load_kinds()
    fields = st.sampled_from(sorted(kinds[kind].Model.model_fields))
    given = data.draw(st.dictionaries(fields | st.text(max_size=4), JSON, max_size=4))
    try:
        prepare(kinds, kind, given)
    except TaskError as error:
        assert error.code.replace("_", "").isalnum() and error.path.startswith("/input") and error.message
