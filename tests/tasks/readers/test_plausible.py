"""What cannot be is refused, what only looks wrong is told: planted faults are found, clean fields are left alone."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers import plausible
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.registry import load_kinds, prepare

KINDS = load_kinds()
Given = dict[str, Any]
FIELDS = range(20)
WANTED = 0.95


def _findings(kind: str, given: Given) -> str:
    """All that is said of an input: the refusal, or the notes."""
    try:
        return " ".join(prepare(KINDS, kind, given).notes)
    except TaskError as error:
        assert error.path.startswith("/input/") and (error.code == "implausible") == ('"accept"' in error.hint)
        return error.hint


def _air(rng: random.Random) -> Given:
    """A city's stations: a field that rises and falls, read within the hour."""
    lon, lat, level = rng.uniform(-10, 30), rng.uniform(37, 60), rng.choice([15, 60, 0.4])
    stations = []
    for number in range(rng.randint(6, 40)):
        east, north = rng.gauss(0, 0.1), rng.gauss(0, 0.06)
        value = level * (1 + 0.4 * math.sin(20 * east) + 0.2 * rng.random())
        stations.append({
            "id": f"urn:{number}", "type": "AirQualityObserved", "dateObserved": f"2026-03-02T06:{number:02d}:00Z",
            "pm10": round(value, 3), "location": {"type": "Point", "coordinates": [lon + east, lat + north]}})
    return {"entities": stations, "property": "pm10", "grid": {"rows": 2, "cols": 2}}


def _metres(given: Given, unit_m: float = 1.0) -> Given:
    """The same stations in a plane."""
    x, y = given["entities"][0]["location"]["coordinates"]
    stations = [{"x_m": 70_000 / unit_m * (one["location"]["coordinates"][0] - x),
                 "y_m": 111_000 / unit_m * (one["location"]["coordinates"][1] - y), "value": one["pm10"]}
                for one in given["entities"]]
    return {"stations": stations, "grid": {"rows": 2, "cols": 2}}


def _street(rng: random.Random) -> Given:
    """A week-long rhythm of a street, seven weeks of it, with nights of nothing on the small ones."""
    most = rng.choice([40, 400, 1100])
    counts = [round(most * max(0.0, math.sin(math.pi * ((hour % 24) - 4) / 20)) * (0.6 if hour // 24 % 7 > 4 else 1)
                    * rng.uniform(0.8, 1.2)) for hour in range(7 * 168)]
    return {"detectors": [{"id": "d", "start": "2026-01-05T00:00", "counts": counts}], "time_zone": "Europe/Berlin"}


def _home(rng: random.Random) -> Given:
    """A home with solar power, and a day's prices."""
    load = [rng.uniform(150, 900) for _ in range(96)]
    pv = [max(0.0, 4000 * math.sin(math.pi * (slot - 28) / 40)) if 28 < slot < 68 else 0.0 for slot in range(96)]
    prices = [rng.uniform(-10, 40) + 60 * math.sin(hour / 4) ** 2 for hour in range(24)]
    return {"prices": {"buy_eur_per_mwh": prices}, "homes": [{
        "id": "h", "load_w": load, "pv_w": pv, "capacity_wh": 8000, "charge_w": 3000, "soc_start_wh": 1000}]}


def _feeder(rng: random.Random) -> Given:
    """A street of houses behind a transformer."""
    buses = [{"name": f"b{i}"} for i in range(9)]
    lines = [{"from_bus": f"b{i}", "to_bus": f"b{i + 1}", "r_ohm": 0.02, "x_ohm": 0.01, "limit_a": 270}
             for i in range(1, 8)]
    return {"feeder": {"nominal_kv": 0.4, "source_bus": "b0", "buses": buses, "lines": lines, "transformer": {
        "from_bus": "b0", "to_bus": "b1", "rated_kva": 250, "short_circuit_percent": 4, "resistive_percent": 1.2},
        "loads": [{"bus": f"b{i}", "kw": round(rng.uniform(0.3, 6), 2)} for i in range(2, 9)]}}


def _one(given: Given, rng: random.Random) -> Given:
    return rng.choice(given["entities"])  # type: ignore[no-any-return]


def _missing(given: Given, rng: random.Random) -> None:
    for _ in range(rng.randint(1, 2)):
        _one(given, rng)["pm10"] = rng.choice([-999, -9999, -99, 9999, -999.9, 99999, 9999.9])


def _swapped(given: Given, rng: random.Random) -> None:
    _one(given, rng)["location"]["coordinates"].reverse()


def _all_swapped(given: Given, rng: random.Random) -> None:
    places = [one["location"]["coordinates"][:] for one in given["entities"]]
    lons, lats = zip(*places, strict=True)
    given["grid"] = {"bbox": [min(lons), min(lats), max(lons), max(lats)], "rows": 2, "cols": 2}
    for one in given["entities"]:
        one["location"]["coordinates"].reverse()


def _old(given: Given, rng: random.Random) -> None:
    _one(given, rng)["dateObserved"] = f"2025-{rng.randint(1, 12):02d}-03T06:00:00Z"


def _kilometres(given: Given, rng: random.Random) -> None:
    given |= _metres(given, 1000.0)
    del given["entities"], given["property"]


def _short_range(given: Given, rng: random.Random) -> None:
    given["variogram"] = {"model": "spherical", "nugget": 1, "partial_sill": 5, "range_m": rng.randint(3, 30)}


def _silent(given: Given, rng: random.Random) -> None:
    counts, hours = given["detectors"][0]["counts"], rng.choice([72, 96])
    begin = len(counts) - rng.choice([0, 24, 60]) - hours
    counts[begin:begin + hours] = [0] * hours


def _quarters(given: Given, rng: random.Random) -> None:
    counts = given["detectors"][0]["counts"]
    given["detectors"][0]["counts"] = [max(1, count // 4 + rng.randint(-1, 1)) for count in counts for _ in range(4)][
        :len(counts)]


def _kw(given: Given, rng: random.Random) -> None:
    home = given["homes"][0]
    for name in rng.choice([("load_w", "pv_w"), ("charge_w",), ("load_w", "pv_w", "charge_w")]):
        home[name] = [value / 1000 for value in home[name]] if isinstance(home[name], list) else home[name] / 1000


def _kwh_price(given: Given, rng: random.Random) -> None:
    given["prices"]["buy_eur_per_mwh"] = [price / 1000 for price in given["prices"]["buy_eur_per_mwh"]]


def _watts(given: Given, rng: random.Random) -> None:
    for load in given["feeder"]["loads"]:
        load["kw"] *= 1000


def _negative(given: Given, rng: random.Random) -> None:
    given["unit"] = "ug/m3"
    _one(given, rng)["pm10"] = -rng.uniform(0.5, 25)


def _share(given: Given, rng: random.Random) -> None:
    name, share = rng.choice([("accepted_percent", 0.05), ("line_limit_percent", 0.9),
                              ("transformer_limit_percent", 1.0)])
    given[name] = share


def _long(given: Given, rng: random.Random) -> None:
    line = rng.choice(given["feeder"]["lines"])
    line |= {"r_ohm": 1000 * line["r_ohm"], "x_ohm": 1000 * line["x_ohm"]}


def _nines(given: Given, rng: random.Random) -> None:
    slot = rng.randrange(96)
    given["homes"][0]["load_w"][slot:slot + 3] = [9999] * len(given["homes"][0]["load_w"][slot:slot + 3])


def _percent(given: Given, rng: random.Random) -> None:
    given["homes"][0]["soc_start_wh"] = rng.randint(1, 100)


PLANTED: list[tuple[str, str, Callable[[random.Random], Given], Callable[[Given, random.Random], None]]] = [
    ("missing_code", "environment.airmap", _air, _missing), ("swapped_axes", "environment.airmap", _air, _swapped),
    ("swapped_axes", "environment.airmap", _air, _all_swapped), ("old_reading", "environment.airmap", _air, _old),
    ("below_zero", "environment.airmap", _air, _negative),
    ("length_unit", "environment.airmap", _air, _kilometres),
    ("length_unit", "environment.airmap", _air, _short_range),
    ("silent", "traffic.forecast", _street, _silent), ("period_unit", "traffic.forecast", _street, _quarters),
    ("power_unit", "energy.battery", _home, _kw), ("price_unit", "energy.battery", _home, _kwh_price),
    ("power_unit", "energy.evhosting", _feeder, _watts), ("share_unit", "energy.evhosting", _feeder, _share),
    ("length_unit", "energy.evhosting", _feeder, _long), ("missing_code", "energy.battery", _home, _nines),
    ("share_unit", "energy.battery", _home, _percent)]


@pytest.mark.parametrize(("finding", "kind", "field", "plant"), PLANTED, ids=[one[3].__name__ for one in PLANTED])
def test_planted_faults_are_found_and_clean_fields_are_left_alone(finding: str, kind: str, field, plant) -> None:
    """At least 95 of 100, and none where nothing was planted; what is accepted is not refused."""
    found = 0
    for seed in FIELDS:
        rng = random.Random(seed)
        given = field(rng)
        assert '"accept"' not in _findings(kind, given)
        plant(given, rng)
        found += f'"accept": ["{finding}"]' in _findings(kind, given)
        assert f'"accept": ["{finding}"]' not in _findings(kind, given | {"accept": [finding]})
    assert found >= WANTED * len(FIELDS)


def test_a_plane_of_metres_is_no_plane_of_kilometres() -> None:
    """The same stations in metres are left alone."""
    for seed in FIELDS:
        assert '"accept"' not in _findings("environment.airmap", _metres(_air(random.Random(seed))))


def test_a_silent_counter_is_taken_as_not_counted() -> None:
    """Unless the operator says that the street was closed: then the zeros stand."""
    given = _street(random.Random(3))
    _silent(given, random.Random(3))
    heard, closed = (prepare(KINDS, "traffic.forecast", given | {"accept": accept}) for accept in ([], ["silent"]))
    zeros = [place for place, flow in enumerate(heard.series[0].flows) if flow is None]
    assert len(zeros) >= 72 and all(closed.series[0].flows[place] == 0 for place in zeros)


def test_a_code_among_numbers_like_it_is_a_number() -> None:
    """999 of zinc among hundreds, -99 of a night among others."""
    left = Left()
    plausible.no_missing_codes([(999.0, ""), (400.0, ""), (1839.0, "")], left)
    plausible.no_missing_codes([(-99.0, ""), (-80.0, ""), (-140.0, "")], left)
    plausible.no_missing_codes([], left)
    plausible.no_swapped_axes([], left)
    assert not left.notes()
    with pytest.raises(TaskError) as caught:
        plausible.no_missing_codes([(20.0, "/a"), (-999.0, "/b"), (22.0, "/c"), (-999.0, "/d")], left)
    assert caught.value.path == "/b" and "2 of 4 readings" in caught.value.message
    with pytest.raises(TaskError):   # zinc in soil: from 113 to 1839, and never below nothing
        plausible.no_missing_codes([(113.0, ""), (-999.0, ""), (1839.0, "")], left)


def test_less_than_no_mass_cannot_be() -> None:
    """Of anything else nobody knows: degrees may be below zero."""
    for unit, told in (("µg/m³", 1), ("ng/m3", 1), ("°C", 0), ("", 0)):
        left = Left()
        plausible.tell_below_zero([(3.0, "a"), (-2.5, "b"), (-1.0, "c"), (0.0, "d")], unit, left)
        notes = left.notes()
        assert len(notes) == told and all("2 readings (b, c)" in note and "-2.5" in note for note in notes)


def test_a_quiet_night_and_a_gap_are_no_silence() -> None:
    """Nor are some hours of a closed road, or a day in a lane that has a car a day; a gap within a silence does not
    end it."""
    quiet = [1.0 if hour % 24 == 12 else 0.0 for hour in range(168 * 5)]
    assert plausible.silences(quiet, 168) == []
    busy = [float(50 + hour % 24) for hour in range(168 * 5)]
    busy[200:230] = [None] * 30  # type: ignore[list-item]
    busy[500:510] = [0.0] * 10
    assert plausible.silences(busy, 168) == []
    busy[300:340] = [0.0] * 20 + [None] * 5 + [0.0] * 15  # type: ignore[list-item]
    assert plausible.silences(busy, 168) == [(300, 340)]


def test_the_kinds_check_codes_in_tables_too() -> None:
    """Readings of a check over time, prices and loads, each with its pointer."""
    stations = [{"id": str(i), "x_m": 1000 * i, "y_m": 500 * i * i} for i in range(5)]
    given = {"stations": stations, "readings": [[20, 21, 22, 20, 19], [20, 21, -999, 20, 19]]}
    street = _street(random.Random(0))
    street["detectors"][0]["counts"][7] = 9999
    home, feeder = _home(random.Random(1)), _feeder(random.Random(1))
    home["prices"]["buy_eur_per_mwh"][3] = -9999
    feeder["feeder"]["loads"][2]["kw"] = -999
    for kind, wrong, path in (("environment.sensorqc", given, "/input/readings/1/2"),
                              ("traffic.forecast", street, "/input/detectors/0/counts/7"),
                              ("energy.battery", home, "/input/prices/buy_eur_per_mwh/3"),
                              ("energy.evhosting", feeder, "/input/feeder/loads/2/kw")):
        with pytest.raises(TaskError) as caught:
            prepare(KINDS, kind, wrong)
        assert (caught.value.code, caught.value.path) == ("implausible", path)
