"""What is wrong with an operator's input, in our own sentences: where, what was given, what is wanted."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.checked import MOST, checker
from lamplighter.tasks.problems import as_task_error


class Part(BaseModel):
    """Part of the input."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    share: float | None = Field(default=None, ge=0, le=1)
    angle: float = Field(default=0, ge=0, lt=180)
    turn: Literal["left", "right"] = "left"
    name: str = Field(default="a", max_length=3, pattern="^[a-z]+$")
    row: list[int] = Field(default=[1], min_length=1, max_length=2)
    gaps: list[float | None] = []
    day: date = date(2026, 3, 1)
    box: tuple[float, Literal["m"]] = (0, "m")
    either: int | list[float] = 1
    above: float = Field(default=1, gt=0)
    flag: bool = False
    far: float = Field(default=0, le=1e9)
    loss_permille: int = Field(default=950, ge=500, le=1000)
    own: int = 0

    @model_validator(mode="after")
    def _own_words(self) -> Part:
        if self.own == 1:
            raise ValueError("own is never 1; 2 would do")
        if self.own == 2:
            raise ValueError("two parts are never alike")
        return self


class Needed(BaseModel):
    """Has to be given whole."""

    model_config = ConfigDict(extra="forbid")
    length: int


class Model(BaseModel):
    """The input."""

    model_config = ConfigDict(extra="forbid")
    parts: list[Part] = []
    named: dict[str, Part] = {}
    needed: Needed | None = None


def told(given: Any) -> TaskError:
    with pytest.raises(ValidationError) as raised:
        checker(Model).check(given)
    return as_task_error(Model, raised.value)


@pytest.mark.parametrize(("part", "code", "message", "hint"), [
    ({"share": 50}, "out_of_range", "share: 50 is too large", "give a number from 0 to 1"),
    ({"share": True}, "bad_value", "share: true is not a number", "give a number from 0 to 1"),
    ({"share": "0,5"}, "bad_value", 'share: the text "0,5" is not a number', "write 0.5, without quotes"),
    ({"share": "50"}, "bad_value", 'share: the text "50" is not a number', "give a number from 0 to 1"),
    ({"share": "many"}, "bad_value", 'share: the text "many" is not a number', "give a number from 0 to 1"),
    ({"share": float("nan")}, "bad_value", "share: nan is not a finite number", "give a finite number from 0 to 1"),
    ({"gaps": ["many"]}, "bad_value", 'gaps/0: the text "many" is not a number', "give a number, or null"),
    ({"gaps": ["1,000"]}, "bad_value", 'gaps/0: the text "1,000" is not a number', "give a number, or null"),
    ({"day": "2026-13-02"}, "bad_value", 'day: the text "2026-13-02" is not a date', "give a date, as in 2026-03-01"),
    ({"angle": 180}, "out_of_range", "angle: 180 is too large", "give a number of at least 0 and below 180"),
    ({"angle": 10**400}, "bad_value", "angle: a number of so many digits is not a number",
     "give a number of at least 0 and below 180"),
    ({"above": 0}, "out_of_range", "above: 0 is too small", "give a number above 0"),
    ({"loss_permille": 95}, "out_of_range", "loss_permille: 95 is too small",
     "give a whole number from 500 to 1,000; 95 % is 950"),
    ({"loss_permille": 0.95}, "bad_value", "loss_permille: 0.95 is not a whole number",
     "give a whole number from 500 to 1,000; 0.95 as a share is 950"),
    ({"turn": "rigth"}, "bad_value", 'turn: the text "rigth" is not one of its words', 'did you mean "right"?'),
    ({"turn": "x"}, "bad_value", 'turn: the text "x" is not one of its words', 'give "left" or "right"'),
    ({"name": "abcd"}, "bad_value", 'name: the text "abcd" is too long',
     "give text of at most 3 characters like ^[a-z]+$"),
    ({"name": "A"}, "bad_value", 'name: the text "A" is not written as it should be', "give text of at most 3"),
    ({"name": "x" * 500}, "bad_value", "name: a text of 500 characters is too long", "give text"),
    ({"name": None}, "bad_value", "name: null is not text", "give text"),
    ({"row": []}, "bad_value", "row: a list of 0 items is too short", "give a list of 1 to 2 items"),
    ({"row": {}}, "bad_value", "row: an object is not a list", "give a list of 1 to 2 items"),
    ({"row": [1.5]}, "bad_value", "row/0: 1.5 is not a whole number", "give a whole number"),
    ({"box": [0, "km"]}, "bad_value", 'box/1: the text "km" is not "m"', 'did you mean "m"?'),
    ({"flag": 1}, "bad_value", "flag: 1 is not true or false", "give true or false"),
    ({"far": 2e9}, "out_of_range", "far: 2000000000.0 is too large", "give a number of at most 1,000,000,000"),
    ({"own": 1}, "bad_value", "own is never 1", "2 would do"),
    ({"shaer": 1}, "unknown_field", "unknown field 'shaer'", "did you mean 'share'?"),
])
def test_a_problem_is_one_sentence(part: dict[str, Any], code: str, message: str, hint: str) -> None:
    """What was given is named, with the range or the words that would do and the nearest spelling."""
    for given, place in (({"parts": [part]}, "/input/parts/0/"), ({"named": {"a/b": part}}, "/input/named/a~1b/")):
        error = told(given)
        assert error.code == code and error.message.startswith(message) and error.path.startswith(place)
        assert error.hint.startswith(hint) and error.hint


def test_nothing_is_said_twice() -> None:
    """A field that is missing because it is misspelt is told as that; what is wrong alike is told once, with all
    places; a hint that would only repeat the message is left out."""
    one = told({"parts": [{"row": ["x", "x"]}, {"shaer": 1, "share": 5}]})
    assert one.hint == ("did you mean 'share'? | also: "
                        '/input/parts/0/row/0, /input/parts/0/row/1: the text "x" is not a whole number (give a '
                        "whole number); /input/parts/1/share: 5 is too large (give a number from 0 to 1)")
    alike = told({"parts": [{"gaps": ["x"] * 40}]})
    assert alike.hint.count("give") == 1 and alike.hint.count("/input/parts/0/gaps/") == MOST - 1
    needed = told({"needed": {"lenght": 1}})
    assert (needed.code, needed.hint) == ("unknown_field", "did you mean 'length'?")
    own = told({"parts": [{"own": 2}]})
    assert (own.message, own.hint, own.path) == ("parts/0: two parts are never alike", "", "/input/parts/0")


def test_of_several_choices_each_is_told() -> None:
    """A place that takes this or that is not named by the words of the validator."""
    error = told({"parts": [{"either": "x"}]})
    assert error.message.endswith("is not a whole number or a list")


def test_what_a_stranger_sends_is_not_repeated_whole() -> None:
    """Neither long words nor long places."""
    error = told({"k" * 100_000: 1, "parts": [{"name": "n" * 100_000}] * 50})
    assert len(error.message) < 200 and len(error.hint) < 3_000 and len(error.path) < 100
