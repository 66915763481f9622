"""What each operator may ask, so that one who floods takes the gateway from nobody: a share of bytes, and a few
answers to what is beyond it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

REQUEST_BYTES = 2_048
"""What a request costs besides its own bytes."""
SHARE_BYTES = 1 << 20
"""What an operator may ask for in a second, for as long as it likes: 500 short requests."""
BURST_BYTES = 16 << 20
"""What it may ask for at once, after a while of silence."""
TOLD = 8
"""Refusals in a second that an operator is told of; those beyond are counted only."""
MAX_USERS = 256
"""Accounts; on an open broker anybody may have any name, and those beyond share one."""


class Account:
    """What one operator may still ask for, and be told."""

    __slots__ = ("at_ms", "left", "refused", "tell")

    def __init__(self, now_ms: int) -> None:
        self.left, self.tell, self.at_ms, self.refused = BURST_BYTES * 1_000, TOLD * 1_000, now_ms, 0


class Budgets:
    """``now_ms`` is a clock that does not jump; what is not even answered is counted among ``counters``."""

    def __init__(self, now_ms: Callable[[], int], counters: Counter[str]) -> None:
        self._now_ms, self._counters = now_ms, counters
        self._accounts: dict[str, Account] = {}

    def admits(self, user: str, size: int) -> bool:
        """Whether a request of ``size`` bytes is to be dealt with; the one that takes what is left still is."""
        account = self._account(user)
        if account.left <= 0:
            return False
        account.left -= (size + REQUEST_BYTES) * 1_000
        return True

    def refused(self, user: str) -> None:
        """It asked for more than its part."""
        self._account(user).refused += 1

    def tells(self, user: str) -> bool:
        """Whether a refusal for want of room is to be answered."""
        account = self._account(user)
        if account.tell < 1_000:
            self._counters["requests_unanswered"] += 1
            return False
        account.tell -= 1_000
        return True

    def view(self) -> dict[str, Any]:
        """For ``health``: how often each operator was refused for asking too much."""
        return {"asked_too_much": {user or "others": account.refused
                                   for user, account in sorted(self._accounts.items()) if account.refused}}

    def _account(self, user: str) -> Account:
        now_ms = self._now_ms()
        name = user if user in self._accounts or len(self._accounts) < MAX_USERS else ""
        account = self._accounts.setdefault(name, Account(now_ms))
        since = now_ms - account.at_ms
        account.left = min(account.left + since * SHARE_BYTES, BURST_BYTES * 1_000)
        account.tell = min(account.tell + since * TOLD, TOLD * 1_000)
        account.at_ms = now_ms
        return account
