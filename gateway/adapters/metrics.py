"""What Prometheus scrapes: numbers read from the page's view when somebody asks, none kept here.

Names and units follow the Prometheus naming practice; the process metrics are the library's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Numbers(Protocol):
    """The part of ``http.Window`` that metrics are made of."""

    def health(self) -> dict[str, Any]: ...

    def tasks(self) -> list[dict[str, Any]]: ...

    def nodes(self) -> list[dict[str, Any]]: ...

    def counters(self) -> dict[str, int]: ...


class Metrics(Collector):
    """One gateway's metrics, in a registry of their own."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """The exposition format, of ``CONTENT_TYPE``."""
        return generate_latest(self._registry)

    def describe(self) -> list[Metric]:
        """Nothing: the registry would collect at registration to learn the names."""
        return []

    def collect(self) -> Iterator[Metric]:
        health, nodes, tasks = self._numbers.health(), self._numbers.nodes(), self._numbers.tasks()
        yield GaugeMetricFamily("lamplighter_broker_up", "1 while the broker is connected.", health["broker_up"])
        yield GaugeMetricFamily("lamplighter_epoch", "The epoch that verdicts are now counted in.", health["epoch"])
        yield GaugeMetricFamily("lamplighter_leases_open", "Leases out on devices.", health["leases_open"])
        yield GaugeMetricFamily("lamplighter_spare_ratio", "Mean share of idle time of the connected devices.",
                                health["spare_permille"] / 1000)
        yield GaugeMetricFamily("lamplighter_jobs_per_second", "Jobs accepted per second, over all tasks.",
                                sum(task["jobs_per_s"] for task in tasks))
        yield GaugeMetricFamily("lamplighter_pending_credits", "Credits judged in epochs that are not sealed yet.",
                                health["pending"])
        yield GaugeMetricFamily("lamplighter_settled_credits", "Credits that the public log pays.", health["settled"])
        yield _of_bounds("lamplighter_held", "How much is held of what is bounded.", health["bounds"], "now")
        yield _of_bounds("lamplighter_bound", "How much may be held of what is bounded.", health["bounds"], "most")
        yield _by_state("lamplighter_tasks", "Tasks by state.", tasks)
        yield _by_state("lamplighter_nodes", "Devices by state.", nodes)
        happened = CounterMetricFamily("lamplighter_happened", "What the gateway counted since it started, by name.",
                                       labels=["what"])
        for what, times in sorted(self._numbers.counters().items()):
            happened.add_metric([what], times)
        yield happened


def _by_state(name: str, help_text: str, things: list[dict[str, Any]]) -> Metric:
    family = GaugeMetricFamily(name, help_text, labels=["state"])
    for state, count in sorted(Counter(thing["state"] for thing in things).items()):
        family.add_metric([state], count)
    return family


def _of_bounds(name: str, help_text: str, bounds: dict[str, dict[str, int]], which: str) -> Metric:
    family = GaugeMetricFamily(name, help_text, labels=["what"])
    for what, bound in bounds.items():
        family.add_metric([what], bound[which])
    return family
