"""What detectors counted, out of FIWARE TrafficFlowObserved entities: the same rule for every kind of task.

Model: Smart Data Models, Transportation, TrafficFlowObserved: ``intensity`` is how many vehicles were counted in the
period of ``dateObserved`` (an interval) or from ``dateObservedFrom`` to ``dateObservedTo``.

* A detector is what ``refDevice`` names, else ``refRoadSegment``, else the entity's id.
* Lanes (``laneId``) and directions (``laneDirection``) are kept apart.
* Vehicle classes (``vehicleType``, ``vehicleSubType``, ``vehicleClass``) of one detector, lane, direction and period
  are added up; where there is a count without a class too, it is that of all, and the classes are left out.
* The same count twice is one; of two counts of one entity's id the later observed is the one that counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers import ngsi
from lamplighter.tasks.readers.allow import Left

CLASSES = ("vehicleType", "vehicleSubType", "vehicleClass")
COUNTS = ("", "C62", "NMB", "H87", "EA")
"""UN/CEFACT codes of a mere number: one, number, piece, each."""
READ = ("intensity", *CLASSES, "laneId", "laneDirection", "name")


@dataclass(frozen=True, slots=True)
class Flow:
    """Vehicles that a detector counted in a period; ``names`` are all that it may be asked for by, the first its own.

    ``lane`` and ``direction`` are empty where the entity does not say; ``path`` points to it.
    """

    names: tuple[str, ...]
    lane: str
    direction: str
    times: tuple[datetime, datetime] | None
    vehicles: float
    path: str
    id: str
    kind: str
    at: datetime | None

    @property
    def name(self) -> str:
        """What the detector is called, its lane and direction included."""
        where = (f" lane {self.lane}" if self.lane else "") + (f" {self.direction}" if self.direction else "")
        return self.names[0][-64 + len(where):] + where

    @property
    def begin(self) -> datetime:
        """When counting began, where that is said."""
        return self.times[0] if self.times else ngsi.OLDEST


def flows(entities: Sequence[ngsi.Entity], path: str, left: Left, all_counted: bool = False) -> list[Flow]:
    """What was counted, one for each detector, lane, direction and period, in the order of the entities.

    Raises TaskError: wrong_entity, bad_time, duplicate (two counts of one thing), wrong_unit (no number of vehicles),
    those of ``ngsi.entities`` and, with ``all_counted``, missing_field where an entity has no count; it is left out
    otherwise.
    """
    found: dict[tuple[object, ...], Flow] = {}
    for here, entity in ngsi.entities(entities, ngsi.FLOW, READ, path, left):
        one = _flow(entity, here)
        if one is None and all_counted:
            raise TaskError("missing_field", f"an observation has no count: {ngsi.lacking(entity, 'intensity')}",
                            "intensity: vehicles in the period", here + "/intensity")
        if one is None:
            left.out("entity", ngsi.lacking(entity, "intensity"), ngsi.text(entity, "id") or here)
            continue
        key = one.name, one.times, one.kind
        other = found.get(key) if one.times else None
        if other is None:
            found[key if one.times else (here,)] = one
        else:
            found[key] = _later(other, one, left)
    return _added(found.values(), left)


def _flow(entity: ngsi.Entity, path: str) -> Flow | None:
    amount = ngsi.quantity(entity, "intensity", path)
    if amount is None:
        return None
    if amount.unit not in COUNTS:
        raise TaskError("wrong_unit", f"intensity is in {amount.unit!r}, not in vehicles of its period",
                        "give the vehicles counted in the period, without a unitCode or with C62 (one)",
                        path + "/intensity")
    own = ngsi.text(entity, "id")
    names = [*filter(None, (ngsi.text(entity, name) for name in ("refDevice", "refRoadSegment"))), own]
    lane = ngsi.quantity(entity, "laneId", path)
    return Flow((*names, ngsi.text(entity, "name")), f"{lane.value:g}" if lane else ngsi.text(entity, "laneId")[:16],
                ngsi.text(entity, "laneDirection")[:16], ngsi.observed(entity, path), amount.value, path, own,
                " ".join(filter(None, (ngsi.text(entity, name) for name in CLASSES))), amount.at)


def _later(one: Flow, other: Flow, left: Left) -> Flow:
    """Of two counts of the same thing the one that counts."""
    if one.vehicles == other.vehicles:
        left.out("entity", "the same count again", other.id)
        return one
    if one.id != other.id or one.at == other.at:
        raise TaskError("duplicate", "two different counts of one detector for one period", "keep one; lanes differ "
                        "by laneId, directions by laneDirection, classes by vehicleType",
                        other.path + "/dateObserved")
    left.out("entity", "a later count of its id and period is there", one.id)
    return max(one, other, key=lambda flow: flow.at or ngsi.OLDEST)


def _added(found: Iterable[Flow], left: Left) -> list[Flow]:
    """Vehicle classes added up."""
    sums: dict[tuple[object, ...], list[Flow]] = {}
    for one in found:
        sums.setdefault((one.name, one.times) if one.times else (one.path,), []).append(one)
    added = []
    for same in sums.values():
        whole = [one for one in same if not one.kind]
        if whole and len(same) > 1:
            left.out("count of a vehicle class", "there is one of all vehicles for its period", same[0].name,
                     len(same) - 1)
        counted = whole or same
        added.append(replace(counted[0], vehicles=sum(one.vehicles for one in counted)))
    return added
