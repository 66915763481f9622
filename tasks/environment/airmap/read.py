"""Readings out of what cities already have: FIWARE entities and SenML packs."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

from tasks.api import TaskError

UNIT_CODES = {"GQ": "µg/m³", "GP": "mg/m³", "59": "ppm", "61": "ppb", "P1": "%", "CEL": "°C"}
"""UN/CEFACT Recommendation 20 codes as they appear in AirQualityObserved."""
LATEST_S = 1e12
NO_READINGS = {"id", "type", "location", "address", "dateObserved", "@context"}


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading at a WGS 84 position; ``unit`` is empty where the source gives none."""

    id: str
    lon_deg: float
    lat_deg: float
    value: float
    unit: str


def from_entities(entities: list[dict[str, Any]], name: str) -> tuple[list[Reading], int]:
    """The readings of property ``name`` in NGSI-LD AirQualityObserved entities, and how many lack it.

    Both forms of ETSI GS CIM 009, normalised and simplified (key-values). Raises TaskError.
    """
    readings: list[Reading] = []
    known: set[str] = set()
    for number, entity in enumerate(entities):
        path = f"/entities/{number}"
        if str(entity.get("type", "")).rsplit("/", 1)[-1] != "AirQualityObserved":
            raise TaskError("wrong_entity", f"entity {number} is no AirQualityObserved",
                            "only entities of type AirQualityObserved can be mapped", path + "/type")
        keys = {key.lower(): key for key in entity}
        known |= {key for key, value in entity.items() if key not in NO_READINGS and _number(_plain(value))}
        found = entity.get(keys.get(name.lower(), ""))
        value = _plain(found)
        if not _number(value):
            continue
        lon, lat = _position(entity, path)
        code = str(found.get("unitCode", "")) if isinstance(found, dict) else ""
        readings.append(Reading(str(entity.get("id", ""))[:256], lon, lat, float(value), UNIT_CODES.get(code, code)))
    if not readings:
        raise TaskError("unknown_property" if name else "missing_field", f"no entity has a reading {name[:64]!r}",
                        _offer(name, known), "/property")
    return readings, len(entities) - len(readings)


def _plain(value: Any) -> Any:
    """A normalised property's value; a simplified one is its own."""
    return value.get("value") if isinstance(value, dict) and "value" in value else value


def _number(value: Any, most: float = 1e9) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= most


def _position(entity: dict[str, Any], path: str) -> tuple[float, float]:
    shape = _plain(entity.get("location"))
    pair = shape.get("coordinates") if isinstance(shape, dict) and shape.get("type") == "Point" else None
    if not isinstance(pair, list) or len(pair) < 2 or not (_number(pair[0]) and _number(pair[1])):
        raise TaskError("bad_position", "an entity's location is a GeoJSON Point",
                        "coordinates are [longitude, latitude] in degrees", path + "/location")
    return _within(pair[0], pair[1], path + "/location/coordinates")


def _within(lon: float, lat: float, path: str) -> tuple[float, float]:
    if abs(lon) > 180 or abs(lat) > 85:
        raise TaskError("out_of_range", "longitude is within ±180, latitude within ±85 degrees",
                        "longitude comes first", path)
    return float(lon), float(lat)


def from_senml(records: list[dict[str, Any]], name: str) -> list[Reading]:
    """The latest reading ``name`` of each base name of a SenML pack (RFC 8428) that gives units lat and lon.

    Records of one device share a base name; its position is its records in the units ``lat`` and ``lon``.
    Raises TaskError.
    """
    base: dict[str, Any] = {}
    devices: dict[str, dict[str, tuple[float, float, str]]] = {}
    known: set[str] = set()
    for number, record in enumerate(records):
        base |= {key: record[key] for key in ("bn", "bt", "bu", "bv") if key in record}
        if "v" not in record:
            continue
        given, offset = record["v"], base.get("bv", 0)
        times = base.get("bt", 0), record.get("t", 0)
        if not (_number(given) and _number(offset) and all(_number(time, LATEST_S) for time in times)):
            raise TaskError("bad_value", "v, t, bv and bt are finite numbers", "see RFC 8428, section 4",
                            f"/senml/{number}")
        unit = str(record.get("u", base.get("bu", "")))
        what = unit if unit in ("lat", "lon") else str(record.get("n", ""))
        when = sum(times)
        known.add(what)
        values = devices.setdefault(str(base.get("bn", "")), {})
        if what not in values or when >= values[what][0]:
            values[what] = (when, given + offset, unit)
    complete = {device: values for device, values in devices.items() if {"lat", "lon", name} <= set(values)}
    if not complete:
        raise TaskError("unknown_property" if name else "missing_field",
                        f"no base name has lat, lon and {name[:64]!r}", _offer(name, known - {"lat", "lon"}),
                        "/property")
    return [Reading(device, *_within(values["lon"][1], values["lat"][1], "/senml"), values[name][1], values[name][2])
            for device, values in complete.items()]


def _offer(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name[:64].lower(), sorted(known), n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else "there are: " + ", ".join(sorted(known)[:20])
