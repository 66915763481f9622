"""From effects to messages: what goes to one device in one batch leaves as one message. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from lamplighter.firmware.wire import CANCEL, MAX_BATCH, Lease, encode_batch, encode_nonce, node_topic
from lamplighter.gateway.core.effects import Effect, SendAck, SendCancel, SendLease
from lamplighter.gateway.core.intake import Keys
from lamplighter.gateway.protocol.frames import encode_ack, encode_lease
from lamplighter.gateway.protocol.verdicts import VERDICTS

_CODES = {word: code for code, word in enumerate(VERDICTS)}


def messages(site: str, keys: Mapping[str, Keys], takes: Mapping[str, int],
             effects: Iterable[Effect]) -> Iterator[tuple[str, bytes]]:
    """(topic, payload) of all leases, cancels and acknowledgements among ``effects``.

    ``takes`` says how many bytes a node takes in one message; a node without keys (revoked) gets nothing.
    """
    leases: dict[str, list[bytes]] = {}
    acks: dict[str, list[tuple[int, int]]] = {}
    for effect in effects:
        if isinstance(effect, SendLease):
            if effect.node in keys:
                leases.setdefault(effect.node, []).append(_lease(keys[effect.node], effect))
        elif isinstance(effect, SendAck):
            acks.setdefault(effect.node, []).append((effect.seq, _CODES[effect.verdict]))
        elif isinstance(effect, SendCancel) and effect.node in keys:
            leases.setdefault(effect.node, []).append(encode_nonce(CANCEL, effect.nonce, keys[effect.node].down))
    for node, pairs in acks.items():
        if node in keys:
            for at in range(0, len(pairs), 128):
                yield node_topic(site, node, "ack"), encode_ack(pairs[at:at + 128], keys[node].down)
    for node, frames in leases.items():
        for group in _groups(frames, takes.get(node, 0)):
            yield node_topic(site, node, "lease"), encode_batch(group)


def _lease(keys: Keys, effect: SendLease) -> bytes:
    return encode_lease(Lease(effect.fence, effect.nonce, effect.job, effect.kernel, effect.epoch, effect.ack_by_ms,
                              effect.report_by_ms, effect.budget_kop, effect.contexts, effect.input), keys.down)


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
