"""Answers the requests of operators: reads come from the state, changes become events for the core."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from lamplighter.firmware.wire import device_of, is_identifier
from lamplighter.gateway.api import requests
from lamplighter.gateway.api.bounds import MAX_OF_ONE, MAX_WAITING
from lamplighter.gateway.api.budget import Budgets
from lamplighter.gateway.api.guard import Guard
from lamplighter.gateway.api.requests import Ref, Request, RequestError
from lamplighter.gateway.api.views import health, nodes_view, statement, task_view
from lamplighter.gateway.api.wanted import Wanted, wanted
from lamplighter.gateway.core.entities import Job
from lamplighter.gateway.core.events import EpochEnded, Event, TaskCancelled, TaskSubmitted
from lamplighter.gateway.core.here import Plan, plan
from lamplighter.gateway.core.lifecycle import Here, Place, TaskState
from lamplighter.gateway.core.spans import credit_ns
from lamplighter.gateway.core.state import State
from lamplighter.gateway.core.whynot import BUSY, hypothetical, may_be_held, why_not
from lamplighter.gateway.runtime.enrolment import Enrolment
from lamplighter.gateway.runtime.solvers import Solvers
from lamplighter.tasks.api import TaskError
from lamplighter.tasks.registry import nearest

log = logging.getLogger("lamplighter.operators")

MAX_ENROL = 2_000
MAX_HELD = 4 * requests.MAX_REQUEST
"""Bytes of requests being validated at once."""
WHERE = [place.word for place in Place]
"""What may be asked for, as it is kept."""
INLINE_BYTES = 16_384
"""A longer request is not parsed on the loop, where it would hold up everybody."""


class Asked(NamedTuple):
    """A request that is being dealt with."""

    user: str
    method: str
    payload: bytes
    back: Callable[[bytes], None] | None
    wanted: Wanted

    def whom(self, ref: Ref) -> Ref:
        """Who gets the response, of which the request itself says ``ref``."""
        return replace(ref, reply_to=self.wanted.reply_to or ref.reply_to, back=self.back,
                       correlation=self.wanted.correlation)


@dataclass(frozen=True, slots=True)
class RpcServer:
    """What answering takes. ``max_request`` bounds a request in bytes; ``about`` is what a device must be told of
    this gateway; ``tell`` hands events to the core and returns when what follows from them is durable and released;
    ``answer`` sends one response; ``means`` is what ``health`` shows of them; ``wall_ms`` is the wall clock, for
    display only."""

    state: State
    solvers: Solvers
    enrolment: Enrolment
    guard: Guard
    max_request: int
    about: dict[str, str]
    tell: Callable[[Sequence[Event]], Awaitable[None]]
    answer: Callable[[Ref, dict[str, Any] | None, RequestError | None], None]
    means: Callable[[], dict[str, Any]]
    wall_ms: Callable[[], int]
    budgets: Budgets
    waiting: dict[Asked, asyncio.Task[None]] = field(default_factory=dict)
    """By what was asked: a broker that waits for an acknowledgement may hand over the same once more."""


def receive(server: RpcServer, user: str, method: str, payload: bytes, after: Callable[[], None],
            properties: bytes = b"", back: Callable[[bytes], None] | None = None) -> None:
    """Starts to deal with a request of ``user``; whatever it contains, it ends in exactly one response.

    One that is being dealt with is not begun again. ``after`` is called once all that follows from it is durable,
    and not at all if the gateway ends before that. ``back`` takes the response if the request came through the door
    of the data folder; ``properties`` are those of MQTT 5, of a broker that carries them.
    """
    asked = Asked(user, method, payload, back, wanted(server.about["site"], user, properties))
    if asked in server.waiting:
        server.waiting[asked].add_done_callback(lambda ended: None if ended.cancelled() else after())
        return
    try:
        requests.check_size(len(payload), server.max_request)
        if not (back or server.guard.closed) and method.startswith(("node.", "epoch.")):
            raise RequestError("open_broker", "the broker lets strangers ask",
                               "use the command line on the gateway's computer, with --data")
        _check_room(server, user, len(payload) + len(properties))
        if asked.wanted.wrong:
            raise asked.wanted.wrong
    except RequestError as error:
        if error.code != "busy" or server.budgets.tells(user):
            server.answer(_peeked(asked), None, error)
        after()
        return
    work = server.waiting[asked] = asyncio.get_running_loop().create_task(_deal(server, asked))
    work.add_done_callback(lambda _: server.waiting.pop(asked))
    work.add_done_callback(lambda ended: None if ended.cancelled() else after())


def _check_room(server: RpcServer, user: str, size: int) -> None:
    """Whether there is room for a request of ``user``: of what is held nobody has all. Raises RequestError."""
    own = [len(one.payload) for one in server.waiting if one.user == user]
    held = sum(len(one.payload) for one in server.waiting)
    if len(own) >= MAX_OF_ONE or sum(own) + size > MAX_HELD // 2 or not server.budgets.admits(user, size):
        server.budgets.refused(user)
        raise RequestError("busy", f"{user} asks for too much at once", "wait for answers, and try again in a second",
                           "", True)
    if len(server.waiting) >= MAX_WAITING or held + size > MAX_HELD:
        raise RequestError("busy", "too many requests at once", "try again in a second", "", True)


def _peeked(asked: Asked) -> Ref:
    """Whom to answer about a request that was not read, as far as its beginning says."""
    reply_to, cid, task = requests.peek(asked.user, asked.payload[:INLINE_BYTES])
    return asked.whom(Ref(reply_to, cid, task if asked.method == "task.submit" else ""))


async def _read(server: RpcServer, asked: Asked) -> Request:
    door = asked.back is not None
    if len(asked.payload) > INLINE_BYTES:
        return await server.solvers.read(asked.user, asked.method, asked.payload, door)
    methods = requests.AT_THE_DOOR if door else requests.METHODS
    return requests.parse(asked.user, asked.method, asked.payload, methods)


async def _deal(server: RpcServer, asked: Asked) -> None:
    ref: Ref | None = None
    try:
        request = await _read(server, asked)
        ref = asked.whom(_ref(request))
        if "reply_to" in request.params and request.reply_to != ref.reply_to:
            raise RequestError("bad_value", "reply_to and ResponseTopic are not the same", "leave one of them out",
                               "/reply_to")
        log.info("%s asks for %s %s", asked.user, asked.method, ref.task)
        data = await _HANDLERS[asked.method](server, request, ref)
    except RequestError as error:
        refused = error
    except TaskError as error:
        refused = RequestError(error.code, error.message, error.hint, error.path)
    except Exception as error:   # a kind that breaks on an input, or a bug of ours: its sender must hear of it
        log.exception("%s raised", asked.method)
        refused = RequestError("internal", f"{type(error).__name__}: {error}"[:300], "the gateway's log says more")
    else:
        if data is not None:
            server.answer(ref, data, None)
        return
    server.answer(ref or (asked.whom(refused.ref) if refused.ref else _peeked(asked)), None, refused)


def _ref(request: Request) -> Ref:
    submitted = request.params.get("id") if request.method == "task.submit" else ""
    named = isinstance(submitted, str) and is_identifier(submitted)   # nothing else may become part of a topic
    return Ref(request.reply_to, request.cid, str(submitted) if named else "")


async def _submit(server: RpcServer, request: Request, ref: Ref) -> None:
    """Validated here, in a worker; the core answers, once the task is in the journal."""
    task = requests.text(request, "id")
    kind = _kind(request)
    _require_input(request)
    known = server.state.tasks.get(task)
    if known is None or known.body != request.body or known.state is TaskState.CANCELLED:
        await server.solvers.prepare(kind, request.body, request.user)
    await server.tell([TaskSubmitted(
        task, kind, request.body, ref, requests.number(request, "priority", 0, -9, 9),
        requests.number(request, "deadline_s", 86_400, 1, 30 * 86_400) * 1_000, server.wall_ms(), request.user,
        requests.word(request, "where", WHERE))])


async def _price(server: RpcServer, request: Request, _ref: Ref) -> dict[str, Any]:
    """A dry run: nothing is kept. Later rounds may depend on answers, so the price is of the first one."""
    kind = _kind(request)
    _require_input(request)
    where = requests.word(request, "where", WHERE)
    state = server.state
    jobs = await server.solvers.first_round(kind, request.body, request.user)
    kop = sum(job.price_kop for job in jobs)
    largest = hypothetical(state, kind, jobs)
    largest.task.where = where
    planned = plan(state, largest.task, jobs)
    reasons = {node.name: why_not(state, node, largest) for node in state.nodes.values()}
    able = [state.nodes[name] for name, why in reasons.items() if why is None or why in BUSY]
    copies, speed = state.policy.copies, sum(node.speed * node.spare for node in able) // 1_000
    work = kop * copies
    if planned.here:   # nobody is paid for it
        copies, work, speed = 0, kop, 1_000_000_000 // credit_ns(state, largest.task)
    return {"kind": kind, "jobs_first_round": len(jobs), "credits_first_round": kop * copies, "copies": copies,
            "where": Place.HERE if planned.here else Place.FLEET, "where_why": _where_why(state, planned, largest),
            "heap_bytes": largest.spec.heap_bytes, "devices_able": len(able),
            "owners_able": len({node.owner for node in able}), "why_not": Counter(filter(None, reasons.values())),
            "expected_s_first_round": work // speed + 1 if speed else None}


def _where_why(state: State, planned: Plan, largest: Job) -> str:
    """Why devices do not get a round, or not all of it, as words for an operator; empty where they do."""
    if planned.here == Here.COST:
        leases = planned.leases * state.policy.copies
        return f"delegating cannot pay: {leases} leases would cost the gateway about as much as the work"
    if planned.here:
        return Here(planned.here).meaning
    if largest.task.where == Place.AUTO and not may_be_held(state, largest):
        return "no device can hold its largest job: the gateway computes that itself"
    return ""


def _kind(request: Request) -> str:
    kind = request.params.get("kind")
    if not isinstance(kind, str):
        raise RequestError("missing_field", "kind is missing", '"kind": "traffic.signals"', "/kind")
    return kind


def _require_input(request: Request) -> None:
    if not isinstance(request.params.get("input"), dict):
        raise RequestError("missing_field", "input is missing or no object", '"input": {…}', "/input")


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
    """What a kind takes, as JSON Schema (2020-12) and by example; the gateway's retained ``info`` lists the kinds."""
    name = _kind(request)
    kind = server.solvers.kinds.get(name)
    if kind is None:
        hint = nearest(name, list(server.solvers.kinds))
        raise RequestError("unknown_kind", f"no kind {name[:64]!r}", hint, "/kind")
    return {"kind": name, "version": kind.version, "title": kind.title,
            "input_schema": kind.schema, "example": kind.example}


async def _nodes(server: RpcServer, _request: Request, _ref: Ref) -> dict[str, Any]:
    return {"nodes": nodes_view(server.state)}


async def _node(server: RpcServer, request: Request, _ref: Ref) -> dict[str, Any]:
    return nodes_view(server.state, _known_node(server, request))[0]


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


async def _restore(server: RpcServer, request: Request, _ref: Ref) -> dict[str, Any]:
    return (await server.enrolment.restore(requests.text(request, "node"))).standing


async def _transfer(server: RpcServer, request: Request, _ref: Ref) -> dict[str, Any]:
    return (await server.enrolment.transfer(requests.text(request, "node"), requests.text(request, "owner"))).standing


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
    return {**health(server.state), **server.guard.view(), **server.budgets.view(), **server.means()}


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
    "node.restore": _restore,
    "node.transfer": _transfer,
    "reward.statement": _statement,
    "epoch.seal": _seal,
    "health.check": _health,
}
