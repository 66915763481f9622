"""Lists as an operator may send them: entities alone or in a collection, SenML packs as JSON or as CBOR."""

from __future__ import annotations

import base64
from typing import Annotated, Any

from pydantic import BeforeValidator

from lamplighter.tasks.readers import cbor


def _list(given: object) -> object:
    return [given] if isinstance(given, dict) else given


def _pack(given: object) -> object:
    """Records out of a CBOR pack (application/senml+cbor) in base64; anything else as it is."""
    if not isinstance(given, str):
        return given
    try:
        text = given.translate(str.maketrans("-_", "+/")).encode("ascii")   # both alphabets of RFC 4648
        return cbor.read(base64.b64decode(text + b"=" * (-len(text) % 4), validate=True))
    except ValueError as error:
        raise ValueError(f"no CBOR in base64: {str(error)[:80]}") from None


Listed = Annotated[list[dict[str, Any]], BeforeValidator(_list)]
Pack = Annotated[list[dict[str, Any]], BeforeValidator(_pack)]
