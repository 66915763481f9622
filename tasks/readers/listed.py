"""Lists as an operator may send them: entities alone or in a collection, SenML packs as JSON or as CBOR."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator

LABELS = {-1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs", 0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb",
          5: "s", 6: "t", 7: "ut", 8: "vd"}
"""RFC 8428, section 6."""


def _list(given: object) -> object:
    return [given] if isinstance(given, dict) else given


def _pack(given: object) -> object:
    """Records out of a CBOR pack (application/senml+cbor) in base64; anything else as it is."""
    if not isinstance(given, str):
        return given
    import cbor2  # not before: few packs are CBOR

    try:
        text = given.translate(str.maketrans("-_", "+/")).encode("ascii")   # both alphabets of RFC 4648
        records = cbor2.loads(base64.b64decode(text + b"=" * (-len(text) % 4), validate=True))
    except (ValueError, cbor2.CBORError, RecursionError) as error:
        raise ValueError(f"no CBOR in base64: {str(error)[:80]}") from None
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise ValueError("a SenML pack is an array of maps")
    return [{_label(label): _plain(value) for label, value in record.items()} for record in records]


def _label(label: object) -> str:
    return LABELS[label] if isinstance(label, int) and label in LABELS else str(_plain(label))[:64]


def _plain(value: object) -> object:
    """As JSON has it; what JSON has not is text. Of what holds other things only what it is: parts of a pack may
    name one another, so that written out a few hundred bytes are more than any memory holds."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        return str(value[:256])[:256]
    return value if value is None or isinstance(value, (bool, int, float, str)) else type(value).__name__


Listed = Annotated[list[dict[str, Any]], BeforeValidator(_list)]
Pack = Annotated[list[dict[str, Any]], BeforeValidator(_pack)]
