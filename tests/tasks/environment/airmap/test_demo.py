"""The demo's input: real where it can be had, named as made up where not."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from lamplighter.tasks import fetch
from lamplighter.tasks.environment.airmap import KIND
from lamplighter.tasks.environment.airmap.demo import MEMBER, VERSION
from lamplighter.tasks.local import run_local


def test_without_a_network_the_demo_says_that_its_stations_are_made_up(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path, prepared: Any) -> None:
    """And its map is as good as any: the reference agrees."""
    monkeypatch.setattr(fetch, "wheel", lambda *_: None)
    offered = KIND.demo(tmp_path)
    assert not offered.real and "made-up" in offered.source
    assert "made up" in offered.input["quantity"]
    spec = prepared(offered.input | {"grid": {"rows": 9, "cols": 9}})
    result = run_local(KIND, spec)
    found = KIND.reference(spec, result)
    assert found["ok"] and found["rmse"] < found["rmse_inverse_distance"] * 1.02


def test_readings_come_out_of_the_wheel_in_the_cache(tmp_path: Path, prepared: Any) -> None:
    """Columns are found by name; positions are metres, the value is zinc."""
    with zipfile.ZipFile(tmp_path / f"scikit_gstat-{VERSION}-py3-none-any.whl", "w") as archive:
        archive.writestr(MEMBER, '"x","y","lead","zinc"\n100,200,3,40\n150,260,4,50\n190,100,5,60\n')
    offered = KIND.demo(tmp_path)
    assert offered.real and "scikit-gstat" in offered.source
    assert [one["value"] for one in offered.input["stations"]] == [40, 50, 60]
    assert prepared(offered.input).places[1] == (150, 260)


@pytest.fixture
def meuse() -> dict[str, Any]:
    """The real readings and one cell; skips where no demo has fetched them yet: tests fetch nothing."""
    if not list(fetch.cache_folder().glob(f"scikit_gstat-{VERSION}-*.whl")):
        pytest.skip("the demo has not fetched the readings yet")
    return KIND.demo(fetch.cache_folder()).input | {"grid": {"rows": 1, "cols": 1}, "max_distance_m": None}


def test_meuse_with_the_published_variogram(meuse: dict[str, Any], prepared: Any) -> None:
    """Leave-one-out of log zinc: 0.3922, as gstat and PyKrige have it."""
    published = {"model": "spherical", "nugget": 0.0616, "partial_sill": 0.59, "range_m": 942}
    score = run_local(KIND, prepared(meuse | {"variogram": published})).data["leave_one_out"]
    assert score["rmse"] == pytest.approx(0.3922, abs=1e-4)


@pytest.mark.soak
def test_meuse_with_our_own_variogram(meuse: dict[str, Any], prepared: Any) -> None:
    """At most 0.395."""
    assert run_local(KIND, prepared(meuse)).data["leave_one_out"]["rmse"] <= 0.395
