"""What is wrong with an operator's input, in our own sentences: where, what was given, what is wanted."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
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


def as_task_error(model: type[BaseModel], error: ValidationError, root: str = "/input") -> TaskError:
    """The first problem, with those that follow in its hint: ten at most, their places below ``root``. What is
    misspelt comes before what is missing for it, of which no more is said; what is wrong in several places alike is
    said once."""
    found = sorted(error.errors(include_url=False), key=lambda problem: problem["type"] != "extra_forbidden")
    schema = _schema_of(model)
    meant: set[tuple[int | str, ...]] = set()
    told: dict[tuple[str, str], list[TaskError]] = {}
    for problem in found:
        if problem["type"] == "missing" and problem["loc"] in meant:
            continue
        one = _problem(schema, problem, root)
        if problem["type"] == "extra_forbidden":
            meant |= {(*problem["loc"][:-1], word) for word in re.findall(r"did you mean '(.*)'", one.hint)}
        told.setdefault((one.message.partition(": ")[2] or one.message, one.hint), []).append(one)
        if sum(map(len, told.values())) == MOST:
            break
    (first, *same), *others = told.values()
    hint = "; ".join(filter(None, [first.hint, _also("the same at ", same)]))
    more = "; ".join(_short(*alike) for alike in others)
    return TaskError(first.code, first.message, " | also: ".join(filter(None, [hint, more])), first.path)


def _also(words: str, others: Sequence[TaskError]) -> str:
    return words + ", ".join(other.path for other in others) if others else ""


def _short(first: TaskError, *same: TaskError) -> str:
    """Where, what and what would do; the place says the name."""
    what = first.message.partition(": ")[2] or first.message
    return f"{first.path}{_also(', ', same)}: {what}" + (f" ({first.hint})" if first.hint else "")


def _problem(schema: Schema, found: ErrorDetails, root: str) -> TaskError:
    kind, loc = found["type"], found["loc"]
    path = root + "".join(f"/{_escaped(part)}" for part in loc[:MOST_PARTS])
    name = _name(loc)
    if kind == "extra_forbidden":
        known = {word for node in _at(schema, loc[:-1]) for word in node.get("properties", ())}
        return TaskError("unknown_field", f"unknown field {name!r}", nearest(name, sorted(known)), path)
    nodes = _at(schema, loc)
    wanted = _joined(map(_wanted, nodes))
    if kind == "missing":
        return TaskError("missing_field", f"{name} is missing", f"give {wanted or 'a value'}", path)
    if kind in ("value_error", "assertion_error"):
        return _own_words(nodes, str(found["ctx"]["error"]), name, path)
    code = "out_of_range" if "than" in kind else "bad_value"
    if not wanted:
        return TaskError(code, f"{name}: {found['msg']}", "", path)
    if kind == "finite_number":
        wanted = wanted.replace("a number", "a finite number")
    hint = _meant(found["input"], nodes, name) or f"give {wanted}"
    if isinstance(loc[-1] if loc else "", int) and any(node.get("type") == "null" for node in nodes):
        hint += ", or null where there is none"
    return TaskError(code, f"{name}: {_shown(found['input'])} is {_wrong(kind, nodes)}", hint, path)


def _name(loc: Sequence[int | str]) -> str:
    """The last word of a place, with what follows it: ``counts/5``."""
    words = [at for at, part in enumerate(loc) if isinstance(part, str)]
    return "/".join(str(part)[:64] for part in loc[words[-1]:]) if words else "input"


def _own_words(nodes: Sequence[Schema], said: str, name: str, path: str) -> TaskError:
    """A kind's own sentence: what comes after a semicolon is what would do; a field that it begins with is meant."""
    what, _, hint = said.partition("; ")
    word = what.partition(" ")[0]
    if any(word in node.get("properties", ()) for node in nodes):
        return TaskError("bad_value", what, hint, f"{path}/{_escaped(word)}")
    return TaskError("bad_value", f"{name}: {what}", hint, path)


def _joined(words: Iterable[str]) -> str:
    return " or ".join(dict.fromkeys(filter(None, words)))


def _wrong(kind: str, nodes: Sequence[Schema]) -> str:
    for word, says in (("greater_than", "too small"), ("less_than", "too large"), ("too_short", "too short"),
                       ("too_long", "too long"), ("pattern", "not written as it should be")):
        if word in kind:
            return says
    return "not " + ("a finite number" if kind == "finite_number" else _joined(map(_noun, nodes)))


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


_NOUNS = {"number": "a number", "integer": "a whole number", "string": "text", "array": "a list",
          "object": "an object", "boolean": "true or false"}
_SPANS = {"number": ("minimum", "maximum"), "integer": ("minimum", "maximum"),
          "string": ("minLength", "maxLength", " characters"), "array": ("minItems", "maxItems", " items"),
          "object": ("minProperties", "maxProperties", " members")}


def _words(node: Schema) -> list[Any]:
    """The only values that a place takes, if it names them."""
    return list(node.get("enum", [node["const"]] if "const" in node else ()))


def _noun(node: Schema) -> str:
    if words := _words(node):
        return "one of its words" if len(words) > 1 else f'"{words[0]}"'
    return "a date" if node.get("format") == "date" else _NOUNS.get(str(node.get("type")), "")


def _wanted(node: Schema) -> str:
    if words := _words(node):
        return " or ".join(f'"{word}"' for word in words)
    if node.get("format") == "date":
        return "a date, as in 2026-03-01"
    kind = str(node.get("type"))
    pattern = f" like {node['pattern']}" if "pattern" in node else ""
    return _noun(node) + (_span(node, *_SPANS[kind]) if kind in _SPANS else "") + pattern


def _span(node: Schema, least: str, most: str, unit: str = "") -> str:
    low, high = node.get(least), node.get(most)
    above, below = node.get("exclusiveMinimum"), node.get("exclusiveMaximum")
    if low is not None and high is not None:
        count = f"{_number(low)} to {_number(high)}" if low != high else _number(low)
        return (" from " if not unit else " of ") + count + unit
    bounds = [f"{word} {_number(bound)}{unit}" for word, bound in (
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


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:,g}"


def _meant(given: Any, nodes: Sequence[Schema], name: str) -> str:
    """What was probably meant: the nearest word, a number that came as text, a share in another unit."""
    if isinstance(given, str) and len(given) <= SHOWN:
        near = difflib.get_close_matches(given, [str(word) for node in nodes for word in _words(node)], n=1)
        value = _number_in(given)
        if near or value is None or not any(_fits(node, value) for node in nodes):
            return f'did you mean "{near[0]}"?' if near else ""
        return f"write {value:g}, without quotes"
    for unit, factor in _SHARES.get(name.rpartition("_")[2], {}).items():
        share = isinstance(given, int | float) and not isinstance(given, bool) and 0 < given <= 100
        if share and any(_fits(node, given * factor) for node in nodes):
            wanted = _joined(map(_wanted, nodes))
            return f"give {wanted}; {given:g}{unit} is {given * factor:g}"
    return ""


_SHARES = {"permille": {" %": 10, " as a share": 1_000}, "percent": {" as a share": 100}}
"""By the last word of a field: what else may have been given, and how many of its units that is."""


def _number_in(given: str) -> float | None:
    """The number that a text holds, if there is no doubt: in ``1,000`` there is."""
    if re.fullmatch(r"\s*[-+]?\d{1,12}([.,](\d{1,2}|\d{4,12}))?\s*%?\s*", given, re.ASCII):
        return float(given.strip(" %\t\n").replace(",", "."))
    return None


def _fits(node: Schema, value: float) -> bool:
    kind = node.get("type")
    return kind in ("number", "integer") and (kind == "number" or value == int(value)) and (
        node.get("minimum", value) <= value <= node.get("maximum", value)) and (
        node.get("exclusiveMinimum", value - 1) < value < node.get("exclusiveMaximum", value + 1))
