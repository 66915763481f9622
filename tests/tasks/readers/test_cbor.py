"""CBOR, as much of it as SenML needs: beside a general decoder, and where that would not end."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.tasks.readers.cbor import LABELS, MOST_INNER, MOST_RECORDS, read

SHARED_LIST, SAME_LIST = b"\xd8\x1c\x82\x01\x02", b"\xd8\x1d\x00"
scalars = st.one_of(st.none(), st.booleans(), st.text(max_size=300), st.floats(allow_nan=False),
                    st.integers(-1 << 400, 1 << 400), st.decimals(allow_nan=False, allow_infinity=False, places=3))
others = st.recursive(st.one_of(scalars, st.binary(max_size=3)), lambda inner: st.lists(inner, max_size=3)
                      | st.dictionaries(st.text(max_size=2), inner, max_size=3))
labels = st.one_of(st.sampled_from(sorted(LABELS)), st.text(max_size=8), st.integers(9, 1 << 80))


def _head(major: int, size: int) -> bytes:
    return bytes([major << 5 | 26]) + size.to_bytes(4, "big")


def _as_json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list | dict):
        return type(value).__name__
    return str(value) if isinstance(value, bytes) else value


@settings(deadline=None)
@given(st.lists(st.dictionaries(labels, others, max_size=4), max_size=4))
def test_records_are_what_a_general_decoder_makes_of_them(records: list[dict[Any, Any]]) -> None:
    """Numbers of every length, texts, fractions; of lists and maps that nothing is but what they are."""
    wanted = [{LABELS.get(label, str(label)[:64]): _as_json(value) for label, value in record.items()}
              for record in records]
    if all(len(row) == len(record) for row, record in zip(wanted, records, strict=True)):
        assert read(cbor2.dumps(records)) == wanted
        assert read(cbor2.dumps(cbor2.CBORTag(55_799, records))) == wanted


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_records_or_a_value_error(data: bytes) -> None:
    """Cut short, with breaks where none may be, or nothing that is CBOR."""
    for begin in (b"", b"\x81\xa1\x02", b"\x9f\xbf\x02"):
        try:
            assert all(isinstance(record, dict) for record in read(begin + data))
        except ValueError:
            continue


def test_what_is_open_ends_with_a_break() -> None:
    """Packs, records, texts and lists without a length."""
    assert read(b"\x9f\xbf\x00\x7f\x61a\x61b\xff\x02\x9f\x01\x9f\xff\xbf\x01\x02\xff\xff\xff\xff") == [
        {"n": "ab", "v": "list"}]


@pytest.mark.parametrize(("packed", "value"), [
    (b"\xc4\x82\x20\x19\x09\xc4", 250.0), (b"\xc5\x82\x20\x05", 2.5), (b"\xc5\x82\x1a\x7f\xff\xff\xff\x01", "tag"),
    (b"\xc5\x82\x19\x27\x0f\x20", float("-inf")), (b"\xc4\x82\x1a\x7f\xff\xff\xff\x01", "tag"),
    (b"\xc2\x58\x41" + b"\xff" * 65, "tag"), (b"\xc3\x41\x01", -2), (b"\xc4\x82\x00\xc2\x41\x07", 7.0),
    (b"\xc4\x82\x00\x61a", "tag"), (b"\xc4\x80", "tag"), (b"\xc1\x00", "tag"), (b"\xf6", None), (b"\xf9\x3c\x00", 1)])
def test_numbers_are_as_long_as_readings_are(packed: bytes, value: object) -> None:
    """What is longer is the word for it, as are tags of other things."""
    assert read(b"\x81\xa1\x02" + packed) == [{"v": value}]


@pytest.mark.parametrize(("packed", "said"), [
    (_head(4, MOST_RECORDS + 1), "at most"), (b"\x9f" + b"\xa0" * (MOST_RECORDS + 1), "more than"),
    (b"\x81\xa1\x02" + b"\x81" * (MOST_INNER + 1), "parts"),
    (b"\x81\xa1\x02\x7f" + b"\x60" * (MOST_INNER + 1), "parts"),
    (b"\x81\xa2\x02\x01\x61v\x02", "'v' twice"), (b"\x80\x00", "follows"), (b"\x81\x01", "array of maps"),
    (b"\x81\xa1\x02\xfc", "no CBOR"), (b"\x81\xa1\x02\x1c", "no CBOR"), (b"\x81\xa1\x02\x7f\x41a\xff", "no CBOR"),
    (b"\x81\xa1\x02\x1a\x00", "early"), (b"\x81\xa1\x02\xf9\x00", "early"), (b"\x81", "early")])
def test_what_is_no_pack_is_a_value_error(packed: bytes, said: str) -> None:
    """Too many records or parts, a label twice, and bytes that are no CBOR or too few."""
    with pytest.raises(ValueError, match=said):
        read(packed)


def test_labels_are_words_whatever_they_were() -> None:
    """A list, one that is named again, and a number that would fall into one place of a table with others."""
    packed = b"\x82\xa1\x61a" + SHARED_LIST + b"\xa2" + SAME_LIST + b"\x01" + b"\xc2\x49\x01" + b"\0" * 8 + b"\x02"
    assert read(packed) == [{"a": "tag"}, {"tag": 1, str(1 << 64): 2}]
