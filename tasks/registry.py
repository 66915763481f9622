"""Which kinds there are, and how an operator's input becomes a spec."""

from __future__ import annotations

import difflib
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from lamplighter.tasks.api import Input, Kind, TaskError

if TYPE_CHECKING:
    from pydantic import ValidationError

GROUP = "lamplighter.kinds"


def load_kinds() -> dict[str, Kind]:
    """All installed kinds by name, ours and third parties' alike.

    Raises TypeError if an entry point is no Kind: a broken package must not start silently.
    """
    kinds: dict[str, Kind] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        kind = point.load()
        if not isinstance(kind, Kind):
            raise TypeError(f"entry point {point.name} of group {GROUP} is {type(kind).__name__}, not a Kind")
        kinds[kind.name] = kind
    return kinds


def nearest(word: str, known: list[str]) -> str:
    """A sentence that offers the nearest known spelling, or all of them."""
    close = difflib.get_close_matches(word[:64], known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else "known: " + ", ".join(sorted(known))


def prepare(kinds: dict[str, Kind], name: str, given: Input) -> Any:
    """Validates ``given`` for the kind ``name`` and prepares its spec. Raises TaskError."""
    kind = kinds.get(name)
    if kind is None:
        raise TaskError("unknown_kind", f"no kind {name[:64]!r}", nearest(name, list(kinds)), "/kind")
    from pydantic import ValidationError  # not before: a gateway does without

    if isinstance(given, dict) and kind.Model.model_config.get("extra") == "forbid":
        _not_too_many(kind, given)
    try:
        model = kind.Model.model_validate(given)
    except ValidationError as error:
        raise _as_task_error(kind, error) from None
    try:
        return kind.prepare(model)
    except TaskError as error:
        raise TaskError(error.code, error.message, error.hint, "/input" + error.path) from None


def _not_too_many(kind: Kind, given: Input) -> None:
    """More keys than the model has fields: one is unknown, and an error each would be collected of all of them."""
    fields = kind.Model.model_fields
    names = {*fields, *(str(field.validation_alias or name) for name, field in fields.items())}
    word = next((key for key in given if key not in names), "") if len(given) > len(names) else ""
    if word:
        raise TaskError("unknown_field", f"unknown field {word[:64]!r}", nearest(word, sorted(names)),
                        "/input/" + word[:64])


def _as_task_error(kind: Kind, error: ValidationError) -> TaskError:
    first = error.errors(include_url=False, include_input=False)[0]
    path = "/input" + "".join(f"/{part}" for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return TaskError("unknown_field", f"unknown field {str(first['loc'][-1])[:64]!r}",
                         nearest(str(first["loc"][-1]), _fields_at(kind, first["loc"])), path)
    code = {"missing": "missing_field"}.get(first["type"], "out_of_range" if "than" in first["type"] else "bad_value")
    more = error.error_count() - 1
    hint = first["msg"] + (f" ({more} more problem{'s' if more > 1 else ''} after this one)" if more else "")
    return TaskError(code, f"{first['loc'][-1] if first['loc'] else 'input'}: {first['msg']}", hint, path)


def _fields_at(kind: Kind, loc: tuple[int | str, ...]) -> list[str]:
    """The field names valid where ``loc`` points to, as far as the model's JSON Schema tells."""
    schema = kind.Model.model_json_schema()
    names: set[str] = set(schema.get("properties", {}))
    if len(loc) > 1:
        for definition in schema.get("$defs", {}).values():
            names |= set(definition.get("properties", {}))
    return sorted(names)
