"""``lamplighter kind``."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lamplighter.gateway.commands.cli import main
from lamplighter.gateway.kindkit import check
from lamplighter.gateway.kindkit.check import Finding
from lamplighter.tasks.registry import load_kinds


def _call(*words: str) -> Result:
    return CliRunner().invoke(main, ["kind", *words])


def test_kinds_are_listed() -> None:
    """With version and title, also as JSON."""
    assert "environment.airmap" in _call("list").output
    assert {"kind", "version", "title"} == set(json.loads(_call("list", "--json").output)[0])


def test_a_schema_is_printed() -> None:
    """As JSON Schema."""
    told = json.loads(_call("schema", "environment.airmap").output)
    assert "stations" in told["properties"]
    assert json.loads(_call("schema", "environment.airmap", "--json").output) == told


def test_an_example_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the file of the kind has it, or on one line; of a kind without one it is said what else there is."""
    shown = _call("example", "energy.battery").output
    assert shown.startswith("{\n") and json.loads(shown)["kind"] == "energy.battery"
    assert json.loads(_call("example", "energy.battery", "--json").output) == json.loads(shown)
    bare = dataclasses.replace(load_kinds()["energy.battery"], example=None)
    monkeypatch.setattr("lamplighter.tasks.registry.load_kinds", lambda: {bare.name: bare})
    done = _call("example", "energy.battery")
    assert done.exit_code == 1 and "lamplighter kind schema energy.battery" in done.output


@pytest.mark.parametrize("words", [("schema",), ("example",), ("test",), ("bench",)])
def test_an_unknown_kind_is_refused(words: tuple[str, ...]) -> None:
    """With the nearest spelling."""
    done = _call(*words, "environment.airmaps")
    assert done.exit_code == 1 and "did you mean 'environment.airmap'?" in done.output


def test_a_published_file_is_converted(tmp_path: Path) -> None:
    """To JSON on standard output, with what is left out on the other; a format or file that is none is told."""
    file = tmp_path / "prices.csv"
    file.write_text('"MTU (CET/CEST)","Day-ahead Price [EUR/MWh]"\n' + "".join(
        f'"{day:02d}/03/2026 {hour:02d}:00 - x","{hour}"\n' for day in (27, 28) for hour in range(24)))
    done = _call("convert", "entsoe", str(file), "2026-03-28")
    assert json.loads(done.stdout) == {"buy_eur_per_mwh": [float(hour) for hour in range(24)]}
    assert "1 day (2026-03-27) left out" in done.stderr
    for words, said in ((("entsoe", str(file)), "prices of 2026-03-27, 2026-03-28"),
                        (("entso", str(file)), "did you mean 'entsoe'?"), (("ev2gym", str(file)), "cannot be read"),
                        (("sensor-community", str(file), "more"), "cannot be read")):
        done = _call("convert", *words)
        assert done.exit_code == 1 and said in done.output


def test_a_new_kind_is_written(tmp_path: Path) -> None:
    """And the next step is said; a second time is refused."""
    done = _call("new", "noise.levels", "--folder", str(tmp_path))
    assert done.exit_code == 0 and "pip install -e" in done.output
    done = _call("new", "noise.levels", "--folder", str(tmp_path))
    assert done.exit_code == 1 and "exists" in done.output


@pytest.mark.parametrize(("ok", "code"), [(True, 0), (None, 0), (False, 1)])
def test_findings_decide_the_exit_code(monkeypatch: pytest.MonkeyPatch, ok: bool | None, code: int) -> None:
    """One that fails is enough; each is a line, or a JSON document."""
    monkeypatch.setattr(check, "check", lambda kind, cache: iter([Finding("rules", True, "fine"),
                                                                  Finding("cost", ok, "so and so")]))
    done = _call("test", "environment.airmap")
    assert done.exit_code == code and "so and so" in done.output
    done = _call("test", "environment.airmap", "--json")
    assert [json.loads(line)["ok"] for line in done.output.splitlines()] == [True, ok]
