"""A kind from outside the tree, installed as any package, on a gateway that was not changed for it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lamplighter.gateway.kindkit.check import TIMED

EXAMPLE = Path(__file__).parents[1] / "example_kind"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, built and installed by pip into a folder of its own."""
    source = shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("source") / "kind")
    site = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--no-build-isolation", "--no-index", "--target", str(site), str(source)]
    subprocess.run(command, check=True, timeout=300)
    return site


async def test_a_foreign_kind_runs_end_to_end(installed: Path, start_gateway: Callable[..., Any],
                                              operator: Callable[..., Any], street: Callable[..., Any],
                                              result_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by its entry point, described by its schema, computed by devices, near the published threshold."""
    monkeypatch.setenv("PYTHONPATH", str(installed))
    gateway = start_gateway()
    async with operator(gateway) as client, street(gateway, 3, 3):
        about = await client.call("kind.get", kind="science.percolation")
        assert "open_permille" in about["input_schema"]["properties"]
        given = {"side_sites": 16, "open_permille": [560, 590, 620], "samples": 512}
        await client.call("task.submit", id="lattice", kind="science.percolation", input=given, where="fleet")
        told = await result_of(client, "lattice")
    assert told["ok"], told
    data = told["result"]["data"]
    assert abs(data["threshold"] - 0.5927) < 4 * data["threshold_standard_error"] + 0.005
    made = told["provenance"]
    assert made["jobs"] == 24 and made["copies"] + made["recomputed"] >= 48


def test_the_tools_for_kinds_know_it(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`lamplighter kind test` finds nothing wrong with it."""
    monkeypatch.setenv("PYTHONPATH", str(installed))
    command = [sys.executable, "-m", "lamplighter.gateway", "kind", "test", "science.percolation", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == 19, done.stderr
    assert not [one for one in found if one["ok"] is False and one["what"] not in TIMED]
