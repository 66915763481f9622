"""What is wrong with an operator's input, in our own sentences: where, what was given, what is wanted."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.checked import checker
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


class Model(BaseModel):
    """The input."""

    model_config = ConfigDict(extra="forbid")
    parts: list[Part] = []
    named: dict[str, Part] = {}


def told(given: Any) -> TaskError:
    with pytest.raises(ValidationError) as raised:
        checker(Model).check(given)
    return as_task_error(Model, raised.value)


@pytest.mark.parametrize(("part", "code", "message", "hint"), [
    ({"share": 50}, "out_of_range", "share: 50 is not a number from 0 to 1", "give a number from 0 to 1"),
    ({"share": True}, "bad_value", "share: true is not a number from 0 to 1", "give a number from 0 to 1"),
    ({"share": "0,5"}, "bad_value", 'share: the text "0,5" is not a number from 0 to 1', "write 0.5, without quotes"),
    ({"share": "many"}, "bad_value", 'share: the text "many" is not a number from 0 to 1',
     "give a number from 0 to 1"),
    ({"share": float("nan")}, "bad_value", "share: nan is not a finite number from 0 to 1", "give a finite"),
    ({"gaps": ["many"]}, "bad_value", '0: the text "many" is not a number', "give a number, or null"),
    ({"day": "2026-13-02"}, "bad_value", 'day: the text "2026-13-02" is not a date, as in 2026-03-01', ""),
    ({"angle": 180}, "out_of_range", "angle: 180 is not a number of at least 0 and below 180", ""),
    ({"angle": 10**400}, "bad_value", "angle: a number of so many digits is not a number of at least 0 and below 180",
     ""),
    ({"above": 0}, "out_of_range", "above: 0 is not a number above 0", ""),
    ({"turn": "rigth"}, "bad_value", 'turn: the text "rigth" is not "left" or "right"', ""),
    ({"name": "abcd"}, "bad_value", 'name: the text "abcd" is not text of at most 3 characters like ^[a-z]+$', ""),
    ({"name": "x" * 500}, "bad_value", "name: a text of 500 characters is not text", ""),
    ({"name": None}, "bad_value", "name: null is not text", ""),
    ({"row": []}, "bad_value", "row: a list of 0 items is not a list of 1 to 2 items", ""),
    ({"row": {}}, "bad_value", "row: an object is not a list of 1 to 2 items", ""),
    ({"row": [1.5]}, "bad_value", "0: 1.5 is not a whole number", ""),
    ({"box": [0, "km"]}, "bad_value", '1: the text "km" is not "m"', ""),
    ({"flag": 1}, "bad_value", "flag: 1 is not true or false", ""),
    ({"shaer": 1}, "unknown_field", "unknown field 'shaer'", "did you mean 'share'?"),
])
def test_a_problem_is_one_sentence(part: dict[str, Any], code: str, message: str, hint: str) -> None:
    """What was given is named, with the range or the words that would do and the nearest spelling."""
    for given, place in (({"parts": [part]}, "/input/parts/0/"), ({"named": {"a/b": part}}, "/input/named/a~1b/")):
        error = told(given)
        assert error.code == code and error.message.startswith(message) and error.path.startswith(place)
        assert error.hint.startswith(hint) and error.hint


def test_of_several_choices_each_is_told() -> None:
    """A place that takes this or that is not named by the words of the validator."""
    error = told({"parts": [{"either": "x"}]})
    assert error.message.endswith("is not a whole number or a list")


def test_what_a_stranger_sends_is_not_repeated_whole() -> None:
    """Neither long words nor long places."""
    error = told({"k" * 100_000: 1, "parts": [{"name": "n" * 100_000}] * 50})
    assert len(error.message) < 200 and len(error.hint) < 3_000 and len(error.path) < 100
