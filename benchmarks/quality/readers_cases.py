"""What readers once took for what it is not: a small input for each, and what must come of it."""

from __future__ import annotations

from typing import Any

from benchmarks.quality.report import Report
from benchmarks.quality.tools.small import Small, cases
from benchmarks.quality.workshop import Workshop
from lamplighter.tasks.api import Kind, TaskError
from lamplighter.tasks.registry import load_kinds, prepare


def run(_workshop: Workshop) -> Report:
    report = Report("readers.cases")
    sheet = report.sheet("Small inputs that are easily misread", "kind", "wanted", "came")
    kinds = load_kinds()
    for one in cases():
        came = what_came(kinds, one)
        sheet.row(one.name, one.kind, one.wanted, came, bar="that", ok=one.right(came))
    report.note("Requests that were retained, and devices enrolled again after they were revoked, need a gateway: "
                "tests/gateway/runtime/test_inbox.py and tests/system/test_owners.py.")
    return report


def what_came(kinds: dict[str, Kind], one: Small) -> Any:
    """What is told of the prepared task; of a refusal its code and path."""
    try:
        return one.told(prepare(kinds, one.kind, one.given))
    except TaskError as error:
        return error.code, error.path
