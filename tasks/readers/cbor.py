"""Reads what SenML needs of CBOR (RFC 8949): one array of maps, whose labels and values are words and numbers.

A general decoder builds whatever a few bytes ask for: parts that name one another, lists as labels, numbers of a
million digits, labels that all fall into one place of a table. Here each byte is looked at once, and labels are text.
What no pack holds comes as the word for it ("list"); its parts are passed over.
"""

from __future__ import annotations

import math
import struct
from typing import Any

LABELS = {-1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs", 0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb",
          5: "s", 6: "t", 7: "ut", 8: "vd"}
"""RFC 8428, section 6."""
MOST_RECORDS = 300_000
MOST_INNER = 100_000
"""Parts that are passed over, and parts that texts come in."""
MOST_BYTES = 64
"""Of an integer that is longer than a word: more is no reading."""
MOST_POWER = 9_999
SHOWN = 256
_NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(1, 8)
_OPEN = -1
"""The length of what ends with a break."""
_BREAK = 0xFF
_FLOATS = {25: struct.Struct(">e"), 26: struct.Struct(">f"), 27: struct.Struct(">d")}
_SIMPLES = {20: False, 21: True, 22: None, 23: None}
_DESCRIBED = 55_799
"""The tag that says no more than that this is CBOR."""
_NAMES = {_ARRAY: "list", _MAP: "dict", _TAG: "tag"}


def read(data: bytes) -> list[dict[str, Any]]:
    """The records of a pack, labels as in JSON. Raises ValueError."""
    pack = _Pack(data)
    try:
        records = pack.records()
    except (IndexError, struct.error):
        raise ValueError("it ends early") from None
    if pack.at != len(data):
        raise ValueError("something follows the pack")
    return records


class _Pack:
    """The bytes, and where in them the next part begins. IndexError, struct.error where they end early."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at, self._inner = data, 0, 0

    def records(self) -> list[dict[str, Any]]:
        major, count = self._head()
        while major == _TAG and count == _DESCRIBED:
            major, count = self._head()
        if major != _ARRAY or count > MOST_RECORDS:
            raise ValueError(f"a SenML pack is an array of maps, of {MOST_RECORDS:,} at most")
        found: list[dict[str, Any]] = []
        while self._more(count, len(found)):
            if len(found) == MOST_RECORDS:
                raise ValueError(f"more than {MOST_RECORDS:,} records")
            major, size = self._head()
            if major != _MAP:
                raise ValueError("a SenML pack is an array of maps")
            found.append(self._record(size))
        return found

    def _record(self, size: int) -> dict[str, Any]:
        record: dict[str, Any] = {}
        count = 0
        while self._more(size, count):
            given = self._value()
            label = LABELS[given] if type(given) is int and given in LABELS else str(given)[:64]
            if label in record:
                raise ValueError(f"a record has {label!r} twice")
            record[label] = self._value()
            count += 1
        return record

    def _more(self, size: int, count: int) -> bool:
        """Whether something of that size has another part after so many; what is open ends with a break."""
        if size != _OPEN:
            return count < size
        if self.data[self.at] != _BREAK:
            return True
        self.at += 1
        return False

    def _head(self) -> tuple[int, int]:
        """What comes next: its major type, and its number or length."""
        first = self.data[self.at]
        self.at += 1
        major, low = first >> 5, first & 31
        if low < 24:
            return major, low
        if low < 28:
            number = self._taken(1 << low - 24)
            return major, int.from_bytes(number, "big")
        if low == 31 and _BYTES <= major <= _MAP:
            return major, _OPEN
        raise ValueError("bytes that are no CBOR")

    def _taken(self, size: int) -> bytes:
        found = self.data[self.at:self.at + size]
        if len(found) != size:
            raise IndexError
        self.at += size
        return found

    def _value(self) -> Any:
        """A number, text, truth or nothing; the word for anything else, and text for bytes."""
        first = self.data[self.at]
        if first < 24:
            self.at += 1
            return first
        major = first >> 5
        if major == _SIMPLE:
            return self._simple(first & 31)
        major, number = self._head()
        if major == _TEXT:
            return self._string(major, number).decode()
        if major == _BYTES:
            return str(self._string(major, number)[:SHOWN])[:SHOWN]
        if major == _TAG:
            return self._tagged(number)
        if major in _NAMES:
            self._pass(major, number)
            return _NAMES[major]
        return -1 - number if major == _NEGATIVE else number

    def _simple(self, low: int) -> Any:
        self.at += 1
        if low in _FLOATS:
            return _FLOATS[low].unpack(self._taken(1 << low - 24))[0]
        if low not in _SIMPLES:
            raise ValueError("bytes that are no CBOR")
        return _SIMPLES[low]

    def _string(self, major: int, size: int) -> bytes:
        if size != _OPEN:
            return self._taken(size)
        parts = []
        while self._more(size, 0):
            kind, part = self._head()
            if kind != major or part == _OPEN:
                raise ValueError("bytes that are no CBOR")
            parts.append(self._taken(part))
            self._count()
        return b"".join(parts)

    def _tagged(self, tag: int) -> Any:
        """Integers longer than a word, and decimal and binary fractions, as numbers; any other tag as a word."""
        begin = self.at
        number = self._long(tag) if tag in (2, 3) else None
        if tag in (4, 5) and self._head() == (_ARRAY, 2):
            power, number = self._integer(), self._integer()
            if power is not None and number is not None and abs(power) <= MOST_POWER:
                return float(f"{number}e{power}") if tag == 4 else _scaled(number, power)
            number = None
        if number is not None:
            return number
        self.at = begin
        self._pass(_TAG, tag)
        return _NAMES[_TAG]

    def _integer(self) -> int | None:
        """None where there is no integer of a decent length."""
        major, number = self._head()
        if major == _TAG:
            return self._long(number)
        return number if major == 0 else -1 - number if major == _NEGATIVE else None

    def _long(self, tag: int) -> int | None:
        major, size = self._head()
        if tag not in (2, 3) or major != _BYTES or not 0 <= size <= MOST_BYTES:
            return None
        number = int.from_bytes(self._taken(size), "big")
        return -1 - number if tag == 3 else number

    def _count(self) -> None:
        self._inner += 1
        if self._inner > MOST_INNER:
            raise ValueError(f"more than {MOST_INNER:,} parts that no SenML pack has")

    def _pass(self, major: int, size: int) -> None:
        """Passes over the parts of a list, a map or a tag, however deep, without a call for each."""
        left = [_parts(major, size)]
        while left:
            if not left[-1] or (left[-1] < 0 and self.data[self.at] == _BREAK):
                self.at += left.pop() < 0
                continue
            self._count()
            left[-1] -= left[-1] > 0
            if self.data[self.at] >> 5 == _SIMPLE:
                self._simple(self.data[self.at] & 31)
                continue
            major, size = self._head()
            if major in (_BYTES, _TEXT):
                self._string(major, size)
            elif major in _NAMES:
                left.append(_parts(major, size))


def _parts(major: int, size: int) -> int:
    """How many parts follow a head; one that is open has no number of them."""
    return 1 if major == _TAG else size if size == _OPEN or major == _ARRAY else 2 * size


def _scaled(number: int, power: int) -> float:
    try:
        return math.ldexp(number, power)
    except OverflowError:
        return math.copysign(math.inf, number)
