"""The gateway's half of the wire."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamplighter.firmware import wire
from lamplighter.firmware.mac import Mac
from lamplighter.gateway.protocol import frames

MAC = Mac(b"k" * 32)
OTHER = Mac(b"o" * 32)
RECEIPT = wire.encode_receipt(b"n" * 8, b"d" * 16, 1, 2, 3, 4, b"j" * 16, b"o" * 16, b"s" * 32, 5, b"p" * 32)
AT = {"conn": 2, "boot": 3, "v": 1}
BIRTH = {"birth": 1, **AT, "board": "esp32", "arch": 7, "fw": "0.1", "heap": 100_000, "speed": 90, "message": 4_096,
         "once": 12, "can": ["floor"], "state": "lost", "why": "heap"}
BID = {"bid": 1, **AT, "spare": 700, "heap": 60_000, "room": 2, "blobs": ["0a1b2c3d"], "power": "solar", "temp": -5,
       "why": "outbox"}
STATUS = {"status": 1, **AT, "state": "ready"}


def said(given, mac=MAC):
    """A document as a device signs it."""
    text = json.dumps(given)[:-1].encode()
    return text + b', "mac": "' + mac(text).hex().encode() + b'"}'


DECODERS = {
    "receipt": frames.decode_receipt,
    "result": lambda data: frames.decode_result(data, MAC),
    "refusal": lambda data: frames.decode_refusal(data, MAC),
    "want": lambda data: frames.decode_want(data, MAC),
    **{leaf: lambda data, leaf=leaf: frames.decode_json(leaf, data, MAC) for leaf in ("status", "birth", "bid")},
}
FRAMES = {
    "receipt": RECEIPT,
    "result": wire.encode_result(RECEIPT, b"answer", MAC),
    "refusal": wire.encode_refusal(b"n" * 16, wire.BUSY, MAC),
    "want": wire.encode_want(b"b" * 16, 512, MAC),
    "status": said(STATUS),
    "birth": said(BIRTH),
    "bid": said(BID),
}


def test_a_device_reads_the_lease_that_the_gateway_wrote():
    """Every field comes out as it went in."""
    lease = wire.Lease(7, b"n" * 16, b"j" * 16, b"k" * 16, 5, 4_000, 60_000, 123, (b"a" * 16, b"b" * 16), b"input",
                       False)
    assert wire.decode_lease(frames.encode_lease(lease, MAC), MAC) == lease


def test_a_device_reads_acknowledgements():
    """All pairs of number and verdict, up to 255 in one frame."""
    pairs = [(seq * 1_000, seq % 15) for seq in range(255)]
    assert list(wire.decode_ack(frames.encode_ack(pairs, MAC), MAC)) == pairs


def test_a_device_reads_chunks():
    """Name, whole size, offset and the bytes."""
    data = frames.encode_chunk(b"b" * 16, 3_000, 1_024, b"x" * 1_024)
    assert wire.decode_chunk(data) == (b"b" * 16, 3_000, 1_024, b"x" * 1_024)


def test_the_gateway_reads_a_result():
    """The receipt, its bytes with their MAC as the ledger keeps them, and the answer."""
    receipt, proof, answer = frames.decode_result(FRAMES["result"], MAC)
    assert receipt == frames.Receipt(b"n" * 8, b"d" * 16, 1, 2, 3, 4, b"j" * 16, b"o" * 16, b"s" * 32, 5, b"p" * 32)
    assert (proof, answer) == (FRAMES["result"][:frames.PROOF_BYTES], b"answer")


def test_the_gateway_reads_refusals_and_wants():
    """A nonce with a code, a blob name with an offset."""
    assert frames.decode_refusal(FRAMES["refusal"], MAC) == (b"n" * 16, wire.BUSY)
    assert frames.decode_want(FRAMES["want"], MAC) == (b"b" * 16, 512)


def test_a_device_reads_floors():
    """Whose birth is answered, and the numbers that are known of it."""
    assert wire.decode_floor(frames.encode_floor(9, 8, 7, MAC), MAC) == (9, 8, 7)


def test_every_refusal_is_known():
    """From the first code to the last."""
    for code in range(wire.NO_HEAP, wire.FAILED + 1):
        assert frames.decode_refusal(wire.encode_refusal(b"n" * 16, code, MAC), MAC) == (b"n" * 16, code)


@pytest.mark.parametrize("code", [0, 10, 255])
def test_unknown_refusals_are_refused(code):
    """A code that version 1 does not have is an error of the device."""
    with pytest.raises(wire.WireError, match="code"):
        frames.decode_refusal(wire.encode_refusal(b"n" * 16, code, MAC), MAC)


@pytest.mark.parametrize("name", ["result", "refusal", "want", "status", "birth", "bid"])
def test_a_wrong_key_is_found(name, monkeypatch):
    """What another key signed is refused."""
    monkeypatch.setattr("tests.gateway.protocol.test_frames.MAC", OTHER)
    with pytest.raises(wire.WireError, match="bad_mac"):
        DECODERS[name](FRAMES[name])


@pytest.mark.parametrize("name", ["receipt", "result", "refusal", "want"])
def test_lengths_and_heads_are_checked(name):
    """One byte less or more, another version or another kind: each has its reason."""
    frame, decode = FRAMES[name], DECODERS[name]
    most = frame + b"x" * wire.MAX_ANSWER if name == "result" else frame
    for bad, reason in ((frame[:-9], "length"), (most + b"x", "length"), (b"", "length"),
                        (b"\x02" + frame[1:], "version"), (frame[:1] + b"\x63" + frame[2:], "kind")):
        if name == "result" and bad == frame[:-9]:
            bad = bad[:100]
        with pytest.raises(wire.WireError, match=reason):
            decode(bad)


@pytest.mark.parametrize("name", sorted(DECODERS))
@given(data=st.data())
def test_no_bytes_raise_anything_but_wire_errors(name, data):
    """Whatever a peer sends, random or nearly right, a decoder answers or raises WireError."""
    good = FRAMES[name]
    at = data.draw(st.integers(0, len(good) - 1))
    cut = data.draw(st.integers(0, len(good)))
    junk = data.draw(st.binary(max_size=200))
    for frame in (junk, good[:cut] + junk, good[:at] + junk[:3] + good[at + len(junk[:3]):]):
        try:
            DECODERS[name](frame)
        except wire.WireError as error:
            assert error.reason.isidentifier() and len(error.reason) < 16


DOCUMENTS = [("status", STATUS), ("birth", BIRTH), ("bid", BID)]


@pytest.mark.parametrize(("leaf", "good"), DOCUMENTS)
def test_json_has_the_known_keys(leaf, good):
    """A document that fits is read; without one of its keys it is refused, but for what is said only when so."""
    known = {key: value for key, value in good.items() if key != "v"}
    assert frames.decode_json(leaf, said(good), MAC) == (known, 0)
    for key in good.keys() - {leaf}:
        less = {k: v for k, v in good.items() if k != key}
        if leaf != "status" and key in ("state", "why"):
            assert frames.decode_json(leaf, said(less), MAC) == ({**known, key: ""}, 0)
        else:
            with pytest.raises(wire.WireError, match="shape"):
                frames.decode_json(leaf, said(less), MAC)


@pytest.mark.parametrize(("leaf", "good"), DOCUMENTS)
def test_keys_of_newer_firmware_are_taken_and_counted(leaf, good):
    """Whatever they hold: the rest of the document is as good as before."""
    more = {**good, "more": [{}] * 9, "": None}
    assert frames.decode_json(leaf, said(more), MAC) == ({key: good[key] for key in good if key != "v"}, 2)


@pytest.mark.parametrize(("leaf", "good"), DOCUMENTS)
def test_a_document_is_for_its_topic_and_as_it_was_signed(leaf, good):
    """Every changed byte, another topic's document with all keys of this one, and a MAC that is none are refused."""
    whole = said(good)
    for at in range(len(whole)):
        with pytest.raises(wire.WireError):
            frames.decode_json(leaf, whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:], MAC)
    other = {"other": 1, **good}
    for bad in (said(other), whole[:-34] + b"x" * 32 + b'"}', json.dumps(good).encode(), whole + b" "):
        with pytest.raises(wire.WireError):
            frames.decode_json(leaf, bad, MAC)


@pytest.mark.parametrize(("leaf", "good", "key", "value"), [
    ("status", STATUS, "v", 2), ("status", STATUS, "state", ""), ("status", STATUS, "boot", 1 << 30),
    ("status", STATUS, "boot", True), ("status", STATUS, "boot", -1), ("status", STATUS, "boot", 1.5),
    ("birth", BIRTH, "board", ""), ("birth", BIRTH, "board", "b" * 65), ("birth", BIRTH, "fw", 1),
    ("birth", BIRTH, "board", "\x1b[2J"), ("birth", BIRTH, "board", "\ud800"), ("birth", BIRTH, "fw", "0.1\n"),
    ("birth", BIRTH, "arch", 1 << 16), ("birth", BIRTH, "heap", (1 << 30) + 1), ("birth", BIRTH, "message", 65_537),
    ("birth", BIRTH, "can", "floor"), ("birth", BIRTH, "can", ["a"] * 17), ("birth", BIRTH, "can", ["A B"]),
    ("birth", BIRTH, "can", [1]), ("birth", BIRTH, "state", ""), ("birth", BIRTH, "once", 1 << 30),
    ("bid", BID, "spare", 1_001), ("bid", BID, "room", 65), ("bid", BID, "blobs", ["0a1b2c3d"] * 33),
    ("bid", BID, "blobs", ["short"]), ("bid", BID, "blobs", "0a1b2c3d"), ("bid", BID, "power", 5),
    ("bid", BID, "temp", 201), ("bid", BID, "temp", -101), ("bid", BID, "temp", "warm"),
])
def test_json_values_have_bounds(leaf, good, key, value):
    """Each value is of its type and within its bounds, and no text can move a terminal's cursor."""
    with pytest.raises(wire.WireError, match="shape"):
        frames.decode_json(leaf, said({**good, key: value}), MAC)


@pytest.mark.parametrize(("leaf", "good"), [("birth", BIRTH), ("bid", BID)])
def test_a_device_need_not_say_why(leaf, good):
    """Without a reason it is empty; one that is no short text is refused."""
    silent = {key: value for key, value in good.items() if key != "why"}
    assert frames.decode_json(leaf, said(silent), MAC)[0]["why"] == ""
    with pytest.raises(wire.WireError, match="shape"):
        frames.decode_json(leaf, said({**good, "why": "w" * 65}), MAC)


def test_a_device_without_thermometer_may_say_so():
    """No temperature is null."""
    assert frames.decode_json("bid", said({**BID, "temp": None}), MAC)[0]["temp"] is None


@pytest.mark.parametrize("rest", [b"{", b"\xff", b"[" * 900, b"9" * 900, b"x" * 1_025])
def test_what_is_no_json_is_refused(rest):
    """Broken, endless, deeply nested or too long, though signed: a WireError."""
    text = b'{"status": ' + rest
    with pytest.raises(wire.WireError):
        frames.decode_json("status", text + b', "mac": "' + MAC(text).hex().encode() + b'"}', MAC)
