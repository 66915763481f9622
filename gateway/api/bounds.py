"""What a gateway holds a fixed number of at most: what lies beyond is answered or waits, is counted, and is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from lamplighter.gateway.core.state import State

MAX_WAITING = 64
"""Requests being validated at once."""
MAX_OF_ONE = 16
"""The same of one operator."""


class Bound(NamedTuple):
    """``beyond`` says what happens to one more, ``counted`` is its name among the counters ('' where it waits)."""

    beyond: str
    counted: str


BOUNDS = {
    "devices": Bound("it is not enrolled: `too_many_devices`; revoked ones count",
                     "requests_refused_too_many_devices"),
    "tasks": Bound("of those that are not over; refused: `too_many_tasks`", "requests_refused_too_many_tasks"),
    "tasks_finished": Bound("the oldest leaves the list, its retained messages the broker", "tasks_cleared"),
    "requests": Bound("refused as retryable: `busy`", "requests_refused_busy"),
    "requests_of_an_operator": Bound("the same; of those told eight in a second are answered",
                                     "requests_refused_busy"),
    "strangers": Bound("of devices that the journal knows and the registry does not: who has least to answer for is "
                       "a newcomer if it is enrolled again", "strangers_forgotten"),
    "leases_of_a_device": Bound("it gets no more: `full`", ""),
    "leases_remembered": Bound("the oldest is forgotten: its result, if it comes again, is `lease_unknown`",
                               "leases_forgotten"),
    "compiling": Bound("a new instruction set waits for its kernels: `no_kernels`", ""),
    "file_bytes": Bound("the oldest answer's files leave the broker; `/api/tasks/{id}/files` has them still",
                        "files_cleared"),
    "request_bytes_at_start": Bound("of requests, until those that the broker had kept are known; of an operator"
                                    " half; dropped", "requests_dropped"),
    "messages_in": Bound("the broker waits", "messages_held"),
    "messages_out": Bound("dropped", "messages_dropped"),
}
"""By the name under which ``health.check`` and the metrics show it."""


def bounds(state: State, askers: Counter[str], link: Mapping[str, tuple[int, int]]) -> dict[str, dict[str, int]]:
    """Of each bound how much is held ``now`` and at ``most``. ``askers`` counts the requests that are being validated
    by operator, ``link`` says of ``file_bytes``, ``request_bytes_at_start``, ``messages_in`` and ``messages_out``
    what is held at the broker, and on the way from and to it."""
    policy = state.policy
    over = sum(task.over for task in state.tasks.values())
    held = {
        "devices": (len(state.nodes), policy.max_nodes),
        "tasks": (len(state.tasks) - over, policy.max_tasks),
        "tasks_finished": (over, policy.max_finished),
        "requests": (askers.total(), MAX_WAITING),
        "requests_of_an_operator": (max(askers.values(), default=0), MAX_OF_ONE),
        "strangers": (len(state.strangers), policy.max_nodes),
        "leases_of_a_device": (max((len(node.open) for node in state.nodes.values()), default=0), policy.max_open),
        "leases_remembered": (len(state.ended), policy.remembered_leases),
        "compiling": (len(state.compiling), policy.max_compiling),
        **link,
    }
    return {name: {"now": now, "most": most} for name, (now, most) in held.items()}


def table(shown: Mapping[str, Mapping[str, Any]]) -> str:
    """The bounds as the docs show them, in Markdown."""
    rows = []
    for name, (beyond, counted) in BOUNDS.items():
        rows.append(f"| `{name}` | {shown[name]['most']:,} | {beyond} | {f'`{counted}`' if counted else '–'} |\n")
    return f"| bound | at most | one more | counted as |\n|---|---|---|---|\n{''.join(rows)}"
