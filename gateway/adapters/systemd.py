"""What systemd wants to hear from a service (sd_notify(3)): a datagram to the socket named in the environment."""

import os
import socket


def notify(state: str) -> bool:
    """Sends ``READY=1``, ``WATCHDOG=1``, ``STOPPING=1`` or ``STATUS=…``; False when no service manager listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
            sender.connect("\0" + address[1:] if address.startswith("@") else address)
            sender.send(state.encode())
    except OSError:
        return False
    return True


def watchdog_s() -> float:
    """How often to send ``WATCHDOG=1``: half of the limit that systemd set for this process, 0 for never."""
    limit, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not limit.isdigit() or pid not in ("", str(os.getpid())):
        return 0.0
    return int(limit) / 2e6
