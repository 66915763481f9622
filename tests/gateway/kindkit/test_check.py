"""What `lamplighter kind test` finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lamplighter.gateway.devicebuild.compiler import CompileError
from lamplighter.gateway.kindkit import check as check_module
from lamplighter.gateway.kindkit.check import TIMED, Finding, check
from lamplighter.tasks.api import Kind

pytestmark = pytest.mark.usefixtures("micropython")


def _found(kind: Kind, cache: Path) -> dict[str, Finding]:
    return {one.what: one for one in check(kind, cache)}


def test_a_scaffolded_kind_passes(kind_of: Callable[..., Kind], tmp_path: Path) -> None:
    """Everything is looked at, and nothing is wrong."""
    found = _found(kind_of(), tmp_path)
    assert list(found) == ["plan", "rules", "schema", "example", "input", "answer", "price", "rounds", "bounds",
                           "replay", "deadline", "identity", "malformed", "words", "cost", "slices", "lease", "heap",
                           "reference"]
    assert [one.what for one in found.values() if one.ok is False and one.what not in TIMED] == []
    assert "32 jobs in 1 rounds, 32 credits" in found["price"].text


@pytest.mark.parametrize(("what", "said", "changes"), [
    ("rules", "true division", {"kernel": ("count = len(data) // 2", "count = int(len(data) / 2)")}),
    ("schema", "no description: numbers", {"model": (', description="whole numbers from 0 to 1000"', "")}),
    ("schema", "extra", {"model": ("extra=\"forbid\"", "extra=\"ignore\"")}),
    ("example", "no task that is accepted", {"example.json": ("[1, 2, 3]", "[-1]")}),
    ("input", "refused", {"demo": ("range(1, 1_001)", "range(1_001, 1_002)")}),
    ("answer", "ValueError: input", {"kernel": ("not 0 < count <= 32", "not 0 < count <= 8")}),
    ("answer", "the job says 4", {"kernel": ("to_bytes(4,", "to_bytes(5,")}),
    ("bounds", "beyond the wire's bounds", {"jobs": ("ops=60 + 12 * len(part)", "ops=0 * len(part)")}),
    ("replay", "asks for other jobs", {"solve": ("cut = parts(numbers)",
                                                  "cut = parts(numbers)\n    import random; random.shuffle(cut)")}),
    ("deadline", "partial is empty", {"result": (
        "f\"{missing} of the parts are missing; each adds at most {LARGEST}\"", "\"\"")}),
    ("identity", "CPython", {"kernel": ("return squares(words, count).to_bytes(4, \"big\")",
                                        "import sys\n    return bytes((len(sys.implementation.name), 0, 0, 0))")}),
    ("malformed", "answers to 63 bytes", {"kernel": (" or len(data) % 2", "")}),
    ("words", "needs more than 31 bits", {"kernel": ("total += words[at] * words[at]",
                                                     "total += (words[at] << 22) * 2 >> 23")}),
    ("heap", "declares 9 bytes", {"jobs": ("heap_bytes=1_200", "heap_bytes=9")}),
    ("reference", "Added up", {"reference": ("right = sum(number**2", "right = sum(number**3")}),
])
def test_what_is_wrong_is_found(kind_of: Callable[..., Kind], tmp_path: Path, what: str, said: str,
                                changes: dict[str, tuple[str, str]]) -> None:
    """One thing broken at a time, each named by the finding it belongs to."""
    found = _found(kind_of(**changes), tmp_path)
    assert found[what].ok is False and said in found[what].text, found[what]


@pytest.mark.parametrize(("said", "good"), [(None, None), (0, True), (2, True), (3, False)])
def test_rounds_that_a_kind_expects_are_counted(kind_of: Callable[..., Kind], tmp_path: Path, said: int | None,
                                                good: bool | None) -> None:
    """It may be one off; one that expects none is told what that means."""
    kind = replace(kind_of(), rounds=None if said is None else lambda _: said)
    found = next(one for one in check(kind, tmp_path) if one.what == "rounds")
    assert found.ok is good and (said is None or f"1 came, {said} were expected" == found.text)


@pytest.mark.parametrize(("lease_us", "pays"), [(1, True), (1_000_000, False)])
def test_a_kind_whose_full_span_is_worth_too_little_fails(kind_of: Callable[..., Kind], tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch, lease_us: int,
                                                          pays: bool) -> None:
    """Under twenty times what the gateway spends on a lease nothing is gained by delegating it."""
    monkeypatch.setattr(check_module, "LEASE_US", lease_us)
    found = _found(kind_of(), tmp_path)["lease"]
    assert found.ok is pays and ("under 20" in found.text) is not pays


def test_a_kernel_that_does_not_compile_is_said(kind_of: Callable[..., Kind], tmp_path: Path) -> None:
    """With what the compiler said."""
    with pytest.raises(CompileError, match="does not compile"):
        _found(kind_of(kernel=("total = 0", "total = yield")), tmp_path)
