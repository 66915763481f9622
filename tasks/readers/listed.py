"""A list of entities as an operator may send it: a list, or one FeatureCollection, Feature or entity by itself."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator


def _list(given: object) -> object:
    return [given] if isinstance(given, dict) else given


Listed = Annotated[list[dict[str, Any]], BeforeValidator(_list)]
