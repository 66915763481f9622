"""Answers the requests of operators: reads come from the state, changes become events for the core."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lamplighter.firmware.wire import device_of, is_identifier
from lamplighter.gateway.api import requests
from lamplighter.gateway.api.requests import Ref, Request, RequestError
from lamplighter.gateway.api.views import health, node_view, statement, task_view
from lamplighter.gateway.core.events import EpochEnded, Event, TaskCancelled, TaskSubmitted
from lamplighter.gateway.core.policy import price_kop
from lamplighter.gateway.core.state import State
from lamplighter.gateway.runtime.enrolment import Enrolment
from lamplighter.gateway.runtime.solvers import Solvers
from lamplighter.tasks.api import TaskError
from lamplighter.tasks.registry import nearest

log = logging.getLogger("lamplighter.operators")

MAX_ENROL = 2_000
MAX_WAITING = 64
"""Requests being validated at once; more are told to come again."""


@dataclass(frozen=True, slots=True)
class RpcServer:
    """What answering takes. ``about`` is what a device must be told of this gateway; ``tell`` hands events to the
    core and returns when what follows from them is durable and released; ``answer`` sends one response; ``wall_ms``
    is the wall clock, for display only."""

    state: State
    solvers: Solvers
    enrolment: Enrolment
    about: dict[str, str]
    tell: Callable[[Sequence[Event]], Awaitable[None]]
    answer: Callable[[Ref, dict[str, Any] | None, RequestError | None], None]
    wall_ms: Callable[[], int]
    waiting: dict[tuple[str, bytes], asyncio.Task[None]] = field(default_factory=dict)
    """By what was asked: a broker that waits for an acknowledgement may hand over the same once more."""


def receive(server: RpcServer, method: str, payload: bytes, after: Callable[[], None]) -> None:
    """Starts to deal with a request; whatever it contains, it ends in exactly one response.

    One that is being dealt with is not begun again. ``after`` is called once all that follows from it is durable,
    and not at all if the gateway ends before that.
    """
    asked = method, payload
    if asked in server.waiting:
        server.waiting[asked].add_done_callback(lambda ended: None if ended.cancelled() else after())
        return
    try:
        request = requests.parse(method, payload)
    except RequestError as error:
        reply_to, cid, task = requests.peek(payload)
        server.answer(Ref(reply_to, cid, task if method == "task.submit" else ""), None, error)
        after()
        return
    submitted = request.params.get("id") if method == "task.submit" else ""
    named = isinstance(submitted, str) and is_identifier(submitted)   # nothing else may become part of a topic
    ref = Ref(request.reply_to, request.cid, str(submitted) if named else "")
    if len(server.waiting) >= MAX_WAITING:
        server.answer(ref, None, RequestError("busy", "too many requests at once", "try again in a second", "", True))
        after()
        return
    work = server.waiting[asked] = asyncio.get_running_loop().create_task(_deal(server, request, ref))
    work.add_done_callback(lambda _: server.waiting.pop(asked))
    work.add_done_callback(lambda ended: None if ended.cancelled() else after())


async def _deal(server: RpcServer, request: Request, ref: Ref) -> None:
    try:
        data = await _HANDLERS[request.method](server, request, ref)
    except RequestError as error:
        server.answer(ref, None, error)
    except TaskError as error:
        server.answer(ref, None, RequestError(error.code, error.message, error.hint, error.path))
    except Exception as error:   # a kind that breaks on an input, or a bug of ours: its sender must hear of it
        log.exception("%s raised", request.method)
        server.answer(ref, None, RequestError("internal", f"{type(error).__name__}: {error}"[:300],
                                            "the gateway's log says more"))
    else:
        if data is not None:
            server.answer(ref, data, None)


async def _submit(server: RpcServer, request: Request, ref: Ref) -> None:
    """Validated here, in the solver's thread; the core answers, once the task is in the journal."""
    task = requests.text(request, "id")
    kind = _kind(request)
    known = server.state.tasks.get(task)
    if known is None or known.body != request.body:
        await server.solvers.prepare(kind, _input(request))
    await server.tell([TaskSubmitted(
        task, kind, request.body, ref, requests.number(request, "priority", 0, -9, 9),
        requests.number(request, "deadline_s", 86_400, 1, 30 * 86_400) * 1_000, server.wall_ms())])


async def _price(server: RpcServer, request: Request, _ref: Ref) -> dict[str, Any]:
    """A dry run: nothing is kept. Later rounds may depend on answers, so the price is of the first one."""
    kind = _kind(request)
    spec = await server.solvers.prepare(kind, _input(request))
    jobs = await server.solvers.first_round(kind, spec)
    kop = sum(price_kop(job.ops) for job in jobs)
    heap = max((job.heap_bytes for job in jobs), default=0)
    able = [node for node in server.state.nodes.values() if node.online and node.heap >= heap]
    speed = sum(node.speed * node.spare for node in able) // 1_000
    copies = server.state.policy.copies
    return {"kind": kind, "jobs_first_round": len(jobs), "credits_first_round": kop * copies, "copies": copies,
            "heap_bytes": heap, "devices_able": len(able), "owners_able": len({node.owner for node in able}),
            "expected_s_first_round": kop * copies // speed + 1 if speed else None}


def _kind(request: Request) -> str:
    kind = request.params.get("kind")
    if not isinstance(kind, str):
        raise RequestError("missing_field", "kind is missing", '"kind": "traffic.signals"', "/kind")
    return kind


def _input(request: Request) -> dict[str, Any]:
    given = request.params.get("input")
    if not isinstance(given, dict):
        raise RequestError("missing_field", "input is missing or no object", '"input": {…}', "/input")
    return given


async def _cancel(server: RpcServer, request: Request, ref: Ref) -> None:
    await server.tell([TaskCancelled(requests.text(request, "task"), ref)])


async def _task(server: RpcServer, request: Request, _ref: Ref) -> dict[str, Any]:
    name = requests.text(request, "task")
    task = server.state.tasks.get(name)
    if task is None:
        raise RequestError("unknown_task", f"no task {name!r}", "see task.list", "/task")
    result = json.loads(task.result) if task.result else None
    return {**task_view(task), "result": result}


async def _tasks(server: RpcServer, _request: Request, _ref: Ref) -> dict[str, Any]:
    return {"tasks": [task_view(task) for task in server.state.tasks.values()]}


async def _kind_of(server: RpcServer, request: Request, _ref: Ref) -> dict[str, Any]:
    """What a kind takes, as JSON Schema (2020-12); the gateway's retained ``info`` lists the kinds."""
    name = _kind(request)
    kind = server.solvers.kinds.get(name)
    if kind is None:
        hint = nearest(name, list(server.solvers.kinds))
        raise RequestError("unknown_kind", f"no kind {name[:64]!r}", hint, "/kind")
    return {"kind": name, "version": kind.version, "title": kind.title,
            "input_schema": kind.Model.model_json_schema()}


async def _nodes(server: RpcServer, _request: Request, _ref: Ref) -> dict[str, Any]:
    return {"nodes": [node_view(server.state, node) for node in server.state.nodes.values()]}


async def _node(server: RpcServer, request: Request, _ref: Ref) -> dict[str, Any]:
    return node_view(server.state, _known_node(server, request))


def _known_node(server: RpcServer, request: Request) -> Any:
    name = requests.text(request, "node")
    node = server.state.nodes.get(name)
    if node is None:
        raise RequestError("unknown_node", f"no node {name!r}", "see node.list", "/node")
    return node


async def _enrol(server: RpcServer, request: Request, _ref: Ref) -> dict[str, Any]:
    """Takes keys from whoever may use this method: a broker's permissions say who that is."""
    given = request.params.get("nodes")
    if not isinstance(given, list) or not 0 < len(given) <= MAX_ENROL:
        raise RequestError("bad_value", "nodes is no list of devices",
                           f'1 to {MAX_ENROL} of {{"key": 64 hex digits, "owner": identifier}}', "/nodes")
    pairs = []
    for at, item in enumerate(given):
        try:
            key, owner = bytes.fromhex(item["key"]), item["owner"]
            if len(key) != 32 or len(item) != 2 or not is_identifier(owner):
                raise ValueError
        except (KeyError, TypeError, ValueError):
            raise RequestError("bad_value", f"device {at} is not well-formed",
                               '{"key": 64 hex digits, "owner": identifier}', f"/nodes/{at}") from None
        pairs.append((key, owner))
    await server.enrolment.enrol(pairs)
    return {**server.about, "nodes": [device_of(key)[1] for key, _ in pairs]}


async def _revoke(server: RpcServer, request: Request, _ref: Ref) -> dict[str, Any]:
    node = _known_node(server, request)
    await server.enrolment.revoke(node.name)
    return {"node": node.name, "state": "revoked"}


async def _statement(server: RpcServer, request: Request, _ref: Ref) -> dict[str, Any]:
    owner = requests.text(request, "owner")
    nodes = statement(server.state, owner)
    if not nodes:
        raise RequestError("unknown_owner", f"no device of {owner!r}", "see node.list", "/owner")
    return {"owner": owner, "pending": sum(node["pending"] for node in nodes.values()),
            "settled": sum(node["settled"] for node in nodes.values()), "nodes": nodes}


async def _seal(server: RpcServer, _request: Request, ref: Ref) -> None:
    await server.tell([EpochEnded(ref)])


async def _health(server: RpcServer, _request: Request, _ref: Ref) -> dict[str, Any]:
    return health(server.state)


_HANDLERS: dict[str, Callable[[RpcServer, Request, Ref], Awaitable[dict[str, Any] | None]]] = {
    "task.submit": _submit,
    "task.price": _price,
    "task.cancel": _cancel,
    "task.get": _task,
    "task.list": _tasks,
    "kind.get": _kind_of,
    "node.list": _nodes,
    "node.get": _node,
    "node.enrol": _enrol,
    "node.revoke": _revoke,
    "reward.statement": _statement,
    "epoch.seal": _seal,
    "health.check": _health,
}
