"""How well the broker keeps requests apart, and what it would have had us do again: shown on the page and by
``health.check``."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import Any

MAX_NAMED, MAX_TOPIC = 16, 200
"""Retained requests that are named, and characters of a topic that is."""


@dataclass(slots=True)
class Guard:
    """``broker``, without a password, is where the command that clears a topic goes."""

    host: str = ""
    port: int = 0
    probe: str = "not probed"
    """``closed`` or ``open``, once a stranger's publications were tried."""
    closed: bool = True
    """Whether nobody but operators can ask, as far as is known."""
    ignored: int = 0
    """Requests that were not carried out because the broker had kept them."""
    kept: dict[str, str] = field(default_factory=dict)
    """Topics that hold a request, with their user, as far as they are named."""

    def ignore(self, user: str, topic: str) -> None:
        """The broker handed over a request that it had kept: who sent it, and when, nobody knows."""
        self.ignored += 1
        if len(self.kept) < MAX_NAMED and len(topic) <= MAX_TOPIC:
            self.kept[topic] = user

    def cleared(self, topic: str) -> bool:
        """Whether a message without content on ``topic`` took a kept request away."""
        return self.kept.pop(topic, None) is not None

    def view(self) -> dict[str, Any]:
        """For ``health``: what the probe found, and each kept request with the command that clears it."""
        at = f"-h {shlex.quote(self.host)} -p {self.port}"
        return {"broker_probe": self.probe, "retained_requests": [
            {"topic": topic, "clear": f"mosquitto_pub {at} -u {user} -P PASSWORD -q 1 -r -n -t {shlex.quote(topic)}"}
            for topic, user in sorted(self.kept.items())]}
