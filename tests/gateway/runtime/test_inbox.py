"""From messages to events."""

from collections import Counter
from types import SimpleNamespace

import pytest

from lamplighter.firmware import wire
from lamplighter.firmware.mac import Mac
from lamplighter.gateway.api.budget import REQUEST_BYTES
from lamplighter.gateway.api.guard import Guard
from lamplighter.gateway.core import events as e
from lamplighter.gateway.core.intake import Keys
from lamplighter.gateway.protocol.topics import rpc_topic
from lamplighter.gateway.runtime.gate import HINT_BYTES, MESSAGE_BYTES
from lamplighter.gateway.runtime.inbox import Inbox, mark_topic, subscriptions

UP, DOWN = Mac(b"u" * 32), Mac(b"d" * 32)


MARK = mark_topic("demo", "gw1"), b"3"


@pytest.fixture
def bench():
    """An inbox: ``put``, ``asked``, ``acknowledged`` hold what it did, ``take`` gives it a message."""
    made = SimpleNamespace(put=[], asked=[], acknowledged=[], counters=Counter(), sizes=[], open=True, vain=[],
                           guard=Guard("here", 1883))
    made.gate = SimpleNamespace(admits=lambda node, size: made.sizes.append((node, size)) or made.open,
                                vain=made.vain.append)
    pump = SimpleNamespace(put=lambda event, after=None: made.put.append((event, after)))
    made.inbox = inbox = Inbox("demo", MARK, {"a": Keys(b"a" * 16, UP, DOWN)}, made.gate, pump,
                  lambda *request: made.asked.append(request), made.acknowledged.append, made.guard, made.counters)

    def take(topic, payload, retain=False, properties=b""):
        message = SimpleNamespace(topic=topic, payload=payload, retain=retain, properties=properties)
        inbox.take(message)
        return message
    made.take = take
    take(*MARK)
    made.acknowledged.clear()
    return made


def test_a_message_is_acknowledged_after_its_last_event(bench):
    """A batch is several events; the broker may forget it when the last of them is durable."""
    frames = [wire.encode_refusal(bytes([n]) * 16, 1, UP) for n in range(3)]
    message = bench.take(wire.node_topic("demo", "a", "result"), wire.encode_batch(frames))
    assert [event for event, _ in bench.put] == [e.LeaseRefused("a", bytes([n]) * 16, 1) for n in range(3)]
    assert [after is not None for _, after in bench.put] == [False, False, True] and not bench.acknowledged
    bench.put[-1][1]()
    assert bench.acknowledged == [message]


def test_requests_go_to_their_server(bench):
    """Whatever they hold, they are no events of devices; they are acknowledged when all that follows is durable."""
    message = bench.take(rpc_topic("demo", "city", "task.list"), b"{}")
    ((*asked, after, _),) = bench.asked
    assert asked == ["city", "task.list", b"{}"] and not bench.put and not bench.acknowledged
    after()
    assert bench.acknowledged == [message]


@pytest.mark.parametrize("topic", [rpc_topic("demo", "", "task.list"), rpc_topic("demo", "Z", "task.list"),
                                   "lamplighter/v1/demo/rpc/task.list"])
def test_a_request_of_nobody_is_let_go(bench, topic):
    """Without a user there is nobody to answer."""
    bench.take(topic, b"{}")
    assert not bench.asked and not bench.put and len(bench.acknowledged) == 1


def test_a_request_that_the_broker_kept_is_not_carried_out(bench):
    """It is let go, counted and named, until a message without content has taken it away."""
    topic = rpc_topic("demo", "city", "epoch.seal")
    bench.take(topic, b"{}", retain=True)
    bench.take(topic, b"{}", retain=True)
    assert not bench.asked and len(bench.acknowledged) == 2 and bench.guard.ignored == 2
    assert [kept["topic"] for kept in bench.guard.view()["retained_requests"]] == [topic]
    bench.take(topic, b"")
    assert not bench.asked and bench.guard.view()["retained_requests"] == []


def test_where_a_request_says_that_it_is_to_be_kept_it_never_is_one(bench):
    """With MQTT 5 also at once, so without content too: that takes away what was kept, and wants no answer."""
    topic = rpc_topic("demo", "city", "epoch.seal")
    bench.inbox.waits = True
    for payload in (b"{}", b"", b"{}", b""):
        bench.take(topic, payload, retain=True)
        bench.take(*MARK)
    assert not bench.asked and len(bench.acknowledged) == 8 and bench.guard.ignored == 2 and not bench.guard.kept


def test_properties_are_their_readers_and_count(bench, monkeypatch):
    """Those of requests go to their server, also when they had to wait; those of devices are bytes that they sent."""
    topic = rpc_topic("demo", "city", "task.list")
    bench.take(topic, b"{}", properties=b"one")
    bench.inbox.waits = True
    bench.take(topic, b"{}", properties=b"two")
    assert bench.inbox.holds()["request_bytes_at_start"][0] == len(topic) + 2 + 3 + REQUEST_BYTES
    bench.take(*MARK)
    assert [asked[-1] for asked in bench.asked] == [b"one", b"two"]
    bench.open = False
    bench.take(wire.node_topic("demo", "a", "result"), b"?" * 60, properties=bytes(600))
    assert bench.sizes == [("a", 660 + MESSAGE_BYTES)]


def test_a_request_without_content_has_an_answer(bench):
    """Where nothing was kept, it is a mistake of its sender, who hears of it."""
    bench.take(rpc_topic("demo", "city", "task.list"), b"")
    ((*asked, _, _),) = bench.asked
    assert asked == ["city", "task.list", b""]


@pytest.mark.parametrize(("topic", "payload"), [
    ("", b""), ("x" * 70_000, b""), (wire.node_topic("demo", "b", "bid"), b"{}"),
    (wire.node_topic("demo", "a", "bid"), b"\xff" * 1_000), (wire.node_topic("demo", "a", "result"), b""),
    (wire.node_topic("other", "a", "bid"), b"{}"),
])
def test_junk_is_counted_and_let_go(bench, topic, payload):
    """It becomes an event with a reason, never an error, and does not come again."""
    bench.take(topic, payload)
    ((event, after),) = bench.put
    after()
    assert isinstance(event, e.DeviceMisbehaved) and len(bench.acknowledged) == len(bench.vain) == 1


@pytest.mark.parametrize(("topic", "node", "besides"), [
    (wire.node_topic("demo", "a", "result"), "a", MESSAGE_BYTES), ("x" * 70_000, "", HINT_BYTES),
    (wire.node_topic("demo", "b", "bid"), "b", HINT_BYTES),
    (wire.node_topic("demo", "b", "want"), "b", MESSAGE_BYTES),
])
def test_what_the_gate_does_not_admit_is_not_read(bench, topic, node, besides):
    """It is acknowledged at once and counted; requests have no part in it."""
    bench.open = False
    message = bench.take(topic, b"?" * 60_000)
    assert bench.sizes == [(node, 60_000 + besides)] and bench.acknowledged == [message]
    assert not bench.put and bench.counters == {"messages_muted": 1}
    bench.take(rpc_topic("demo", "city", "task.list"), b"{}")
    assert len(bench.asked) == len(bench.sizes) == 1


def test_a_muted_device_is_let_go_before_anything_is_made_of_it(bench):
    """By topic and size alone, which count all the same, until it is heard again; others are not affected."""
    topic = wire.node_topic("demo", "a", "result")
    assert not bench.inbox.lets_go(topic.encode(), 9) and not bench.sizes
    bench.open = False
    bench.take(topic, b"x")
    bench.take(wire.node_topic("demo", "nobody", "result"), b"x")
    assert bench.inbox.lets_go(topic.encode(), 9) and bench.sizes[-1] == ("a", 9 + MESSAGE_BYTES)
    assert not bench.inbox.lets_go(wire.node_topic("demo", "nobody", "result").encode(), 9)
    assert bench.counters["messages_muted"] == 3
    bench.inbox.unread(topic.encode(), 5, 50)
    assert bench.counters["messages_muted"] == 8 and bench.sizes[-1] == ("a", 50 + 5 * MESSAGE_BYTES)
    bench.open = True
    assert not bench.inbox.lets_go(topic.encode(), 9)
    bench.sizes.clear()
    assert not bench.inbox.lets_go(topic.encode(), 9) and not bench.sizes


def test_it_listens_to_all_that_devices_and_operators_send():
    """Each topic of devices once, bids without a promise; requests of all methods."""
    wanted = dict(subscriptions("demo", "gw1"))
    assert wanted == {wire.node_topic("demo", "+", leaf): int(leaf != "bid") for leaf in wire.NODE_UP} | {
        rpc_topic("demo", "+", "+"): 1, MARK[0]: 1}


def test_at_a_start_requests_wait_for_what_the_broker_had_kept(bench):
    """A session hands over without its flag what was retained while nobody listened; the flag comes with the
    subscription, and both before the mark. Marks of earlier starts say nothing."""
    kept, sent = rpc_topic("demo", "city", "epoch.seal"), rpc_topic("demo", "city", "task.list")
    bench.inbox.waits = True
    for topic, payload in ((kept, b"{}"), (sent, b"{}"), (kept, b'{"cid": "2"}')):
        bench.take(topic, payload)
    bench.take(kept, b"{}", retain=True)
    bench.take(MARK[0], b"2")
    assert not bench.asked and len(bench.acknowledged) == 3
    bench.take(*MARK)
    assert [asked[:3] for asked in bench.asked] == [
        ("city", "task.list", b"{}"), ("city", "epoch.seal", b'{"cid": "2"}')]
    assert bench.guard.ignored == 2 and len(bench.acknowledged) == 4
    bench.take(kept, b"{}")
    assert len(bench.asked) == 3


def test_a_request_that_was_kept_is_known_in_either_order(bench):
    """Also where the flag comes first: what says the same after it is that one, until the mark."""
    topic = rpc_topic("demo", "city", "epoch.seal")
    bench.inbox.waits = True
    bench.take(topic, b"{}", retain=True)
    bench.take(topic, b"{}")
    bench.take(*MARK)
    assert not bench.asked and bench.guard.ignored == 2 and len(bench.acknowledged) == 3


def test_what_waits_for_the_mark_is_bounded(bench, monkeypatch):
    """One operator has half of the room at most, all have no more than there is; what is beyond is let go, counted
    and shown, and room that was given back is there again."""
    monkeypatch.setattr("lamplighter.gateway.runtime.inbox.MAX_AT_START", 8 * 4_096)
    bench.inbox.waits = True
    for user in ("city", "dora", "emil"):
        for number in range(9):
            topic = rpc_topic("demo", user, "task.list")
            bench.take(topic, b"%d" % number + b" " * (4_095 - REQUEST_BYTES - len(topic)))
    (now, most), = bench.inbox.holds().values()
    assert now == most and bench.counters == {"requests_dropped": 27 - 8} and len(bench.acknowledged) == 27 - 8
    first = b"0" + b" " * (4_095 - REQUEST_BYTES - len(topic))
    bench.take(rpc_topic("demo", "dora", "task.list"), first, retain=True)
    assert bench.inbox.holds() == {"request_bytes_at_start": (most - 4_096, most)}
    bench.take(rpc_topic("demo", "dora", "task.get"), b"{}")
    bench.take(*MARK)
    assert [(user, method) for user, method, *_ in bench.asked] == (
        [("city", "task.list")] * 4 + [("dora", "task.list")] * 3 + [("dora", "task.get")])
    assert bench.inbox.holds() == {"request_bytes_at_start": (0, most)}


def test_kept_requests_that_cannot_be_told_apart_let_none_wait(bench, monkeypatch):
    """What the broker had kept is not carried out, however much it is."""
    monkeypatch.setattr("lamplighter.gateway.runtime.inbox.MAX_KEPT", 3)
    bench.inbox.waits = True
    for number in range(5):
        bench.take(rpc_topic("demo", "city", f"task.{number}"), b"{}", retain=True)
    assert len(bench.inbox._kept) == 3
    bench.take(rpc_topic("demo", "city", "task.4"), b"{}")
    bench.take(*MARK)
    assert not bench.asked and bench.counters == {"requests_dropped": 1}
    bench.take(rpc_topic("demo", "city", "task.list"), b"{}")
    assert len(bench.asked) == 1
