"""The life of a task: submitted, running round by round, over; and what operators are told of it."""

from __future__ import annotations

import json
from typing import Any

from gateway.core.board import Board
from gateway.core.effects import (
    GiveUp,
    KeepEnd,
    KeepTask,
    KeepTaskEnd,
    PublishEvent,
    PublishResult,
    PublishStatus,
    Reply,
    SendCancel,
    StartSolver,
    StopSolver,
)
from gateway.core.events import RoundYielded, TaskBroke, TaskCancelled, TaskSolved, TaskSubmitted
from gateway.core.judging import judge, open_round
from gateway.core.placement import may_have_room
from gateway.core.state import Job, Lease, Phase, Task

EVENTS_PER_BOOT = 1_000_000
"""Event numbers of a task go on from here after each restart, so that they only rise."""


def on_submitted(board: Board, event: TaskSubmitted) -> None:
    known = board.tasks.get(event.task)
    if known is not None:
        if known.body == event.body:
            board.out.append(Reply(event.ref, accepted(known)))
        else:
            board.out.append(Reply(event.ref, {}, ("id_reused", f"task {event.task!r} exists with another body",
                                                   "choose a new id, or send the same body to ask for it again")))
        return
    if sum(not task.over for task in board.tasks.values()) >= board.policy.max_tasks:
        board.out.append(Reply(event.ref, {}, ("too_many_tasks", f"{board.policy.max_tasks} tasks are unfinished",
                                               "wait for one to end, or cancel one")))
        return
    task = Task(event.task, event.kind, event.body, event.priority, event.deadline_ms, event.submitted_at_ms,
                board.now_ms)
    board.tasks[event.task] = task
    board.out.append(KeepTask(task.name, task.kind, task.body, task.priority, task.deadline_ms, task.submitted_at_ms,
                              task.started_ms))
    board.out.append(Reply(event.ref, accepted(task)))
    tell(board, task, "submitted", kind=task.kind)
    board.out.append(StartSolver(task.name, task.kind, task.body))
    publish_status(board, task)


def accepted(task: Task) -> dict[str, Any]:
    """What the reply to a submission says."""
    return {"task": task.name, "kind": task.kind, "state": task.state}


def on_round(board: Board, event: RoundYielded) -> None:
    task = board.tasks.get(event.task)
    if task is None or task.over or task.ending or event.round != task.round + 1:
        return
    task.round = event.round
    task.state = "running"
    jobs = [Job(task, event.round, index, spec) for index, spec in enumerate(event.jobs)]
    _take_up(board, task, jobs)
    tell(board, task, "round", round=event.round, jobs=len(jobs))
    task.dirty = True
    open_round(board, task, jobs)


def _take_up(board: Board, task: Task, jobs: list[Job]) -> None:
    """After a restart: the leases and answers that the journal kept for this round find their jobs again."""
    for job in jobs:
        known = task.recorded.pop((job.round, job.index), None)
        if known is not None:
            job.answer, job.audited = known
            job.phase = Phase.ACCEPTED
    for lease in board.restored.pop((task.name, task.round), ()):
        job = jobs[lease.job.index]
        lease.job = job
        job.fence = max(job.fence, lease.fence)
        if lease.ended == "":
            if job.phase is Phase.READY:
                job.phase = Phase.OUT
        elif lease.ended == "done" and lease.verdict == "":
            job.copies.append(lease)
        elif lease.verdict in ("ok", "minority") and job.answer is not None:   # else of an older task of this name
            job.copies.append(lease)
            lease.answer = job.answer if lease.verdict == "ok" else b""


def on_solved(board: Board, event: TaskSolved) -> None:
    task = board.tasks.get(event.task)
    if task is None or task.over:
        return
    about = json.dumps(provenance(board, task)).encode()
    head = json.dumps({"v": 1, "task": task.name, "kind": task.kind, "ok": True}).encode()
    _end(board, task, "done", head[:-1] + b', "result": ' + event.result + b', "provenance": ' + about + b"}")


def on_broke(board: Board, event: TaskBroke) -> None:
    task = board.tasks.get(event.task)
    if task is not None and not task.over:
        fail(board, task, event.code, event.message, event.fault)


def fail(board: Board, task: Task, code: str, message: str, fault: str) -> None:
    """Ends a task without an answer; ``fault`` says whose it is: operator, kind, or nobody's (deadline)."""
    _end_open_leases(board, task)
    error = {"code": code, "message": message, "fault": fault}
    _end(board, task, "failed", json.dumps({"v": 1, "task": task.name, "kind": task.kind, "ok": False, "error": error,
                                            "provenance": provenance(board, task)}).encode())


def check_deadline(board: Board, task: Task) -> None:
    """At the deadline the solver is asked for a partial answer; one that stays silent is waited for no longer.

    After a restart the replay of what the journal knows comes first.
    """
    if board.now_ms >= task.deadline_at + board.policy.give_up_ms:
        fail(board, task, "deadline", f"not finished within {task.deadline_ms // 1000} s", "nobody")
    elif board.now_ms >= task.deadline_at and not task.ending and not task.recorded:
        answers = tuple(job.answer if job.phase is Phase.ACCEPTED else None for job in task.jobs)
        _end_open_leases(board, task)
        _put_away(board, task)
        task.ending = True
        board.out.append(GiveUp(task.name, task.round, answers))
        tell(board, task, "deadline", jobs_done=task.done_jobs)


def on_cancelled(board: Board, event: TaskCancelled) -> None:
    task = board.tasks.get(event.task)
    if task is None:
        board.out.append(Reply(event.ref, {}, ("unknown_task", f"no task {event.task!r}", "see task.list")))
        return
    if not task.over:
        _end_open_leases(board, task)
        error = {"code": "cancelled", "message": "cancelled on request", "fault": "operator"}
        _end(board, task, "cancelled", json.dumps({"v": 1, "task": task.name, "kind": task.kind, "ok": False,
                                                   "error": error, "provenance": provenance(board, task)}).encode())
    board.out.append(Reply(event.ref, {"task": task.name, "state": task.state}))


def _end_open_leases(board: Board, task: Task) -> None:
    """Devices stop working on what nobody needs; copies that can no longer be compared are not paid."""
    for node in list(board.nodes.values()):
        for lease in [lease for lease in node.open.values() if lease.job.task is task]:
            board.out.append(SendCancel(node.name, lease.nonce))
            close(board, lease, "cancelled")
    waiting = [copy for job in task.jobs for copy in job.copies]
    for place in [place for place in board.restored if place[0] == task.name]:
        waiting += board.restored.pop(place)   # its replay had not come that far
    for copy in waiting:
        if copy.ended == "done" and copy.verdict == "":
            judge(board, copy, "cancelled")


def close(board: Board, lease: Lease, ended: str) -> None:
    """Ends an open lease whose job is not wanted any more."""
    lease.end(ended)
    board.out.append(KeepEnd(lease.number, ended))
    board.remember(lease)
    node = board.nodes[lease.node]
    node.open.pop(lease.number, None)
    may_have_room(board, node)


def _end(board: Board, task: Task, state: str, result: bytes) -> None:
    task.state = state
    task.result = result
    _put_away(board, task)
    task.recorded.clear()
    board.out.append(KeepTaskEnd(task.name, state, result))
    board.out.append(StopSolver(task.name))
    board.counters["tasks_" + state] += 1
    tell(board, task, state)
    publish_status(board, task)
    board.out.append(PublishResult(task.name, result))
    _clear_oldest(board)


def _put_away(board: Board, task: Task) -> None:
    """Nobody works on its round any more."""
    if task in board.live:
        board.live.remove(task)
    task.jobs_before, task.jobs, task.open_jobs = task.done_jobs, [], 0
    task.fresh.clear()
    task.second.clear()


def _clear_oldest(board: Board) -> None:
    """Finished tasks beyond the bound leave the list, and their retained messages the broker."""
    finished = [task for task in board.tasks.values() if task.over]
    for task in finished[:max(0, len(finished) - board.policy.max_finished)]:
        del board.tasks[task.name]
        board.out.append(PublishStatus(task.name, {}))
        board.out.append(PublishResult(task.name, b""))


def provenance(board: Board, task: Task) -> dict[str, Any]:
    """Who computed an answer, how often, and what share the gateway recomputed."""
    return {"jobs": task.done_jobs, "copies": task.copies, "recomputed": task.audited, "epoch": board.epoch,
            "devices": dict(sorted(task.devices.items()))}


def tell(board: Board, task: Task, what: str, **detail: Any) -> None:
    """One transition, for those who follow a task."""
    task.events += 1
    board.out.append(PublishEvent(task.name, board.boot * EVENTS_PER_BOOT + task.events, what, detail))


def publish_status(board: Board, task: Task) -> None:
    """The retained status: state, progress, rate in jobs per second, expected end, what it waits for."""
    task.dirty = False
    since_ms = board.now_ms - task.rate_at
    if since_ms >= 900:
        seen = (task.done_jobs - task.rate_done) * 1_000_000 // since_ms
        task.rate = (task.rate + seen) // 2 if task.rate else seen
        task.rate_at, task.rate_done = board.now_ms, task.done_jobs
    task.waits = waits_for(board, task)
    board.out.append(PublishStatus(task.name, status(task)))


def status(task: Task) -> dict[str, Any]:
    """As published; ``eta_s`` is for the present round, None while the rate is not known."""
    left = task.open_jobs
    return {"v": 1, "task": task.name, "kind": task.kind, "state": task.state, "round": max(task.round, 0),
            "jobs_done": task.done_jobs, "jobs_total": task.jobs_before + len(task.jobs),
            "jobs_per_s": task.rate // 1_000, "copies": task.copies, "recomputed": task.audited,
            "eta_s": left * 1_000 // task.rate + 1 if task.rate and left else (0 if task.over else None),
            "waits_for": task.waits, "submitted_at_ms": task.submitted_at_ms}


def waits_for(board: Board, task: Task) -> str:
    """Why nothing moves, as words for an operator; empty while jobs are out."""
    if task.over or any(job.phase in (Phase.OUT, Phase.AUDIT) for job in task.jobs) or not task.jobs:
        return "" if task.over or task.jobs else "the solver"
    ready = [node for node in board.nodes.values() if node.online and node.bid and not node.revoked]
    if not ready:
        return "devices: none is connected"
    need = max(job.spec.heap_bytes for job in task.jobs if job.phase is Phase.READY)
    if all(node.heap < need for node in ready):
        return f"a device with {need} bytes of free heap; the largest has {max(node.heap for node in ready)}"
    if all(node.room == 0 for node in ready):
        return "devices: all are busy with their own duty"
    if all(board.now_ms < node.quarantined_until for node in ready):
        return "devices: all are in quarantine"
    return "a device that fits"
