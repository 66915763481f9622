"""An operator's input against a kind's model: numbers are numbers, and problems are found up to ten."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lamplighter.tasks.checked import MOST, Checker, checker
from lamplighter.tasks.problems import as_task_error
from lamplighter.tasks.registry import load_kinds


class Inner(BaseModel):
    """Part of the input."""

    model_config = ConfigDict(extra="forbid")
    size: float = 1.0
    count: int = 1
    more: list[int] = []


class Exact(BaseModel):
    """A model whose lists are to be lists."""

    model_config = ConfigDict(strict=True)
    values: list[int] = []


class Wide(BaseModel):
    """A model with everything that may hold much."""

    model_config = ConfigDict(extra="forbid")
    numbers: list[float] = []
    nested: list[list[int]] = []
    named: dict[str, Annotated[int, Field(ge=0)]] = {}
    several: tuple[int, ...] = ()
    distinct: set[int] = set()
    either: list[float] | list[str] = []
    parts: list[Inner] = []
    yes: bool = False
    maybe: int | None = None
    box: tuple[float, float] = (0, 0)
    few: Annotated[list[int], Field(max_length=2_000)] = []
    exactly: list[Exact] = []

    @model_validator(mode="after")
    def _whole(self) -> Wide:
        assert all(number * 2 is not None for number in self.numbers)
        return self


MANY = 100_000
ITEM = Checker._item


def errors(given: dict[str, Any]) -> list[tuple[tuple[Any, ...], str]]:
    with pytest.raises(ValidationError) as raised:
        checker(Wide).check(given)
    return [(error["loc"], error["type"]) for error in raised.value.errors()]


@pytest.mark.parametrize("given", [
    {"numbers": ["x"] * MANY}, {"nested": [["x"]] * MANY}, {"nested": [["x"] * MANY]}, {"several": ["x"] * MANY},
    {"named": {f"k{n}": -1 for n in range(MANY)}}, {"distinct": ["x"] * MANY},
    {"parts": [{"size": "x", "count": "x"}] * MANY}, {"parts": [{f"k{n}": 1 for n in range(MANY)}]},
    {f"k{n}": 1 for n in range(MANY)}, {"parts": [{"other": 1}] * MANY, "numbers": ["x"] * MANY},
    {"parts": [{"more": ["x"] * MANY}]}, {"parts": [{"more": ["x"]}] * MANY}, {"exactly": [{"values": ["x"] * MANY}]},
    {"numbers": [1] * MANY + ["x"] * MANY}, {"few": ["x"] * 2_000},
], ids=range(15))
def test_problems_are_found_up_to_ten(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a document of nothing but wrong values is: those that are told are the first that it has."""
    found = errors(given)
    assert MOST <= len(found) <= MOST + 10
    with pytest.raises(ValidationError) as raised:
        Wide.model_validate(given, strict=None)
    whole = [error["loc"] for error in raised.value.errors()[:MOST]]
    assert [loc for loc, _ in found][:MOST] == whole


@pytest.mark.parametrize(("field", "short"), [("numbers", False), ("few", True)])
def test_a_long_list_is_left_once_enough_is_known(field: str, short: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more of it is looked at than what is told; of one that is longer than it may be, nothing."""
    looked = []
    monkeypatch.setattr(Checker, "_item", lambda own, *about: looked.append(1) or ITEM(own, *about))
    checker.cache_clear()
    found = errors({field: ["x"] * MANY})
    checker.cache_clear()
    assert len(looked) <= (0 if short else MOST + 1)
    assert found == ([((field,), "too_long")] if short else [((field, n), "float_type") for n in range(MOST)])


def test_a_list_that_is_too_long_is_shown_by_its_length() -> None:
    """As any other problem."""
    for field, most in (("few", "at most 2,000 items"), ("box", "2 items")):
        with pytest.raises(ValidationError) as raised:
            checker(Wide).check({field: [1] * MANY})
        error = as_task_error(Wide, raised.value)
        assert "a list of 100,000 items is too long" in error.message and error.hint == f"give a list of {most}"


def test_a_long_good_document_is_what_the_model_makes_of_it() -> None:
    """Lists of any length, in models, and where lists are to be nothing else."""
    given = {"numbers": [1.5] * MANY, "nested": [[1] * 1_100] * 1_100, "several": [1] * 5_000,
             "distinct": [*range(5_000)], "either": ["a"] * 5_000, "parts": [{"more": [2] * 1_100}] * 1_100,
             "few": [1] * 2_000, "exactly": [{"values": [3] * 5_000}]}
    assert checker(Wide).check(given) == Wide.model_validate(given)


def test_a_good_document_is_what_the_model_makes_of_it() -> None:
    """Nothing is left out of it, also where one choice of several found much wrong."""
    given = {"numbers": [1, 2.5], "nested": [[1], [2]], "named": {"a": 1}, "several": [1, 2], "distinct": [3],
             "either": ["a"] * 50, "parts": [{"size": 2}] * 3, "yes": True, "maybe": 4, "box": [1, 2]}
    assert checker(Wide).check(given) == Wide.model_validate(given)
    assert checker(Wide).check({"either": ["a"] * 50}).either == ["a"] * 50


@pytest.mark.parametrize(("field", "value"), [
    ("numbers", [True]), ("numbers", ["1"]), ("nested", [["1"]]), ("several", [False]), ("maybe", True),
    ("maybe", "4"), ("maybe", 1.5), ("yes", 1), ("yes", "true"), ("named", {"a": "1"}), ("box", ["1", 2]),
    ("parts", [{"count": "1"}]), ("parts", [{"count": True}]), ("parts", [{"size": True}]),
    ("parts", [{"size": "1"}]), ("parts", [{"more": [True]}]), ("exactly", [{"values": (1,)}])])
def test_only_numbers_are_numbers(field: str, value: Any) -> None:
    """Neither a truth nor text is one, and no number is a truth."""
    assert len(errors({field: value})) == 1


def test_a_whole_number_may_be_written_with_a_point() -> None:
    """JSON knows one kind of number only, and some programs write all of them so."""
    made = checker(Wide).check({"maybe": 3.0, "numbers": [3]})
    assert (made.maybe, type(made.maybe), made.numbers) == (3, int, [3.0])


@pytest.mark.parametrize("kind", sorted(load_kinds()))
def test_every_kind_is_held_to_it(kind: str) -> None:
    """Wrong values in every list of an input of each of our kinds are named up to ten, whatever the kind."""
    model = load_kinds()[kind].Model
    given = {name: [{"x": [0]}] * 20_000 for name in model.model_fields}
    with pytest.raises(ValidationError) as raised:
        checker(model).check(given)
    assert raised.value.error_count() <= MOST + len(model.model_fields) + 2
