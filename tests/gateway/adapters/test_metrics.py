"""Metrics: the names that dashboards rely on, with the numbers of the view."""

from __future__ import annotations

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from lamplighter.gateway.adapters.metrics import CONTENT_TYPE, Metrics


class FakeNumbers:
    def __init__(self) -> None:
        self.done = 5

    def health(self) -> dict[str, Any]:
        return {"broker_up": True, "epoch": 3, "leases_open": 4, "spare_permille": 650, "pending": 42,
                "settled": 40, "bounds": {"devices": {"now": 2, "most": 9}}}

    def tasks(self) -> list[dict[str, Any]]:
        return [{"state": "running", "jobs_per_s": 5}, {"state": "running", "jobs_per_s": 7}]

    def nodes(self) -> list[dict[str, Any]]:
        return [{"state": "ready"}, {"state": "lost"}]

    def counters(self) -> dict[str, int]:
        return {"jobs": self.done, "misbehaved_mac": 2}


def samples(metrics: Metrics) -> dict[tuple[str, str], float]:
    """(name, first label's value) -> value, as Prometheus' own parser reads it."""
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def test_every_metric() -> None:
    """Each metric has its number, and every one of ours carries a help text and the prefix."""
    found = samples(Metrics(FakeNumbers()))
    ours = {key: value for key, value in found.items() if not key[0].startswith("process_")}
    assert ours == {
        ("lamplighter_broker_up", ""): 1, ("lamplighter_epoch", ""): 3, ("lamplighter_leases_open", ""): 4,
        ("lamplighter_spare_ratio", ""): 0.65, ("lamplighter_jobs_per_second", ""): 12,
        ("lamplighter_pending_credits", ""): 42, ("lamplighter_settled_credits", ""): 40,
        ("lamplighter_tasks", "running"): 2,
        ("lamplighter_held", "devices"): 2, ("lamplighter_bound", "devices"): 9,
        ("lamplighter_nodes", "ready"): 1, ("lamplighter_nodes", "lost"): 1,
        ("lamplighter_happened_total", "jobs"): 5, ("lamplighter_happened_total", "misbehaved_mac"): 2,
    }
    assert ("process_resident_memory_bytes", "") in found
    assert CONTENT_TYPE.startswith("text/plain")


def test_read_when_asked() -> None:
    """Every scrape reads the view again, and two gateways in one process do not share a registry."""
    numbers = FakeNumbers()
    metrics, other = Metrics(numbers), Metrics(FakeNumbers())
    numbers.done = 9
    assert samples(metrics)["lamplighter_happened_total", "jobs"] == 9
    assert samples(other)["lamplighter_happened_total", "jobs"] == 5
