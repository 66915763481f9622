"""What is wrong with an operator's input, in our own sentences: where, what was given, what is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.checked import MOST
from lamplighter.tasks.registry import nearest

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

SHOWN = 40
"""Letters of what was given that are repeated."""
MOST_PARTS = 16
"""Levels of a place that are told."""

Schema = dict[str, Any]


def as_task_error(model: type[BaseModel], error: ValidationError) -> TaskError:
    """The first problem, with those that follow in its hint: ten at most. What is misspelt comes before what is
    missing for it."""
    found = sorted(error.errors(include_url=False), key=lambda problem: problem["type"] != "extra_forbidden")
    first, *others = [_problem(model, problem) for problem in found[:MOST]]
    hint = first.hint
    if others:
        hint += " | also: " + "; ".join(f"{other.path}: {other.message}" for other in others)
    return TaskError(first.code, first.message, hint, first.path)


def _problem(model: type[BaseModel], found: ErrorDetails) -> TaskError:
    kind, loc = found["type"], found["loc"]
    path = "/input" + "".join(f"/{_escaped(part)}" for part in loc[:MOST_PARTS])
    name = str(loc[-1])[:64] if loc else "input"
    schema = _schema_of(model)
    if kind == "extra_forbidden":
        known = {word for node in _at(schema, loc[:-1]) for word in node.get("properties", ())}
        return TaskError("unknown_field", f"unknown field {name!r}", nearest(name, sorted(known)), path)
    wanted = " or ".join(dict.fromkeys(filter(None, map(_wanted, _at(schema, loc)))))
    if kind == "missing":
        return TaskError("missing_field", f"{name} is missing", f"give {wanted or 'a value'}", path)
    if kind in ("value_error", "assertion_error"):   # a kind's own sentence
        return TaskError("bad_value", f"{name}: {found['ctx']['error']}", str(found["ctx"]["error"]), path)
    if kind == "finite_number":
        wanted = wanted.replace("a number", "a finite number")
    code = "out_of_range" if "than" in kind else "bad_value"
    if not wanted:
        return TaskError(code, f"{name}: {found['msg']}", found["msg"], path)
    hint = _number_in(found["input"], wanted) or f"give {wanted}"
    if isinstance(loc[-1] if loc else "", int) and any(node.get("type") == "null" for node in _at(schema, loc)):
        hint += ", or null where there is none"
    return TaskError(code, f"{name}: {_shown(found['input'])} is not {wanted}", hint, path)


def _escaped(part: int | str) -> str:
    return str(part)[:64].replace("~", "~0").replace("/", "~1")


@cache
def _schema_of(model: type[BaseModel]) -> Schema:
    return model.model_json_schema()


def _at(schema: Schema, loc: Sequence[int | str]) -> list[Schema]:
    """What may stand at ``loc``; parts that are no place, such as the names of choices, are passed over."""
    nodes = list(_choices(schema, schema))
    for part in loc:
        inner = [below for node in nodes for below in _below(node, part)]
        nodes = [choice for node in inner for choice in _choices(schema, node)] or nodes
    return nodes


def _choices(schema: Schema, node: Schema) -> Iterable[Schema]:
    if "$ref" in node:
        yield from _choices(schema, schema["$defs"][node["$ref"].rpartition("/")[2]])
    elif "anyOf" in node or "oneOf" in node:
        for choice in [*node.get("anyOf", ()), *node.get("oneOf", ())]:
            yield from _choices(schema, choice)
    else:
        yield node


def _below(node: Schema, part: int | str) -> Iterable[Schema]:
    if isinstance(part, str):
        found = node.get("properties", {}).get(part, node.get("additionalProperties"))
    else:
        firsts = node.get("prefixItems", ())
        found = firsts[part] if part < len(firsts) else node.get("items")
    return [found] if isinstance(found, dict) and found else []


def _wanted(node: Schema) -> str:
    if "enum" in node or "const" in node:
        return " or ".join(f'"{word}"' for word in node.get("enum", [node.get("const")]))
    match node.get("type"):
        case "number":
            return "a number" + _span(node, "minimum", "maximum")
        case "integer":
            return "a whole number" + _span(node, "minimum", "maximum")
        case "string" if node.get("format") == "date":
            return "a date, as in 2026-03-01"
        case "string":
            pattern = f" like {node['pattern']}" if "pattern" in node else ""
            return "text" + _span(node, "minLength", "maxLength", " characters") + pattern
        case "array":
            return "a list" + _span(node, "minItems", "maxItems", " items")
        case "object":
            return "an object" + _span(node, "minProperties", "maxProperties", " members")
        case "boolean":
            return "true or false"
    return ""


def _span(node: Schema, least: str, most: str, unit: str = "") -> str:
    low, high = node.get(least), node.get(most)
    above, below = node.get("exclusiveMinimum"), node.get("exclusiveMaximum")
    if low is not None and high is not None:
        count = f"{low:,g} to {high:,g}" if low != high else f"{low:,g}"
        return (" from " if not unit else " of ") + count + unit
    bounds = [f"{word} {bound:,g}{unit}" for word, bound in (
        ("of at least", low), ("above", above), ("of at most", high), ("below", below)) if bound is not None]
    return "".join(" " + bound for bound in bounds[:1]) + "".join(" and " + bound for bound in bounds[1:])


def _shown(given: Any) -> str:
    """What was given, in few words."""
    if given is None or isinstance(given, bool):
        return {None: "null", True: "true", False: "false"}[given]
    if isinstance(given, int | float):
        return repr(given)[:SHOWN] if not abs(given) >= 1e300 else "a number of so many digits"
    if isinstance(given, str):
        return f'the text "{given[:SHOWN]}{"…" if len(given) > SHOWN else ""}"' if len(given) <= 4 * SHOWN else (
            f"a text of {len(given):,} characters")
    return f"a list of {len(given):,} items" if isinstance(given, list | tuple) else "an object"


def _number_in(given: Any, wanted: str) -> str:
    """How a number that came as text is written."""
    if isinstance(given, str) and "number" in wanted and len(given) <= SHOWN:
        with suppress(ValueError, OverflowError):
            return f"write {float(given.strip().removesuffix('%').replace(',', '.')):g}, without quotes"
    return ""
