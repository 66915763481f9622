"""The fleet of simulated devices."""

from __future__ import annotations

import asyncio
import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from lamplighter.gateway.devicebuild.interpreter import find_micropython
from lamplighter.gateway.simulate.fleet import Fleet


async def _until(true: Callable[[], bool], limit_s: float = 300) -> None:
    async with asyncio.timeout(limit_s):
        while not true():  # noqa: ASYNC110 - another process's file: there is no event to wait for
            await asyncio.sleep(0.01)


def _config(index: int) -> dict[str, object]:
    """A device whose broker refuses connections: it boots, and keeps trying."""
    return {"broker": "127.0.0.1", "port": 9, "site": "t", "net": "00" * 8, "key": f"{index:064x}"}


def _fleet(folder: Path, monkeypatch: pytest.MonkeyPatch, runtime: str) -> Fleet:
    if runtime == "cpython":
        monkeypatch.setattr("lamplighter.gateway.simulate.fleet.find_micropython", lambda: None)
    elif not find_micropython():
        pytest.skip("no micropython here")
    return Fleet(folder, [_config(0), _config(1)])


@pytest.mark.parametrize("runtime", ["micropython", "cpython"])
def test_devices_boot_die_and_boot_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: str) -> None:
    """Each device keeps its own state over a pulled plug, and its boot number rises."""
    fleet = _fleet(tmp_path, monkeypatch, runtime)
    states = [tmp_path / f"{i:03d}" / "lamplighter.state" for i in range(2)]
    numbers = struct.pack(">II32s", 4, 64, bytes(32))   # those that lack theirs would first ask a gateway
    for state in states:
        state.parent.mkdir()
        state.write_bytes(numbers + hashlib.sha256(numbers).digest()[:4])

    def boots() -> list[int]:
        return [int.from_bytes(s.read_bytes()[:4], "big") if s.exists() else 0 for s in states]

    async def go() -> None:
        await fleet.start()
        await _until(lambda: boots() == [5, 5])
        await fleet.kill(1)
        assert fleet.running == [0]
        fleet.restart(1)
        await _until(lambda: boots() == [5, 6])
        await fleet.stop()
        assert fleet.running == []
        assert fleet.restarts == 0

    asyncio.run(go())
    assert ("no micropython" in fleet.runtime) == (runtime == "cpython")
    assert all((tmp_path / f"{i:03d}" / "device.log").read_text() == "" for i in range(2))


def test_a_device_that_ends_by_itself_is_started_again(tmp_path: Path) -> None:
    """A crash of the firmware is followed by a restart, as a watchdog would, and counted."""
    fleet = Fleet(tmp_path, [{**_config(0), "key": "no key"}])

    async def go() -> None:
        await fleet.start()
        await _until(lambda: fleet.restarts >= 1)
        await fleet.stop()

    asyncio.run(go())
    assert "Traceback" in (tmp_path / "000" / "device.log").read_text()
