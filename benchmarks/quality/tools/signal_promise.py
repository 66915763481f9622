"""Usage: ``python -m benchmarks.quality.tools.signal_promise``: what ``ERRORS_PERMILLE`` of ``traffic.signals`` is.

Plans for every network of ``CALIBRATED_ON``, runs both programmes in SUMO, and prints how the share saved of all time
lost there differs from the one predicted, in permille. All is kept by content: a second run costs nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.quality.tools.signal_networks import CALIBRATED_ON, Made
from benchmarks.quality.tools.sumo import Sumo
from benchmarks.quality.workshop import Workshop
from lamplighter.tasks.api import Input, Result, TaskError
from lamplighter.tasks.traffic.signals import KIND
from lamplighter.tasks.traffic.signals.method.promise import promised

SOURCES = (KIND.kernel.parent, KIND.kernel.parents[2] / "readers")
"""Folders whose modules an answer to SUMO input depends on."""
SUMO = "eclipse-sumo==1.28.0"
MOST_VEHICLES = 1_100
"""Networks with more in their quarter of an hour are left out: a run should cost seconds."""


def answer(workshop: Workshop, given: Input) -> Result:
    """Ours, from the cache where the same source met the same input before. Raises TaskError."""
    digest = hashlib.sha256(json.dumps(given).encode())
    for path in sorted(path for folder in SOURCES for path in folder.rglob("*.py")):
        digest.update(path.read_bytes())
    kept = workshop.cache / f"signals-{digest.hexdigest()[:24]}.json"
    if not kept.exists():
        result = workshop.solve(KIND, given)
        kept.write_text(json.dumps({"summary": result.summary, "data": result.data}))
    return Result(**json.loads(kept.read_text()))


@dataclass(frozen=True)
class Kept:
    """A promise and what SUMO made of it, in shares of all time lost."""

    name: str
    junctions: int
    vehicles: int
    expected: float | None
    low: float | None
    high: float | None
    found: float
    shipped_s: float
    proposed_s: float

    @property
    def inside(self) -> bool:
        """Whether SUMO's saving is within the model's error alone: ranges over few copies of the demand are wider."""
        if self.expected is None or self.low is None:
            return False
        low, high = promised(self.expected, ())
        return low <= self.found <= high


def promises(workshop: Workshop, sumo: Sumo, numbers: Iterable[int]) -> Iterator[Kept]:
    """Of every network for which there is a plan other than the present one."""
    for number in numbers:
        workshop.say(f"network {number}")
        given = Made.drawn(number).task(sumo)
        try:
            data = answer(workshop, given).data
        except TaskError as error:
            workshop.say(f"network {number} is refused: {error.code}")
            continue
        if data["vehicles"] <= MOST_VEHICLES and not data["kept_shipped"]:
            yield kept(str(number), sumo, given, data)


def kept(name: str, sumo: Sumo, given: Input, data: dict[str, Any]) -> Kept:
    """What was promised of a task, and what SUMO finds on its own network and routes."""
    proposed = [(junction["id"], junction["proposed"]) for junction in data["junctions"]]
    path = sumo.kept(".verified", json.dumps(given["sumo"]), json.dumps(proposed))
    if not path.exists():
        os.environ["SUMO_HOME"] = str(sumo.tools.parent)
        assert KIND.verify is not None
        path.write_text(json.dumps(KIND.verify(given, data)))
    found = json.loads(path.read_text())
    return Kept(name, len(data["junctions"]), data["vehicles"], data["saved_share_in_all"], data["saved_share_low"],
                data["saved_share_high"], found["saved_share"], found["shipped_s_per_vehicle"],
                found["proposed_s_per_vehicle"])


def main() -> None:
    workshop = Workshop()
    sumo = Sumo(workshop.python(SUMO), workshop.cache / "sumo")
    found = list(promises(workshop, sumo, CALIBRATED_ON))
    errors = []
    for one in found:
        if one.expected is not None and one.low is not None:
            errors.append(round(1000 * (one.found - one.expected)))
            print(f"{one.name:>4} {one.junctions:3} junctions {one.vehicles:5} vehicles: "
                  f"expected {one.expected:6.1%}, "
                  f"SUMO {one.found:6.1%} ({one.shipped_s:.1f} -> {one.proposed_s:.1f} s)")
    print(sorted(errors))


if __name__ == "__main__":
    main()
