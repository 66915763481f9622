# Golden vectors and refusals of both halves of the wire.
# MicroPython has no pathlib.
# ruff: noqa: PTH123
import binascii
import json
import struct

from lamplighter.firmware import wire
from lamplighter.firmware.mac import Mac, derive
from lamplighter.gateway.protocol import frames

with open("../vectors/wire.json") as f:
    V = {name: binascii.unhexlify(text) for name, text in json.load(f).items()}
UP = Mac(V["key_up"])
DOWN = Mac(V["key_down"])


PACKED = __name__.startswith("firmware.")  # then exceptions have no words


def refused(reasons, call, *args):
    # True when the call raises a WireError for one of `reasons`.
    try:
        call(*args)
    except wire.WireError as error:
        return PACKED or error.args[0] in reasons
    raise AssertionError("accepted")


def test_keys_and_device_id_match_the_vectors():
    assert derive(V["key"], b"up") == V["key_up"]
    assert derive(V["key"], b"down") == V["key_down"]
    assert wire.device_of(V["key"]) == (V["device"], binascii.hexlify(V["device"][:8]).decode())


def test_hmac_matches_rfc_4231():
    # Test cases 1, 2 and 6 (a key longer than a block).
    for key, data, tag in (
        (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b"),
        (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c7"),
        (b"\xaa" * 131, b"Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f"),
    ):
        assert Mac(key)(data) == binascii.unhexlify(tag)
        assert Mac(key).matches(data, binascii.unhexlify(tag))


def test_lease_is_read_by_the_device_and_made_by_the_gateway():
    lease = wire.decode_lease(V["lease"], DOWN)
    contexts = (b"c" * 16, b"d" * 16)
    assert lease == wire.Lease(7, V["nonce"], V["job"], V["kernel"], 9, 1500, 70000, 123, contexts, b"input", False)
    assert frames.encode_lease(lease, DOWN) == V["lease"]


def test_a_span_is_a_lease_with_the_input_of_several_jobs():
    span = wire.decode_lease(V["span"], DOWN)
    lease = wire.decode_lease(V["lease"], DOWN)
    assert span.span and span[:9] == lease[:9] and span.input == b"\x03\0\x03\0\0\0\x02onein"
    assert frames.encode_lease(span, DOWN) == V["span"]


def test_receipt_and_result_are_made_by_the_device_and_read_by_the_gateway():
    seal = wire.seal_of(V["device"], V["nonce"], V["answer"])
    receipt = wire.encode_receipt(V["net"], V["device"], 3, 65536, 9, 0, V["job"], V["nonce"], seal, 4321, bytes(32))
    assert receipt == V["receipt"]
    assert wire.encode_result(receipt, V["answer"], UP) == V["result"]
    got, proof, answer = frames.decode_result(V["result"], UP)
    assert (got.boot, got.seq, got.epoch, got.busy_us, got.seal) == (3, 65536, 9, 4321, seal)
    assert (proof, answer) == (V["result"][:158], V["answer"])


def test_the_small_structs_match_the_vectors():
    assert wire.encode_refusal(V["nonce"], wire.BUSY, UP) == V["refusal"]
    assert frames.decode_refusal(V["refusal"], UP) == (V["nonce"], wire.BUSY)
    assert wire.encode_nonce(wire.ACCEPT, V["nonce"], UP) == V["accept"]
    assert wire.decode_nonce(wire.CANCEL, V["cancel"], DOWN) == V["nonce"]
    assert wire.encode_nonce(wire.CANCEL, V["nonce"], DOWN) == V["cancel"]
    assert list(wire.decode_ack(V["ack"], DOWN)) == [(65536, 1), (65537, 14)]
    assert frames.encode_ack([(65536, 1), (65537, 14)], DOWN) == V["ack"]
    assert wire.decode_chunk(V["chunk"]) == (V["kernel"], 300, 200, b"chunk")
    assert frames.encode_chunk(V["kernel"], 300, 200, b"chunk") == V["chunk"]
    assert wire.encode_want(V["kernel"], 200, UP) == V["want"]
    assert frames.decode_want(V["want"], UP) == (V["kernel"], 200)
    assert wire.decode_floor(V["floor"], DOWN) == (123456789, 41, 65600)
    assert frames.encode_floor(123456789, 41, 65600, DOWN) == V["floor"]


def test_batches_match_the_vectors_and_one_frame_travels_bare():
    first = V["batch"][4:24]
    assert wire.encode_batch([first, b"\x01\x09"]) == V["batch"]
    assert list(wire.frames_of(V["batch"])) == [first, b"\x01\x09"]
    assert wire.encode_batch([V["want"]]) == V["want"]
    assert list(wire.frames_of(V["want"])) == [V["want"]]


DECODERS = (
    ("lease", lambda frame: wire.decode_lease(frame, DOWN)),
    ("span", lambda frame: wire.decode_lease(frame, DOWN)),
    ("cancel", lambda frame: wire.decode_nonce(wire.CANCEL, frame, DOWN)),
    ("ack", lambda frame: list(wire.decode_ack(frame, DOWN))),
    ("result", lambda frame: frames.decode_result(frame, UP)),
    ("refusal", lambda frame: frames.decode_refusal(frame, UP)),
    ("accept", lambda frame: wire.decode_nonce(wire.ACCEPT, frame, UP)),
    ("want", lambda frame: frames.decode_want(frame, UP)),
    ("floor", lambda frame: wire.decode_floor(frame, DOWN)),
)


def test_every_cut_and_every_flipped_bit_of_a_signed_frame_is_refused():
    for name, decode in DECODERS:
        frame = V[name]
        signed = 158 if name == "result" else len(frame)  # an answer is bound by the receipt's seal, not by the MAC
        for n in range(signed):
            assert refused(["length", "bad_mac"], decode, frame[:n]), (name, n)
            for bit in (1, 128):
                bad = bytearray(frame)
                bad[n] ^= bit
                assert refused(["bad_mac", "version", "kind"], decode, bytes(bad)), (name, n)


def test_another_key_or_direction_is_refused():
    for name, decode in DECODERS:
        down = name in ("lease", "span", "cancel", "ack", "floor")
        signed = 142 if name == "result" else len(V[name]) - 16
        forged = wire.signed(V[name][:signed], UP if down else DOWN)
        assert refused(["bad_mac"], decode, forged)


def test_a_signed_frame_with_wrong_counts_is_refused():
    assert refused(["length"], lambda frame: list(wire.decode_ack(frame, DOWN)),
                   wire.signed(b"\x01\x04\x03" + bytes(10), DOWN))
    head = bytearray(V["lease"][:-16])
    head[70] = 9
    assert refused(["length"], wire.decode_lease, wire.signed(bytes(head), DOWN), DOWN)
    head[70] = 8
    assert refused(["length"], wire.decode_lease, wire.signed(bytes(head), DOWN), DOWN)
    long = V["lease"][:-16] + bytes(wire.MAX_INPUT)
    assert refused(["length"], wire.decode_lease, wire.signed(long, DOWN), DOWN)
    assert refused(["code"], frames.decode_refusal, wire.signed(V["refusal"][:18] + b"\0", UP), UP)


def test_chunks_beyond_their_blob_are_refused():
    name = V["kernel"]
    assert refused(["length"], wire.decode_chunk, frames.encode_chunk(name, 300, 296, b"chunk"))
    assert refused(["length"], wire.decode_chunk, frames.encode_chunk(name, wire.MAX_BLOB + 1, 0, b"chunk"))
    assert refused(["length"], wire.decode_chunk, frames.encode_chunk(name, 300, 0, b""))
    assert refused(["length"], wire.decode_chunk, frames.encode_chunk(name, 9999, 0, bytes(wire.MAX_CHUNK + 1)))


def test_batches_that_lie_about_their_lengths_are_refused():
    for tail in (b"\0", b"\0\5ab", b"\0\0", b"\0\1a", b"\xff\xffab", struct.pack(">H", 2) + b"\1\1\0"):
        assert refused(["length"], wire.frames_of, b"\x01\x05" + tail), tail
    assert refused(["length"], wire.frames_of, b"\x01\x05" + b"\0\2\1\1" * (wire.MAX_BATCH + 1))
    assert refused(["length"], wire.frames_of, b"")
    assert refused(["version"], wire.frames_of, b"\x02\x05")
    assert refused(["length"], wire.frames_of, bytes(wire.MAX_MESSAGE + 1))


def test_a_nodes_json_is_what_the_gateway_reads():
    assert wire.encode_status((wire.LAST, 2, 3), "lost", UP) == V["status"]
    assert frames.decode_json("status", V["status"], UP)[0]["state"] == "lost"
    bid = wire.encode_bid((8, 2, 3), 700, 90000, 4, ["00ff00ff"], "mains", None, UP)
    assert bid == V["bid"]
    bid, more = frames.decode_json("bid", bid, UP)
    assert (bid["bid"], bid["conn"], bid["boot"], more) == (8, 2, 3, 0)
    assert (bid["spare"], bid["room"], bid["blobs"], bid["temp"]) == (700, 4, ["00ff00ff"], None)
    for state in ("lost", ""):
        birth = wire.encode_birth((7, 2, 1), "pico_w", 2822, "0.1.0", 90000, 800, 2048, 123456789, ("floor",), state,
                                  UP)
        made, more = frames.decode_json("birth", birth, UP)
        told, _ = frames.decode_json("birth", V["birth"], UP)
        told["state"] = state
        assert made == told and not more
    for why in ("heap", None):
        bid = wire.encode_bid((8, 2, 3), 700, 90000, 0, [], "mains", None, UP, why)
        birth = wire.encode_birth((7, 2, 1), "pico_w", 2822, "0.1.0", 90000, 800, 2048, 1, (), "", UP, why)
        for leaf, text in (("bid", bid), ("birth", birth)):
            assert frames.decode_json(leaf, text, UP)[0]["why"] == (why or "")


def test_a_nodes_json_is_for_its_topic_and_from_the_node():
    for leaf in ("status", "birth", "bid"):
        assert refused(["bad_mac"], frames.decode_json, leaf, V[leaf], DOWN)
        for other in ("status", "birth", "bid"):
            assert other == leaf or refused(["shape"], frames.decode_json, other, V[leaf], UP)
