"""Who is heard: a budget of bytes for each device, so that none can take the gateway from the others.

It is asked before a message is looked at, and knows nothing of what is in it. A device's budget follows from what it
has to say: a little all the time, and more with each lease that it is given. One that goes on beyond its budget is
muted: what it sends is let go unread, and counts all the same, until it has sent less than its share for a while.
"""

from __future__ import annotations

from collections.abc import Callable

MESSAGE_BYTES = 256
"""What a message costs besides its own bytes: even of nothing there is work."""
HINT_BYTES = 2_048
"""The same of what people may read too, and nobody needs often: status, birth, bid."""
VAIN_BYTES = 256
"""What it costs besides when it comes to nothing: malformed, forged, of no lease or of one that has its result."""
SHARE_BYTES = 32_768
"""What a device may send in a second, whatever it does: bids, births, parts of kernels, results once more."""
BURST_BYTES = 8 * SHARE_BYTES
"""What it may send at once: it may have been silent, or have a kernel and all contexts to fetch."""
LEASE_BYTES = 8_192
"""What each lease allows it besides: that it has it, its result, both once more, and the like."""
MOST_BYTES = 4 * BURST_BYTES
"""What leases add up to."""
DEBT_BYTES = 4 * SHARE_BYTES
"""What a muted device owes at most: so many seconds of its share after a flood it is heard again."""
REPORT_MS = 500
"""How much longer than it is muted a device is said to be, so that this need not be said anew all the time."""


class Account:
    """What one device may still send, and until when it was said to be muted."""

    __slots__ = ("at_ms", "left", "said_ms")

    def __init__(self, now_ms: int) -> None:
        self.left, self.at_ms, self.said_ms = BURST_BYTES, now_ms, 0


class Gate:
    """``muted(node, ms)`` is called when a device is muted, and now and then while it stays so, with how long that
    lasts if it falls silent now. Nodes that are not ``known`` share one account, which nobody hears of."""

    def __init__(self, known: Callable[[str], bool], muted: Callable[[str, int], None],
                 now_ms: Callable[[], int]) -> None:
        self._known, self._muted, self._now_ms = known, muted, now_ms
        self._accounts: dict[str, Account] = {}

    def admits(self, node: str, size: int) -> bool:
        """Whether a message of ``size`` bytes, with what it costs besides, is to be read."""
        now_ms = self._now_ms()
        account = self._accounts.get(node) or self._account(node, now_ms)
        left = account.left
        if left < BURST_BYTES:
            left = min(left + (now_ms - account.at_ms) * SHARE_BYTES // 1_000, BURST_BYTES)
        account.at_ms = now_ms
        left -= size
        account.left = left if left > -DEBT_BYTES else -DEBT_BYTES
        if left >= 0:
            return True
        until_ms = now_ms - account.left * 1_000 // SHARE_BYTES
        if until_ms > account.said_ms and self._known(node):
            account.said_ms = until_ms + REPORT_MS
            self._muted(node, account.said_ms - now_ms)
        return False

    def vain(self, node: str) -> None:
        """What it sent came to nothing."""
        account = self._accounts.get(node)
        if account:
            account.left = max(account.left - VAIN_BYTES, -DEBT_BYTES)

    def lease(self, node: str) -> None:
        """A lease is about to leave for it."""
        account = self._accounts.get(node) or self._account(node, self._now_ms())
        account.left = min(account.left + LEASE_BYTES, MOST_BYTES)

    def _account(self, node: str, now_ms: int) -> Account:
        name = node if self._known(node) else ""
        if name not in self._accounts:
            self._accounts[name] = Account(now_ms)
        return self._accounts[name]
