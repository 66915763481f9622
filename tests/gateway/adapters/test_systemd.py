"""What the gateway tells systemd."""

import os
import socket

import pytest

from lamplighter.gateway.adapters.systemd import notify, watchdog_s


@pytest.mark.parametrize("abstract", [False, True])
def test_states_reach_the_service_manager(tmp_path, monkeypatch, abstract):
    """A state arrives as one datagram on a socket file or an abstract socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        name = f"lamplighter-{os.getpid()}" if abstract else str(tmp_path / "notify")
        manager.bind("\0" + name if abstract else name)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name if abstract else name)
        assert notify("READY=1")
        assert manager.recv(64) == b"READY=1"


def test_without_a_service_manager_nothing_happens(tmp_path, monkeypatch):
    """No socket, or one that is gone, is told by False and never raises."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    assert not notify("READY=1")


@pytest.mark.parametrize("limit, pid, expected", [
    ("10000000", "", 5.0), ("10000000", str(os.getpid()), 5.0), ("10000000", "1", 0.0), ("", "", 0.0), ("x", "", 0.0),
])
def test_the_watchdog_is_fed_twice_in_its_limit(monkeypatch, limit, pid, expected):
    """Half of the limit when it is meant for this process, otherwise never."""
    monkeypatch.setenv("WATCHDOG_USEC", limit)
    monkeypatch.setenv("WATCHDOG_PID", pid)
    assert watchdog_s() == expected
