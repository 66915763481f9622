"""Units of readings: brought to one where that is exact, refused by name where it is not."""

from __future__ import annotations

from collections.abc import Iterable

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.ngsi import UNIT_CODES

MASS = {"ng/m³": 1e-3, "µg/m³": 1.0, "mg/m³": 1e3, "g/m³": 1e6}
"""Mass in a volume, in µg/m³: the units between which a reading is converted."""
KNOWN = frozenset((*UNIT_CODES.values(), *MASS, "Pa", "hPa", "dB", "K"))


def spelt(unit: str) -> str:
    """A unit as it is written here: ``ug/m3``, or with the Greek letter, is ``µg/m³``."""
    word = unit.strip().replace("μ", "µ").replace("m^3", "m³").replace("m3", "m³")
    return "µ" + word[1:] if word.startswith("ug/") else UNIT_CODES.get(word, word)


def factors(found: Iterable[tuple[str, str]], asked: str, left: Left) -> tuple[dict[str, float], str]:
    """What readings in each unit of ``found`` (with a pointer to one) are multiplied by, and the unit that they are
    then in: ``asked``, else the one that they share. A reading without a unit is in that of the others.

    Units that are no more than names here are told. Raises TaskError ``mixed_units``.
    """
    paths: dict[str, str] = {}
    for unit, path in found:
        paths.setdefault(unit, path)
    paths.pop("", None)
    wanted, made = asked or next(iter(paths), ""), {"": 1.0}
    for unit, path in paths.items():
        one, other = spelt(unit), spelt(wanted)
        if one == other:
            made[unit] = 1.0
        elif asked and one in MASS and other in MASS:
            made[unit] = MASS[one] / MASS[other]
            left.tell(f"readings in {one} were converted to {other}")
        else:
            raise TaskError("mixed_units", f"a reading is in {one[:32]!r}, others or the task in {other[:32]!r}",
                            "convert them to one unit, or name with \"unit\" the one of mass that is wanted", path)
        if one not in KNOWN:
            left.tell(f"the unit {one[:32]!r} is not known here: readings were taken as they are")
    return made, wanted
