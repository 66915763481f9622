"""What a kind of city task is made of."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
from pathlib import Path

import pytest
from pydantic import BaseModel

from lamplighter.gateway.devicebuild.kernels import kernel_source
from lamplighter.tasks.api import Context, Job, Kind, TaskError, planned
from lamplighter.tasks.registry import load_kinds


def test_a_context_is_named_by_its_content() -> None:
    """The first half of SHA-256: the same bytes have the same name everywhere."""
    assert Context(b"shared").name == hashlib.sha256(b"shared").digest()[:16]
    assert Context(b"shared") == Context(b"shared") and Context(b"other").name != Context(b"shared").name


def test_jobs_do_not_change() -> None:
    """What was priced is what is leased."""
    job = Job(b"input", 4, 1_000, 2_000)
    for field in dataclasses.fields(Job):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(job, field.name, None)


def test_a_task_error_says_what_and_where() -> None:
    """Code, message, hint and a JSON Pointer."""
    error = TaskError("no_road", "there is no road", "add one", "/roads")
    assert (error.code, str(error), error.hint, error.path) == ("no_road", "there is no road", "add one", "/roads")


@pytest.mark.parametrize("kind", load_kinds().values(), ids=lambda kind: kind.name)
def test_our_kinds_are_whole(kind: Kind) -> None:
    """Named by family and kind, with a kernel on disk, a title and fields that say what they are."""
    family, _, name = kind.name.partition(".")
    assert family in ("traffic", "environment", "energy") and name.isidentifier()
    assert kernel_source(kind.kernel) and kind.kernel.stem == "kernel"
    assert kind.version >= 1 and kind.title
    assert kind.Model.model_config.get("extra") == "forbid"


def test_a_planned_kind_finds_its_functions_by_their_role(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each in the file of its role, which is loaded when it is first called."""
    package = tmp_path / "planned_kind"
    package.mkdir()
    homes = {"prepare": "prepare", "solve": "solve", "reference": "reference", "text": "show", "files": "show",
             "demo": "demo", "check": "jobs"}
    for role in set(homes.values()):
        (package / f"{role}.py").write_text("".join(
            f"def {name}(*given): return {name!r}, __name__, given\n" for name in homes if homes[name] == role))
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module("planned_kind")
    kind = planned("planned_kind", "a.b", 3, "title", BaseModel, package / "kernel.py")
    for name, home in homes.items():
        assert getattr(kind, name)(1, 2) == (name, f"planned_kind.{home}", (1, 2))
    assert (kind.name, kind.version, kind.title, kind.Model) == ("a.b", 3, "title", BaseModel)
