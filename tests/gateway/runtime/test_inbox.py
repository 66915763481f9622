"""From messages to events."""

from types import SimpleNamespace

import pytest

from lamplighter.firmware import wire
from lamplighter.firmware.mac import Mac
from lamplighter.gateway.core import events as e
from lamplighter.gateway.core.intake import Keys
from lamplighter.gateway.protocol.topics import rpc_topic
from lamplighter.gateway.runtime.inbox import Inbox, subscriptions

UP, DOWN = Mac(b"u" * 32), Mac(b"d" * 32)


@pytest.fixture
def bench():
    """An inbox: ``put``, ``asked``, ``acknowledged`` hold what it did, ``take`` gives it a message."""
    made = SimpleNamespace(put=[], asked=[], acknowledged=[])
    pump = SimpleNamespace(put=lambda event, after=None: made.put.append((event, after)))
    inbox = Inbox("demo", {"a": Keys(b"a" * 16, UP, DOWN)}, pump,
                  lambda *request: made.asked.append(request), made.acknowledged.append)

    def take(topic, payload):
        message = SimpleNamespace(topic=topic, payload=payload)
        inbox.take(message)
        return message
    made.take = take
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
    message = bench.take(rpc_topic("demo", "task.list"), b"{}")
    ((method, payload, after),) = bench.asked
    assert (method, payload) == ("task.list", b"{}") and not bench.put and not bench.acknowledged
    after()
    assert bench.acknowledged == [message]


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
    assert isinstance(event, e.DeviceMisbehaved) and len(bench.acknowledged) == 1


def test_it_listens_to_all_that_devices_and_operators_send():
    """Each topic of devices once, bids without a promise; requests of all methods."""
    wanted = dict(subscriptions("demo"))
    assert wanted == {wire.node_topic("demo", "+", leaf): int(leaf != "bid") for leaf in wire.NODE_UP} | {
        rpc_topic("demo", "+"): 1}
