"""The gateway's half of the wire: inverts the device's half, on the layouts of ``firmware.wire``.

Every decoder raises ``WireError`` and nothing else, whatever bytes come, checks lengths before anything
else and allocates nothing that the sender sizes. The file runs on MicroPython too, so that the golden
vectors are read by both halves on both interpreters.
"""

import binascii
import json
import struct
from collections import namedtuple

from lamplighter.firmware.mac import MAC_BYTES
from lamplighter.firmware.wire import (
    ACK,
    CHUNK,
    CHUNK_FORMAT,
    FAILED,
    FLOOR,
    FLOOR_FORMAT,
    LAST,
    LEASE,
    LEASE_FORMAT,
    MAC_TAIL,
    MAX_ANSWER,
    MAX_JSON,
    MAX_MESSAGE,
    NO_HEAP,
    RECEIPT,
    RECEIPT_BYTES,
    RECEIPT_FORMAT,
    REFUSAL,
    SPAN,
    VERSION,
    WANT,
    WireError,
    check_head,
    is_identifier,
    opened,
    signed,
)

TYPE_CHECKING = False   # MicroPython has no typing; type checkers know this name
if TYPE_CHECKING:
    from typing import Any

PROOF_BYTES = RECEIPT_BYTES + MAC_BYTES
"""Length of a receipt with its MAC: what the ledger keeps."""

Receipt = namedtuple(
    "Receipt",
    ("net", "device", "boot", "seq", "epoch", "flags", "job", "nonce", "seal", "busy_us", "prev"),
)
"""A decoded receipt; ``busy_us`` is the device's own claim and never paid."""


def encode_lease(lease: "Any", mac: "Any") -> bytes:
    """A lease with the tag of ``mac``: anything with the fields of a ``firmware.wire.Lease``."""
    head = struct.pack(
        LEASE_FORMAT, VERSION, SPAN if lease.span else LEASE, lease.fence, lease.nonce, lease.job, lease.kernel,
        lease.epoch, lease.ack_by_ms, lease.report_by_ms, lease.budget_kop, len(lease.contexts),
    )
    return bytes(signed(head + b"".join(lease.contexts) + lease.input, mac))


def encode_ack(pairs: "list[tuple[int, int]]", mac: "Any") -> bytes:
    """At most 255 pairs of (seq, verdict code): these receipts are durable, the device may forget them."""
    body = bytes((VERSION, ACK, len(pairs))) + b"".join([struct.pack(">IB", seq, code) for seq, code in pairs])
    return bytes(signed(body, mac))


def encode_floor(once: int, boot: int, seq: int, mac: "Any") -> bytes:
    """Who said ``once`` in its birth has used numbers up to these and must go on above them."""
    return bytes(signed(struct.pack(FLOOR_FORMAT, VERSION, FLOOR, once, boot, seq), mac))


def encode_chunk(name: bytes, total: int, offset: int, data: bytes) -> bytes:
    """Part of a blob of ``total`` bytes. It carries no MAC: the whole is checked against its name."""
    return struct.pack(CHUNK_FORMAT, VERSION, CHUNK, name, total, offset) + data


def decode_receipt(body: bytes) -> Receipt:
    """A receipt without its MAC, 142 bytes. Raises WireError."""
    check_head(body, RECEIPT, RECEIPT_BYTES, RECEIPT_BYTES)
    return _receipt(body)


def _receipt(body: bytes) -> Receipt:
    return Receipt(*struct.unpack(RECEIPT_FORMAT, body)[2:])


def decode_result(frame: bytes, mac: "Any") -> "tuple[Receipt, bytes, bytes]":
    """(receipt, its bytes with MAC, answer) of a result. Raises WireError.

    The seal is not checked here: a wrong one is a verdict (``bad_seal``), not a malformed message.
    """
    check_head(frame, RECEIPT, PROOF_BYTES, PROOF_BYTES + MAX_ANSWER)
    proof = bytes(frame[:PROOF_BYTES])
    return _receipt(opened(proof, mac)), proof, bytes(frame[PROOF_BYTES:])


def decode_refusal(frame: bytes, mac: "Any") -> "tuple[bytes, int]":
    """(nonce, code) of a refusal. Raises WireError."""
    check_head(frame, REFUSAL, 19 + MAC_BYTES, 19 + MAC_BYTES)
    _, _, nonce, code = struct.unpack(">BB16sB", opened(frame, mac))
    if not NO_HEAP <= code <= FAILED:
        raise WireError("code")
    return nonce, code


def decode_want(frame: bytes, mac: "Any") -> "tuple[bytes, int]":
    """(blob name, offset) that a device asks for. Raises WireError."""
    check_head(frame, WANT, 22 + MAC_BYTES, 22 + MAC_BYTES)
    _, _, name, offset = struct.unpack(">BB16sI", opened(frame, mac))
    return name, offset


_SHAPES = {
    "status": {"status": LAST, "conn": LAST, "boot": LAST, "state": str},
    "birth": {"birth": LAST, "conn": LAST, "boot": LAST, "board": str, "arch": 0xFFFF, "fw": str, "heap": 1 << 30,
              "speed": 1 << 30, "message": MAX_MESSAGE, "once": LAST, "can": tuple, "state": str, "why": str},
    "bid": {"bid": LAST, "conn": LAST, "boot": LAST, "spare": 1000, "heap": 1 << 30, "room": 64, "blobs": list,
            "power": str, "temp": None, "why": str},
}
_LEFT_OUT = {"state": "", "why": ""}
"""Keys of a birth or a bid that may be left out, with what is then meant."""
_TAIL_BYTES = len(MAC_TAIL) + 2 * MAC_BYTES + 2


def decode_json(leaf: str, payload: bytes, mac: "Any") -> "tuple[dict[str, Any], int]":
    """What a node's status, birth or bid says, each value within its bounds, and how many keys it has that this
    gateway does not know: newer firmware has more. Raises WireError.
    """
    if not _TAIL_BYTES <= len(payload) <= MAX_JSON:
        raise WireError("length")
    text, tail = payload[:-_TAIL_BYTES], payload[-_TAIL_BYTES:]
    if not text.startswith(b'{"' + leaf.encode() + b'": ') or not tail.startswith(MAC_TAIL):
        raise WireError("shape")
    try:
        tag = binascii.unhexlify(tail[len(MAC_TAIL) : -2])
    except ValueError:
        raise WireError("bad_mac") from None
    if not mac.matches(text, tag):
        raise WireError("bad_mac")
    try:
        given = json.loads(payload)
    except (ValueError, RuntimeError):  # RuntimeError: nested deeper than the interpreter allows
        raise WireError("json") from None
    shape = _SHAPES[leaf]
    if not isinstance(given, dict) or given.get("v") != VERSION:
        raise WireError("shape")
    known = {}
    more = len(given) - 2  # without version and MAC
    for key in shape:
        if key in given and _fits(given[key], shape[key]):
            known[key] = given[key]
            more -= 1
        elif key not in given and leaf != "status" and key in _LEFT_OUT:
            known[key] = _LEFT_OUT[key]
        else:
            raise WireError("shape")
    return known, more


def _fits(value: "Any", bound: "Any") -> bool:
    """Whether a value is a short text, a list of hash prefixes, of a few words, degrees, or 0..bound.

    Texts are printable ASCII: people read them in terminals.
    """
    if bound is str:
        return isinstance(value, str) and 0 < len(value) <= 64 and all(" " <= c <= "~" for c in value)
    if bound is list:
        return isinstance(value, list) and len(value) <= 32 and all(
            isinstance(prefix, str) and len(prefix) == 8 for prefix in value
        )
    if bound is tuple:
        return isinstance(value, list) and len(value) <= 16 and all(
            isinstance(word, str) and is_identifier(word) for word in value
        )
    if not isinstance(value, int) or isinstance(value, bool):
        return value is None and bound is None
    return -100 <= value <= 200 if bound is None else 0 <= value <= bound
