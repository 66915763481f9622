"""Parts of inputs out of files as those who measure publish them: OpenAQ, Sensor.Community, the EEA and ENTSO-E.

Each function takes the text of a file and gives JSON-able values; what it leaves out goes into ``left``, and what it
cannot take raises TaskError (``bad_file``, ``empty_data``).
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.allow import Left

CODES = {"µg/m³": "GQ", "µg/m3": "GQ", "ug/m3": "GQ", "ug.m-3": "GQ", "mg/m³": "GP", "mg/m3": "GP", "mg.m-3": "GP",
         "ppm": "59", "ppb": "61", "%": "P1", "c": "CEL", "°C": "CEL"}
"""UN/CEFACT codes of units as these files write them."""
COMMUNITY = {"P0": ("pm1", "µg/m³"), "P1": ("pm10", "µg/m³"), "P2": ("pm25", "µg/m³"), "P4": ("pm4", "µg/m³"),
             "temperature": ("temperature", "°C"), "humidity": ("relativeHumidity", "%"),
             "pressure": ("pressure", "Pa"), "noise_LAeq": ("noise", "dB")}
"""Value types of Sensor.Community: names and units here."""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a station."""

    station: str
    lon: Any
    lat: Any
    name: str
    value: Any
    unit: str
    time: str


def openaq(text: str, left: Left, name: str = "") -> list[Row]:
    """``entities`` out of OpenAQ's JSON (measurements or latest, versions 2 and 3) or the CSV of its archive.

    ``name`` is what was asked for where the answer does not say it (version 3, latest).
    """
    if text.lstrip()[:1] != "{":
        return _entities((Reading(f"openaq:{row['location_id']}", row["lon"], row["lat"], row["parameter"],
                                  row["value"], row["units"], _time(row["datetime"])) for row in _rows(text, ",")),
                         left)
    results = _json(text).get("results")
    if not isinstance(results, list):
        raise TaskError("bad_file", "this is no answer of OpenAQ", "its JSON has a list of results")
    return _entities((one for result in results for one in _openaq(result, name)), left)


def _openaq(result: Row, name: str) -> Iterator[Reading]:
    station = f"openaq:{result.get('locationId') or result.get('locationsId') or result.get('location')}"
    where = result.get("coordinates") or {}
    for one in result.get("measurements") or [result]:   # version 2 lists what is latest by location
        parameter = one.get("parameter") or name
        parameter, unit = (parameter["name"], parameter.get("units", "")) if isinstance(parameter, dict) else (
            parameter, one.get("unit", ""))
        when = one.get("lastUpdated") or one.get("date") or one.get("datetime") or one["period"]["datetimeTo"]
        if not parameter:
            raise TaskError("bad_file", "the answer does not say what was measured", "name it after the file: pm10")
        yield Reading(station, where.get("longitude"), where.get("latitude"), parameter, one["value"], unit,
                      _time(when["utc"] if isinstance(when, dict) else when))


def sensor_community(text: str, left: Left) -> list[Row]:
    """``entities`` out of Sensor.Community's JSON (data.json and filters of it) or the CSV of its archive."""
    if text.lstrip()[:1] == "[":
        return _entities((_community(one["sensor"]["id"], one["location"]["longitude"], one["location"]["latitude"],
                                     what["value_type"], what["value"], one["timestamp"])
                          for one in _json(text) for what in one["sensordatavalues"]
                          if what["value_type"] in COMMUNITY), left)
    return _entities((_community(row["sensor_id"], row["lon"], row["lat"], name, row[name], row["timestamp"])
                      for row in _rows(text, ";") for name in COMMUNITY if row.get(name)), left)


def _community(sensor: Any, lon: Any, lat: Any, kind: str, value: Any, time: Any) -> Reading:
    name, unit = COMMUNITY[kind]
    return Reading(f"sensor.community:{sensor}", lon, lat, name, value, unit, _time(time))


def eea(text: str, left: Left, metadata: str = "") -> list[Row]:
    """``entities`` out of the EEA's CSV of one pollutant. Where it brings no positions (``samplingpoint_x``), those
    of ``metadata`` count: the text of PanEuropean_metadata.csv. Readings that are marked as not valid are left
    out."""
    places = {row["SamplingPoint"]: (row["Longitude"], row["Latitude"]) for row in _rows(metadata, "\t")}

    def readings() -> Iterator[Reading]:
        for row in _rows(text, ","):
            point = row.get("SamplingPoint") or row.get("samplingpoint_localid") or row["Samplingpoint"]
            if int(row.get("Validity") or row.get("value_validity") or 1) < 1:
                left.out("reading", "it is marked as not valid", point)
                continue
            lon, lat = (row["samplingpoint_x"], row["samplingpoint_y"]) if "samplingpoint_x" in row else places.get(
                point.split("/")[-1], (None, None))
            value, unit, time = (row.get(new) or row.get(old) for new, old in (
                ("Concentration", "value_numeric"), ("UnitOfMeasurement", "value_unit"),
                ("DatetimeEnd", "value_datetime_end")))
            yield Reading(f"eea:{point}", lon, lat, _pollutant(row.get("AirPollutant") or row["pollutant"]), value,
                          unit or "", _time(time))

    return _entities(readings(), left)


def _pollutant(name: str) -> str:
    return {"PM2.5": "pm25", "PM10": "pm10", "PM1": "pm1"}.get(name, name.lower())


def entsoe(text: str, left: Left, day: str = "") -> dict[str, list[float]]:
    """``prices`` of one day (``day`` as in 2026-03-01, where there are several) out of ENTSO-E's CSV of day-ahead
    prices, by the hour or the quarter-hour."""
    rows = list(_rows(text, ";" if text.split("\n", 1)[0].count(";") > 2 else ","))
    names = list(rows[0]) if rows else []
    when, price = (next((name for name in names if word in name.lower()), "") for word in ("mtu", "price"))
    if not when or not price or "EUR" not in price + str(rows[0].get("Currency", "")):
        raise TaskError("bad_file", "this is no table of day-ahead prices in EUR/MWh", "export it from ENTSO-E's "
                        "Transparency Platform as CSV")
    areas = {(row.get("Area", ""), row.get("Sequence", "")) for row in rows}
    if len(areas) > 1:
        raise TaskError("bad_file", f"prices of {len(areas)} areas or sequences: {sorted(areas)[:4]}", "export one")
    days: dict[str, list[tuple[str, float]]] = {}
    for row in rows:
        at = re.match(r"\s*(\d\d)[./](\d\d)[./](\d{4})\s+(\d\d:\d\d)", row[when] or "")
        if at is None or not re.fullmatch(r"-?\d+(\.\d+)?", row[price] or ""):
            raise TaskError("bad_file", f"no price for {str(row[when])[:48]!r}", "a day is planned by all its prices")
        days.setdefault("-".join(at.group(3, 2, 1)), []).append(
            (at.group(4), float(row[price])))
    if (day or len(days) == 1) and (day or next(iter(days))) in days:
        which = day or next(iter(days))
        prices = days.pop(which)
        if days:
            left.out("day", "another one was asked for", min(days), len(days))
        _whole_day(which, [begin for begin, _ in prices], 0 if "UTC" in when else _hours_more(which), left)
        return {"buy_eur_per_mwh": [price for _, price in prices]}
    raise TaskError("bad_file", f"prices of {', '.join(sorted(days)[:4])}{' …' if len(days) > 4 else ''}",
                    "name a day after the file, as in 2026-03-01")


def _hours_more(day: str) -> int:
    """By how many hours a day is longer than others: in all of Europe, the clocks change on the last Sundays of March
    and October."""
    try:
        given = date.fromisoformat(day)
    except ValueError:
        raise TaskError("bad_file", f"{day} is no day of the calendar", "give the file as it was exported") from None
    last_sunday = given.weekday() == 6 and given.day > 31 - 7
    return {3: -1, 10: 1}.get(given.month, 0) if last_sunday else 0


def _whole_day(day: str, begins: list[str], hours_more: int, left: Left) -> None:
    """Raises TaskError ``bad_file`` where a period is missing or there twice; a day that is longer or shorter than
    others is told."""
    twice = len(begins) - len(set(begins))
    per_hour, more = divmod(len(begins), 24 + hours_more)
    if more or not per_hour or twice != max(0, hours_more) * per_hour:
        raise TaskError("bad_file", f"{day} has {len(begins)} prices, {twice} of periods that are there twice, and "
                        f"{24 + hours_more} hours", "give each hour or quarter-hour of the day once")
    if hours_more:
        left.tell(f"{len(begins)} prices: the clocks change on that day")


def _entities(readings: Iterable[Reading], left: Left) -> list[Row]:
    """An entity for each station and time. Readings without a number or a position are left out."""
    found: dict[tuple[str, str], Row] = {}
    try:
        for one in readings:
            try:
                lon, lat, value = numbers = float(one.lon), float(one.lat), float(one.value)
                if not all(map(math.isfinite, numbers)):   # "nan" is how some loggers say that there is none
                    raise ValueError("no finite number")
            except (TypeError, ValueError):
                left.out("reading", "it has no number, or its station no position", one.station)
                continue
            entity = found.setdefault((one.station, one.time), {
                "id": f"urn:ngsi-ld:AirQualityObserved:{one.station}", "type": "AirQualityObserved",
                "refDevice": one.station, "dateObserved": one.time,
                "location": {"type": "Point", "coordinates": [lon, lat]}})
            if one.name in entity and entity[one.name]["value"] != value:
                left.out("reading", "another value of its station and time comes after it", one.station)
            entity[one.name] = {"type": "Property", "value": value, "unitCode": CODES.get(one.unit, one.unit)}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise TaskError("bad_file", f"the file lacks, or has otherwise, {str(error)[:80]}",
                        "convert it as it was published") from None
    if not found:
        raise TaskError("empty_data", "the file holds no reading that can be used", "; ".join(left.notes()))
    return list(found.values())


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TaskError("bad_file", f"no JSON: {str(error)[:80]}", "convert it as it was published") from None


def _rows(text: str, delimiter: str) -> Iterator[Row]:
    return csv.DictReader(io.StringIO(text.lstrip("\ufeff")), delimiter=delimiter)


def _time(given: Any) -> str:
    """In UTC, ISO 8601; without an offset it is UTC. Raises ValueError."""
    found = datetime.fromisoformat(re.sub(r" (?=[+-]\d)", "", str(given).strip()))
    return (found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)).strftime(
        "%Y-%m-%dT%H:%M:%SZ")
