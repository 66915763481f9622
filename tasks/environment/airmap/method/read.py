"""Readings at positions, out of FIWARE entities and SenML packs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lamplighter.tasks.readers import ngsi, senml
from lamplighter.tasks.readers.allow import Left


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading at a WGS 84 position; ``unit`` is empty where the source gives none.

    ``path`` points to it; ``time_s`` is when it was taken, from 1970, None where nobody knows.
    """

    id: str
    lon_deg: float
    lat_deg: float
    value: float
    unit: str
    path: str = field(default="", compare=False)
    time_s: float | None = field(default=None, compare=False)


def from_entities(entities: Sequence[ngsi.Entity], name: str, left: Left) -> list[Reading]:
    """The latest reading ``name`` of each station, by the reading's own time (``observedAt``) or the entity's.

    Entities of one id, or of one ``refDevice`` at one position, are of one station. Raises TaskError: wrong_entity,
    bad_position, out_of_range, bad_time, unknown_property, missing_field, ambiguous.
    """
    found: dict[Any, tuple[datetime, Reading]] = {}
    read = []
    for path, entity in ngsi.entities(entities, ngsi.AIR, (name,), "/entities", left):
        read.append(entity)
        quantity, own = ngsi.quantity(entity, name, path), ngsi.text(entity, "id")
        if quantity is None:
            left.out("entity", ngsi.lacking(entity, name), own or path)
            continue
        times = ngsi.observed(entity, path)
        when = quantity.at or (times[1] if times else None)
        place, device = ngsi.position(entity, path), ngsi.text(entity, "refDevice")
        key = (device, place) if device else own or path
        one = Reading(own, *place, quantity.value, quantity.unit, path, when.timestamp() if when else None)
        found[key] = _later(found[key], (when or ngsi.OLDEST, one), left) if key in found else (
            when or ngsi.OLDEST, one)
    if not found:
        raise ngsi.no_such(name, ngsi.numbers_of(read), "/property")
    return [one for _, one in found.values()]


def _later(before: tuple[datetime, Reading], after: tuple[datetime, Reading],
           left: Left) -> tuple[datetime, Reading]:
    """Of two readings of one station, in the order of the list, the one that counts; the other is told."""
    kept, other = (before, after) if before[0] > after[0] else (after, before)
    why = "its station has a later reading" if kept[0] > other[0] else (
        "its station has a reading further down the list, " + (
            "and neither says when" if kept[0] == ngsi.OLDEST else "of the same time"))
    left.out("entity", why, other[1].id or other[1].path)
    return kept


def from_senml(records: Sequence[dict[str, Any]], name: str, left: Left) -> list[Reading]:
    """The latest reading ``name`` of each device of a SenML pack that gives its units ``lat`` and ``lon`` too.

    Raises TaskError as ``senml.resolved`` does, and unknown_property, missing_field, out_of_range.
    """
    devices = senml.devices(senml.resolved(records, "/senml", left), name)
    found = []
    for device, known in devices.items():
        series = known.get(name, [])
        if not series or not {"lat", "lon"} <= known.keys():
            left.out("device", f"no reading of {name}" if not series else "no position", device)
            continue
        lat, lon, latest = (senml.latest(known[what]) for what in ("lat", "lon", name))
        found.append(Reading(device, *ngsi.within(lon.value, lat.value, f"/senml/{lat.number}"), latest.value,
                             latest.unit, f"/senml/{latest.number}", latest.moment))
    if not found:
        names = {what for known in devices.values() if {"lat", "lon"} <= known.keys() for what in known}
        raise ngsi.no_such(name, names - {"lat", "lon"}, "/property")
    return found
