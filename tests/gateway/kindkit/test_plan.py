"""The plan of files that kinds follow."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lamplighter.gateway.kindkit.plan import METHOD, NEEDED, ROLES, folder_of, strays
from lamplighter.tasks.api import Kind

KindOf = Callable[..., Kind]


def test_a_scaffolded_kind_follows_the_plan(kind_of: KindOf) -> None:
    """Whatever it has no use for is not there."""
    kind = kind_of()
    assert strays(kind) == [] and {path.stem for path in folder_of(kind).glob("*.py")} < set(ROLES)


def test_a_small_kind_needs_four_files(kind_of: KindOf) -> None:
    """The others may be left out."""
    kind = kind_of()
    for path in folder_of(kind).glob("*.py"):
        if path.stem not in NEEDED:
            path.unlink()
    assert strays(kind) == []


@pytest.mark.parametrize("role", ["model", "kernel", "solve"])
def test_a_missing_file_is_named_with_its_role(kind_of: KindOf, role: str) -> None:
    """So that who reads it knows what to write."""
    kind = kind_of()
    (folder_of(kind) / f"{role}.py").unlink()
    assert strays(kind) == [f"{role}.py is missing: {ROLES[role]}"]


def test_a_kernel_may_be_another_kinds(kind_of: KindOf, tmp_path: Path) -> None:
    """Then there is none beside the model."""
    kind = kind_of()
    lent = kind.kernel.rename(tmp_path / "kernel.py")
    assert strays(replace(kind, kernel=lent)) == []


def test_a_module_without_a_role_is_told_where_to_go(kind_of: KindOf) -> None:
    """To the name of a role that is free, or to the one folder for such modules."""
    kind = kind_of()
    for name in ("render.py", f"{METHOD}/tree.py", "utils/tree.py"):
        path = folder_of(kind) / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    (folder_of(kind) / "table.csv").write_text("")
    assert strays(kind) == [
        "render.py has no role: name it after one (not here: spec, picture) or move it to method/",
        "utils/ holds modules: method/ is the folder for them"]


def test_the_plan_is_documented() -> None:
    """Every role in the page for those who write kinds, in the same order and words."""
    page = (Path(__file__).parents[3] / "docs/own-kind.md").read_text()
    told = dict(re.findall(r"^\| `(\w+)\.py` \| (.+) \|$", page.partition("plan of files")[2], re.MULTILINE))
    assert list(told) == list(ROLES)
    assert all(told[name].replace("`", "").startswith(what.replace("->", "to")) for name, what in ROLES.items())
