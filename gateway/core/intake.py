"""From bytes to events: verifies sender, topic and MAC, and never raises on what a peer sends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from lamplighter.firmware.wire import ACCEPT, RECEIPT, REFUSAL, WireError, decode_nonce, frames_of, kind_of, seal_of
from lamplighter.gateway.core.events import (
    BlobWanted,
    DeviceMisbehaved,
    Event,
    LeaseAccepted,
    LeaseRefused,
    NodeBid,
    NodeBorn,
    NodeStatusChanged,
    ResultArrived,
)
from lamplighter.gateway.protocol.frames import decode_json, decode_refusal, decode_result, decode_want
from lamplighter.gateway.protocol.topics import parse_node_topic


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
            return [BlobWanted(node, *decode_want(payload))]
        return [_json_event(node, leaf, decode_json(leaf, payload))]
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
        return DeviceMisbehaved(node, "kind")
    except WireError as error:
        return DeviceMisbehaved(node, error.reason)


def _json_event(node: str, leaf: str, given: dict[str, Any]) -> Event:
    if leaf == "status":
        return NodeStatusChanged(node, given["state"], given["boot"])
    if leaf == "birth":
        return NodeBorn(node, given["board"], given["arch"], given["fw"], given["heap"], given["speed"],
                        given["boot"], given["message"], given["why"])
    return NodeBid(node, given["spare"], given["heap"], given["room"], tuple(given["blobs"]), given["power"],
                   given["temp"], given["why"])
