"""Reads NGSI-LD entities, normalised, concise or simplified (key-values): ETSI GS CIM 009, clauses 4.5 and 5.2.

A reader of one entity type asks here for what it needs: the type, numbers with their units, the position, the time
and relationships. Attribute names are found whatever their case. Every refusal is a ``TaskError`` whose ``path``
starts with the pointer that the caller gives for the entity.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeGuard

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.registry import nearest

Entity = dict[str, Any]

MOST = 1e9
UNIT_CODES = {"GQ": "µg/m³", "GP": "mg/m³", "59": "ppm", "61": "ppb", "P1": "%", "CEL": "°C", "KMH": "km/h",
              "MTS": "m/s", "MTR": "m", "SEC": "s", "HUR": "h"}
"""UN/CEFACT Recommendation 20 codes in common use, as people write these units."""
NO_READINGS = {"id", "type", "location", "address", "dateObserved", "dateObservedFrom", "dateObservedTo", "@context"}


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number; its unit as people write it, or the bare ``unitCode`` where unknown, or empty where not given."""

    value: float
    unit: str


def plain(attribute: Any) -> Any:
    """A normalised or concise property's value, a relationship's object, a date's ``@value``; else what is given."""
    for _ in range(2):  # {"type": "Property", "value": {"@type": "DateTime", "@value": "2026-..."}}
        key = next((key for key in ("value", "@value", "object") if key in attribute), None) \
            if isinstance(attribute, dict) else None
        if key is None:
            break
        attribute = attribute[key]
    return attribute


def is_number(value: Any, most: float = MOST) -> TypeGuard[float]:
    """An integer or finite float of magnitude ``most`` at the most; a boolean is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= most


def require_type(entity: Entity, wanted: str, path: str) -> None:
    """Raises TaskError ``wrong_entity`` unless ``entity`` is (also) a ``wanted``, by short name or by URI."""
    given = entity.get("type", "")
    names = [str(one).rsplit("/", 1)[-1] for one in (given if isinstance(given, list) else [given])]
    if wanted not in names:
        raise TaskError("wrong_entity", f"an entity is no {wanted}", f"only entities of type {wanted} are read here",
                        path + "/type")


def attribute(entity: Entity, name: str) -> Any:
    """The attribute ``name`` as it stands in ``entity``, found whatever its case; None where there is none."""
    if name in entity:
        return entity[name]
    return next((entity[key] for key in entity if key.lower() == name.lower()), None)


def quantity(entity: Entity, name: str) -> Quantity | None:
    """The number that attribute ``name`` holds; None where it is missing or no number."""
    found = attribute(entity, name)
    value = plain(found)
    if not is_number(value):
        return None
    code = str(found.get("unitCode", ""))[:32] if isinstance(found, dict) else ""
    return Quantity(float(value), UNIT_CODES.get(code, code))


def text(entity: Entity, name: str) -> str:
    """The text or the relationship's object that attribute ``name`` holds, at most 256 characters; or empty."""
    value = plain(attribute(entity, name))
    return value[:256] if isinstance(value, str) else ""


def position(entity: Entity, path: str) -> tuple[float, float]:
    """(longitude, latitude) in degrees of the entity's ``location``, a GeoJSON Point (or one as JSON text).

    Raises TaskError: bad_position, out_of_range (longitude ±180, latitude ±85).
    """
    shape = plain(attribute(entity, "location"))
    if isinstance(shape, str):
        try:
            shape = json.loads(shape)
        except (ValueError, RecursionError):
            shape = None
    pair = shape.get("coordinates") if isinstance(shape, dict) and shape.get("type") == "Point" else None
    if not isinstance(pair, list) or len(pair) < 2 or not (is_number(pair[0]) and is_number(pair[1])):
        raise TaskError("bad_position", "an entity's location is a GeoJSON Point",
                        "coordinates are [longitude, latitude] in degrees", path + "/location")
    return within(pair[0], pair[1], path + "/location/coordinates")


def within(lon: float, lat: float, path: str) -> tuple[float, float]:
    """The pair as floats. Raises TaskError ``out_of_range`` beyond ±180 and ±85 degrees."""
    if abs(lon) > 180 or abs(lat) > 85:
        raise TaskError("out_of_range", "longitude is within ±180, latitude within ±85 degrees",
                        "longitude comes first", path)
    return float(lon), float(lat)


def observed(entity: Entity, path: str) -> tuple[datetime, datetime] | None:
    """When an observation began and ended, in UTC; the same moment twice where only one is given.

    From ``dateObserved``, an ISO 8601 date-time or an interval of two with a slash between them, else from
    ``dateObservedFrom`` and ``dateObservedTo``. A time without a zone is UTC, as CIM 009 has it. None where the
    entity has no time. Raises TaskError ``bad_time``.
    """
    given = plain(attribute(entity, "dateObserved"))
    if given is not None:
        parts = str(given)[:128].split("/")
        moments = [moment(part, path + "/dateObserved") for part in parts[:2]]
    else:
        names = ("dateObservedFrom", "dateObservedTo")
        moments = [moment(value, f"{path}/{name}") for name in names
                   if (value := plain(attribute(entity, name))) is not None]
    if not moments:
        return None
    if moments[-1] < moments[0]:
        raise TaskError("bad_time", "an observation ends before it begins", "the earlier time comes first",
                        path + "/dateObserved")
    return moments[0], moments[-1]


def moment(given: Any, path: str) -> datetime:
    """An ISO 8601 date-time in UTC; one without a zone is UTC. Raises TaskError ``bad_time``."""
    try:
        found = datetime.fromisoformat(str(given)[:64].strip())
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise TaskError("bad_time", f"{str(given)[:64]!r} is no date and time",
                        "write it as in 2026-03-01T06:00:00Z (ISO 8601)", path) from None


def numbers_of(entities: Iterable[Entity]) -> set[str]:
    """The names of all attributes that hold a number in some entity."""
    return {key for entity in entities for key, value in entity.items()
            if key not in NO_READINGS and is_number(plain(value))}


def no_such(name: str, known: Iterable[str], path: str) -> TaskError:
    """The error for a property that no entity has, with the nearest spelling of those that there are."""
    offered = sorted(one[:64] for one in known)[:100]
    spelt = {one.lower(): one for one in offered}
    hint = f"did you mean {spelt[name.lower()]!r}?" if name.lower() in spelt else nearest(name, offered)
    code = "unknown_property" if name else "missing_field"
    return TaskError(code, f"nothing has a reading {name[:64]!r}", hint, path)
