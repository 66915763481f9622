"""Lists as operators send them."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import cbor2
import pytest
from pydantic import TypeAdapter, ValidationError

from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.cbor import LABELS
from lamplighter.tasks.readers.listed import Listed, Pack
from lamplighter.tasks.readers.senml import resolved

RECORDS: list[dict[str, Any]] = [
    {"bn": "urn:dev:1:", "bt": 1.8e9, "bver": 10, "n": "lat", "u": "lat", "v": 50.7}, {"n": "ok", "vb": True},
    {"n": "pm10", "u": "ug/m3", "v": 20.5, "t": -60, "ut": 60}]


def _packed(records: list[dict[str, Any]]) -> bytes:
    numbers = {name: label for label, name in LABELS.items()}
    return cbor2.dumps([{numbers.get(name, name): value for name, value in record.items()} for record in records])


def _read(given: object) -> list[dict[str, Any]]:
    return TypeAdapter(Pack).validate_python(given)


@pytest.mark.parametrize("around", [b"\xa2\x61n\x61a\x61v%b", b"\xa2\x61n\x61a\x61v\xd9\xff\x00%b"])
def test_parts_that_name_one_another_are_not_written_out(around: bytes) -> None:
    """A list of ten times the list before it, 20 deep, in 700 bytes: as a value, within an unknown tag."""
    lists = [b"\xd8\x1c\x80", *(b"\xd8\x1c\x8a" + (b"\xd8\x1d" + bytes([k])) * 10 for k in range(20))]
    packed = b"\x81" + around % (b"\x95" + b"".join(lists))
    read = _read(base64.b64encode(packed).decode())
    assert len(str(read)) < 100


def test_a_cbor_pack_is_the_json_pack() -> None:
    """In both alphabets of base64; labels that are no numbers keep their names, decimal fractions are numbers."""
    packed = _packed(RECORDS)
    for text in (base64.b64encode(packed), base64.urlsafe_b64encode(packed).rstrip(b"=")):
        assert _read(text.decode()) == RECORDS == _read(RECORDS)
    odd = [{"n": "a", "v": Decimal("2.5"), "mine": b"x"}]
    assert _read(base64.b64encode(_packed(odd)).decode()) == [{"n": "a", "v": 2.5, "mine": "b'x'"}]
    assert [one.value for one in resolved(_read(base64.b64encode(_packed(odd)).decode()), "", Left())] == [2.5]


@pytest.mark.parametrize("given", [
    "no base64!", "ü", base64.b64encode(b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff").decode(),
    base64.b64encode(b"\x81" * 5000).decode(), base64.b64encode(cbor2.dumps({"n": "a"})).decode(),
    base64.b64encode(cbor2.dumps([1])).decode(), base64.b64encode(b"\x5b\x7f" + b"\xff" * 7).decode(), 7])
def test_what_is_no_pack_is_an_error_of_validation(given: object) -> None:
    """Whatever length or depth it claims."""
    with pytest.raises(ValidationError):
        _read(given)


def test_one_entity_or_collection_is_a_list_of_one() -> None:
    """As brokers answer a query for GeoJSON."""
    read = TypeAdapter(Listed).validate_python
    assert read({"type": "FeatureCollection"}) == read([{"type": "FeatureCollection"}])
