"""Devices whose heap is in pieces on purpose: real MicroPython, a real broker, and no piece for a whole message."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lamplighter.firmware import wire
from lamplighter.gateway.devicebuild.compiler import build_firmware, compile_for
from lamplighter.gateway.devicebuild.interpreter import find_micropython
from lamplighter.gateway.simulate.fleet import FIRMWARE

sys.path.insert(0, str(Path(__file__).parent))
from least_gateway import LeastGateway, broker, mosquitto

KEY = bytes(range(32))
KERNEL = b"def run(data, contexts):\n    yield\n    return data * 4\n"
HEAP, IN_ONE, PIECE, SPARE = "72k", 12000, 350, 12000
"""Bytes: the heap; its one large piece, for the kernel; the others, and those together."""
JOBS = 200
LOST_S = 8.0
"""A lease of which nothing is heard for so long is given up, as the gateway does."""


def test_a_heap_in_pieces_gets_its_work_done_over_one_connection(tmp_path: Path) -> None:
    """Leases that find no piece are declined, results leave all the same, and the device never hangs up."""
    found = find_micropython()
    if not found or not mosquitto():
        assert not os.environ.get("CI"), "no micropython or no mosquitto"
        pytest.skip("no micropython or no mosquitto here")
    kernel = compile_for(KERNEL, found[1])
    build_firmware(FIRMWARE, tmp_path, found[1])
    command = [found[0], "-X", f"heapsize={HEAP}", str(Path(__file__).with_name("holed.py")), "lamplighter.json",
               *map(str, (IN_ONE, PIECE, SPARE))]
    with broker(tmp_path) as port:
        gateway = LeastGateway(port, KEY, {wire.blob_name(kernel): kernel})
        gateway.chunk = 300
        config = gateway.config(port, room=8, key=KEY.hex())
        (tmp_path / "lamplighter.json").write_text(json.dumps(config))
        env = {"PATH": os.environ["PATH"], "MICROPYPATH": f"{tmp_path}:.frozen"}
        with subprocess.Popen(command, cwd=tmp_path, env=env) as device:
            try:
                connections = _work(gateway, wire.blob_name(kernel))
                assert connections == 1 and device.poll() is None
            finally:
                device.kill()
                gateway.close()


def _work(gateway: LeastGateway, kernel: bytes) -> int:
    """Leases the same few jobs again until all are done; over how many connections the device did them."""
    born = set()
    left = {n.to_bytes(40, "big") for n in range(JOBS)}
    out: dict[bytes, tuple[bytes, float]] = {}
    while left:
        leaf, content = gateway.heard.get(timeout=300)
        born |= {content["conn"]} if leaf == "birth" else set()
        if leaf == "result":
            for nonce, answer in content.items():
                data, _ = out.pop(nonce, (b"", 0.0))
                if answer == data * 4:
                    left.discard(data)
        now = time.monotonic()
        out = {nonce: lease for nonce, lease in out.items() if now - lease[1] < LOST_S}
        if leaf in ("bid", "result") and len(out) <= 5:
            free = left.difference(data for data, _ in out.values())
            leases = [gateway.lease(kernel, data) for data in sorted(free)[:3]]
            out.update({lease.nonce: (lease.input, now) for lease in leases})
            gateway.send(leases)
    return len(born)
