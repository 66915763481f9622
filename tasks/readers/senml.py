"""Reads Sensor Measurement Lists: RFC 8428, JSON form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.ngsi import is_number

VERSION = 10
LATEST_S = 1e12
BASES = ("bn", "bt", "bu", "bv")


@dataclass(frozen=True, slots=True)
class Record:
    """One resolved record (RFC 8428, section 4.6) that carries a number.

    ``device`` is the base name, or, in a pack without base names, the name up to its last colon or slash;
    ``name`` is what follows it. ``time_s`` counts from 1970, or, below 2**28, from now (section 4.5.3).
    ``number`` is the record's place in the pack.
    """

    number: int
    device: str
    name: str
    unit: str
    value: float
    time_s: float


def resolved(records: list[dict[str, Any]], path: str) -> Iterator[Record]:
    """All records of a pack that carry a number, with their base fields worked in, in the pack's order.

    Records with text, booleans, data or only a sum are passed over. Raises TaskError: bad_value (no number
    where one must be, no name), unknown_version, unknown_field (a name that ends in ``_`` must be understood).
    """
    base: dict[str, Any] = {}
    for number, record in enumerate(records):
        here = f"{path}/{number}"
        base |= {key: record[key] for key in BASES if key in record}
        _understood(record, here)
        if "v" not in record:
            continue
        numbers = [record["v"], base.get("bv", 0), base.get("bt", 0), record.get("t", 0)]
        if not (is_number(numbers[0]) and is_number(numbers[1])
                and is_number(numbers[2], LATEST_S) and is_number(numbers[3], LATEST_S)):
            raise TaskError("bad_value", "v, t, bv and bt are finite numbers", "see RFC 8428, section 4", here)
        device, name = str(base.get("bn", ""))[:256], str(record.get("n", ""))[:256]
        if not device + name:
            raise TaskError("bad_value", "a record has no name", "give n, or bn before it", here)
        if not device:
            cut = max(name.rfind(":"), name.rfind("/")) + 1
            device, name = name[:cut], name[cut:]
        yield Record(number, device, name, str(record.get("u", base.get("bu", "")))[:32],
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
