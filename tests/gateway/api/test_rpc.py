"""Every method, through a server with the core's state and fakes at the edges."""

import asyncio
import json
import logging
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import ClassVar

import pytest

from lamplighter.firmware.wire import device_of
from lamplighter.gateway.adapters.registry import Device
from lamplighter.gateway.api import requests, rpc
from lamplighter.gateway.api.bounds import MAX_OF_ONE, MAX_WAITING
from lamplighter.gateway.api.budget import BURST_BYTES, REQUEST_BYTES, TOLD, Budgets
from lamplighter.gateway.api.guard import Guard
from lamplighter.gateway.api.requests import AT_THE_DOOR, MAX_REQUEST, METHODS, Ref, RequestError
from lamplighter.gateway.api.rpc import INLINE_BYTES, MAX_ENROL, MAX_HELD, RpcServer, receive
from lamplighter.gateway.core import events as e
from lamplighter.gateway.core.machine import Machine
from lamplighter.gateway.core.policy import Policy
from lamplighter.gateway.core.state import State
from lamplighter.gateway.runtime.kinds import KindInfo
from lamplighter.tasks.api import TaskError

KEY = "ab" * 32
GOOD_INPUT = {"n": 2}


class Solvers:
    """Stands in for the workers: input ``{"n": jobs}``, negative n is refused, 666 is a bug."""

    prepared = 0
    kinds: ClassVar = {"toy": KindInfo("toy", 3, "Toy", "", False,
                                       {"properties": {"n": {"type": "integer"}}}, {"id": "one"})}
    gate: asyncio.Event | None = None
    read_there = 0

    async def read(self, user, method, payload, door):
        self.read_there += 1
        return requests.parse(user, method, payload, AT_THE_DOOR if door else METHODS)

    async def prepare(self, kind, body, user=""):
        given = json.loads(body)["input"]
        self.prepared += 1
        if self.gate:
            await self.gate.wait()
        if kind != "toy":
            raise TaskError("unknown_kind", f"no kind {kind!r}", "did you mean 'toy'?", "/kind")
        if given["n"] == 666:
            raise ZeroDivisionError("by zero")
        if given["n"] < 0:
            raise TaskError("out_of_range", "n", "at least 0", "/input/n")
        return given["n"]

    async def first_round(self, kind, body, user=""):
        return [e.JobSpec(b"x", (), 1, 3, 4_000)] * await self.prepare(kind, body)


class Bench:
    """A server. ``ask`` gives the one response to a request, (data, error); ``put`` holds events for the core."""

    def __init__(self):
        self.machine = Machine(Policy(), b"secret", {}, 1, b"n" * 8)
        self.put, self.answered, self.enrolled, self.revoked, self.done = [], [], [], [], []
        self.solvers = Solvers()
        self.refuses, self.now_ms, self.counters = None, 0, Counter()
        self.commit = None
        enrolment = SimpleNamespace(enrol=self._enrol, revoke=self._revoke, restore=self._device,
                                    transfer=self._device)
        self.guard = Guard("here", 1883)
        self.server = RpcServer(self.state, self.solvers, enrolment, self.guard, MAX_REQUEST,
                                {"site": "demo", "net": "00"}, self._tell, self._answer,
                                lambda: {"bounds": {"devices": {"now": 1, "most": 9}}}, lambda: 1_700_000_000_000,
                                Budgets(lambda: self.now_ms, self.counters))

    @property
    def state(self) -> State:
        return self.machine.state

    async def _tell(self, events):
        self.put += events
        if self.commit:
            await self.commit.wait()

    async def _enrol(self, pairs):
        if self.refuses:
            raise self.refuses
        self.enrolled += pairs

    async def _revoke(self, node):
        self.revoked.append(node)

    async def _device(self, node, owner=""):
        asked = 4 if owner else -1
        return Device(node, bytes(32), "anna", 0, next_owner=owner, asked=asked)

    def _answer(self, ref, data, error):
        self.answered.append((ref, data, error))

    def tell(self, event):
        return self.machine.handle(event, 1_000)

    def ask(self, method, payload=None, back=None, user="anna", properties=b"", **params):
        payload = json.dumps({"reply_to": user, "cid": "7", **params}).encode() if payload is None else payload

        async def main():
            receive(self.server, user, method, payload, lambda: self.done.append(method), properties,
                    back)
            while self.server.waiting:
                await asyncio.gather(*self.server.waiting.values())
        asyncio.run(asyncio.wait_for(main(), 300))
        assert self.done == [method]   # the broker may forget it
        self.done.clear()
        if not self.answered:
            return None, None
        ((self.ref, data, error),) = self.answered
        self.answered.clear()
        return data, error

    def refused(self, method, payload=None, **params):
        data, error = self.ask(method, payload, **params)
        assert data is None and not self.put
        return error.code, error.path


@pytest.fixture
def bench():
    """A server with one enrolled device and one submitted task."""
    made = Bench()
    made.tell(e.NodeEnrolled("anna-1", b"d" * 16, "anna"))
    made.tell(e.TaskSubmitted("rush", "toy", b'{"id":"rush","input":{"n":2},"kind":"toy"}'))
    return made


def test_every_method_has_a_handler():
    """What can be asked can be answered."""
    assert set(rpc._HANDLERS) == set(AT_THE_DOOR)


def test_some_may_be_asked_at_the_door_only(bench):
    """Who has the folder may restore devices and hand them over; nobody may over the network."""
    assert set(AT_THE_DOOR) - set(METHODS) == {"node.restore", "node.transfer"}
    for method in set(AT_THE_DOOR) - set(METHODS):
        assert bench.refused(method, node="anna-1", owner="ben") == ("unknown_method", "")
    back = [].append
    told, _ = bench.ask("node.transfer", back=back, node="anna-1", owner="ben")
    assert told == {"node": "anna-1", "owner": "anna", "next_owner": "ben", "epoch": 4, "revoked": False}
    assert bench.ref.back is back
    told, _ = bench.ask("node.restore", back=back, node="anna-1")
    assert (told["revoked"], told["epoch"]) == (False, None)
    _, error = bench.ask("node.restore", back=back, node="No Node")
    assert error.path == "/node" and bench.ref.back is back
    _, error = bench.ask("", b"noise", back=back)
    assert error.code == "unknown_method" and bench.ref.back is back


TOPIC = b"\x08\0\x1elamplighter/v1/demo/reply/anna"
CORRELATION = b"\x09\0\x02\0\xff"


@pytest.mark.parametrize(("payload", "reply_to"), [
    (b"{}", "anna"), (b'{"reply_to": "anna"}', "anna"), (b'{"reply_to": "anonymous"}', ""), (b"noise", "anna"),
    (b'{"n": "' + b"x" * INLINE_BYTES + b'"}', "anna"), (b"{}", "anonymous")])
def test_an_answer_goes_where_mqtt_5_says(bench, payload, reply_to):
    """With what it is to carry, also where the request is refused; two addresses that differ are refused by name."""
    topic = TOPIC if reply_to != "anonymous" else b""
    _, error = bench.ask("task.list", payload, properties=topic + CORRELATION)
    assert (bench.ref.reply_to, bench.ref.correlation) == (reply_to or "anna", b"\0\xff")
    if not reply_to:
        assert (error.code, error.path) == ("bad_value", "/reply_to") and "ResponseTopic" in error.message
    assert (error is None) == (len(payload) < 25 and payload != b"noise" and reply_to != "")


def test_where_nobody_may_be_answered_nothing_is_done(bench):
    """The asker hears why on its own topic, and it counts as any request."""
    before = bench.server.budgets._account("anna").left
    _, error = bench.ask("epoch.seal", b'{"cid": "7"}', properties=TOPIC.replace(b"anna", b"node") + CORRELATION)
    assert error.code == "bad_value" and not bench.put
    assert bench.ref == Ref("anna", "7", "", None, b"\0\xff")
    assert bench.server.budgets._account("anna").left < before


def test_requests_that_differ_by_correlation_are_two(bench):
    """Each has its answer; the same once more is the same."""
    async def main():
        for properties in (CORRELATION, b"\x09\0\x01x", b"\2\0\0\0\7" + CORRELATION, b""):
            receive(bench.server, "anna", "task.list", b"{}", lambda: None, properties)
        await asyncio.gather(*bench.server.waiting.values())
    asyncio.run(main())
    assert [ref.correlation for ref, _, _ in bench.answered] == [b"\0\xff", b"x", b""]


def test_a_submission_becomes_an_event(bench):
    """Once validated it goes to the core with its body, its clocks and whom to answer; it says nothing yet."""
    assert bench.ask("task.submit", id="jam", kind="toy", input=GOOD_INPUT, priority=3, deadline_s=60) == (None, None)
    (event,) = bench.put
    assert (event.task, event.kind, event.priority, event.deadline_ms) == ("jam", "toy", 3, 60_000)
    assert event.ref == Ref("anna", "7", "jam") and event.by == "anna" and event.submitted_at_ms > 0
    assert event.where == "auto" and type(event.where) is str   # it goes into the journal
    about = {"id": "jam", "kind": "toy", "input": GOOD_INPUT, "priority": 3, "deadline_s": 60}
    assert json.loads(event.body) == about


def test_a_kind_tells_its_schema(bench):
    """What an input may hold can be asked of the gateway."""
    told, error = bench.ask("kind.get", kind="toy")
    assert error is None and (told["version"], told["title"]) == (3, "Toy")
    assert told["input_schema"]["properties"]["n"]["type"] == "integer" and told["example"] == {"id": "one"}
    assert bench.refused("kind.get", kind="toi") == ("unknown_kind", "/kind")


def test_a_known_submission_is_not_validated_again(bench):
    """The same request again is answered from the state."""
    bench.ask("task.submit", id="rush", kind="toy", input=GOOD_INPUT)
    assert bench.solvers.prepared == 0 and bench.put[0].task == "rush"


@pytest.mark.parametrize(("params", "code", "path"), [
    ({"kind": "toy", "input": {}}, "missing_field", "/id"),
    ({"id": "A", "kind": "toy", "input": {}}, "bad_value", "/id"),
    ({"id": "a", "input": {}}, "missing_field", "/kind"),
    ({"id": "a", "kind": 1, "input": {}}, "missing_field", "/kind"),
    ({"id": "a", "kind": "toy"}, "missing_field", "/input"),
    ({"id": "a", "kind": "toy", "input": []}, "missing_field", "/input"),
    ({"id": "a", "kind": "toi", "input": GOOD_INPUT}, "unknown_kind", "/kind"),
    ({"id": "a", "kind": "toy", "input": {"n": -1}}, "out_of_range", "/input/n"),
    ({"id": "a", "kind": "toy", "input": GOOD_INPUT, "priority": 10}, "out_of_range", "/priority"),
    ({"id": "a", "kind": "toy", "input": GOOD_INPUT, "deadline_s": 0}, "out_of_range", "/deadline_s"),
    ({"id": "a", "kind": "toy", "input": GOOD_INPUT, "where": "her"}, "bad_value", "/where"),
    ({"id": "a", "kind": "toy", "input": GOOD_INPUT, "where": ["here"]}, "bad_value", "/where"),
    ({"id": "a", "kind": "toy", "input": GOOD_INPUT, "deadline": 1}, "unknown_field", "/deadline"),
])
def test_a_submission_is_refused_with_its_reason(bench, params, code, path):
    """What is wrong, and where, before anything reaches the core."""
    assert bench.refused("task.submit", **params) == (code, path)
    assert bench.ref.cid == "7"


def test_a_kind_that_breaks_on_an_input_is_answered(bench, caplog):
    """A bug of a kind is logged, and whoever asked is not left waiting."""
    caplog.set_level(logging.CRITICAL)
    assert bench.refused("task.submit", id="a", kind="toy", input={"n": 666}) == ("internal", "")
    assert bench.refused("task.price", id="a", kind="toy", input={"n": 666}) == ("internal", "")


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b'{"cid": "7", "oops": 1}', b'{"cid": NaN}'])
@pytest.mark.parametrize("method", [*sorted(METHODS), "no.method", "", "+"])
def test_junk_gets_one_response(bench, method, payload):
    """Whatever is asked in whatever way: exactly one refusal."""
    data, error = bench.ask(method, payload)
    assert data is None and isinstance(error, RequestError) and not bench.put


def test_a_price_is_a_dry_run(bench):
    """Jobs, credits for all copies, heap, and how long the devices that may have the jobs would take."""
    bench.tell(e.KernelsCompiled(0, {"toy": b"k" * 16}))
    for name, heap, room in (("anna-1", 9_000, 1), ("ben-1", 3_999, 1), ("ben-2", 9_000, 0)):
        bench.tell(e.NodeEnrolled(name, name.encode() * 3, name[:-2]))
        bench.tell(e.NodeStatusChanged(name, e.At(1, 1, 1), "ready"))
        bench.tell(e.NodeBorn(name, e.At(1, 1, 2), "board", 0, "0.1", heap, 4, 4_096, 7, ()))
        bench.tell(e.KernelsCompiled(0, {"toy": b"k" * 16}))
        bench.tell(e.NodeBid(name, e.At(1, 1, 3), 500, heap, room, (), "mains", None))
    told, _ = bench.ask("task.price", kind="toy", input={"n": 10}, where="fleet")
    assert told == {"kind": "toy", "jobs_first_round": 10, "credits_first_round": 60, "copies": 2,
                    "where": "fleet", "where_why": "", "heap_bytes": 4_000, "devices_able": 1, "owners_able": 1,
                    "expected_s_first_round": 31,
                    "why_not": {"heap": 1, "no_room": 1}}
    assert not bench.put


def test_a_price_counts_who_is_only_busy(bench):
    """A device that has other leases will have these jobs after them; it is named as full all the same."""
    bench.tell(e.NodeStatusChanged("anna-1", e.At(1, 1, 1), "ready"))
    bench.tell(e.NodeBorn("anna-1", e.At(1, 1, 2), "board", 0, "0.1", 9_000, 4, 4_096, 7, ()))
    bench.tell(e.KernelsCompiled(0, {"toy": b"k" * 16}))
    bench.tell(e.NodeBid("anna-1", e.At(1, 1, 3), 500, 9_000, 1, (), "mains", None))
    bench.tell(e.RoundYielded("rush", 0, (e.JobSpec(b"x", (), 1, 300, 4_000),)))
    told, _ = bench.ask("task.price", kind="toy", input={"n": 10})
    assert (told["devices_able"], told["why_not"]) == (1, {"full": 1})


@pytest.mark.parametrize(("where", "heap", "place", "why", "credits", "seconds"), [
    ("auto", 9_000, "here",
     "delegating cannot pay: 20 leases would cost the gateway about as much as the work", 0, 1),
    ("here", 9_000, "here", "its task says so", 0, 1),
    ("fleet", 3_999, "fleet", "", 60, None),
    ("auto", 3_999, "fleet", "no device can hold its largest job: the gateway computes that itself", 60, None),
])
def test_a_price_says_where(bench, where, heap, place, why, credits, seconds):
    """By the rule that will decide it, and in a sentence why not by devices; then nobody is paid."""
    bench.machine.state.policy = Policy(lease_us=700 if heap > 4_000 else 0)
    bench.tell(e.NodeStatusChanged("anna-1", e.At(1, 1, 1), "ready"))
    bench.tell(e.NodeBorn("anna-1", e.At(1, 1, 2), "board", 0, "0.1", heap, 4, 4_096, 7, ()))
    bench.tell(e.KernelsCompiled(0, {"toy": b"k" * 16}))
    bench.tell(e.NodeBid("anna-1", e.At(1, 1, 3), 500, heap, 1, (), "mains", None))
    told, _ = bench.ask("task.price", kind="toy", input={"n": 10}, where=where)
    assert (told["where"], told["where_why"], told["credits_first_round"]) == (place, why, credits)
    assert told["expected_s_first_round"] == seconds and told["copies"] == (0 if place == "here" else 2)


def test_a_price_without_devices_has_no_duration(bench):
    """Nobody can say how long it takes when nobody is there."""
    told, _ = bench.ask("task.price", kind="toy", input={"n": 0})
    assert (told["credits_first_round"], told["devices_able"], told["expected_s_first_round"]) == (0, 0, None)


def test_cancel_and_seal_go_to_the_core(bench):
    """What changes state is an event; the core answers."""
    assert bench.ask("task.cancel", task="rush") == bench.ask("epoch.seal") == (None, None)
    assert bench.put == [e.TaskCancelled("rush", Ref("anna", "7")), e.EpochEnded(Ref("anna", "7"))]


def test_tasks_are_read_from_the_state(bench):
    """One with its result, or all of them; an unknown one is refused."""
    told, _ = bench.ask("task.get", task="rush")
    assert (told["task"], told["state"], told["result"]) == ("rush", "preparing", None)
    bench.tell(e.TaskBroke("rush", "c", "m", "kind"))
    assert bench.ask("task.get", task="rush")[0]["result"]["error"]["code"] == "c"
    assert [task["task"] for task in bench.ask("task.list")[0]["tasks"]] == ["rush"]
    assert bench.refused("task.get", task="jam") == ("unknown_task", "/task")


def test_nodes_are_read_from_the_state(bench):
    """One device or all of them; an unknown one is refused."""
    told = bench.ask("node.get", node="anna-1")[0]
    assert (told["owner"], told["why_not"]) == ("anna", "away") and told in bench.ask("node.list")[0]["nodes"]
    assert [node["node"] for node in bench.ask("node.list")[0]["nodes"]] == ["anna-1"]
    assert bench.refused("node.get", node="ben-1") == ("unknown_node", "/node")


def test_an_enrolment_is_one_use_case(bench):
    """The answer names site, network and the devices, in the order in which they were asked for."""
    told, error = bench.ask("node.enrol", nodes=[{"key": KEY, "owner": "ben"}, {"key": KEY[::-1], "owner": "anna"}])
    assert error is None and bench.enrolled == [(bytes.fromhex(KEY), "ben"), (bytes.fromhex(KEY[::-1]), "anna")]
    assert told == {"site": "demo", "net": "00", "nodes": [device_of(key)[1] for key, _ in bench.enrolled]}
    assert not bench.put   # that is the enrolment's to do


@pytest.mark.parametrize(("nodes", "path"), [
    (None, "/nodes"), ([], "/nodes"), ("x", "/nodes"), ([{}] * (MAX_ENROL + 1), "/nodes"),
    (["x"], "/nodes/0"), ([None], "/nodes/0"), ([[]], "/nodes/0"), ([{"key": KEY}], "/nodes/0"),
    ([{"key": KEY, "owner": "ben", "more": 1}], "/nodes/0"), ([{"key": KEY[:-2], "owner": "ben"}], "/nodes/0"),
    ([{"key": 5, "owner": "ben"}], "/nodes/0"), ([{"key": "xy" * 32, "owner": "ben"}], "/nodes/0"),
    ([{"key": KEY, "owner": "ben"}, {"key": KEY, "owner": "B"}], "/nodes/1"),
    ([{"key": KEY, "owner": 5}], "/nodes/0"), ([{"key": KEY, "owner": None}], "/nodes/0"),
], ids=lambda value: str(value)[:30])
def test_malformed_enrolments_enrol_nobody(bench, nodes, path):
    """One bad entry refuses all of them, and is pointed at."""
    assert bench.refused("node.enrol", nodes=nodes) == ("bad_value", path)
    assert bench.enrolled == []


def test_a_registry_that_refuses_is_heard(bench):
    """The core does not hear of a device that could not be written down."""
    bench.refuses = RequestError("registry", "the registry is full")
    assert bench.refused("node.enrol", nodes=[{"key": KEY, "owner": "ben"}]) == ("registry", "")


def test_a_revocation_is_one_use_case(bench):
    """The enrolment does it; a node that nobody knows is refused."""
    told, _ = bench.ask("node.revoke", node="anna-1")
    assert told == {"node": "anna-1", "state": "revoked"}
    assert bench.revoked == ["anna-1"] and not bench.put
    assert bench.refused("node.revoke", node="ben-1") == ("unknown_node", "/node")


def test_an_owner_reads_a_statement(bench):
    """The sums of the devices' credits, and each of them; what a device earned for another owner is not in them."""
    bench.tell(e.NodeEnrolled("anna-2", b"e" * 16, "anna"))
    bench.state.nodes["anna-1"].pending, bench.state.nodes["anna-2"].pending = {3: 20, 4: 10}, {4: 12}
    bench.state.settled = {("anna", "anna-1"): 5, ("anna", "sold-1"): 2, ("ben", "anna-2"): 9}
    told, _ = bench.ask("reward.statement", owner="anna")
    nodes = {"anna-1": {"pending": 30, "settled": 5}, "anna-2": {"pending": 12, "settled": 0},
             "sold-1": {"pending": 0, "settled": 2}}
    assert told == {"owner": "anna", "pending": 42, "settled": 7, "nodes": nodes}
    assert bench.refused("reward.statement", owner="chloe") == ("unknown_owner", "/owner")


@pytest.mark.parametrize("method", sorted(m for m in METHODS if m.startswith(("node.", "epoch."))))
def test_on_an_open_broker_devices_and_epochs_are_managed_at_the_door(bench, method):
    """Whoever can publish there may be anybody: refused by name, and done for who may use the data folder."""
    bench.guard.closed = False
    assert bench.refused(method) == ("open_broker", "")
    _, error = bench.ask(method, back=lambda said: None, **({"node": "anna-1"} if method != "epoch.seal" else {}))
    assert error is None or error.code != "open_broker"
    bench.put.clear()
    assert bench.ask("task.list")[1] is None


def test_a_request_beyond_the_bound_of_this_gateway_is_too_large(bench):
    """Whatever it says: nothing is parsed, and the answer names the bound."""
    bench.server = replace(bench.server, max_request=100)
    assert bench.ask("task.list", cid="7" * 20)[1] is None
    assert bench.refused("task.list", cid="7" * 100) == ("too_large", "")


def test_health_is_a_few_numbers(bench):
    """Enough to see whether work is moving."""
    told, _ = bench.ask("health.check")
    assert told["tasks_open"] == 1 and told["nodes"] == 1 and told["bounds"] == {"devices": {"now": 1, "most": 9}}


def test_too_many_requests_are_told_to_come_again(bench):
    """While the workers are busy, requests beyond the bound are refused as retryable, and none is lost."""
    async def main():
        bench.solvers.gate = asyncio.Event()
        for number in range(MAX_WAITING + 3):
            given = {"id": f"t{number}", "kind": "toy", "input": GOOD_INPUT}
            receive(bench.server, f"user{number % 8}", "task.submit", json.dumps(given).encode(),
                    lambda: bench.done.append("done"))
        assert [error.code for _, _, error in bench.answered] == ["busy"] * 3
        assert all(error.retryable for _, _, error in bench.answered)
        bench.solvers.gate.set()
        await asyncio.gather(*bench.server.waiting.values())
    asyncio.run(asyncio.wait_for(main(), 300))
    assert len(bench.put) == MAX_WAITING and not bench.server.waiting


def test_an_operator_who_floods_takes_no_room_from_another(bench):
    """It has a part of what waits and of the answers; what another asks is dealt with at once."""
    async def main():
        bench.solvers.gate = asyncio.Event()
        given = {"kind": "toy", "input": GOOD_INPUT}
        for number in range(1_000):
            receive(bench.server, "anna", "task.submit", json.dumps({"id": f"t{number}", **given}).encode(),
                    lambda: bench.done.append("done"))
        assert len(bench.server.waiting) == MAX_OF_ONE and len(bench.answered) == TOLD
        receive(bench.server, "ben", "task.submit", json.dumps({"id": "jam", **given}).encode(), lambda: None)
        assert len(bench.server.waiting) == MAX_OF_ONE + 1
        bench.solvers.gate.set()
        await asyncio.gather(*bench.server.waiting.values())
    asyncio.run(asyncio.wait_for(main(), 300))
    assert len(bench.put) == MAX_OF_ONE + 1 and len(bench.done) == 1_000   # acknowledged to the broker, all
    assert bench.counters["requests_unanswered"] == 1_000 - MAX_OF_ONE - TOLD
    assert bench.server.budgets.view() == {"asked_too_much": {"anna": 1_000 - MAX_OF_ONE}}


def test_short_requests_have_a_budget_too(bench):
    """Who asks thousands of them in a second is told to wait, others are not; a second later it is heard again."""
    for _ in range(BURST_BYTES // REQUEST_BYTES):
        bench.server.budgets.admits("anna", 0)
    assert bench.refused("task.list", user="anna") == ("busy", "")
    assert bench.ask("task.list", user="ben")[1] is None
    bench.now_ms += 1_000
    assert bench.ask("task.list", user="anna")[1] is None


def test_what_a_broker_hands_over_again_is_not_begun_again(bench):
    """It waits for an acknowledgement that comes with the commit: both are acknowledged then, and validated once."""
    async def main():
        bench.commit = asyncio.Event()
        given = json.dumps({"id": "jam", "kind": "toy", "input": GOOD_INPUT}).encode()
        while not bench.put:
            receive(bench.server, "anna", "task.submit", given, lambda: bench.done.append("done"))
            await asyncio.sleep(0)
        receive(bench.server, "anna", "task.submit", given, lambda: bench.done.append("done"))
        await asyncio.sleep(0)
        assert not bench.done
        bench.commit.set()
        await asyncio.gather(*bench.server.waiting.values())
        await asyncio.sleep(0)
    asyncio.run(asyncio.wait_for(main(), 300))
    assert (bench.solvers.prepared, len(bench.put)) == (1, 1) and len(bench.done) >= 2


def test_a_request_beyond_all_bounds_is_refused_unread(bench):
    """Neither the loop nor a worker looks at more than its beginning."""
    given = b'{"reply_to": "anna", "cid": "7", "id": "t"}'
    assert bench.refused("task.submit", given.ljust(requests.MAX_REQUEST + 1)) == ("too_large", "")
    assert (bench.ref.reply_to, bench.ref.cid, bench.ref.task) == ("anna", "7", "t") and not bench.solvers.read_there


def test_long_requests_are_bounded_by_their_bytes(bench):
    """A few long ones fill what many short ones would; whoever is told to come again is told by name."""
    async def main():
        bench.solvers.gate = asyncio.Event()
        for at, user in enumerate(("ben", "ben", "chloe", "chloe", "anna")):
            given = {"reply_to": user, "cid": "7", "id": "t", "kind": "toy", "input": GOOD_INPUT}
            long = json.dumps(given).encode().ljust(MAX_HELD // 4 - at)
            receive(bench.server, user, "task.submit", long, lambda: bench.done.append("done"))
        ((ref, _, error),) = bench.answered
        assert (ref.reply_to, ref.cid, ref.task) == ("anna", "7", "t") and error.code == "busy" and error.retryable
        bench.solvers.gate.set()
        await asyncio.gather(*bench.server.waiting.values())
    asyncio.run(asyncio.wait_for(main(), 300))
    assert len(bench.put) == 4 == bench.solvers.read_there


@pytest.mark.parametrize(("size", "there"), [(INLINE_BYTES, 0), (INLINE_BYTES + 1, 1)])
def test_a_long_request_is_read_beside_the_loop(bench, size, there):
    """It would hold everybody up; a short one is read at once. Both are answered alike."""
    for given in ({"reply_to": "anna", "cid": "7", "id": "t", "kind": "toy", "input": GOOD_INPUT},
                  {"reply_to": "anna", "cid": "7", "id": "t", "kin": "toy"}):
        _, error = bench.ask("task.submit", json.dumps(given).encode().ljust(size))
        assert (error and error.code) == (None if "kind" in given else "unknown_field")
        assert not error or (bench.ref.reply_to, bench.ref.cid, bench.ref.task) == ("anna", "7", "t")
    assert bench.solvers.read_there == 2 * there and len(bench.put) == 1
