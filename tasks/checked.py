"""An operator's input against a kind's model: numbers are numbers, and problems are found up to ten.

A model collects an error of each wrong value, which for a long document is more time and memory than a worker has.
Here each list and each object stops looking once ten are known. It works on the schema that pydantic made of a model,
so kinds of third parties are held to it as ours are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from itertools import islice
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticOmit, SchemaValidator, ValidationError, core_schema

from lamplighter.tasks.api import Input

MOST = 10
"""Problems that are told."""
_INNER = ("schema", "keys_schema", "values_schema", "items_schema", "choices", "definitions", "fields", "steps",
          "lax_schema", "strict_schema", "extras_schema", "arguments_schema", "arguments")
"""Where a schema has others in it."""
_FIELDS = ("model-fields", "typed-dict", "dataclass-args")
_ITEMS = ("list", "set", "frozenset", "generator")

Schema = dict[str, Any]


class Checker:
    """A model, made to stop. One document at a time."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._found = 0
        self._most = MOST
        self._omitted = False
        schema: Any = self._bounded(dict(model.__pydantic_core_schema__))
        try:
            self._validator = SchemaValidator(schema, None, _use_prebuilt=False)
        except TypeError:   # pydantic_core before it reused the validators of inner models
            self._validator = SchemaValidator(schema)

    def check(self, given: Input) -> Any:
        """The model's instance. Raises ValidationError; its first ten errors are as without a bound."""
        self._found, self._most, self._omitted = 0, MOST, False
        model = self._validator.validate_python(given)
        if self._omitted:   # by a choice that another one made up for
            self._most = 1 << 62
            model = self._validator.validate_python(given)
        return model

    def _bounded(self, schema: Any) -> Any:
        if isinstance(schema, list):
            return [self._bounded(part) for part in schema]
        if isinstance(schema, tuple):   # a choice with its name
            return (self._bounded(schema[0]), *schema[1:])
        if not isinstance(schema, dict):
            return schema
        if "type" not in schema:   # fields by name, or choices by tag
            return {name: self._bounded(part) for name, part in schema.items()}
        made = {key: self._bounded(part) if key in _INNER else part for key, part in schema.items()}
        if schema["type"] == "union":   # of which errors tell the name
            made["choices"] = [(part, given["type"]) if type(given) is dict and given["type"] == "int" else part
                               for part, given in zip(made["choices"], schema["choices"], strict=True)]
        return self._guarded(made)

    def _guarded(self, schema: Schema) -> Any:
        kind = schema["type"]
        if kind in ("float", "bool"):
            return {"strict": True, **schema}
        if kind == "int":
            return core_schema.no_info_before_validator_function(_whole, {"strict": True, **schema})
        if kind in _ITEMS and "items_schema" in schema:
            return {**schema, "items_schema": self._counted(schema["items_schema"])}
        if kind == "tuple" and schema.get("variadic_item_index") is not None:
            at, items = schema["variadic_item_index"], list(schema["items_schema"])
            items[at] = self._counted(items[at])
            return {**schema, "items_schema": items}
        if kind == "dict":
            return {**schema, **{key: self._counted(schema[key]) for key in ("keys_schema", "values_schema")
                                 if key in schema}}
        if kind in _FIELDS:
            return core_schema.no_info_before_validator_function(_shortened(schema), schema)
        return schema

    def _counted(self, schema: Any) -> Any:
        return core_schema.no_info_wrap_validator_function(self._item, schema)

    def _item(self, given: Any, validate: Callable[[Any], Any]) -> Any:
        found = self._found
        if found >= self._most:
            self._omitted = True
            raise PydanticOmit
        try:
            made = validate(given)
        except ValidationError as error:
            self._found = found + error.error_count()
            raise
        self._found = found
        return made


def _whole(given: Any) -> Any:
    """3.0 is the integer 3; true and "3" are none."""
    return int(given) if type(given) is float and given.is_integer() else given


def _shortened(schema: Schema) -> Callable[[Any], Any]:
    """Of many unknown keys the first, so that there is no error of each."""
    fields = schema["fields"]
    known = set(fields) if isinstance(fields, Mapping) else {field["name"] for field in fields}
    for field in fields.values() if isinstance(fields, Mapping) else fields:
        known |= _aliases(field.get("validation_alias"))

    def shorten(given: Any) -> Any:
        if not isinstance(given, dict) or len(given) <= len(known) + MOST:
            return given
        extra = set(islice((key for key in given if key not in known), MOST))
        return {key: value for key, value in given.items() if key in known or key in extra}
    return shorten


def _aliases(alias: Any) -> set[str]:
    """The keys by which a field may be named, as pydantic writes them: a key, a path, or several of those."""
    if isinstance(alias, str):
        return {alias}
    first = alias[0] if alias else None
    return set().union(*map(_aliases, alias)) if isinstance(first, list) else {first} if first else set()


@cache
def checker(model: type[BaseModel]) -> Checker:
    return Checker(model)
