"""What people may see of the state: plain dicts for the page, the API and the replies to operators."""

from __future__ import annotations

from typing import Any

from lamplighter.gateway.core.entities import Node, Task
from lamplighter.gateway.core.state import State
from lamplighter.gateway.core.tasks import status
from lamplighter.gateway.core.whynot import waiting_jobs, why_idle


def task_view(task: Task) -> dict[str, Any]:
    """The published status of a task, with the devices that took part."""
    return {**status(task), "devices": dict(sorted(task.devices.items()))}


def node_view(state: State, node: Node) -> dict[str, Any]:
    """One device: spare in permille, heap in bytes, speed in credits/s; pending and settled credits."""
    return {"node": node.name, "owner": node.owner, "next_owner": node.next_owner,
            "state": "revoked" if node.revoked else node.state,
            "board": node.board, "arch": node.arch, "firmware": node.firmware, "can": list(node.can),
            "heap": node.heap, "speed": node.speed, "spare": node.spare, "room": node.room, "why": node.why,
            "restarted": node.restarted, "power": node.power, "temp": node.temp,
            "open": len(node.open), "score": node.score, "lies": node.lies,
            "quarantined": state.now_ms < node.quarantined_until, **_pay(state, node.owner, node.name),
            "last_seen_ms_ago": state.now_ms - node.seen_at if node.seen_at else None}


def statement(state: State, owner: str) -> dict[str, dict[str, int]]:
    """What each device earned for an owner, in credits: also one that has gone, or changed hands."""
    nodes = {node.name for node in state.nodes.values() if node.owner == owner}
    nodes |= {node for whose, node in state.settled if whose == owner}
    return {node: _pay(state, owner, node) for node in sorted(nodes)}


def _pay(state: State, owner: str, name: str) -> dict[str, int]:
    """``settled`` is in the public log; ``pending`` was judged, and is settled when its epoch is sealed."""
    node = state.nodes.get(name)
    pending = sum(node.pending.values()) if node is not None and node.owner == owner else 0
    return {"pending": pending, "settled": state.settled.get((owner, name), 0)}


def nodes_view(state: State, *nodes: Node) -> list[dict[str, Any]]:
    """Devices, all unless some are given. ``why_not`` is what keeps each from the work that waits, a word of
    ``lifecycle.Why``; None where nothing does."""
    waiting = waiting_jobs(state)
    return [{**node_view(state, node), "why_not": why_idle(state, node, waiting)}
            for node in nodes or state.nodes.values()]


def health(state: State) -> dict[str, Any]:
    """A few numbers that say whether work is moving."""
    online = [node for node in state.nodes.values() if node.online]
    return {"tasks_open": sum(not task.over for task in state.tasks.values()), "tasks": len(state.tasks),
            "nodes": len(state.nodes), "nodes_online": len(online),
            "spare_permille": sum(node.spare for node in online) // len(online) if online else 0,
            "leases_open": sum(len(node.open) for node in state.nodes.values()),
            "jobs_since_start": state.counters["jobs"], "epoch": state.epoch,
            "pending": sum(sum(node.pending.values()) for node in state.nodes.values()),
            "settled": sum(state.settled.values())}
