"""What a gateway can be told when it starts. Each has a flag of ``lamplighter up`` of the same name."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from lamplighter.gateway.core.policy import Policy

PACKET_ROOM = 65_536
"""Bytes of a packet beside a request: topic and head, and enough for one that is too large to be told so."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Defaults suit a laptop: an embedded broker and a status page, both on loopback only."""

    data: Path = Path("lamplighter-data")
    """Everything durable: journal, registry, keys, and ``public/`` with the log."""
    public: Path | None = None
    """Where the public log goes instead of ``data/public``."""
    broker: str = ""
    """URL of a broker to use; empty starts the embedded one."""
    site: str = "demo"
    name: str = "gw1"
    """This gateway's name in topics."""
    http_host: str = "127.0.0.1"
    http_port: int = 8480
    """0 takes a free port."""
    mqtt_port: int = 0
    """Port of the embedded broker; 0 keeps the last one, or takes a free one."""
    allow_open_broker: bool = False
    """Serve although the broker lets strangers ask: devices and epochs then only from ``data``'s own computer."""
    allow_open_page: bool = False
    """Let the page, which asks nobody for a password, listen beyond loopback."""
    max_request: int = 8 * 1024 * 1024
    """Bytes of one request. The broker takes ``PACKET_ROOM`` more in a packet."""
    max_file: int = 1 << 20
    """Bytes of one file of an answer that is published as a retained message; longer ones are on the page only."""
    epoch_s: int = 600
    """Length of a settlement period."""
    worker_mb: int = 256
    """Memory of each of the two processes in which kinds run."""
    worker_s: int = 30
    """How long a kind may work on one document or one round before it is called off."""
    policy: Policy = field(default_factory=Policy)

    @property
    def public_folder(self) -> Path:
        """Where the public log is."""
        return self.public or self.data / "public"
