"""From bytes to events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamplighter.firmware import wire
from lamplighter.firmware.mac import Mac, derive
from lamplighter.gateway.core import events as e
from lamplighter.gateway.core.intake import Keys, read

KEY = b"k" * 32
DEVICE, NODE = wire.device_of(KEY)
UP = Mac(derive(KEY, b"up"))
DOWN = Mac(derive(KEY, b"down"))
KEYS = {NODE: Keys(DEVICE, UP, DOWN)}
NONCE = b"n" * 16
AT = (1, 2, 3)   # number, connection, start


def receipt(answer=b"answer", device=DEVICE, seal=None):
    seal = seal or wire.seal_of(device, NONCE, answer)
    return wire.encode_receipt(b"n" * 8, device, 1, 2, 3, 0, b"j" * 16, NONCE, seal, 5, b"p" * 32)


def result(answer=b"answer", mac=UP, **other):
    return wire.encode_result(receipt(**{"answer": answer, **other}), answer, mac)


def hear(leaf, payload, node=NODE):
    return read("demo", KEYS, wire.node_topic("demo", node, leaf), payload)


def test_a_result_is_an_event():
    """A result with a fitting seal arrives as such, with its proof as it came."""
    (event,) = hear("result", result())
    assert isinstance(event, e.ResultArrived) and event.sealed
    assert (event.node, event.answer, event.proof) == (NODE, b"answer", result()[:158])


def test_a_wrong_seal_is_for_the_core_to_judge():
    """The device is known by its MAC, so a seal that does not fit is a verdict, not noise."""
    (event,) = hear("result", result(seal=b"s" * 32))
    assert isinstance(event, e.ResultArrived) and not event.sealed


def test_a_copied_seal_does_not_fit():
    """The seal binds the answer to the device, so another's cannot be used."""
    (event,) = hear("result", result(seal=wire.seal_of(b"other device 16b", NONCE, b"answer")))
    assert not event.sealed


def test_refusals_and_acceptances_are_events():
    """Both travel on the topic of results."""
    assert hear("result", wire.encode_refusal(NONCE, 6, UP)) == [e.LeaseRefused(NODE, NONCE, 6)]
    assert hear("result", wire.encode_nonce(wire.ACCEPT, NONCE, UP)) == [e.LeaseAccepted(NODE, NONCE)]


def test_a_bad_frame_does_not_spoil_its_neighbours():
    """Of a batch each frame is judged by itself, in order."""
    batch = wire.encode_batch([wire.encode_refusal(NONCE, 6, UP), b"\x01\x02junk", result()])
    refused, bad, arrived = hear("result", batch)
    assert isinstance(refused, e.LeaseRefused) and isinstance(arrived, e.ResultArrived)
    assert bad == e.DeviceMisbehaved(NODE, "length")


def test_birth_bid_status_and_wants_are_events():
    """Each document becomes its event."""
    (born,) = hear("birth", wire.encode_birth(AT, "esp32", 7, "0.1", 9, 8, 4_096, 5, ("floor",), "lost", UP))
    assert born == e.NodeBorn(NODE, e.At(3, 2, 1), "esp32", 7, "0.1", 9, 8, 4_096, 5, ("floor",), "lost")
    (bid,) = hear("bid", wire.encode_bid(AT, 700, 9, 2, ["0a1b2c3d"], "mains", None, UP))
    assert bid == e.NodeBid(NODE, e.At(3, 2, 1), 700, 9, 2, ("0a1b2c3d",), "mains", None)
    assert hear("status", wire.encode_status(AT, "ready", UP)) == [
        e.NodeStatusChanged(NODE, e.At(3, 2, 1), "ready")]
    assert hear("want", wire.encode_want(b"b" * 16, 7, UP)) == [e.BlobWanted(NODE, b"b" * 16, 7)]


def test_what_newer_firmware_says_is_no_fault():
    """Keys, words and kinds of frames that are not known here are counted, what else a message says is taken."""
    more = wire.encode_json("bid", AT, '"spare": 1, "heap": 2, "room": 3, "blobs": [], "power": "wind", "temp": 4, '
                            '"noise": {"db": 5}, "light": 6', UP)
    assert hear("bid", more) == [e.DeviceIsNewer(NODE, "bid_key", 2),
                                 e.NodeBid(NODE, e.At(3, 2, 1), 1, 2, 3, (), "wind", 4)]
    assert hear("status", wire.encode_status(AT, "charging", UP)) == [e.DeviceIsNewer(NODE, "status_word")]
    batch = wire.encode_batch([wire.signed(b"\x01\x63more", UP), wire.encode_refusal(NONCE, 6, UP)])
    assert hear("result", batch) == [e.DeviceIsNewer(NODE, "kind"), e.LeaseRefused(NODE, NONCE, 6)]


@pytest.mark.parametrize("leaf", ["status", "birth", "bid", "want"])
def test_what_is_not_signed_for_its_topic_is_misbehaviour(leaf):
    """Another's key, the gateway's own, no MAC, or that of another topic's message: nothing of it counts."""
    def said(mac):
        return {"status": wire.encode_status(AT, "lost", mac), "want": wire.encode_want(b"b" * 16, 7, mac),
                "bid": wire.encode_bid(AT, 700, 9, 2, [], "mains", None, mac),
                "birth": wire.encode_birth(AT, "b", 7, "0.1", 9, 8, 4_096, 5, (), "lost", mac)}

    other = {"status": "birth", "birth": "status", "bid": "status", "want": "bid"}[leaf]
    for payload in (said(DOWN)[leaf], said(Mac(b"another"))[leaf], said(UP)[leaf][:-44] + b"}", said(UP)[other]):
        (event,) = hear(leaf, payload)
        assert isinstance(event, e.DeviceMisbehaved) and event.reason in ("bad_mac", "shape", "length", "version")


@pytest.mark.parametrize(("leaf", "payload", "reason"), [
    ("result", result(mac=DOWN), "bad_mac"),
    ("result", result(device=b"other device 16b"), "device"),
    ("result", wire.encode_nonce(wire.CANCEL, NONCE, UP), "kind"),
    ("result", bytes((1, wire.BATCH)), "length"),
    ("result", b"", "length"),
    ("result", b"\x02\x02", "version"),
    ("want", b"", "length"),
    ("result", wire.signed(b"\x01\x63more", DOWN), "bad_mac"),
    ("bid", b"{}", "length"),
    ("status", b"\xff" * 50, "shape"),
])
def test_what_no_device_may_send_is_misbehaviour(leaf, payload, reason):
    """One event that names the reason, for the counters."""
    assert hear(leaf, payload) == [e.DeviceMisbehaved(NODE, reason)]


def test_strangers_are_named():
    """A node without keys is unknown, whatever it sends."""
    assert hear("bid", b"", "stranger") == [e.DeviceMisbehaved("stranger", "unknown_node")]
    assert read("demo", KEYS, "elsewhere", b"") == [e.DeviceMisbehaved("?", "topic")]


def test_replays_on_another_device_are_found():
    """A frame of one device published under another's topic has the wrong MAC."""
    other = {"other": Keys(b"o" * 16, Mac(b"o" * 32), Mac(b"p" * 32)), **KEYS}
    (event,) = read("demo", other, wire.node_topic("demo", "other", "result"), result())
    assert event == e.DeviceMisbehaved("other", "bad_mac")


GOOD = {
    "result": wire.encode_batch([result(), wire.encode_refusal(NONCE, 6, UP)]),
    "want": wire.encode_want(b"b" * 16, 7, UP),
    "bid": wire.encode_bid(AT, 700, 9, 2, [], "mains", None, UP),
    "status": wire.encode_status(AT, "lost", UP),
}


@given(leaf=st.sampled_from(sorted(GOOD)), cut=st.integers(0, 400), junk=st.binary(max_size=64), topic=st.text())
def test_no_message_raises(leaf, cut, junk, topic):
    """Any topic and any bytes, random or nearly right, give at least one event."""
    assert read("demo", KEYS, topic, junk)
    for payload in (junk, GOOD[leaf][:cut], GOOD[leaf][:cut] + junk, GOOD[leaf][:cut] + junk + GOOD[leaf][cut:]):
        assert hear(leaf, payload)
