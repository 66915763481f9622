"""Usage: ``python -m benchmarks.quality.tools.signal_promise``: what ``ERRORS_PERMILLE`` of ``traffic.signals`` is.

Plans for every network of ``CALIBRATED_ON``, runs both programmes in SUMO, and prints how the share saved of all time
lost there differs from the one predicted, in permille. Takes about 15 minutes on two cores; all is kept by content,
so one that was stopped goes on, and a second run takes a minute or two.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.quality.tools.signal_networks import CALIBRATED_ON, Made
from benchmarks.quality.tools.sumo import Sumo
from benchmarks.quality.workshop import Workshop
from lamplighter.gateway.kindkit.pool import Pool, Runtime
from lamplighter.tasks.api import Input, Result, TaskError
from lamplighter.tasks.local import run_local
from lamplighter.tasks.registry import prepare
from lamplighter.tasks.traffic.signals import KIND
from lamplighter.tasks.traffic.signals.method import closedloop, errors
from lamplighter.tasks.traffic.signals.method.promise import promised
from lamplighter.tasks.traffic.signals.spec import Spec

SOURCES = {path for path in KIND.kernel.parent.rglob("*.py") if not path.samefile(errors.__file__)}
"""Modules that an answer depends on beside its spec; what is calibrated here is put to it afterwards."""
CLOSED_LOOP = Path(closedloop.__file__)
"""By what its answers are kept."""
AT_ONCE = 2
"""Networks that are worked on."""
SUMO = "eclipse-sumo==1.28.0"
MOST_VEHICLES = 1_100
"""Networks with more in their quarter of an hour are left out: a run should cost seconds."""


def answer(workshop: Workshop, given: Input) -> Result:
    """Ours, from the cache where the same source met the same spec before. Raises TaskError."""
    return solved(workshop, prepare({KIND.name: KIND}, KIND.name, given))


def solved(workshop: Workshop, spec: Spec) -> Result:
    """Our answer to a spec, from the cache where there is one. Raises TaskError."""
    kept = workshop.cache / f"signals-{digest(spec)}.json"
    if not kept.exists():
        with Pool(KIND.kernel, Runtime.MACHINE_CODE, AT_ONCE) as pool:
            result = run_local(KIND, spec, run_jobs=pool.answers)
        kept.write_text(json.dumps({"summary": result.summary, "data": result.data}))
    return Result(**json.loads(kept.read_text()))


def digest(spec: Spec) -> str:
    """The name of what this source answers to a spec."""
    found = hashlib.sha256()
    for part in (*(path.read_bytes() for path in sorted(SOURCES)), *_parts(spec)):
        found.update(part)
    return found.hexdigest()[:24]


def _parts(spec: Spec) -> Iterator[bytes]:
    """All of a spec that an answer depends on."""
    yield repr((spec.search, spec.cycles_ds, spec.demand, spec.notes, spec.network.movements,
                [(own.id, own.offset_ds, own.phases) for own in spec.network.junctions])).encode()
    for own in (spec, *(region for _, region in spec.regions)):
        yield own.shared.data
        yield from (window.context.data for window in (*own.training, *own.unseen))


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
        return self.low is not None and self.high is not None and self.low <= self.found <= self.high


def promises(workshop: Workshop, sumo: Sumo, numbers: Iterable[int]) -> Iterator[Kept]:
    """Of every network for which something is promised but to keep the programmes; tells how far it is."""
    wanted = list(numbers)
    with ThreadPoolExecutor(AT_ONCE) as several:
        for done, (number, one) in enumerate(zip(wanted, several.map(
                lambda number: _promise(workshop, sumo, number), wanted), strict=True), 1):
            if isinstance(one, str):
                workshop.say(f"network {number} ({done} of {len(wanted)}): {one}")
            else:
                workshop.say(f"network {number} ({done} of {len(wanted)}): {one.shipped_s} -> {one.proposed_s} s")
                yield one


def _promise(workshop: Workshop, sumo: Sumo, number: int) -> Kept | str:
    """What was promised of a network, and found; or why it is left out."""
    given = Made.drawn(number).task(sumo)
    try:
        spec = prepare({KIND.name: KIND}, KIND.name, given)
        if len(spec.demand.vehicles) > MOST_VEHICLES:
            return f"left out, {len(spec.demand.vehicles)} vehicles"
        data = solved(workshop, spec).data
    except TaskError as error:
        return f"refused, {error.code}"
    if data["kept_shipped"]:
        return "left out, kept as shipped"
    if data["saved_share_low"] is None:
        return f"nothing promised, more may queue at {', '.join(data['full_junctions'])} than was simulated"
    return kept(str(number), sumo, given, data)


def kept(name: str, sumo: Sumo, given: Input, data: dict[str, Any]) -> Kept:
    """What is promised of a task, and what SUMO finds on its own network and routes.

    Raises TaskError ``cannot_verify``.
    """
    proposed = [(junction["id"], junction["proposed"]) for junction in data["junctions"]]
    path = sumo.kept(".verified", CLOSED_LOOP.read_bytes(), json.dumps(given["sumo"]), json.dumps(proposed))
    if not path.exists():
        os.environ["SUMO_HOME"] = str(sumo.tools.parent)
        assert KIND.verify is not None
        path.write_text(json.dumps(KIND.verify(given, data)))
    found = json.loads(path.read_text())
    return Kept(name, len(data["junctions"]), data["vehicles"], data["saved_share_in_all"], *by_model(data),
                found["saved_share"], found["shipped_s_per_vehicle"], found["proposed_s_per_vehicle"])


def by_model(data: dict[str, Any]) -> tuple[float | None, float | None]:
    """The range that is promised by the model's error alone: it is wider where copies of the demand differ."""
    share = data["saved_share_in_all"]
    return (None, None) if share is None else (0.0, 0.0) if data["kept_shipped"] else promised(share, ())


def main() -> None:
    workshop = Workshop(say=lambda text: print(text, flush=True))
    sumo = Sumo(workshop.python(SUMO), workshop.cache / "sumo")
    found = list(promises(workshop, sumo, CALIBRATED_ON))
    for one in found:
        print(f"{one.name:>4} {one.junctions:3} junctions {one.vehicles:5} vehicles: expected {one.expected:6.1%}, "
              f"SUMO {one.found:6.1%} ({one.shipped_s:.1f} -> {one.proposed_s:.1f} s)")
    print(sorted(round(1000 * (one.found - (one.expected or 0.0))) for one in found))


if __name__ == "__main__":
    main()
