"""What ``tasks/readers/plausible.py`` finds: faults planted into each public field of the quality report.

Each field is sent as it is, where nothing may be found, and with each fault that a field of its kind can have, a few
times over, where at least 95 % must be found by name. Thresholds may be chosen by what is found in the fields of
``CHOSEN``; the bar is held against those of ``JUDGED``. No field is in both.
"""

from __future__ import annotations

import copy
import json
import random
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.quality import energy_battery, energy_evhosting, traffic_forecast
from benchmarks.quality.report import Report
from benchmarks.quality.tools.gstat import Gstat, Table
from benchmarks.quality.tools.planted import FAULTS, Given
from benchmarks.quality.workshop import ToolError, Workshop
from lamplighter.tasks.api import TaskError
from lamplighter.tasks.fetch import cache_folder, wheel
from lamplighter.tasks.readers.simbench import from_folder
from lamplighter.tasks.registry import load_kinds, prepare

CHOSEN = ("sic_train", "meuse", "jura_pred", "PM10 winter", "I-94", "Bay Area", "Dutch homes 2022", "case33bw",
          "kerber1", "rural1", "semiurb4")
JUDGED = ("sic_test", "jura_val", "sic97_obs", "sic97_full", "PM10 summer", "Capital Bikeshare", "Auckland",
          "Dutch homes 2023", "Dutch homes 2024", "kerber2", "kerber_extreme", "european_lv", "rural2", "rural3",
          "semiurb5", "urban6")
WANTED = 0.95
TIMES, TIMES_FULL = 3, 10
CITY_M = 90_000
REFUSED = {"out_of_range", "bad_value", "bad_pandapower", "bad_simbench", "weak_line"}
"""So are values refused that no field has; each refusal names the place."""
WINTER, SUMMER = (11, 45, 320, 350), (150, 185, 210, 240)
"""Days of 2005."""
SET = energy_battery.SETS[1]
Fields = dict[str, list[tuple[str, Given]]]
"""By name of a field: what is sent, by kind; of some there are several days or detectors."""


@dataclass
class Score:
    """Of one fault in one list of fields."""

    planted: int = 0
    found: int = 0


def run(workshop: Workshop) -> Report:
    report = Report("readers.plausible")
    fields = {**_maps(Gstat(workshop)), **_counts(), **_homes(), **_feeders(workshop)}
    missing = {*CHOSEN, *JUDGED} ^ fields.keys()
    if missing:
        raise ToolError(f"fields that are in no list, or listed and not there: {sorted(missing)}")
    sheet = report.sheet("Faults planted into public fields, found by name", "planted", "found", "share")
    clean = report.sheet("The same fields as they are", "sent", "with a false finding", "which")
    for title, names in (("chosen on", CHOSEN), ("judged on", JUDGED)):
        judged = names is JUDGED
        workshop.say(f"{title}: {', '.join(names)}")
        scores, false, sent = _judge({name: fields[name] for name in names}, TIMES_FULL if workshop.full else TIMES)
        for fault, score in sorted(scores.items()):
            share = score.found / max(1, score.planted)
            sheet.row(f"{title}: {fault}", score.planted, score.found, f"{100 * share:.1f} %",
                      bar=">= 95 %" if judged else "", ok=share >= WANTED if judged else None)
        clean.row(title, sent, sum(false.values()), ", ".join(f"{name} {what}" for name, what in false) or "none",
                  bar="none", ok=not false)
    report.note("a fault counts as found where refusal or note name the finding by which it would be accepted, "
                "or the value is refused as one that cannot be")
    return report


def _judge(fields: Fields, times: int) -> tuple[dict[str, Score], Counter[tuple[str, str]], int]:
    false: Counter[tuple[str, str]] = Counter()
    every = [(name, place, kind, given) for name, several in fields.items()
             for place, (kind, given) in enumerate(several)]
    scores = {_fault(kind, fault): Score() for _, _, kind, _ in every for fault, *_ in FAULTS[kind]}
    for name, place, kind, given in every:
        false.update((name, finding) for finding in findings(kind, given))
        for (fault, finding, plant), time in product(FAULTS[kind], range(times)):
            spoilt = copy.deepcopy(given)
            if plant(spoilt, random.Random(f"{name} {place} {fault} {time}")):
                score = scores[_fault(kind, fault)]
                score.planted += 1
                score.found += bool(findings(kind, spoilt) & {finding, *REFUSED})
    return scores, false, len(every)


def _fault(kind: str, fault: str) -> str:
    return f"{kind.split('.')[1]}: {fault}"


_KINDS = load_kinds()


def findings(kind: str, given: Given) -> set[str]:
    """By which name what is found would be accepted; a refusal without one is a finding by its code."""
    try:
        said = list(prepare(_KINDS, kind, given).notes)
    except TaskError as error:
        said = [error.hint if '"accept"' in error.hint else f'"accept": ["{error.code}"]']
    return {sentence.split('"accept": ["')[1].split('"')[0] for sentence in said if '"accept": ["' in sentence}


def _maps(gstat: Gstat) -> Fields:
    fields: Fields = {}
    for name in ("sic_train", "sic_test", "meuse", "jura_pred", "jura_val", "sic97_obs", "sic97_full"):
        fields[name] = [_map(gstat.data(name))]
    year = gstat.data("pm10")
    days = sorted({one["day"] for one in year})
    for name, places in (("PM10 winter", WINTER), ("PM10 summer", SUMMER)):
        fields[name] = [_map([one for one in year if one["day"] == days[place]]) for place in places]
    return fields


def _map(table: Table) -> tuple[str, Given]:
    """As a city's entities: what is wider than ``CITY_M`` is drawn in, and all laid out from 47° north, 10° east."""
    x, y = (min(one[axis] for one in table) for axis in "xy")
    wide = max(max(one[axis] for one in table) - low for axis, low in (("x", x), ("y", y)))
    metre = min(1, CITY_M / wide)
    return "environment.airmap", {"property": "z", "grid": {"rows": 2, "cols": 2}, "entities": [
        {"id": f"urn:station:{place}", "type": "AirQualityObserved", "z": one["z"],
         "dateObserved": f"2026-03-02T06:{place % 60:02d}:00Z", "location": {"type": "Point", "coordinates": [
             round(10 + metre * (one["x"] - x) / 70_000, 6), round(47 + metre * (one["y"] - y) / 111_200, 6)]}}
        for place, one in enumerate(table)]}


def _counts() -> Fields:
    """The ten weeks before three midnights, of each detector alone."""
    with _wheel(traffic_forecast.PACKAGE, traffic_forecast.VERSION) as archive:
        flows = {"I-94": {"I-94": dict(traffic_forecast.interstate(archive))},
                 "Capital Bikeshare": {"bikes": traffic_forecast._column(archive, "bikesharing", "count", 1)},
                 "Bay Area": {"lanes": traffic_forecast._column(archive, "sf_traffic", "y", 1e4)}}
    with _wheel(*traffic_forecast.WALKERS[:2]) as archive:
        flows["Auckland"] = traffic_forecast._walkers(archive)
    fields: Fields = {}
    for name, detectors in flows.items():
        origins = traffic_forecast._origins(detectors, 3, 39)
        tasks = [traffic_forecast.Case(name, {one: counts}, origins).task(origin)
                 for one, counts in detectors.items() for origin in origins]
        fields[name] = [("traffic.forecast", task) for task in tasks
                        if sum(count is not None for count in task["detectors"][0]["counts"]) > 1_200]
    return fields


def _wheel(name: str, version: str) -> zipfile.ZipFile:
    return traffic_forecast._wheel(name, version)


def _homes() -> Fields:
    """Days of three years with twelve homes."""
    archive = wheel(cache_folder(), *energy_battery.WHEEL)
    if archive is None:
        raise ToolError("the wheel ev2gym==2.0.0 cannot be had")
    fields: Fields = {}
    for year in (2022, 2023, 2024):
        one = energy_battery.Set("", year, SET.capacity_wh, SET.power_w)
        fields[f"Dutch homes {year}"] = [("energy.battery", task) for task in energy_battery._tasks(archive, one)]
    return fields


def _feeders(workshop: Workshop) -> Fields:
    def exported(name: str, code: str) -> Path:
        folder = workshop.cache / "evhosting" / name
        if not (folder / "done").exists():
            workshop.say(f"exporting {name}")
            workshop.script(workshop.python(*energy_evhosting.TOOLS), "evhosting_feeders", "export", code, folder)
            (folder / "done").touch()
        return folder

    return {name: [("energy.evhosting", given)] for name, given in _networks(exported)}


def _networks(exported: Callable[[str, str], Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in ("case33bw", "kerber1", "kerber2", "kerber_extreme", "european_lv"):
        yield name, {"pandapower": json.loads((exported(name, name) / "net.json").read_text()),
                     "statistics": None, "cars_per_load": 1}
    for name, code in energy_evhosting.FEEDERS.items():
        yield name, {"simbench": from_folder(exported(name, code))}
