"""Reads NGSI-LD entities, normalised, concise or simplified (key-values): ETSI GS CIM 009, clauses 4.5 and 5.2.

A reader of one entity type asks ``entities`` for them and then for what it needs: numbers with their units and
times, the position, the time and relationships. Entities may also come as GeoJSON (a Feature each, or in
FeatureCollections), as JSON-LD (``@id`` and ``@type``, names as URIs or with a prefix, expanded values), with the
history of an attribute (a list of its values), or as NGSIv2 has them (units and times in ``metadata``). Attribute
names are found whatever their case. Every refusal is a ``TaskError`` whose ``path`` starts with the entity's pointer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeGuard

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.allow import Left, Part, is_nothing
from lamplighter.tasks.registry import nearest

Entity = dict[str, Any]

MOST = 1e9
MOST_INSTANCES = 300_000
"""Of the attribute that is read, in all entities together."""
UNIT_CODES = {"GQ": "µg/m³", "GP": "mg/m³", "59": "ppm", "61": "ppb", "P1": "%", "CEL": "°C", "KMH": "km/h",
              "MTS": "m/s", "MTR": "m", "SEC": "s", "HUR": "h"}
"""UN/CEFACT Recommendation 20 codes in common use, as people write these units."""
HOLDS = ("value", "hasValue", "object", "hasObject")
"""What the value of an attribute is called."""
NO_READINGS = {"id", "type", "location", "address", "dateObserved", "dateObservedFrom", "dateObservedTo", "@context"}
TIMES = ("dateObserved", "dateObservedFrom", "dateObservedTo", "TimeInstant")
_ABOUT = dict.fromkeys((
    "@context", "address", "alternateName", "areaServed", "createdAt", "dataProvider", "dateCreated", "dateModified",
    "deletedAt", "description", "expiresAt", "location", "modifiedAt", "name", "observationSpace", "operationSpace",
    "owner", "provider", "refPointOfInterest", "refStation", "relatedDevice", "scope", "seeAlso", "source",
    "stationName", "stationCode", "refDevice", "refRoadSegment", "refWeatherObserved"),
    "about the entity, not a reading")
_AIR = dict.fromkeys((
    "airQualityIndex", "airQualityIndexForecast", "airQualityLevel", "airQualityLevelForecast", "typeofLocation",
    "c6h6", "CO", "co", "co2", "CO2", "h2s", "nh3", "NO", "no", "NO2", "no2", "NOx", "nox", "O3", "o3", "pm1", "PM1",
    "pm10", "PM10", "pm25", "PM25", "pm2_5", "SH2", "SO2", "so2", "volatileOrganicCompoundsTotal", "precipitation",
    "relativeHumidity", "temperature", "pressure", "atmosphericPressure", "windDirection", "windSpeed", "noise",
    "illuminance"), "another reading")
_FLOW = dict.fromkeys((
    "averageGapDistance", "averageHeadwayTime", "averageVehicleLength", "averageVehicleSpeed", "congested",
    "intensity", "occupancy", "reversedLane"), "another reading")
FOUND = Part("the attribute that is read", open=True, keys=True, reads={
    "type", "value", "values", "hasValue", "unitCode", "observedAt", "datasetId", "metadata"}, skips={
    "createdAt": "when it was written, not when it was so", "modifiedAt": "likewise", "deletedAt": "likewise",
    "instanceId": "a sorting key", "previousValue": "what was before", "providedBy": "who says so"})


AIR, FLOW = "AirQualityObserved", "TrafficFlowObserved"
_OTHERS = {AIR: _AIR, FLOW: _FLOW}


def _part(wanted: str, readings: Sequence[str]) -> Part:
    """What an entity of a type may have; anything else is told."""
    spelt = {form for name in readings for form in (name, name.lower(), name.upper())}
    return Part(f"an {wanted}" if wanted[0] in "AEIOU" else f"a {wanted}", open=True, keys=True,
                reads={"id", "type", *TIMES, *spelt}, skips=_ABOUT | _OTHERS[wanted],
                tells={"reliability": "all readings count alike"})


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number; its unit as people write it, or the bare ``unitCode`` where unknown, or empty where not given; and
    when it was observed, where the attribute itself says so."""

    value: float
    unit: str
    at: datetime | None = None


def short(name: str) -> str:
    """A name without its vocabulary: what follows the last slash, hash or colon of a URI or a prefixed name."""
    return name[1 + max(name.rfind("/"), name.rfind("#"), name.rfind(":")):] or name


def entities(given: Sequence[Entity], wanted: str, readings: Sequence[str], path: str,
             left: Left) -> Iterator[tuple[str, Entity]]:
    """Each entity of ``given`` with its pointer, its names shortened; one that comes twice as it is comes once.

    ``readings`` are the attributes that will be asked for, the first of which is a number with a unit. Raises
    TaskError: wrong_entity, bad_entity, ambiguous, too_large.
    """
    seen: set[str] = set()
    kind, room = _part(wanted, readings), MOST_INSTANCES
    for here, one in _unfolded(given, path):
        try:
            entity = _named(one, here)
            whole = json.dumps(entity, sort_keys=True)
        except RecursionError:
            raise TaskError("bad_entity", "an entity is nested too deeply", "see CIM 009, clause 4.5", here) from None
        require_type(entity, wanted, here)
        if whole in seen:
            left.out("entity", "it is there twice", text(entity, "id"))
            continue
        seen.add(whole)
        kind.sift(entity, here, left)
        found = attribute(entity, readings[0])
        held = found if isinstance(found, list) else [found]
        room -= len(held)
        if room < 0:
            raise TaskError("too_large", f"the entities hold more than {MOST_INSTANCES} values", "send a part of "
                            "them, or pairs of values and times (CIM 009, simplified temporal representation)", here)
        for instance in held:
            if isinstance(instance, dict):
                FOUND.sift({short(name.lstrip("@")): value for name, value in instance.items()}, here, left)
        yield here, entity


def _unfolded(given: Sequence[Entity], path: str) -> Iterator[tuple[str, Entity]]:
    for number, one in enumerate(given):
        here = f"{path}/{number}"
        features = one.get("features")
        if one.get("type") != "FeatureCollection":
            yield here, one
        elif isinstance(features, list) and all(isinstance(feature, dict) for feature in features):
            yield from ((f"{here}/features/{place}", feature) for place, feature in enumerate(features))
        else:
            raise TaskError("bad_entity", "a FeatureCollection has no list of features", "see RFC 7946", here)


def _named(one: Entity, path: str) -> Entity:
    """An entity's attributes by their short names, out of a GeoJSON Feature if it is one."""
    if one.get("type") == "Feature" and isinstance(one.get("properties"), dict):
        one = {"id": one.get("id"), "location": one.get("geometry"), **one["properties"]}
    found: Entity = {}
    for name, value in one.items():
        key = name if name == "@context" else short(name.lstrip("@"))
        if key in found and found[key] != value:
            raise TaskError("ambiguous", f"two attributes are named {key[:64]!r}", "leave out the one that is not "
                            "meant", path)
        found[key] = value
    return found


def plain(attribute: Any) -> Any:
    """A normalised or concise property's value, a relationship's object, a date's ``@value``; else what is given."""
    for _ in range(4):  # {"type": "Property", "value": {"@type": "DateTime", "@value": "2026-..."}}
        if isinstance(attribute, list) and len(attribute) == 1 and isinstance(attribute[0], dict):
            attribute = attribute[0]   # as JSON-LD writes it expanded
        if not isinstance(attribute, dict):
            break
        key = next((key for key in attribute if (key.endswith(HOLDS) and short(key.lstrip("@")) in HOLDS)
                    or (key == "@id" and "type" not in attribute)), None)
        if key is None:
            break
        attribute = attribute[key]
    return attribute


def is_number(value: Any, most: float = MOST) -> TypeGuard[float]:
    """An integer or finite float of magnitude ``most`` at the most; a boolean is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= most


def require_type(entity: Entity, wanted: str, path: str) -> None:
    """Raises TaskError ``wrong_entity`` unless ``entity`` is (also) a ``wanted``, by short name, prefix or URI."""
    given = entity.get("type", entity.get("@type", ""))
    names = [short(str(one)[:1000]) for one in (given if isinstance(given, list) else [given])]
    if wanted not in names:
        raise TaskError("wrong_entity", f"an entity is no {wanted}", f"only entities of type {wanted} are read here",
                        path + "/type")


def attribute(entity: Entity, name: str) -> Any:
    """The attribute ``name`` as it stands in ``entity``, found whatever its case; None where there is none."""
    if name in entity:
        return entity[name]
    lower = name.lower()
    return next((entity[key] for key in entity if key.lower() == lower), None)


def quantities(entity: Entity, name: str, path: str = "") -> list[Quantity]:
    """The numbers that attribute ``name`` holds, one for each time that it gives; none where there is no number.

    Of an attribute with several data sets (``datasetId``) the one without a name counts. Raises TaskError: bad_time,
    ambiguous (no data set is the one without a name).
    """
    found = attribute(entity, name)
    given = found if isinstance(found, list) and all(isinstance(one, dict) for one in found) else [found]
    sets = {str(one.get("datasetId") or "")[:256] for one in given if isinstance(one, dict)}
    if "" not in sets and len(sets) > 1:
        raise TaskError("ambiguous", f"{name[:64]!r} has several data sets", "leave the one that is meant",
                        f"{path}/{name[:64]}")
    return [one for instance in given if not isinstance(instance, dict) or len(sets) < 2
            or not instance.get("datasetId") for one in _instances(instance, f"{path}/{name[:64]}")]


def _instances(given: Any, path: str) -> Iterator[Quantity]:
    """The numbers of one instance: one, or those of its history (``values``: pairs of a value and its time)."""
    if isinstance(given, dict) and isinstance(given.get("values"), list):
        for pair in given["values"]:
            if isinstance(pair, list) and len(pair) == 2 and is_number(pair[0]):
                yield Quantity(float(pair[0]), _unit(given), moment(pair[1], path))
        return
    value = plain(given)
    if is_number(value):
        said = _member(given, "observedAt") or _member(given, "TimeInstant")
        yield Quantity(float(value), _unit(given), moment(plain(said), path) if said is not None else None)


def _member(given: Any, name: str) -> Any:
    """A member of an attribute, or of its ``metadata`` as NGSIv2 has it."""
    if isinstance(given, list) and len(given) == 1:
        given = given[0]
    if not isinstance(given, dict):
        return None
    if name in given:
        return given[name]
    metadata = given.get("metadata")
    return metadata.get(name) if isinstance(metadata, dict) else next(
        (plain(given[key]) for key in given if key.endswith(name) and short(key) == name), None)


def _unit(given: Any) -> str:
    code = str(plain(_member(given, "unitCode")) or "")[:32]
    return UNIT_CODES.get(code, code)


def quantity(entity: Entity, name: str, path: str = "") -> Quantity | None:
    """The latest number that attribute ``name`` holds; None where it is missing or no number."""
    found = quantities(entity, name, path)
    return max(found, key=lambda one: one.at or OLDEST) if found else None


def lacking(entity: Entity, name: str) -> str:
    """Why attribute ``name`` gives no number, in words."""
    value = plain(attribute(entity, name))
    if is_nothing(value) or value == "urn:ngsi-ld:null":   # as CIM 009 says that it was deleted
        return f"no reading of {name}"
    kind = "a text" if isinstance(value, str) else "true or false" if isinstance(value, bool) else "something else"
    return f"its {name} is {kind}, not a number"


OLDEST = datetime(1, 1, 1, tzinfo=UTC)


def text(entity: Entity, name: str) -> str:
    """The text or the relationship's object that attribute ``name`` holds, at most 256 characters; or empty."""
    value = plain(attribute(entity, name))
    if isinstance(value, list) and len(value) == 1:
        value = plain(value[0])
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
    ``dateObservedFrom`` and ``dateObservedTo``, else from ``TimeInstant``. A time without a zone is UTC, as CIM 009
    has it. None where the entity has no time. Raises TaskError ``bad_time``.
    """
    given = plain(attribute(entity, "dateObserved"))
    if given is not None:
        parts = str(given)[:128].split("/")
        moments = [moment(part, path + "/dateObserved") for part in parts[:2]]
    else:
        moments = [moment(value, f"{path}/{name}") for name in TIMES[1:]
                   if (value := plain(attribute(entity, name))) is not None][:2]
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
