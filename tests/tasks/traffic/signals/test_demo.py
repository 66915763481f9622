"""The demo's inputs."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from lamplighter.tasks import registry
from lamplighter.tasks.traffic.signals import KIND, demo
from lamplighter.tasks.traffic.signals.solve import solve
from lamplighter.tasks.traffic.signals.spec import Spec


def test_without_a_network_the_input_is_made_up_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline the demo runs on a generated street, marked as not real."""
    monkeypatch.setattr(demo, "wheel", lambda *_: None)
    given = KIND.demo(tmp_path)
    assert not given.real and "made-up" in given.source
    spec: Spec = registry.prepare({KIND.name: KIND}, KIND.name, given.input)
    assert 10 <= len(next(solve(spec))) <= 300


def test_real_files_are_taken_from_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network_xml: str,
                                             routes_xml: str) -> None:
    """Network and routes are read from the archive as they are, and the source is named."""
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as archive:
        for part, text in (("net", network_xml), ("rou", routes_xml)):
            archive.writestr(f"sumo_rl/nets/RESCO/cologne8/cologne8.{part}.xml", text)
    monkeypatch.setattr(demo, "wheel", lambda *_: zipfile.ZipFile(tmp_path / "a.whl"))
    given = KIND.demo(tmp_path)
    assert given.real and "sumo_rl" in given.source
    assert given.input["sumo"] == {"network_xml": network_xml, "routes_xml": routes_xml}
    assert len(json.dumps(given.input)) < 1_000_000
