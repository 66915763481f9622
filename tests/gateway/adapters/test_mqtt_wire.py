"""What we use of paho that it does not promise to keep: two members, each with its reason."""

import ast
import inspect
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from lamplighter.gateway.adapters.mqtt_wire import READ_BYTES, Paho, Wire

ROOT = Path(__file__).parents[3]
PRIVATE = {
    "_create_socket": "the only way to a connection that asyncio has made: `connect` makes its own, and blocks",
    "_out_messages": "what is unconfirmed, by packet id: paho's reading of a PUBACK doubles the cost of a message",
}


def private_members():
    """Names that paho gives to members of a client and does not document."""
    return {name for name in dir(Client(CallbackAPIVersion.VERSION2)) if name[0] == "_" and name[:2] != "__"}


def uses(node, inside=False):
    """(name, whether it is one of ``self`` in another class than paho's) of each member named below ``node``."""
    for child in ast.iter_child_nodes(node):
        below = inside
        if isinstance(child, ast.ClassDef):
            below = any("Client" in ast.unparse(base) or "Paho" in ast.unparse(base) for base in child.bases)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and inside and isinstance(node, ast.ClassDef):
            yield child.name, False
        elif isinstance(child, ast.Attribute):
            yield child.attr, not inside and isinstance(child.value, ast.Name) and child.value.id == "self"
        yield from uses(child, below)


def test_no_other_private_member_of_paho_is_used():
    """Of every file that has to do with paho or with our link: neither read, nor set, nor overridden."""
    members, found = private_members(), set()
    for path in [path for folder in ("gateway", "benchmarks", "tests") for path in (ROOT / folder).rglob("*.py")]:
        text = path.read_text()
        if path != Path(__file__) and ("paho" in text or "MqttLink" in text or "adapters" in path.parts):
            found |= {(name, str(path.relative_to(ROOT))) for name, own in uses(ast.parse(text))
                      if not own and name in members}
    assert found == {(name, "gateway/adapters/mqtt_wire.py") for name in PRIVATE}


def test_paho_makes_its_socket_where_we_hand_it_ours():
    """Asked once for each connection, with nothing but itself."""
    assert list(inspect.signature(Client._create_socket).parameters) == ["self"]
    asked = []

    class Asked(Paho):
        def _create_socket(self):
            asked.append(self)
            raise OSError

    client = Asked("x", False, False)
    client.connect_async("nowhere.invalid", 1)
    try:
        client.reconnect()
    except OSError:
        pass
    assert asked == [client]


def test_paho_keeps_what_is_unconfirmed_by_packet_id():
    """A message of QoS 1 is there from its publication on, one of QoS 0 never; what we take out is confirmed."""
    client = Paho("x", False, False)
    first, second = client.publish("t", b"", 1).mid, client.publish("t", b"", 1).mid
    client.publish("t", b"", 0)
    assert list(client._out_messages) == [first, second]
    assert client.confirmation(first.to_bytes(2, "big"))
    assert list(client._out_messages) == [second] and client.unconfirmed == 1


def client_with(*packets, five=False):
    """A client whose wire holds these packets; what it does is put into ``heard``."""
    client = Paho("x", False, five)
    client.heard = []
    lets_go = lambda topic, size: client.heard.append((topic, size)) or topic == b"loud"  # noqa: E731
    client.wire = Wire(lambda: None, lambda: None, lets_go, client.heard.append)
    client.on_publication = lambda *of: client.heard.append(of)
    client.fail = lambda: client.heard.append("failed")
    come(client.wire, b"".join(packets))
    return client


def come(wire, data):
    """As the network gives it: in as many pieces as the buffer takes."""
    for at in range(0, len(data), READ_BYTES):
        piece = data[at:at + READ_BYTES]
        wire.get_buffer(-1)[:len(piece)] = piece
        wire.buffer_updated(len(piece))


def test_a_message_may_be_let_go_unread():
    """It is confirmed where it is to be, and what follows it is read; topic and size are known before."""
    client = client_with(b"\x32\x0b\0\4loud\1\2abc", b"\x30\7\0\4loudx", b"\x30\4\0\1tx")
    for _ in range(3):
        client.read_packet()
        client.wire.let_go.clear()   # each in a turn of its own
    assert client.heard == [(b"loud", 11), 0x102, (b"loud", 7), (b"t", 4), (b"t", b"x", 0, False, 0, b"")]
    assert not client.wire.waiting


def test_others_of_a_topic_that_was_let_go_need_no_asking():
    """Within the turn they are passed over together, confirmed where that is due, and counted; others are read."""
    loud, short = b"\x32\x0b\0\4loud\1\2abc", b"\x30\7\0\4loudx"
    other, read, wrong = loud.replace(b"\1\2", b"\3\4"), b"\x30\4\0\1tx", b"\x34" + loud[1:]
    client = client_with(loud, loud, short, other, read, loud, wrong)
    for _ in range(4):
        client.read_packet()
    assert client.heard == [(b"loud", 11), 0x102, (b"t", 4), (b"t", b"x", 0, False, 0, b"")]
    assert client.wire.let_go == {b"loud": [4, 11 + 7 + 11 + 11]}
    assert client.wire.unsent == [b"\x40\2\1\2", b"\x40\2\3\4", b"\x40\2\1\2"]
    client.read_packet()
    assert client.heard[-1] == "failed"


@pytest.mark.parametrize("piece", [1, 40, 5_000, READ_BYTES])
def test_a_long_message_that_is_let_go_is_kept_nowhere(piece):
    """In whatever pieces it comes: it is confirmed when the last has come, never before, and what follows is read."""
    body = b"\0\4loud\1\2" + bytes(200_000)
    long, short = b"\x32\xc8\x9a\x0c" + body, b"\x30\4\0\1tx"
    client = client_with(long[:40])
    assert client.heard == [(b"loud", len(body))]
    for at in range(40, len(long) - 1, piece):
        come(client.wire, long[at:min(at + piece, len(long) - 1)])
        assert not client.wire.waiting and len(client.wire.read) + len(client.wire.more) == 0
    assert client.heard == [(b"loud", len(body))]
    come(client.wire, long[-1:] + short)
    client.read_packet()
    assert client.heard == [(b"loud", len(body)), 0x102, (b"t", 4), (b"t", b"x", 0, False, 0, b"")]


@pytest.mark.parametrize("packet", [b"\x32\7\0\4loud\1", b"\x34\x08\0\4loud\1\2", b"\x36\x08\0\4loud\1\2"])
def test_what_is_no_message_is_none_unread_either(packet):
    """A packet that is cut short, or of a QoS that nobody asked for."""
    client = client_with(packet)
    client.read_packet()
    assert client.heard[1:] == ["failed"]


def test_properties_come_along_as_they_are():
    """Of MQTT 5, with a length of as many bytes as it takes; most messages have none."""
    long = b"\x26\0\1k\0\xc8" + bytes(200)
    client = client_with(b"\x33\x08\0\1t\1\2\0hi", b"\x30\x09\0\1t\3\x23\0\1hi",
                         b"\x30\xd5\1\0\1t\xce\1" + long + b"\0\0", five=True)
    for _ in range(3):
        client.read_packet()
    assert [heard for heard in client.heard if len(heard) == 6] == [
        (b"t", b"hi", 1, True, 0x102, b""), (b"t", b"hi", 0, False, 0, b"\x23\0\1"),
        (b"t", b"\0\0", 0, False, 0, long)]


@pytest.mark.parametrize("packet", [b"\x30\3\0\1t", b"\x30\5\0\1t\2\1", b"\x32\5\0\1t\1\2",
                                    b"\x30\7\0\1t\xff\xff\xff\xff", b"\x30\4\0\1t\x80", b"\x40\1\1"])
def test_what_is_cut_short_in_version_5_is_no_packet(packet):
    """A length of properties that is missing, never ends or goes beyond the message; a confirmation of nothing."""
    client = client_with(packet, five=True)
    client.read_packet()
    assert client.heard[-1] == "failed"


def test_a_confirmation_may_have_a_reason_in_version_5():
    """Such as that nobody subscribed; in version 3.1.1 it has none."""
    for five in (True, False):
        client = client_with(b"\x40\3\0\1\x10", b"\x40\4\0\1\x10\0", five=five)
        client.window = 1
        client.send("t", b"", 1, False, b"")
        for _ in range(2):
            client.read_packet()
        assert client.unconfirmed == (0 if five else 1) and client.heard == ([] if five else ["failed"] * 2)


def test_no_more_is_unconfirmed_than_the_broker_takes():
    """What is beyond waits in its order; before there is a connection that is all."""
    client, sent = client_with(b"\x40\2\0\1", five=True), []
    publish = client.publish

    def listen(topic, *rest):
        sent.append((topic, rest[-1].CorrelationData))
        return publish(topic, *rest)
    client.publish = listen
    assert all(client.send(topic, b"", 1, False, topic.encode()) for topic in "abc") and not sent
    later = Paho("x", False, False)
    later.wait_with(client)
    assert later.unconfirmed == client.unconfirmed == 3
    client.window = 2
    client.release()
    assert sent == [("a", b"a"), ("b", b"b")] and client.send("d", b"", 1, False, b"")
    client.read_packet()
    assert sent == [("a", b"a"), ("b", b"b"), ("c", b"c")] and client.unconfirmed == 3


class Network:
    """Stands in for a transport: ``sent`` is what was written to it."""

    def __init__(self):
        self.sent = []
        self.write = self.sent.append

    def is_closing(self):
        return False

    def close(self):
        self.sent.append("closed")


@pytest.mark.parametrize("five", [False, True])
@pytest.mark.parametrize("size", [0, 119, 120, 121, 16_375, 16_376, 16_377, 70_000])
def test_a_message_of_qos_0_is_read_as_it_was_written(size, five):
    """With a length of as many bytes as it takes; those of one turn leave together, the first asks for it."""
    client = client_with(five=five)
    client.wire.transport = network = Network()
    assert client.post(b"topic", bytes(size)) and not client.post(b"t", b"x")
    client.wire.flush()
    other = client_with(*network.sent, five=five)
    for _ in range(2):
        other.read_packet()
    assert len(network.sent) == 1 and not other.wire.waiting
    read = [heard for heard in other.heard if len(heard) == 6]
    assert read == [(b"topic", bytes(size), 0, False, 0, b""), (b"t", b"x", 0, False, 0, b"")]


def test_what_has_no_room_waits():
    """For the network to take more, or the end; it leaves in its order, once."""
    client = client_with()
    client.wire.transport = network = Network()
    client.wire.pause_writing()
    client.post(b"t", b"1")
    client.wire.flush()
    client.post(b"t", b"2")
    assert network.sent == []
    client.wire.resume_writing()
    client.wire.flush()
    assert network.sent == [b"\x30\4\0\1t1\x30\4\0\1t2"]
    client.wire.pause_writing()
    client.post(b"t", b"3")
    client.wire.close()
    assert network.sent[1:] == [b"\x30\4\0\1t3", "closed"]
