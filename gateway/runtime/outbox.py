"""From effects to messages: what goes to one device in one batch leaves as one message."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from lamplighter.firmware.wire import CANCEL, MAX_BATCH, encode_batch, encode_nonce, node_topic
from lamplighter.gateway.core.effects import SendAck, SendCancel, SendFloor, SendLease
from lamplighter.gateway.core.intake import Keys
from lamplighter.gateway.protocol.frames import encode_ack, encode_floor, encode_lease
from lamplighter.gateway.protocol.verdicts import VERDICTS

_CODES = {word: code for code, word in enumerate(VERDICTS)}
_ACKS = 128
"""Acknowledgements in one frame."""


class Outbox:
    """Leases, cancels, floors and acknowledgements of a batch, until they leave.

    ``takes`` says how many bytes a node takes in one message; a node without keys (revoked) gets nothing.
    """

    def __init__(self, site: str, keys: Mapping[str, Keys], takes: Callable[[str], int]) -> None:
        self._site, self._keys, self._takes = site, keys, takes
        self._leases: dict[str, list[bytes]] = {}
        self._acks: dict[str, list[tuple[int, int]]] = {}

    def lease(self, effect: SendLease) -> None:
        keys = self._keys.get(effect.node)
        if keys is not None:
            self._leases.setdefault(effect.node, []).append(encode_lease(effect, keys.down))

    def cancel(self, effect: SendCancel) -> None:
        keys = self._keys.get(effect.node)
        if keys is not None:
            self._leases.setdefault(effect.node, []).append(encode_nonce(CANCEL, effect.nonce, keys.down))

    def floor(self, effect: SendFloor) -> None:
        keys = self._keys.get(effect.node)
        if keys is not None:
            self._leases.setdefault(effect.node, []).append(
                encode_floor(effect.once, effect.boot, effect.seq, keys.down))

    def ack(self, effect: SendAck) -> None:
        self._acks.setdefault(effect.node, []).append((effect.seq, _CODES[effect.verdict]))

    def messages(self) -> Iterator[tuple[str, bytes]]:
        """(topic, payload) of all that was put in, which is forgotten."""
        acks, self._acks = self._acks, {}
        leases, self._leases = self._leases, {}
        for node, pairs in acks.items():
            keys = self._keys.get(node)
            if keys is not None:
                for at in range(0, len(pairs), _ACKS):
                    yield node_topic(self._site, node, "ack"), encode_ack(pairs[at:at + _ACKS], keys.down)
        for node, frames in leases.items():
            for group in _groups(frames, self._takes(node)):
                yield node_topic(self._site, node, "lease"), encode_batch(group)


def _groups(frames: list[bytes], most: int) -> Iterator[list[bytes]]:
    """Frames in groups that fit one message each; a single frame always goes."""
    group: list[bytes] = []
    size = 2
    for frame in frames:
        if group and (size + len(frame) + 2 > most or len(group) == MAX_BATCH):
            yield group
            group, size = [], 2
        group.append(frame)
        size += len(frame) + 2
    if group:
        yield group
