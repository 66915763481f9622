"""Odd stations and extreme maps: the right answer or the right error."""

from __future__ import annotations

import json
import struct
import tracemalloc
from collections.abc import Sequence
from typing import Any

import pytest

from lamplighter.tasks.api import Job, TaskError
from lamplighter.tasks.environment.airmap import KIND
from lamplighter.tasks.environment.airmap.result import columns
from lamplighter.tasks.environment.airmap.solve import ROUND_JOBS
from lamplighter.tasks.local import run_local

GIVEN = {"model": "exponential", "nugget": 2.0, "partial_sill": 40.0, "range_m": 900}
SHARP = GIVEN | {"nugget": 0}


def _made_up(jobs: Sequence[Job]) -> list[bytes]:
    """Possible answers without the work: the middle of the tile's readings, a quarter of its unit."""
    one = struct.pack(">II", 1 << 28, 1 << 22)
    return [one * (job.answer_bytes // 8) if job.input[2] == 1 else one[:4] * (job.answer_bytes // 4) for job in jobs]


def test_readings_on_one_point_count_once(prepared: Any, stations_of: Any) -> None:
    """Thirteen sensors on one mast and a few elsewhere: the mast has their mean; a note says how far they differ."""
    mast = [{"x_m": 700, "y_m": 700, "value": 20 + i} for i in range(13)]
    spec = prepared({"stations": [*mast, *stations_of(1, 4)], "variogram": SHARP,
                     "targets": [{"x_m": 700, "y_m": 700}, {"x_m": 900, "y_m": 800}]})
    result = run_local(KIND, spec)
    assert result.data["value"][0] == pytest.approx(26, abs=1e-3)
    assert "17 readings at 5 positions" in result.data["notes"][0] and "up to 12" in result.data["notes"][0]
    assert KIND.reference(spec, result)["ok"]
    with pytest.raises(TaskError) as caught:
        prepared({"stations": mast})
    assert caught.value.code == "too_few_stations"


def test_equal_duplicates_change_nothing(prepared: Any, stations_of: Any) -> None:
    """The same readings twice give the map of once."""
    stations = stations_of(2, 9)
    once, twice = (run_local(KIND, prepared({"stations": given, "variogram": GIVEN, "grid": {"rows": 3, "cols": 3}}))
                   for given in (stations, [*stations, *stations]))
    assert once.data["value"] == twice.data["value"]
    assert "up to 0" in twice.data["notes"][0]


def test_close_stations_that_disagree_are_named(prepared: Any, stations_of: Any) -> None:
    """Without a nugget; with one, and where they agree, there is nothing to say."""
    stations = [one | {"value": 30} for one in stations_of(3, 11)]
    beside = stations[4] | {"id": "beside", "x_m": stations[4]["x_m"] + 2}
    notes = {}
    for name, value, variogram in (("sharp", 60, SHARP), ("nugget", 60, GIVEN), ("same", 30, SHARP)):
        given = {"stations": [*stations, beside | {"value": value}], "grid": {"rows": 1, "cols": 1}}
        notes[name] = run_local(KIND, prepared(given | {"variogram": variogram})).data["notes"]
    assert "s4 and beside" in notes["sharp"][0] and "2 m apart" in notes["sharp"][0]
    assert notes["nugget"] == notes["same"] == []


def test_a_plume_is_named(prepared: Any, stations_of: Any) -> None:
    """One reading that brings most of the squared error is pointed at; an ordinary field is not."""
    stations = stations_of(4, 40)
    shared = {"variogram": GIVEN, "grid": {"rows": 1, "cols": 1}}
    assert run_local(KIND, prepared({"stations": stations, **shared})).data["notes"] == []
    stations[7]["value"] = 900
    (note,) = run_local(KIND, prepared({"stations": stations, **shared})).data["notes"]
    assert "s7" in note and "not to be relied on" in note


def test_a_misplaced_station_does_not_merge_the_others(prepared: Any, stations_of: Any) -> None:
    """Readings at (0, 0) of a plane whose town lies far off are one station, not the ruler of all distances."""
    town = [one | {"x_m": one["x_m"] + 3.6e6, "y_m": one["y_m"] + 5.8e6} for one in stations_of(5, 30)]
    spec = prepared({"stations": [*town, {"x_m": 0, "y_m": 0, "value": 3}], "variogram": GIVEN,
                     "grid": {"bbox": [3.6e6, 5.8e6, 3.605e6, 5.804e6], "rows": 4, "cols": 4}})
    assert len(spec.places) == 31
    assert KIND.reference(spec, run_local(KIND, spec))["ok"]


def test_a_direction_is_found_where_there_is_one(prepared: Any, stations_of: Any) -> None:
    """Bands from north-west to south-east: the longest range lies along them, and the error is smaller for it."""
    stations = stations_of(6, 60, 3000, 3000)
    for one in stations:
        one["value"] = 30 + 10 * ((one["x_m"] + one["y_m"]) // 500 % 2)
    shared = {"stations": stations, "grid": {"rows": 1, "cols": 1}}
    spec = prepared(shared)
    found = run_local(KIND, spec)
    variogram = found.data["variogram"]
    assert variogram["ratio"] < 1 and variogram["angle_deg"] == 135
    plain = {key: variogram[key] for key in ("model", "nugget", "partial_sill")}
    without = run_local(KIND, prepared(shared | {"variogram": plain | {
        "range_m": variogram["range_m"] * variogram["ratio"] ** 0.5}}))
    assert found.data["leave_one_out"]["rmse"] < 0.97 * without.data["leave_one_out"]["rmse"]
    assert KIND.reference(spec, found)["ok"]
    given = run_local(KIND, prepared(shared | {"variogram": plain | {
        key: variogram[key] for key in ("range_m", "angle_deg", "ratio")}}))
    assert given.data["leave_one_out"]["rmse"] == pytest.approx(found.data["leave_one_out"]["rmse"], rel=1e-4)


@pytest.mark.parametrize("variogram", [GIVEN, pytest.param("auto", marks=pytest.mark.soak)])
def test_five_thousand_stations(prepared: Any, stations_of: Any, variogram: Any) -> None:
    """A search predicts every fifth; the map's first round scores all; a station more is refused."""
    stations = stations_of(7, 5000, 20_000, 20_000)
    rounds: list[int] = []
    spec = prepared({"stations": stations, "grid": {"rows": 9, "cols": 9}, "variogram": variogram})
    result = run_local(KIND, spec, on_round=rounds.append, run_jobs=_made_up)
    assert len(rounds) == 1 if variogram is GIVEN else 4 <= len(rounds) <= 5
    assert max(rounds) < 4_000
    assert result.data["leave_one_out"]["stations"] == len(spec.places) > 4_900
    assert len(json.dumps(result.data)) < 700_000
    with pytest.raises(TaskError) as caught:
        prepared({"stations": [*stations, stations[0]]})
    assert caught.value.path == "/input/stations"


def _mapped(prepared: Any, stations_of: Any, side: int) -> tuple[Any, list[int]]:
    rounds: list[int] = []
    spec = prepared({"stations": stations_of(8, 60), "variogram": GIVEN, "grid": {"rows": side, "cols": side},
                     "max_distance_m": 3000})
    return run_local(KIND, spec, on_round=rounds.append, run_jobs=_made_up), rounds


def test_a_large_map_is_packed_and_streamed(prepared: Any, stations_of: Any) -> None:
    """Thirty thousand cells: a small answer."""
    result, _ = _mapped(prepared, stations_of, 170)
    assert len(json.dumps(result.data)) < 300_000
    values, errors = columns(result.data)
    assert len(values) == len(errors) == 170 * 170 and result.data["places_missing"] == 0
    assert set(KIND.files(result.data)) == {"airmap.svg", "airmap.tif"}
    assert len(KIND.text(result.data)) < 6_000


@pytest.mark.soak
def test_a_million_cells_in_flat_memory(prepared: Any, stations_of: Any) -> None:
    """Eight bytes a cell while it runs, an answer under 1.5 MB; one cell more is refused with a size that fits."""
    tracemalloc.start()
    try:
        result, rounds = _mapped(prepared, stations_of, 1_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert max(rounds) < ROUND_JOBS + 600 and len(rounds) > 10
    assert len(json.dumps(result.data)) < 1_500_000
    assert peak < 90e6
    with pytest.raises(TaskError) as caught:
        prepared({"stations": stations_of(8, 60), "grid": {"rows": 1_000, "cols": 1_001}})
    assert caught.value.code == "too_many_cells" and "fits" in caught.value.hint
