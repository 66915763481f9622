"""The tests notice bugs: each one planted into a copy of the source fails the tests of its room."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutations import MUTATIONS, Mutation

ROOT = Path(__file__).parents[1]
COPIED = ("benchmarks", "deploy", "docs", "examples", "firmware", "gateway", "src", "tasks", "tests")
FAILED = 1
"""What pytest ends with when tests ran and some failed; other errors have other numbers."""


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree, to be changed."""
    tree = tmp_path_factory.mktemp("planted")
    for name in COPIED:
        shutil.copytree(ROOT / name, tree / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (path for path in ROOT.iterdir() if path.is_file()):
        shutil.copy(path, tree)
    return tree


def python(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python, with the modules of ``tree``."""
    paths = os.pathsep.join((str(tree / "src"), str(tree), os.environ.get("PYTHONPATH", "")))
    return subprocess.run([sys.executable, *arguments], cwd=tree, capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"})


def tried(tree: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """Until the first test fails."""
    return python(tree, "-m", "pytest", "-x", "-p", "no:cacheprovider", "-m", "not soak", *tests)


def test_the_table_is_true() -> None:
    """The line of each bug is there, once, what it becomes is Python, and its tests are there."""
    assert len(set(MUTATIONS)) == len(MUTATIONS) >= 40
    texts = {mutation.path: (ROOT / mutation.path).read_text() for mutation in MUTATIONS}
    gone = [mutation for mutation in MUTATIONS if texts[mutation.path].count(mutation.old) != 1]
    assert not gone, "write what these lines have become into tests/mutations.py"
    for mutation in MUTATIONS:
        compile(texts[mutation.path].replace(mutation.old, mutation.new), mutation.path, "exec")
        assert (ROOT / mutation.tests.split()[0]).is_file(), mutation.tests


@pytest.mark.soak
def test_what_is_copied_is_what_is_tested(copied: Path) -> None:
    """Without a bug all these tests pass there."""
    done = python(copied, "-c", "from lamplighter import firmware, gateway, tasks; print(gateway.__file__)")
    assert Path(done.stdout.strip()).is_relative_to(copied)
    done = tried(copied, *dict.fromkeys(mutation.tests.split()[0] for mutation in MUTATIONS))
    assert done.returncode == 0, done.stdout


@pytest.mark.soak
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: f"{mutation.path}: {mutation.new.strip()[:40]}")
def test_planted_bug_is_caught(mutation: Mutation, copied: Path) -> None:
    """Its tests fail, of themselves: not because nothing could be tested."""
    path = copied / mutation.path
    whole = path.read_text()
    assert whole.count(mutation.old) == 1
    path.write_text(whole.replace(mutation.old, mutation.new))
    try:
        done = tried(copied, *mutation.tests.split())
    finally:
        path.write_text(whole)
    assert done.returncode == FAILED, done.stdout
