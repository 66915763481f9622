"""The gateway's half of the wire: inverts the device's half, on the layouts of ``firmware.wire``.

Every decoder raises ``WireError`` and nothing else, whatever bytes come, checks lengths before anything
else and allocates nothing that the sender sizes. The file runs on MicroPython too, so that the golden
vectors are read by both halves on both interpreters.
"""

import json
import struct
from collections import namedtuple

from lamplighter.firmware.mac import MAC_BYTES
from lamplighter.firmware.wire import (
    ACK,
    CHUNK,
    CHUNK_FORMAT,
    LEASE,
    LEASE_FORMAT,
    MAX_ANSWER,
    MAX_JSON,
    MAX_MESSAGE,
    RECEIPT,
    RECEIPT_BYTES,
    RECEIPT_FORMAT,
    REFUSAL,
    VERSION,
    WANT,
    WireError,
    check_head,
    is_identifier,
    opened,
    root,
    signed,
)

TYPE_CHECKING = False   # MicroPython has no typing; type checkers know this name
if TYPE_CHECKING:
    from typing import Any

REFUSALS = ("", "no_heap", "no_kernel", "too_slow", "too_hot", "on_battery", "busy", "bad_mac", "expired", "failed")
"""Why a device declined, by code. No failure of the device: it costs no standing."""

VERDICTS = (
    "pending", "ok", "minority", "canary", "no_quorum", "late", "lease_unknown", "duplicate",
    "key_revoked", "class_cap", "owner_cap", "unpriced", "wrong_size", "bad_seal", "cancelled",
)
"""The gateway's judgement on a receipt: the position is the code on the wire and in the ledger."""

NODE_UP = ("status", "birth", "bid", "result", "want")
"""Last level of the topics on which a node publishes."""

PROOF_BYTES = RECEIPT_BYTES + MAC_BYTES
"""Length of a receipt with its MAC: what the ledger keeps."""

Receipt = namedtuple(
    "Receipt",
    ("net", "device", "boot", "seq", "epoch", "flags", "job", "nonce", "seal", "busy_us", "prev"),
)
"""A decoded receipt; ``busy_us`` is the device's own claim and never paid."""


def encode_lease(lease: "Any", mac: "Any") -> bytes:
    """A ``firmware.wire.Lease`` with the tag of ``mac``."""
    head = struct.pack(
        LEASE_FORMAT, VERSION, LEASE, lease.fence, lease.nonce, lease.job, lease.kernel, lease.epoch,
        lease.ack_by_ms, lease.report_by_ms, lease.budget_kop, len(lease.contexts),
    )
    return bytes(signed(head + b"".join(lease.contexts) + lease.input, mac))


def encode_ack(pairs: "list[tuple[int, int]]", mac: "Any") -> bytes:
    """At most 255 pairs of (seq, verdict code): these receipts are durable, the device may forget them."""
    body = bytes((VERSION, ACK, len(pairs))) + b"".join([struct.pack(">IB", seq, code) for seq, code in pairs])
    return bytes(signed(body, mac))


def encode_chunk(name: bytes, total: int, offset: int, data: bytes) -> bytes:
    """Part of a blob of ``total`` bytes. It carries no MAC: the whole is checked against its name."""
    return struct.pack(CHUNK_FORMAT, VERSION, CHUNK, name, total, offset) + data


def decode_receipt(body: bytes) -> Receipt:
    """A receipt without its MAC, 142 bytes. Raises WireError."""
    check_head(body, RECEIPT, RECEIPT_BYTES, RECEIPT_BYTES)
    return Receipt(*struct.unpack(RECEIPT_FORMAT, body)[2:])


def decode_result(frame: bytes, mac: "Any") -> "tuple[Receipt, bytes, bytes]":
    """(receipt, its bytes with MAC, answer) of a result. Raises WireError.

    The seal is not checked here: a wrong one is a verdict (``bad_seal``), not a malformed message.
    """
    check_head(frame, RECEIPT, PROOF_BYTES, PROOF_BYTES + MAX_ANSWER)
    proof = bytes(frame[:PROOF_BYTES])
    return decode_receipt(opened(proof, mac)), proof, bytes(frame[PROOF_BYTES:])


def decode_refusal(frame: bytes, mac: "Any") -> "tuple[bytes, int]":
    """(nonce, code) of a refusal. Raises WireError."""
    check_head(frame, REFUSAL, 19 + MAC_BYTES, 19 + MAC_BYTES)
    _, _, nonce, code = struct.unpack(">BB16sB", opened(frame, mac))
    if not 0 < code < len(REFUSALS):
        raise WireError("code")
    return nonce, code


def decode_want(frame: bytes) -> "tuple[bytes, int]":
    """(blob name, offset) that a device asks for. Raises WireError."""
    check_head(frame, WANT, 22, 22)
    _, _, name, offset = struct.unpack(">BB16sI", frame)
    return name, offset


def parse_node_topic(site: str, topic: str) -> "tuple[str, str]":
    """(node, leaf) of a topic that a node may publish on. Raises WireError."""
    if len(topic) > 128:
        raise WireError("topic")
    head = root(site) + "/node/"
    parts = topic[len(head):].split("/")
    if not topic.startswith(head) or len(parts) != 2 or not is_identifier(parts[0]) or parts[1] not in NODE_UP:
        raise WireError("topic")
    return parts[0], parts[1]


_U32 = 0xFFFFFFFF
_SHAPES = {
    "status": {"state": ("ready", "sleeping", "updating", "lost"), "boot": _U32},
    "birth": {"board": str, "arch": 0xFFFF, "fw": str, "heap": 1 << 30, "speed": 1 << 30, "boot": _U32,
              "message": MAX_MESSAGE},
    "bid": {"spare": 1000, "heap": 1 << 30, "room": 64, "blobs": list, "power": ("mains", "battery", "solar"),
            "temp": None},
}


def decode_json(leaf: str, payload: bytes) -> "dict[str, Any]":
    """A node's status, birth or bid: exactly the known keys, each within its bounds. Raises WireError."""
    if len(payload) > MAX_JSON:
        raise WireError("length")
    try:
        given = json.loads(payload)
    except (ValueError, RuntimeError):  # RuntimeError: nested deeper than the interpreter allows
        raise WireError("json") from None
    shape = _SHAPES[leaf]
    if not isinstance(given, dict) or given.get("v") != VERSION or len(given) != len(shape) + 1:
        raise WireError("shape")
    for key in shape:
        if key not in given or not _fits(given[key], shape[key]):
            raise WireError("shape")
    return given


def _fits(value: "Any", bound: "Any") -> bool:
    """Whether a value is one of a tuple's words, a short text, a list of hash prefixes, degrees, or 0..bound.

    Texts are printable ASCII: people read them in terminals.
    """
    if isinstance(bound, tuple):
        return isinstance(value, str) and value in bound
    if bound is str:
        return isinstance(value, str) and 0 < len(value) <= 64 and all(" " <= c <= "~" for c in value)
    if bound is list:
        return isinstance(value, list) and len(value) <= 32 and all(
            isinstance(prefix, str) and len(prefix) == 8 for prefix in value
        )
    if not isinstance(value, int) or isinstance(value, bool):
        return value is None and bound is None
    return -100 <= value <= 200 if bound is None else 0 <= value <= bound


def gateway_topic(site: str, gateway: str, leaf: str) -> str:
    """``status`` or ``info`` of a gateway."""
    return str(root(site)) + "/gw/" + gateway + "/" + leaf


def task_topic(site: str, task: str, leaf: str) -> str:
    """``status``, ``event`` or ``result`` of a task."""
    return str(root(site)) + "/task/" + task + "/" + leaf


def epoch_topic(site: str, epoch: int) -> str:
    """Where a sealed epoch is published."""
    return str(root(site)) + "/epoch/" + str(epoch)


def rpc_topic(site: str, method: str) -> str:
    """Where clients send requests; ``+`` for all methods."""
    return str(root(site)) + "/rpc/" + method


def reply_topic(site: str, client: str) -> str:
    """Where the gateway answers a client without MQTT 5 properties."""
    return str(root(site)) + "/reply/" + client
