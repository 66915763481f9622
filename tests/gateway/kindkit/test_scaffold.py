"""The package of a new kind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lamplighter.gateway.kindkit.scaffold import ScaffoldError, write


def test_a_new_package_passes_its_own_tests(tmp_path: Path) -> None:
    """As it is written, before anybody changes it."""
    target = write("noise.levels", tmp_path)
    assert target == tmp_path / "lamplighter-noise-levels" and not list(target.rglob("*.txt"))
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(target / "tests")],
                          capture_output=True, text=True, timeout=300, check=False, cwd=target)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["noise", "Noise.levels", "noise.levels.more", "noise.", "a/b.c", "../a.b"])
def test_a_bad_name_is_refused(tmp_path: Path, name: str) -> None:
    """With what a name looks like; nothing is written."""
    with pytest.raises(ScaffoldError, match=r"noise\.levels"):
        write(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """What is there stays."""
    write("noise.levels", tmp_path)
    with pytest.raises(ScaffoldError, match="exists"):
        write("noise.levels", tmp_path)
