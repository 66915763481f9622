"""The stand-ins that benchmarks work with speak as the firmware does."""

from __future__ import annotations

from benchmarks.devices import Device, told
from lamplighter.firmware.mac import Mac, derive
from lamplighter.firmware.wire import Lease, frames_of
from lamplighter.gateway.protocol.frames import decode_result, encode_lease

KEY = bytes(range(32))


def test_a_stand_in_answers_a_lease() -> None:
    """With a sealed result under its own key, a receipt after the other, and one question for each new context."""
    device = Device("site", "00" * 8, KEY)
    down, up = Mac(derive(KEY, b"down")), Mac(derive(KEY, b"up"))
    leases = [Lease(1, bytes((at,)) * 16, b"j" * 16, b"k" * 16, 3, 4_000, 6_000, 1, (b"c" * 16,), b"input", False)
              for at in (1, 2)]
    reply: list[bytes] = []
    device._leased([encode_lease(lease, down) for lease in leases], 7, reply)
    want, sent = reply
    payload = sent.partition(b"/result")[2][2:]
    results = [decode_result(frame, up) for frame in frames_of(payload)]
    assert [(receipt.seq, answer) for receipt, _, answer in results] == [(1, b"input"), (2, b"input")]
    assert b"/want" in want and told([device])["unanswered"] == 2
