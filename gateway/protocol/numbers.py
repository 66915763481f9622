"""Which receipt numbers each device has used: the one rule, by which the core judges and the ledger settles."""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left, bisect_right

_RANGE = struct.Struct(">2Q")
_DEVICE = struct.Struct(">16sH")
MAX_RANGES = 256
LAST_NUMBER = (1 << 64) - 1


def number_of(boot: int, seq: int) -> int:
    """What numbers a receipt: it rises with every receipt of a device, over all of its boots."""
    return boot << 32 | seq


class Numbers:
    """Over all epochs, kept as ranges, because an honest device counts upwards: a few dozen bytes a device.

    A device that leaves more than ``MAX_RANGES`` gaps has its lowest gap closed; that is part of the rules, not an
    approximation.
    """

    def __init__(self) -> None:
        self._ranges: dict[bytes, array[int]] = {}

    def __repr__(self) -> str:
        """The same for the same numbers: traces are compared."""
        return f"Numbers({self.encode().hex()})"

    def copy(self) -> Numbers:
        """Numbers that are used on their own."""
        twin = Numbers()
        twin._ranges = {device: ranges[:] for device, ranges in self._ranges.items()}
        return twin

    def use(self, device: bytes, number: int) -> bool:
        """Mark a number as used; whether it was free. The very last one never is: no range could end after it."""
        # [start, end, start, end, ...], ends exclusive: an odd place means inside of a range.
        ranges = self._ranges.get(device, ())
        if number == LAST_NUMBER or bisect_right(ranges, number) & 1:
            return False
        if isinstance(ranges, array) and ranges[-1] == number:   # nearly always: it counts upwards
            ranges[-1] = number + 1
            return True
        self.add(device, number, number)
        return True

    def add(self, device: bytes, first: int, last: int) -> None:
        """Mark the numbers from ``first`` to ``last`` as used, free or not; ``last`` is below the very last one."""
        ranges = self._ranges.setdefault(device, array("Q"))
        low, high = bisect_left(ranges, first), bisect_right(ranges, last + 1)
        ranges[low:high] = array("Q", () if low & 1 else (first,)) + array("Q", () if high & 1 else (last + 1,))
        if len(ranges) > 2 * MAX_RANGES:
            del ranges[1:3]

    def highest(self, device: bytes) -> int:
        """The highest number that a device has used, 0 where it has used none."""
        ranges = self._ranges.get(device)
        return ranges[-1] - 1 if ranges else 0

    def given(self, device: bytes) -> bytes:
        """What ``take`` takes: the ranges of one device."""
        ranges = self._ranges.get(device, ())
        return struct.pack(f">{len(ranges)}Q", *ranges)

    def take(self, device: bytes, ranges: bytes) -> None:
        """Mark ranges as used that ``given`` gave. Raises struct.error on a torn end."""
        for start, end in _RANGE.iter_unpack(ranges):
            self.add(device, start, end - 1)

    def encode(self) -> bytes:
        """All ranges as bytes, the same for the same numbers."""
        return b"".join(
            _DEVICE.pack(device, len(ranges)) + self.given(device)
            for device, ranges in sorted(self._ranges.items())
        )

    @classmethod
    def decode(cls, data: bytes) -> Numbers:
        """Inverts ``encode``. Raises struct.error on a torn end."""
        numbers = cls()
        at = 0
        while at < len(data):
            device, count = _DEVICE.unpack_from(data, at)
            at += _DEVICE.size
            numbers._ranges[device] = array("Q", struct.unpack_from(f">{count}Q", data, at))
            at += 8 * count
        return numbers
