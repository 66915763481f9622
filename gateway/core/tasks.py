"""The life of a task: submitted, running round by round, over; and what operators are told of it."""

from __future__ import annotations

import json
from typing import Any

from lamplighter.gateway.core import here
from lamplighter.gateway.core.effects import (
    GiveUp,
    KeepTask,
    KeepTaskEnd,
    PublishResult,
    PublishStatus,
    RecallRound,
    Reply,
    StartSolver,
    StopSolver,
)
from lamplighter.gateway.core.entities import STILL_MS, Job, Round, Task
from lamplighter.gateway.core.events import RoundYielded, TaskBroke, TaskCancelled, TaskSolved, TaskSubmitted
from lamplighter.gateway.core.judging import begin_round, call_off, open_round, put_away, set_back
from lamplighter.gateway.core.lifecycle import Phase, TaskState, Why
from lamplighter.gateway.core.snapshot import Made
from lamplighter.gateway.core.spans import answers_to
from lamplighter.gateway.core.state import State
from lamplighter.gateway.core.whynot import first_waiting, reasons_of_all


def on_submitted(state: State, event: TaskSubmitted) -> None:
    known = state.tasks.get(event.task)
    again = known is not None and known.state is TaskState.CANCELLED
    if known is not None and not again:
        if known.body == event.body:
            state.turn.emit(Reply(event.ref, accepted(known)))
        else:
            state.turn.emit(Reply(event.ref, {}, ("id_reused", f"task {event.task!r} exists with another body",
                                                   "choose a new id, or cancel the task first if it is not over")))
        return
    if sum(not task.over for task in state.tasks.values()) >= state.policy.max_tasks:
        state.turn.emit(Reply(event.ref, {}, ("too_many_tasks", f"{state.policy.max_tasks} tasks are unfinished",
                                               "wait for one to end, or cancel one")))
        return
    life, events = (_forget(state, known), known.events) if known else (0, 0)
    task = Task(event.task, event.kind, event.body, event.priority, event.deadline_ms, event.submitted_at_ms,
                state.now_ms, event.by, life, event.where)
    task.events = events
    state.tasks[event.task] = task
    state.turn.emit(KeepTask(task.name, task.kind, task.body, task.priority, task.deadline_ms, task.submitted_at_ms,
                              task.started_ms, task.by, task.life, task.where))
    state.turn.emit(Reply(event.ref, accepted(task)))
    state.tell(task, "submitted", kind=task.kind)
    state.turn.emit(StartSolver(task.name, task.kind, task.body, task.life))
    publish_status(state, task)


def accepted(task: Task) -> dict[str, Any]:
    """What the reply to a submission says."""
    return {"task": task.name, "kind": task.kind, "state": task.state}


def on_round(state: State, event: RoundYielded) -> None:
    task = state.task_of(event)
    if task is None or task.over or task.ending or event.round != task.round.number + 1:
        return   # or it is what the solver said before it was started again
    if task.round.yielded:
        return
    kind = state.kind_of(task)
    task.round = Round(event.round, Made(kind.version, kind.kernel, event.digest), event.jobs)
    if task.state is TaskState.PREPARING:
        task.move(TaskState.RUNNING)
    task.dirty = True
    state.tell(task, "round", round=event.round, jobs=len(event.jobs))
    task.expected = max(event.expected, task.rounds, event.round + 1)
    if event.round >= task.rounds:
        begin_round(state, task)
    elif event.jobs:
        task.round.recalling = True
        state.turn.emit(RecallRound(task.name, event.round, len(event.jobs), event.round in task.suspects))
    else:
        open_round(state, task)


def on_solved(state: State, event: TaskSolved) -> None:
    task = state.task_of(event)
    if task is None or task.over or task.round.yielded or event.rounds != task.round.number + 1:
        return   # as above
    if state.searches:
        task.solved = event   # what it follows from may have to be checked again
        return
    if task.replaying:
        set_back(state, task, task.round.number, "its kind asks for fewer rounds than it did")
    about = json.dumps(provenance(state, task)).encode()
    head = json.dumps({"v": 1, "task": task.name, "kind": task.kind, "ok": True}).encode()
    _end(state, task, TaskState.DONE, head[:-1] + b', "result": ' + event.result + b', "provenance": ' + about + b"}")


def on_broke(state: State, event: TaskBroke) -> None:
    task = state.task_of(event)
    if task is not None and not task.over:
        fail(state, task, event.code, event.message, event.fault)


def fail(state: State, task: Task, code: str, message: str, fault: str) -> None:
    """Ends a task without an answer; ``fault`` says whose it is: operator, kind, or nobody's (deadline)."""
    call_off(state, task)
    _end(state, task, TaskState.FAILED, _no_answer(state, task, code, message, fault))


def _no_answer(state: State, task: Task, code: str, message: str, fault: str) -> bytes:
    return json.dumps({"v": 1, "task": task.name, "kind": task.kind, "ok": False,
                       "error": {"code": code, "message": message, "fault": fault},
                       "provenance": provenance(state, task)}).encode()


def check_deadline(state: State, task: Task) -> None:
    """At the deadline the solver is asked for a partial answer; one that stays silent is waited for no longer.

    After a restart the replay of what the journal knows comes first.
    """
    if state.now_ms >= task.deadline_at + state.policy.give_up_ms:
        fail(state, task, "deadline", f"not finished within {task.deadline_ms // 1000} s", "nobody")
    elif state.now_ms >= task.deadline_at and not task.ending and not task.replaying:
        now = task.round
        answers = answers_to(now, [job.answer if job.phase is Phase.ACCEPTED else None for job in now.jobs])
        call_off(state, task)
        put_away(state, task)
        task.ending = True
        state.turn.emit(GiveUp(task.name, task.round.number, answers))
        state.tell(task, "deadline", jobs_done=task.done_jobs)


def on_cancelled(state: State, event: TaskCancelled) -> None:
    task = state.tasks.get(event.task)
    if task is None:
        state.turn.emit(Reply(event.ref, {}, ("unknown_task", f"no task {event.task!r}", "see task.list")))
        return
    if not task.over:
        call_off(state, task)
        _end(state, task, TaskState.CANCELLED,
             _no_answer(state, task, "cancelled", "cancelled on request", "operator"))
    state.turn.emit(Reply(event.ref, {"task": task.name, "state": task.state}))


def _end(state: State, task: Task, last: TaskState, result: bytes) -> None:
    task.result, task.kept = result, (task.done_jobs, task.all_jobs)
    if last is TaskState.DONE:
        task.progress = 1_000
    task.move(last)
    put_away(state, task)
    task.suspects.clear()
    state.turn.emit(KeepTaskEnd(task.name, last.word, result, totals(task)))
    state.turn.emit(StopSolver(task.name))
    state.counters["tasks_" + last] += 1
    state.tell(task, last)
    publish_status(state, task)
    state.turn.emit(PublishResult(task.name, result))
    _clear_oldest(state)


def _clear_oldest(state: State) -> None:
    """Finished tasks beyond the bound leave the list, and their retained messages the broker."""
    finished = [task for task in state.tasks.values() if task.over]
    for task in finished[:max(0, len(finished) - state.policy.max_finished)]:
        _forget(state, task)
        state.counters["tasks_cleared"] += 1


def _forget(state: State, task: Task) -> int:
    """A task that is over leaves list and broker. With which run another one of its name has to begin."""
    del state.tasks[task.name]
    state.turn.emit(PublishStatus(task.name, {}))
    state.turn.emit(PublishResult(task.name, b""))
    return task.run + 1


def totals(task: Task) -> str:
    """What there is to show of a task that is over, for as long as it is listed."""
    return json.dumps({"round": task.round.number, "jobs": task.kept, "progress": task.progress,
                       "rounds": task.expected, "copies": task.copies, "audited": task.audited,
                       "devices": task.devices, "here": task.here})


def recall_totals(task: Task, kept: str) -> None:
    """A task that is over is as it was."""
    was = json.loads(kept)
    task.round, task.kept, task.progress = Round(was["round"]), tuple(was["jobs"]), was["progress"]
    task.copies, task.audited, task.devices = was["copies"], was["audited"], was["devices"]
    task.expected, task.here = was.get("rounds", 0), was.get("here", {})


def provenance(state: State, task: Task) -> dict[str, Any]:
    """Who computed an answer, how often, by which version and kernel of its kind, what share the gateway recomputed,
    and how much of that no device had, and why."""
    kind = state.kind_of(task)
    return {"kind_version": kind.version, "kernel": kind.kernel.hex(), "jobs": task.done_jobs, "copies": task.copies,
            "recomputed": task.audited, **here.shown(task), "epoch": state.epoch,
            "devices": dict(sorted(task.devices.items()))}


def publish_status(state: State, task: Task) -> None:
    """The retained status: state, progress, rate in jobs per second, expected end, what it waits for."""
    task.dirty = False
    task.waits = waits_for(state, task)
    state.turn.emit(PublishStatus(task.name, status(task)))


def measure(state: State, task: Task) -> None:
    """The rate is of the last seconds, whether anything happens in them or not."""
    since_ms = state.now_ms - task.rate_at
    if since_ms < 900:
        return
    before = task.rate // 1_000
    seen = (task.accepted - task.rate_done) * 1_000_000 // since_ms
    task.rate = (task.rate + seen) // 2 if task.rate else seen
    task.rate_at, task.rate_done = state.now_ms, task.accepted
    task.dirty = task.dirty or task.rate // 1_000 != before


def status(task: Task) -> dict[str, Any]:
    """As published; ``progress`` is in permille and never falls. ``jobs_total`` and ``eta_s`` are for all rounds that
    its kind expects, each taken to be like the present one; ``eta_s`` is None while the rate is not known."""
    rounds = 0 if task.over or task.replaying else max(0, task.expected - task.round.number - 1)
    to_come = rounds * len(task.round.yielded)
    left = task.round.open_jobs + to_come
    return {"v": 1, "task": task.name, "kind": task.kind, "state": task.state, "round": max(task.round.number, 0),
            "jobs_done": task.done_jobs, "jobs_total": task.all_jobs + to_come, "rounds": task.expected,
            "progress": task.progress, "jobs_per_s": 0 if task.over else task.rate // 1_000,
            "copies": task.copies, "recomputed": task.audited, "where": task.where, **here.shown(task),
            "setbacks": task.run - task.life,
            "setback": task.setback,
            "eta_s": left * 1_000 // task.rate + 1 if task.rate and left else (0 if task.over else None),
            "waits_for": task.waits, "submitted_at_ms": task.submitted_at_ms, "by": task.by}


def waits_for(state: State, task: Task) -> str:
    """Why nothing moves, as words for an operator; empty while a job is out or recomputed, and ``STILL_MS`` after."""
    if task.round.moving:
        task.worked_until = state.now_ms
    if task.over or state.now_ms < task.worked_until + STILL_MS:
        return ""
    job = next(iter(first_waiting(task)), None)
    if job and task.round.here:
        return "the gateway, which computes other tasks first"
    return who_may_not(state, job) if job else "the solver"


def who_may_not(state: State, job: Job) -> str:
    """How many devices may not have a waiting job and why, the most frequent reason first."""
    counts, heap = reasons_of_all(state, job)
    if counts.total() == counts[Why.AWAY]:
        return "devices: none is connected"
    (many, first), *others = [(count, _in_words(why, heap, job)) for why, count in counts.most_common()]
    return ", ".join([f"{many} device{'s' * (many > 1)}: {first}", *(f"{count}: {words}" for count, words in others)])


def _in_words(why: Why | None, heap: int, job: Job) -> str:
    if why is Why.HEAP:
        return f"heap {heap >> 10} KB of {-(-job.spec.heap_bytes >> 10)} KB needed"
    return why.meaning if why else "about to get it"
