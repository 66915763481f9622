"""From bytes to events: verifies sender, topic and MAC, and never raises on what a peer sends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from lamplighter.firmware.wire import (
    ACCEPT,
    FLOOR,
    RECEIPT,
    REFUSAL,
    WireError,
    decode_nonce,
    frames_of,
    kind_of,
    opened,
    seal_of,
)
from lamplighter.gateway.core.events import (
    At,
    BlobWanted,
    DeviceIsNewer,
    DeviceMisbehaved,
    Event,
    LeaseAccepted,
    LeaseRefused,
    NodeBid,
    NodeBorn,
    NodeStatusChanged,
    ResultArrived,
)
from lamplighter.gateway.core.lifecycle import NODE_MOVES, NodeState
from lamplighter.gateway.protocol.frames import decode_json, decode_refusal, decode_result, decode_want
from lamplighter.gateway.protocol.topics import parse_node_topic

_STATES = frozenset(NODE_MOVES[NodeState.UNSEEN])
"""What a device, or the broker for it, may say that it is."""


class Keys(NamedTuple):
    """What the gateway shares with one device: its 16-byte name and one ``Mac`` per direction."""

    device: bytes
    up: Any
    down: Any


def read(site: str, keys: Mapping[str, Keys], topic: str, payload: bytes) -> list[Event]:
    """The events of one message from a node, at least one; what version 1 does not allow is ``DeviceMisbehaved``."""
    node = "?"
    try:
        node, leaf = parse_node_topic(site, topic)
        if node not in keys:
            return [DeviceMisbehaved(node, "unknown_node")]
        if leaf == "result":
            events: list[Event] = [_frame_event(node, keys[node], frame) for frame in frames_of(payload)]
            return events or [DeviceMisbehaved(node, "length")]
        if leaf == "want":
            return [BlobWanted(node, *decode_want(payload, keys[node].up))]
        given, more = decode_json(leaf, payload, keys[node].up)
        return [*[DeviceIsNewer(node, leaf + "_key", more)][:more], _json_event(node, leaf, given)]
    except WireError as error:
        return [DeviceMisbehaved(node, error.reason)]


def _frame_event(node: str, keys: Keys, frame: bytes) -> Event:
    """One frame of a batch; a bad one does not spoil its neighbours."""
    try:
        kind = kind_of(frame)
        if kind == RECEIPT:
            receipt, proof, answer = decode_result(frame, keys.up)
            if receipt.device != keys.device:
                return DeviceMisbehaved(node, "device")
            sealed = receipt.seal == seal_of(keys.device, receipt.nonce, answer)
            return ResultArrived(node, receipt, proof, answer, sealed)
        if kind == REFUSAL:
            return LeaseRefused(node, *decode_refusal(frame, keys.up))
        if kind == ACCEPT:
            return LeaseAccepted(node, decode_nonce(ACCEPT, frame, keys.up))
        if kind <= FLOOR:
            return DeviceMisbehaved(node, "kind")
        opened(frame, keys.up)
        return DeviceIsNewer(node, "kind")
    except WireError as error:
        return DeviceMisbehaved(node, error.reason)


def _json_event(node: str, leaf: str, given: dict[str, Any]) -> Event:
    at = At(given["boot"], given["conn"], given[leaf])
    if leaf == "birth":
        return NodeBorn(node, at, given["board"], given["arch"], given["fw"], given["heap"], given["speed"],
                        given["message"], given["once"], tuple(given["can"]), given["state"], given["why"])
    if leaf == "bid":
        return NodeBid(node, at, given["spare"], given["heap"], given["room"], tuple(given["blobs"]), given["power"],
                       given["temp"], given["why"])
    if given["state"] in _STATES:
        return NodeStatusChanged(node, at, given["state"])
    return DeviceIsNewer(node, "status_word")
