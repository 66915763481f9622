"""Published statistics and folders become parts of the input."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.convert import FORMATS, convert, ev2gym
from lamplighter.tasks.energy.evhosting.model import Statistics


@pytest.fixture
def wheel(tmp_path) -> zipfile.ZipFile:
    """The two files of the wheel, with a byte-order mark as there."""
    path = tmp_path / "ev2gym-0.0-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        arrivals = [f'"{k // 4:02d}:{k % 4 * 15:02d}",{k / 10},1' for k in range(96)]
        energies = [f"{k},{100 - k},{50 - k / 2}" for k in range(101)]
        for name, head, rows in (("arrival", '"Arrival time","private","public"', arrivals),
                                 ("energy-demand", '"Percentage of charging events","private","public"', energies)):
            archive.writestr(f"ev2gym/data/distribution-of-{name}.csv", "\ufeff" + "\n".join([head, *rows]))
    return zipfile.ZipFile(path)


def test_statistics_of_the_wheel(wheel) -> None:
    """Arrivals keep their order; energies ascend and stay between 0.1 and 75 kWh; the source is named."""
    made = Statistics(**ev2gym(wheel))
    assert made.arrivals_per_slot == [k / 10 for k in range(96)]
    assert len(made.energy_kwh) == 101
    assert made.energy_kwh[:3] == [0.1, 1, 2] and made.energy_kwh[74:77] == [74, 75, 75]
    assert "ElaadNL, private" in made.source and "ev2gym-0.0" in made.source
    assert Statistics(**ev2gym(wheel, "public")).energy_kwh[-1] == 50


def test_every_format_is_there(wheel, tmp_path) -> None:
    """By the name that the command takes."""
    assert convert("ev2gym", Path(str(wheel.filename)), "public") == (ev2gym(wheel, "public"), [])
    (tmp_path / "a.csv").write_text("location_id,sensors_id,location,datetime,lat,lon,parameter,units,value\n"
                                    "7,3,x,2026-03-01T07:00:00Z,52.5,13.4,pm10,µg/m³,20.5\n")
    made, told = convert("openaq", tmp_path / "a.csv")
    assert made[0]["pm10"]["value"] == 20.5 and not told
    with pytest.raises(TaskError, match="no format 'openaqs'"):
        convert("openaqs", tmp_path / "a.csv")
    (tmp_path / "b.csv").write_bytes(bytes([0xff, 0xfe, 0xff]))
    for form, more in (("openaq", []), ("ev2gym", []), ("eea", ["nowhere.csv"]), ("sensor-community", ["more"])):
        with pytest.raises(TaskError) as caught:
            convert(form, tmp_path / "b.csv", *more)
        assert caught.value.code == "bad_file"
    assert set(FORMATS) == {"ev2gym", "simbench", "openaq", "sensor-community", "eea", "entsoe"}
