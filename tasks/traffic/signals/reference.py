"""An independent judge: the queue rules again, in seconds and floats, stepped through the whole period.

Nothing of the kernel is used: no events, no windows, no integers, no packing. It runs the shipped and the
proposed programmes on the demand of the prediction, to see how far the devices are off, and on demand
jittered by seeds that nobody used, to see whether the improvement holds.
"""

from __future__ import annotations

from array import array
from collections import deque
from dataclasses import dataclass
from typing import Any

from lamplighter.tasks.api import Result
from lamplighter.tasks.readers.network import GREEN, PERMISSIVE, YELLOW, Network
from lamplighter.tasks.traffic.signals.jobs import jittered
from lamplighter.tasks.traffic.signals.spec import CHECK_SEED, Spec

STEP_S = 0.1
START_UP_S = 3.5
GAP_S = 6.0
STOP_S = 1.5
OPENS_S = 1.0
FEED_S = 1.5
FLUSH_S = 1800.0
FRESH_SEED = 7_000_003
TOLERANCE = 0.10


@dataclass(slots=True, eq=False)
class _Car:
    arrived_s: float
    route: int
    passed: int = 0
    link: int = -1


class _Signals:
    """What every link of a network shows under given timings, tabulated over the cycle in tenths of a second."""

    def __init__(self, network: Network, timings: list[dict[str, Any]]) -> None:
        self.offsets = [round(timings[link.junction]["offset_s"] / STEP_S) for link in network.links]
        self.shown: list[bytes] = []
        self.lasted: list[array[int]] = []
        self.lasting: list[array[int]] = []
        for link in network.links:
            states = network.junctions[link.junction].states(link.signal)
            durations = timings[link.junction]["durations_s"]
            shown = b"".join(bytes((state,)) * round(duration / STEP_S)
                             for state, duration in zip(states, durations, strict=True))
            self.shown.append(shown)
            self.lasted.append(self._lasted(shown))
            self.lasting.append(self._lasted(shown[::-1])[::-1])

    @staticmethod
    def _lasted(shown: bytes) -> array[int]:
        """For how many steps each moment's state has lasted; permissive and protected green count as one."""
        same = shown.replace(bytes((PERMISSIVE,)), bytes((GREEN,)))
        lasted = 0
        found = array("H", bytes(2 * len(same)))
        for i in range(2 * len(same)):  # twice round, so that the start knows what came before
            lasted = lasted + 1 if same[i % len(same)] == same[(i - 1) % len(same)] else 0
            found[i % len(same)] = lasted
        return found

    def show(self, link: int, step: int) -> tuple[int, float, int]:
        """State, since how many seconds, and the step at which it changes."""
        shown = self.shown[link]
        at = (step - self.offsets[link]) % len(shown)
        return shown[at], self.lasted[link][at] * STEP_S, step + self.lasting[link][at] + 1


class _Street:
    """The queues at every stop line and the vehicles on their way to one."""

    def __init__(self, spec: Spec, timings: list[dict[str, Any]], vehicles: list[tuple[int, int]]) -> None:
        self.links = spec.network.links
        self.routes = spec.demand.routes
        self.signals = _Signals(spec.network, timings)
        self.options: dict[int, list[int]] = {}
        for k, link in enumerate(self.links):
            self.options.setdefault(link.movement, []).append(k)
        self.before = [[f for f, other in enumerate(self.links) if k in other.waits] for k in range(len(self.links))]
        self.lanes = spec.network.lanes
        self.feeders = spec.network.feeders
        self.queues: list[deque[_Car]] = [deque() for _ in self.lanes]
        self.outside: list[deque[_Car]] = [deque() for _ in self.feeders]
        self.opens_s = [float("inf")] * len(self.feeders)
        self.free_s = [0.0] * len(self.lanes)
        self.look = [0] * len(self.lanes)
        self.left_s = [-1e9] * len(self.links)
        self.coming: dict[int, list[_Car]] = {}
        self.present = len(vehicles)
        self.cost_s = 0.0
        for depart_ds, route in vehicles:
            self.drive(_Car(depart_ds / 10, route), depart_ds / 10)

    def drive(self, car: _Car, from_s: float) -> None:
        """Sends a car to its next stop line."""
        car.arrived_s = from_s + self.routes[car.route][car.passed][1] / 10
        self.coming.setdefault(int(car.arrived_s / STEP_S) + 1, []).append(car)

    def arrive(self, step: int) -> None:
        """Lets those who reached their stop line join the shortest lane."""
        for car in sorted(self.coming.pop(step, []), key=lambda c: c.arrived_s):
            approach = self.lanes[self.links[self.options[self.movement(car)][0]].lane][0]
            outside = self.outside[approach]
            if len(outside) >= self.feeders[approach] or not self.enter(car):
                outside.append(car)

    def movement(self, car: _Car) -> int:
        """Where a car goes at its next stop line."""
        return self.routes[car.route][car.passed][0]

    def enter(self, car: _Car) -> bool:
        """Puts a car on the shortest lane that it may use and that has room; False if there is none."""
        queued = {k: len(self.queues[self.links[k].lane]) for k in self.options[self.movement(car)]}
        free = [k for k, count in queued.items() if count < self.lanes[self.links[k].lane][1]]
        if free:
            car.link = min(free, key=lambda k: queued[k])
            self.queues[self.links[car.link].lane].append(car)
        return bool(free)

    def feed(self, step: int) -> None:
        """Lets one of those who wait before each approach enter it, where it is time for that."""
        now_s = step * STEP_S
        for approach, outside in enumerate(self.outside):
            if self.opens_s[approach] > now_s + STEP_S / 2:
                continue
            self.opens_s[approach] = float("inf")
            for car in list(outside)[:self.feeders[approach]]:
                if self.enter(car):
                    outside.remove(car)
                    self.opens_s[approach] = now_s + FEED_S if outside else float("inf")
                    break

    def ready(self, car: _Car, lane: int, step: int) -> float:
        """When the first of a lane may leave, as far as is known now; infinity on red, until that changes."""
        state, lasted_s, change = self.signals.show(car.link, step)
        ready_s = max(car.arrived_s, self.free_s[lane])
        if state == YELLOW and lasted_s < 1.0:
            return ready_s
        if state not in (GREEN, PERMISSIVE):
            self.look[lane] = change
            return float("inf")
        began_s = step * STEP_S - lasted_s
        if ready_s < began_s - STEP_S / 2:
            ready_s = began_s + START_UP_S
        if state == PERMISSIVE:
            ready_s = max([ready_s, *(self.left_s[f] + GAP_S for f in self.before[car.link])])
        return ready_s

    def leave(self, step: int) -> None:
        """Lets the first of every lane go that may."""
        now_s = step * STEP_S
        for lane, queue in enumerate(self.queues):
            if not queue or self.look[lane] > step or (ready_s := self.ready(queue[0], lane, step)) > now_s:
                continue
            car = queue.popleft()
            left_s = max(ready_s, now_s - STEP_S)
            if left_s > car.arrived_s + 0.01:
                self.cost_s += left_s - car.arrived_s + STOP_S
            self.left_s[car.link] = left_s
            self.free_s[lane] = left_s + self.links[car.link].headway_ds / 10
            approach = self.lanes[lane][0]
            if self.outside[approach] and self.opens_s[approach] == float("inf"):
                self.opens_s[approach] = left_s + OPENS_S
            self.look[lane] = int(self.free_s[lane] / STEP_S)
            car.passed += 1
            if car.passed < len(self.routes[car.route]):
                self.drive(car, left_s)
            else:
                self.present -= 1


def simulate(spec: Spec, timings: list[dict[str, Any]], vehicles: list[tuple[int, int]]) -> float:
    """Mean cost per vehicle in seconds; ends when the last has left, or half an hour after the last departure."""
    street = _Street(spec, timings, vehicles)
    step, last = min(street.coming), int((vehicles[-1][0] / 10 + FLUSH_S) / STEP_S)
    while street.present and step < last:
        street.arrive(step)
        street.leave(step)
        street.feed(step)
        step += 1
    queues = (*street.queues, *street.outside)
    waiting = sum(step * STEP_S - car.arrived_s + STOP_S for queue in queues for car in queue)
    return (street.cost_s + waiting) / len(vehicles)


def _mean(spec: Spec, timings: list[dict[str, Any]], first_seed: int) -> float:
    seeds = range(first_seed, first_seed + spec.search.replicas)
    runs = [simulate(spec, timings, jittered(spec.demand, 10 * spec.search.jitter_s, seed)) for seed in seeds]
    return sum(runs) / len(runs)


def reference(spec: Spec, result: Result) -> dict[str, Any]:
    """Judges ``result``.

    Returns ``ok`` (both predictions within 10 % of the host's, and no loss on fresh demand), ``text`` and
    the figures in seconds per vehicle.
    """
    data = result.data
    timings = {when: [junction[when] for junction in data["junctions"]] for when in ("shipped", "proposed")}
    same = {when: _mean(spec, timing, CHECK_SEED + spec.search.seed) for when, timing in timings.items()}
    fresh = {when: _mean(spec, timing, FRESH_SEED + spec.search.seed) for when, timing in timings.items()}
    predicted = {"shipped": data["delay_before_s_per_vehicle"], "proposed": data["delay_after_s_per_vehicle"]}
    if predicted["shipped"] is None:   # detectors decide today: there is nothing to be compared with
        predicted["shipped"] = same["shipped"]
    off = max(abs(predicted[when] - same[when]) / max(1.0, same[when]) for when in same)
    gain = 1 - fresh["proposed"] / fresh["shipped"] if fresh["shipped"] else 0.0
    ok = off <= TOLERANCE and gain >= 0
    text = (f"A float simulation on the host, stepped in {STEP_S} s over the whole period, finds "
            f"{same['shipped']:.1f} s (shipped) and {same['proposed']:.1f} s (proposed) per vehicle where the "
            f"devices predicted {predicted['shipped']:.1f} and {predicted['proposed']:.1f}: at most {off:.1%} apart "
            f"(bar {TOLERANCE:.0%}). On fresh traffic, never used before, it finds {fresh['shipped']:.1f} and "
            f"{fresh['proposed']:.1f}: {gain:.1%} less delay. Both are queue models; neither is SUMO.")
    return {"ok": ok, "text": text, "difference_share": round(off, 4), "fresh_gain_share": round(gain, 4),
            **{f"reference_{when}_s_per_vehicle": round(value, 2) for when, value in same.items()},
            **{f"fresh_{when}_s_per_vehicle": round(value, 2) for when, value in fresh.items()}}
