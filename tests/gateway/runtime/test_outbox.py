"""From effects to messages."""

import pytest

from lamplighter.firmware import wire
from lamplighter.firmware.mac import Mac
from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core.intake import Keys
from lamplighter.gateway.protocol.verdicts import VERDICTS
from lamplighter.gateway.runtime.outbox import Outbox

KEYS = {node: Keys(node.encode() * 16, Mac(b"u" + node.encode()), Mac(b"d" + node.encode())) for node in "ab"}


def lease(node="a", number=1, size=100):
    nonce, given = number.to_bytes(16, "big"), b"i" * size
    return f.SendLease(node, number, nonce, b"j" * 16, b"k" * 16, 0, 4_000, 9_000, 5, (), given)


def sent(effects, takes=None):
    box = Outbox("demo", KEYS, lambda node: ({"a": 16_384, "b": 16_384} if takes is None else takes).get(node, 0))
    put = {f.SendLease: box.lease, f.SendCancel: box.cancel, f.SendAck: box.ack}
    for effect in effects:
        put[type(effect)](effect)
    made = list(box.messages())
    assert list(box.messages()) == []   # what has left does not leave again
    return made


def test_what_goes_to_one_device_leaves_together():
    """Leases and cancels of a batch are one message per device, in order; acknowledgements are another."""
    made = sent([lease("a", 1), lease("b", 2), f.SendAck("a", 7, "ok"), f.SendCancel("a", b"c" * 16), lease("a", 3),
                 f.SendAck("a", 8, "late")])
    assert [topic.split("/", 3)[3] for topic, _ in made] == ["node/a/ack", "node/a/lease", "node/b/lease"]
    assert list(wire.decode_ack(made[0][1], KEYS["a"].down)) == [(7, 1), (8, VERDICTS.index("late"))]
    kinds = [wire.kind_of(frame) for frame in wire.frames_of(made[1][1])]
    assert kinds == [wire.LEASE, wire.CANCEL, wire.LEASE]
    assert wire.kind_of(made[2][1]) == wire.LEASE   # a batch of one travels bare


def test_a_lease_is_signed_for_its_device():
    """Only the device that it is for accepts it."""
    ((_, frame),) = sent([lease("a", 9)])
    assert wire.decode_lease(frame, KEYS["a"].down).fence == 9
    with pytest.raises(wire.WireError, match="bad_mac"):
        wire.decode_lease(frame, KEYS["b"].down)


@pytest.mark.parametrize("most", [1_000, 4_096, 16_384])
def test_no_message_is_larger_than_the_device_takes(most):
    """Leases are spread over as many messages as it needs, and none is lost."""
    made = sent([lease("a", n) for n in range(50)], {"a": most})
    assert all(len(payload) <= most for _, payload in made) and len(made) > 50 * 190 // most
    fences = [wire.decode_lease(frame, KEYS["a"].down).fence for _, p in made for frame in wire.frames_of(p)]
    assert fences == list(range(50))


@pytest.mark.parametrize(("most", "together"), [(569, 3), (568, 2)])
def test_a_message_is_filled_to_the_byte(most, together):
    """Three leases of 187 bytes take 569 with their lengths."""
    made = sent([lease("a", n) for n in range(6)], {"a": most})
    assert [len(wire.frames_of(payload)) for _, payload in made] == [together] * (6 // together)


def test_no_message_has_more_frames_than_a_batch_may():
    """However small they are."""
    made = sent([f.SendCancel("a", bytes([n]) * 16) for n in range(150)])
    assert [len(wire.frames_of(payload)) for _, payload in made] == [64, 64, 22]


def test_a_single_frame_always_goes():
    """A device that names no size, or too small a one, gets its leases one by one."""
    assert len(sent([lease("a", 1, 2_048), lease("a", 2, 2_048)], {})) == 2


def test_many_acknowledgements_are_split():
    """Each message stays well within a kilobyte."""
    made = sent([f.SendAck("a", n, "pending") for n in range(300)])
    assert [len(list(wire.decode_ack(payload, KEYS["a"].down))) for _, payload in made] == [128, 128, 44]
    assert max(len(payload) for _, payload in made) < 1_024


def test_a_device_without_keys_gets_nothing():
    """Whoever is revoked is sent nothing any more."""
    assert sent([lease("c"), f.SendAck("c", 1, "ok"), f.SendCancel("c", b"c" * 16)]) == []


def test_nothing_to_send_is_no_message():
    """A batch without effects for devices makes no messages."""
    assert sent([]) == []
