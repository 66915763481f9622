"""What is built from the checkout is whole, installs, runs anywhere, and says its types and its version."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import urllib.request
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from lamplighter import firmware, gateway

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
REQUIREMENTS = [Requirement(line) for line in (
    *PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["test"])]
BUILD = "import sys; from setuptools import build_meta as b; print(getattr(b, 'build_' + sys.argv[1])(sys.argv[2]))"
MODULES = ("import pkgutil, lamplighter; print(*sorted(module.name for module in "
           "pkgutil.walk_packages(lamplighter.__path__, 'lamplighter.')), sep='\\n')")
RIGHT = 'from lamplighter.tasks.api import Context, Job\n\njob = Job(b"", 1, 2, 3, (Context(b"data"),))\n'


ENVIRONMENT = {**os.environ, "PYTHONPATH": "", "PATH": os.pathsep.join((
    os.environ["PATH"], sysconfig.get_path("scripts")))}
"""For child processes: nothing of ours to import, and the programs that the requirements bring."""


def run(*command: object, cwd: Path | None = None) -> str:
    """What a child process prints; it must end well."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=180, check=False,
                          env=ENVIRONMENT, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


def tracked() -> list[str]:
    """Every file of the checkout that belongs to it, as git spells it; links are files."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    return [path for path in listed.split("\0") if path and os.path.lexists(ROOT / path)]


def build(what: str, source: Path, target: Path) -> Path:
    """The ``sdist`` or ``wheel`` of a folder, made without a network."""
    return target / run(sys.executable, "-c", BUILD, what, target, cwd=source).splitlines()[-1]


def content(wheel: Path) -> dict[str, str]:
    """SHA-256 of each file in a wheel, by name."""
    with zipfile.ZipFile(wheel) as file:
        return {name: hashlib.sha256(file.read(name)).hexdigest() for name in file.namelist()}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout as a clone would have it."""
    copy = tmp_path_factory.mktemp("checkout")
    for path in tracked():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, copy / path, follow_symlinks=False)
    return copy


@pytest.fixture(scope="module")
def sdist(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", checkout, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(checkout: Path, sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", checkout, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``bin/`` of a fresh environment that has the wheel, and of this environment only what the wheel requires."""
    home = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", home)
    run(sys.executable, "-m", "pip", "--python", home / "bin" / "python", "install", "--no-deps", "--no-index", wheel)
    (site,) = home.glob("lib/python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")   # not read for links of its own
    return home / "bin"


def test_the_wheel_has_all_of_ours_and_nothing_else(wheel: Path) -> None:
    """Every file of the three folders, below ``lamplighter``: kernels, firmware, the page, the template."""
    ours = {f"lamplighter/{path}" for path in tracked() if path.split("/")[0] in ("gateway", "tasks", "firmware")}
    names = set(content(wheel))
    about = {name for name in names if ".dist-info/" in name}
    assert names - about == ours | {"lamplighter/__init__.py", "lamplighter/py.typed"}
    assert {name.split("/", 1)[1] for name in about} == {
        "METADATA", "WHEEL", "RECORD", "entry_points.txt", "top_level.txt", "licenses/LICENSE"}


def test_the_source_archive_builds_the_same_wheel(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    """Byte for byte, file by file; and there are no tests in it that could not run."""
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    assert not (source / "tests").exists() and (source / "README.md").exists()
    assert content(build("wheel", source, tmp_path)) == content(wheel)


def test_the_installed_program_runs_outside_of_the_checkout(installed: Path, tmp_path: Path) -> None:
    """It has its help, the six kinds with their models, and the template of a kind."""
    program = installed / "lamplighter"
    assert "Usage: lamplighter" in run(program, "--help", cwd=tmp_path)
    kinds = json.loads(run(program, "kind", "list", "--json", cwd=tmp_path))
    assert {one["kind"] for one in kinds} == set(PROJECT["project"]["entry-points"]["lamplighter.kinds"])
    run(program, "kind", "new", "noise.levels", cwd=tmp_path)
    assert (tmp_path / "lamplighter-noise-levels" / "lamplighter_noise_levels" / "kernel.py").exists()
    told = run(program, "kind", "schema", "environment.sensorqc", cwd=tmp_path)
    assert "readings" in json.loads(told)["properties"]
    where = run(installed / "python", "-c", "import lamplighter; print(lamplighter.__file__)", cwd=tmp_path)
    assert where.startswith(str(installed.parent))


def test_the_installed_gateway_starts_and_stops(installed: Path, tmp_path: Path) -> None:
    """With its broker and its page; it ends well when it is told to."""
    with subprocess.Popen([installed / "lamplighter", "up", "--data", tmp_path / "data", "--http-port", "0",
                           "--print-urls"], cwd=tmp_path, stdout=subprocess.PIPE, text=True,
                          env=ENVIRONMENT) as process:
        try:
            assert process.stdout is not None
            told = dict(process.stdout.readline().split() for _ in range(2))
            for name in ("", "app.js", "style.css", "icon.svg"):
                with urllib.request.urlopen(told["page"] + name, timeout=300) as page:
                    assert page.read() == (ROOT / "gateway" / "web" / (name or "index.html")).read_bytes()
        finally:
            process.terminate()
        assert process.wait(30) == 0


def test_the_checkout_and_the_wheel_have_the_same_modules(installed: Path, tmp_path: Path) -> None:
    """Whoever works in a checkout imports by the names that users do."""
    names = run(installed / "python", "-c", MODULES, cwd=tmp_path)
    assert names == run(sys.executable, "-c", MODULES, cwd=tmp_path) and len(names.split()) > 150


def test_others_see_our_types(installed: Path, tmp_path: Path) -> None:
    """A type checker takes the package's annotations: what is right passes, what is wrong is found."""
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "wrong.py").write_text(RIGHT.replace('b"data"', "{}"))
    check = (sys.executable, "-m", "mypy", "--strict", "--python-executable", installed / "python")
    run(*check, "right.py", cwd=tmp_path)
    with pytest.raises(AssertionError, match=r'wrong\.py:3: error: Argument 1 to "Context" has incompatible type'):
        run(*check, "wrong.py", cwd=tmp_path)


def test_there_is_one_version(wheel: Path) -> None:
    """The firmware says it; the gateway and the package repeat it, and the changelog begins with it."""
    assert gateway.__version__ == firmware.__version__
    assert wheel.name == f"lamplighter-{firmware.__version__}-py3-none-any.whl"
    told = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert told and told[1] == firmware.__version__
    said = [path for path in tracked() if path.endswith(".py") and not path.startswith("src/")
            and re.search(r"^__version__\s*=", (ROOT / path).read_text(), re.MULTILINE)]
    assert said == ["firmware/__init__.py"]


def pins(name: str) -> dict[str, str]:
    """Version by name in a file of ``requirements/``."""
    return dict(re.findall(r"^([a-z][\w.-]*)==([\w.]+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE))


def test_the_lowest_versions_are_the_lower_bounds() -> None:
    """``make lowest`` tries exactly what pyproject.toml promises."""
    lower = {one.name: bound.version for one in REQUIREMENTS for bound in one.specifier if bound.operator == ">="}
    assert pins("lowest.txt") == lower
    assert PROJECT["build-system"]["requires"] == [f"setuptools>={lower['setuptools']}"]


def test_the_locked_versions_are_allowed_and_checked() -> None:
    """Each requirement has one within its bounds, each file a hash, and no host is named."""
    text, locked = (ROOT / "requirements" / "locked.txt").read_text(), pins("locked.txt")
    for one in REQUIREMENTS:
        assert one.name in locked and one.specifier.contains(locked[one.name]), one
    entries = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]
    assert len(entries) == len(locked) and all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text and "--index" not in text


def test_named_targets_exist() -> None:
    """Every ``make`` line of the docs and of CI is a target, and ``make help`` has a line for every target."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*.md"), ROOT / ".ci" / "run"]
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", "\n".join(page.read_text() for page in pages), re.MULTILINE))
    makefile = (ROOT / "Makefile").read_text()
    told = set(re.findall(r"^([a-z]+):.*##", makefile, re.MULTILINE))
    assert named <= told, named - told
    assert told == set(re.findall(r"^\.PHONY: (.*)", makefile, re.MULTILINE)[0].split())
