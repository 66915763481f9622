"""Files as they are published become parts of inputs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.published import eea, entsoe, openaq, sensor_community
from lamplighter.tasks.registry import load_kinds, prepare

SIX = "2026-03-01T06:00:00Z"


def entity(station: str, lon: float, lat: float, time: str = SIX, **readings: tuple[float, str]) -> dict[str, Any]:
    return {"id": f"urn:ngsi-ld:AirQualityObserved:{station}", "type": "AirQualityObserved", "refDevice": station,
            "dateObserved": time, "location": {"type": "Point", "coordinates": [lon, lat]},
            **{name: {"type": "Property", "value": value, "unitCode": code} for name, (value, code) in
               readings.items()}}


OPENAQ_2 = {"results": [{"location": "Mitte", "locationId": 7, "coordinates": {"latitude": 52.5, "longitude": 13.4},
                         "measurements": [{"parameter": "pm10", "value": 20.5, "unit": "µg/m³",
                                           "lastUpdated": "2026-03-01T07:00:00+01:00"}]}]}
OPENAQ_3 = {"results": [{"datetime": {"utc": SIX, "local": "2026-03-01T07:00:00+01:00"}, "value": 20.5,
                         "sensorsId": 3, "coordinates": {"latitude": 52.5, "longitude": 13.4}, "locationsId": 7}]}
OPENAQ_SENSOR = {"results": [{"value": 20.5, "parameter": {"id": 1, "name": "pm10", "units": "µg/m³"},
                              "period": {"datetimeTo": {"utc": SIX}}, "locationId": 7,
                              "coordinates": {"latitude": 52.5, "longitude": 13.4}}]}
OPENAQ_CSV = ("location_id,sensors_id,location,datetime,lat,lon,parameter,units,value\n"
              '7,3,"Mitte, 1",2026-03-01T07:00:00+01:00,52.5,13.4,pm10,µg/m³,20.5\n')


@pytest.mark.parametrize(("text", "name", "code"), [
    (json.dumps(OPENAQ_2), "", "GQ"), (json.dumps(OPENAQ_3), "pm10", ""), (json.dumps(OPENAQ_SENSOR), "", "GQ"),
    ("\ufeff" + OPENAQ_CSV, "", "GQ")], ids=["version 2", "version 3", "a sensor's", "archive"])
def test_openaq(text: str, name: str, code: str) -> None:
    """All its forms give the same entity; what version 3 does not say is named by the operator."""
    assert openaq(text, Left(), name) == [entity("openaq:7", 13.4, 52.5, pm10=(20.5, code))]


def test_sensor_community() -> None:
    """JSON and archive give the same; one sensor's values of one time are one entity, unknown ones are not read."""
    answer = [{"id": 1, "timestamp": "2026-03-01 06:00:00", "sensor": {"id": 9, "sensor_type": {"name": "SDS011"}},
               "location": {"id": 2, "latitude": "52.5", "longitude": "13.4", "country": "DE"},
               "sensordatavalues": [{"value_type": "P1", "value": "20.5"}, {"value_type": "P2", "value": "9"},
                                    {"value_type": "signal", "value": "-60"}]}]
    archive = ("sensor_id;sensor_type;location;lat;lon;timestamp;P1;durP1;ratioP1;P2;durP2;ratioP2\n"
               "9;SDS011;2;52.5;13.4;2026-03-01T06:00:00;20.5;;;9;;\n")
    wanted = [entity("sensor.community:9", 13.4, 52.5, pm10=(20.5, "GQ"), pm25=(9.0, "GQ"))]
    assert sensor_community(json.dumps(answer), Left()) == wanted == sensor_community(archive, Left())


def test_what_is_not_finite_is_left_out() -> None:
    """"nan" is no number, and JSON has none; of two values of one time the one that counts is told."""
    archive = ("sensor_id;sensor_type;location;lat;lon;timestamp;P1;P2\n"
               "9;SDS011;2;52.5;13.4;2026-03-01T06:00:00;nan;9\n"
               "9;SDS011;2;52.5;13.4;2026-03-01T06:00:00;inf;8\n")
    made = sensor_community(archive, left := Left())
    assert made == [entity("sensor.community:9", 13.4, 52.5, pm25=(8.0, "GQ"))]
    assert left.notes() == [
        "2 readings (sensor.community:9) left out: it has no number, or its station no position",
        "1 reading (sensor.community:9) left out: another value of its station and time comes after it"]


def test_eea() -> None:
    """With positions of its own or by the metadata; what is not valid or has no place is left out and named."""
    old = ("Countrycode,SamplingPoint,AirPollutant,Concentration,UnitOfMeasurement,DatetimeBegin,DatetimeEnd,"
           "Validity\n"
           "DE,SPO.1,PM2.5,9.5,µg/m3,2026-03-01 06:00:00 +01:00,2026-03-01 07:00:00 +01:00,1\n"
           "DE,SPO.1,PM2.5,-999,µg/m3,2026-03-01 07:00:00 +01:00,2026-03-01 08:00:00 +01:00,-1\n"
           "DE,SPO.2,PM2.5,8,µg/m3,2026-03-01 06:00:00 +01:00,2026-03-01 07:00:00 +01:00,1\n")
    metadata = "Countrycode\tSamplingPoint\tLongitude\tLatitude\nDE\tSPO.1\t13.4\t52.5\n"
    left = Left()
    assert eea(old, left, metadata) == [entity("eea:SPO.1", 13.4, 52.5, pm25=(9.5, "GQ"))]
    assert left.notes() == ["1 reading (SPO.1) left out: it is marked as not valid",
                            "1 reading (eea:SPO.2) left out: it has no number, or its station no position"]
    new = ("samplingpoint_localid,samplingpoint_x,samplingpoint_y,pollutant,value_datetime_end,value_numeric,"
           "value_validity,value_unit\nSPO.1,13.4,52.5,PM2.5,2026-03-01 07:00:00+01:00,9.5,1,ug.m-3\n")
    assert eea(new, Left()) == [entity("eea:SPO.1", 13.4, 52.5, pm25=(9.5, "GQ"))]


def test_what_is_made_is_read_without_a_word() -> None:
    """The map takes the entities, and of one station the latest."""
    rows = [f"{i},3,x,2026-03-01T0{hour}:00:00+00:00,52.{5 + i},13.{4 + i},pm10,µg/m³,{20 + i + hour}"
            for i in range(4) for hour in (6, 7)]
    made = openaq(OPENAQ_CSV.split("\n")[0] + "\n" + "\n".join(rows), Left())
    spec = prepare(load_kinds(), "environment.airmap", {"entities": made, "property": "pm10",
                                                        "grid": {"rows": 2, "cols": 2}})
    assert spec.readings == [27, 28, 29, 30] and spec.unit == "µg/m³"
    assert all("later reading" in note for note in spec.notes)


def _prices(day: str, slots: int, price: str = "Day-ahead Price [EUR/MWh]", minutes: int = 15) -> str:
    rows = [f'"{day} {minutes * i // 60 % 24:02d}:{minutes * i % 60:02d} - {day} 00:00","{i - 3.5}","EUR"'
            for i in range(slots)]
    return f'"MTU (CET/CEST)","{price}","Currency"\n' + "\n".join(rows) + "\n"


@pytest.mark.parametrize(("day", "slots"), [
    ("28.03.2026", 24), ("28.03.2026", 96), ("29.03.2026", 92), ("29.03.2026", 23), ("25.10.2026", 25),
    ("25.10.2026", 100)])
def test_entsoe(day: str, slots: int) -> None:
    """By the hour or the quarter-hour; a day on which the clocks change is told."""
    left = Left()
    made = entsoe(_prices(day, slots, minutes=15 if slots > 25 else 60), left)
    assert made == {"buy_eur_per_mwh": [i - 3.5 for i in range(slots)]}
    assert bool(left.notes()) == (slots not in (24, 96))


@pytest.mark.parametrize(("day", "hours"), [("29.03.2026", 23), ("28.03.2026", 24), ("25.10.2026", 25)])
@pytest.mark.parametrize("minutes", [15, 60])
def test_a_day_of_prices_is_one_that_can_be_planned(day: str, hours: int, minutes: int) -> None:
    """Of whatever length, by the hour or the quarter-hour, it is a day of ``energy.battery``."""
    made = entsoe(_prices(day, hours * 60 // minutes, minutes=minutes), Left())
    home = {"id": "h", "net_load_w": [500] * 4 * hours, "capacity_wh": 5_000, "charge_w": 2_000, "soc_start_wh": 0}
    spec = prepare(load_kinds(), "energy.battery", {"prices": made, "homes": [home]})
    assert spec.buy == tuple(made["buy_eur_per_mwh"][slot * 15 // minutes] for slot in range(4 * hours))
    assert bool(spec.notes) == (hours != 24)


def test_the_hour_that_comes_twice_may_say_which_it_is() -> None:
    """As newer files of ENTSO-E do."""
    begins = [*((hour, "CEST") for hour in range(3)), *((hour, "CET") for hour in range(2, 24))]
    rows = [f"25/10/2026 {hour:02d}:00:00 ({zone}) - 25/10/2026 00:00:00,7" for hour, zone in begins]
    made = entsoe("MTU (CET/CEST),Day-ahead Price (EUR/MWh)\n" + "\n".join(rows), left := Left())
    assert len(made["buy_eur_per_mwh"]) == 25 and "the clocks change" in left.notes()[0]


def test_of_several_days_one_is_named() -> None:
    """Or the refusal names them; the others are told."""
    both = _prices("28/03/2026", 24, minutes=60) + _prices("29/03/2026", 23, minutes=60).split("\n", 1)[1]
    with pytest.raises(TaskError, match="2026-03-28, 2026-03-29"):
        entsoe(both, Left())
    assert len(entsoe(both, left := Left(), "2026-03-29")["buy_eur_per_mwh"]) == 23
    assert left.notes()[0] == "1 day (2026-03-28) left out: another one was asked for"


@pytest.mark.parametrize(("reader", "text"), [
    (entsoe, _prices("28.03.2026", 25, minutes=60)), (entsoe, _prices("28.03.2026", 23, minutes=60)),
    (entsoe, _prices("29.03.2026", 24, minutes=60)), (entsoe, _prices("31.02.2026", 24, minutes=60)),
    (entsoe, _prices("25.10.2026", 25, minutes=60).replace("CET/CEST", "UTC")),
    (entsoe, _prices("28.03.2026", 24, minutes=60).replace(" 03:00 -", " 04:00 -")),
    (openaq, "{"), (openaq, "{}"), (openaq, json.dumps(OPENAQ_3)), (openaq, "a,b\n1,2\n"),
    (openaq, json.dumps({"results": [3]})), (sensor_community, "[{}]"), (sensor_community, "[" * 9999),
    (sensor_community, ""), (eea, "a,b\n1,2\n"), (eea, ""), (entsoe, ""), (entsoe, "a,b\n1,2\n"),
    (entsoe, _prices("29.03.2026", 24, "Day-ahead Price [GBP/MWh]").replace('"EUR"', '"GBP"')),
    (entsoe, _prices("29.03.2026", 24).replace("5.5", "n/e"))])
def test_what_is_no_such_file_is_told(reader: Any, text: str) -> None:
    """With a sentence, never a traceback."""
    with pytest.raises(TaskError) as caught:
        reader(text, Left())
    assert caught.value.code in ("bad_file", "empty_data") and caught.value.message
