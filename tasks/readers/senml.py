"""Reads Sensor Measurement Lists: RFC 8428.

A pack means the same whether its base fields are worked in already or not, so nothing is told by where a base name
ends: a device is known by the names of its records as they are when resolved (``devices``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.allow import Left, Part
from lamplighter.tasks.readers.ngsi import is_number

VERSION = 10
LATEST_S = 2.5e11   # the year 9892
RELATIVE_S = 1 << 28
"""Times below count from now (section 4.5.3)."""
MOST_CUTS = 16
"""Colons and slashes in a name: it is looked at once for each."""
BASES = ("bn", "bt", "bu", "bv", "bs")
POSITION = re.compile(r"(lat|latitude|lon|lng|long|longitude|pos|position|location|gps)$", re.IGNORECASE)
RECORD = Part("a SenML record", open=True, keys=True,
              reads={*BASES, "bver", "n", "u", "v", "t", "vs", "vb", "vd", "s"},
              skips={"ut": "when the next reading is due"})

Devices = dict[str, dict[str, list["Record"]]]
"""By device, and by what is read there, the records in the pack's order."""


@dataclass(frozen=True, slots=True)
class Record:
    """One resolved record (RFC 8428, section 4.6) that carries a number.

    ``name`` is the whole name. ``time_s`` counts from 1970, or, below 2**28, from now (section 4.5.3).
    ``number`` is the record's place in the pack.
    """

    number: int
    name: str
    unit: str
    value: float
    time_s: float

    @property
    def moment(self) -> float | None:
        """Seconds from 1970; None where it is only known how long ago."""
        return self.time_s if self.time_s >= RELATIVE_S else None


def resolved(records: Sequence[dict[str, Any]], path: str, left: Left) -> Iterator[Record]:
    """All records of a pack that carry a number, with their base fields worked in, in the pack's order.

    Of several of one name, unit and time the last counts, and the others are told, as are records with text,
    booleans, data or only a sum, which are left out. Raises TaskError: bad_value (no number where one must be, no
    name), unknown_version, unknown_field (a name that ends in ``_`` must be understood).
    """
    found: dict[tuple[str, str, float], Record] = {}
    for one in _numbers(records, path, left):
        key = one.name, one.unit, one.time_s
        before = found.pop(key, None)
        if before is not None:
            left.out("record", "it is there twice" if before.value == one.value else
                     "another value of its name and time comes after it", one.name)
        found[key] = one
    yield from found.values()


def _numbers(records: Sequence[dict[str, Any]], path: str, left: Left) -> Iterator[Record]:
    base: dict[str, Any] = {}
    for number, record in enumerate(records):
        here = f"{path}/{number}"
        base |= {key: record[key] for key in BASES if key in record}
        _understood(record, here)
        RECORD.sift(record, here, left)
        name = str(base.get("bn", ""))[:256] + str(record.get("n", ""))[:256]
        if name.count(":") + name.count("/") > MOST_CUTS:
            raise TaskError("bad_value", f"a record's name has more than {MOST_CUTS} colons and slashes",
                            "name devices by fewer parts", here)
        if "v" not in record:
            if not record.keys().isdisjoint(("vs", "vb", "vd", "s")):
                left.out("record", "it carries text, a truth, data or a sum, no number", name)
            elif "n" in record:
                left.out("record", "it carries no value", name)
            continue
        numbers = [record["v"], base.get("bv", 0), base.get("bt", 0), record.get("t", 0)]
        if not (is_number(numbers[0]) and is_number(numbers[1])
                and is_number(numbers[2], LATEST_S) and is_number(numbers[3], LATEST_S)
                and is_number(numbers[2] + numbers[3], LATEST_S)):
            raise TaskError("bad_value", "v, t, bv and bt are finite numbers", "see RFC 8428, section 4", here)
        if not name:
            raise TaskError("bad_value", "a record has no name", "give n, or bn before it", here)
        yield Record(number, name, str(record.get("u", base.get("bu", "")))[:32],
                     float(numbers[0] + numbers[1]), float(numbers[2] + numbers[3]))


def _understood(record: dict[str, Any], path: str) -> None:
    version = record.get("bver", VERSION)
    if not is_number(version) or version > VERSION:
        raise TaskError("unknown_version", f"SenML of a version above {VERSION}",
                        f"bver is at most {VERSION} (RFC 8428)", path + "/bver")
    strange = next((key for key in record if key.endswith("_")), None)
    if strange is not None:
        raise TaskError("unknown_field", f"unknown field {strange[:64]!r}, which must be understood (RFC 8428, 4.4)",
                        "leave it out if the readings mean the same without it", path)


def latest(records: Iterable[Record]) -> Record:
    """The newest; of some at one time the last. Times relative to now are newer than those of a clock."""
    return max(enumerate(records), key=lambda one: (one[1].moment is None, one[1].time_s, one[0]))[1]


def devices(records: Iterable[Record], wanted: str) -> Devices:
    """Records by device and by what is read there: ``lat``, ``lon`` (by their units), or what is left of the name.

    A device is the name of its position records less a last word such as lat (``urn:dev:1:`` of ``urn:dev:1:lat``);
    where a reading has that whole name, it is the name itself, and the reading goes by its unit (RFC 8428, 5.1.4).
    Names that no position belongs to are cut after their last colon or slash.
    """
    every = list(records)
    others = {one.name for one in every if one.unit not in ("lat", "lon")}
    beginnings = {name[:end] for name in others for end in _cuts(name)}
    places = {one.name: _placed(one.name, others, beginnings, wanted) for one in every if one.unit in ("lat", "lon")}
    known = set(places.values())
    found: Devices = {}
    for one in every:
        if one.unit in ("lat", "lon"):
            device, what = places[one.name], one.unit
        else:
            device, what = _read_at(one, known, wanted)
        found.setdefault(device, {}).setdefault(what, []).append(one)
    return found


def _cuts(name: str) -> list[int]:
    """Where a name may be cut, the longest beginning first: after it all, and around each colon and slash."""
    return sorted({len(name), *(place for match in re.finditer("[:/]", name) for place in match.span())},
                  reverse=True)


def _placed(name: str, others: set[str], beginnings: set[str], wanted: str) -> str:
    """The device that a position record is of."""
    head = name[:max(name.rfind(":"), name.rfind("/")) + 1]
    short = POSITION.sub("", name)
    if short == head or short + wanted in others:
        return short
    return name if name in beginnings or not head else head


def _read_at(one: Record, known: set[str], wanted: str) -> tuple[str, str]:
    """The device that a reading is of, and what is read."""
    cuts = _cuts(one.name)
    if wanted and one.name.endswith(wanted) and one.name[:-len(wanted)] in known:
        return one.name[:-len(wanted)], wanted
    for end in cuts:
        if one.name[:end] in known:
            return one.name[:end], one.name[end:].lstrip(":/") or one.unit
    end = max(one.name.rfind(":"), one.name.rfind("/")) + 1
    return one.name[:end], one.name[end:]
