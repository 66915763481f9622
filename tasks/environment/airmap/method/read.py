"""Readings at positions, out of FIWARE entities and SenML packs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lamplighter.tasks.readers import ngsi, senml

ENTITY = "AirQualityObserved"
LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading at a WGS 84 position; ``unit`` is empty where the source gives none."""

    id: str
    lon_deg: float
    lat_deg: float
    value: float
    unit: str


def from_entities(entities: list[dict[str, Any]], name: str) -> tuple[list[Reading], int]:
    """The latest reading ``name`` of each NGSI-LD AirQualityObserved entity, and how many entities lack it.

    Raises TaskError: wrong_entity, bad_position, out_of_range, bad_time, unknown_property, missing_field.
    """
    found: dict[str, tuple[datetime, Reading]] = {}
    missing = 0
    for number, entity in enumerate(entities):
        path = f"/entities/{number}"
        ngsi.require_type(entity, ENTITY, path)
        quantity = ngsi.quantity(entity, name)
        if quantity is None:
            missing += 1
            continue
        when = (ngsi.observed(entity, path) or (LONG_AGO, LONG_AGO))[1]
        key = ngsi.text(entity, "id")
        one = Reading(key, *ngsi.position(entity, path), quantity.value, quantity.unit)
        if key not in found or when >= found[key][0]:
            found[key or f"/{number}"] = (when, one)
    if not found:
        raise ngsi.no_such(name, ngsi.numbers_of(entities), "/property")
    return [one for _, one in found.values()], missing


def from_senml(records: list[dict[str, Any]], name: str) -> list[Reading]:
    """The latest reading ``name`` of each device of a SenML pack that gives its units ``lat`` and ``lon`` too.

    Raises TaskError as ``senml.resolved`` does, and unknown_property, missing_field, out_of_range.
    """
    devices: dict[str, dict[str, senml.Record]] = {}
    for record in senml.resolved(records, "/senml"):
        what = record.unit if record.unit in ("lat", "lon") else record.name
        latest = devices.setdefault(record.device, {})
        if what not in latest or record.time_s >= latest[what].time_s:
            latest[what] = record
    complete = {device: latest for device, latest in devices.items() if {"lat", "lon", name} <= set(latest)}
    if not complete:
        known = {what for latest in devices.values() if {"lat", "lon"} <= set(latest) for what in latest}
        raise ngsi.no_such(name, known - {"lat", "lon"}, "/property")
    return [Reading(device, *ngsi.within(latest["lon"].value, latest["lat"].value, f"/senml/{latest['lat'].number}"),
                    latest[name].value, latest[name].unit) for device, latest in complete.items()]
