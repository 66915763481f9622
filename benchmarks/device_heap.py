"""What a device needs: the smallest heap in which the firmware works, and what it costs a board's own duty.

``python -m benchmarks.device_heap`` prints it. The heap is that of the unix port on this machine. MicroPython's
objects are made of machine words: ``-X heapsize=32wK`` is its own way to ask for as many words as 32 KB hold on a
32-bit board, 64 KB where words have 64 bits. Both are printed.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import queue
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, row
from lamplighter.firmware import wire
from lamplighter.gateway.devicebuild.compiler import build_firmware, compile_for
from lamplighter.gateway.devicebuild.interpreter import find_micropython
from lamplighter.gateway.devicebuild.kernels import kernel_source
from lamplighter.gateway.simulate.fleet import FIRMWARE

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "firmware"))
from least_gateway import LeastGateway, broker  # noqa: E402 - the tests' own counterpart of a device

TRIVIAL = b"""
def run(data, contexts):
    total = 0
    for byte in data + b"".join(contexts):
        total += byte
        yield
    return total.to_bytes(4, "big")
"""
AIRMAP = ROOT / "tasks" / "environment" / "airmap" / "kernel"
JOBS = 50
"""Jobs that a device must have done, one after the other, for its heap to count as enough."""
TRIALS = 5
"""Devices, each with an empty flash, that must do them."""


def stations(n: int) -> bytes:
    """Input of the airmap kernel: 4 targets amid 12 stations, one exponential variogram."""
    def point(x: int, y: int, rest: int) -> bytes:
        return struct.pack(">Q", x << 46 | y << 28 | rest)

    places = [(1000 * i + 37 * i * i % 5000, 7919 * i % 20000) for i in range(12)]
    near = b"".join(point(x, y, (1 << 20) + 1000 * (i + n)) for i, (x, y) in enumerate(places))
    targets = b"".join(point(1500 * i + 77, 3000 * i + 5, (1 << 12) - 1) for i in range(4))
    model = struct.pack(">BBBBIIII", 1, 0, 20, 0, 20 << 10, (1 << 18) - 1, 1 << 18, 1 << 18)
    return bytes((12, 4, 1, 0)) + near + targets + model


def answer(source: bytes, data: bytes) -> bytes:
    """What a kernel answers here, on CPython."""
    scope: dict[str, Any] = {}
    exec(compile_for(source, 0), scope)
    steps = scope["run"](data, [])
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return bytes(end.value)


class Bench:
    """A broker, a kernel and the firmware, built once. Every trial is a device of its own, with an empty flash."""

    def __init__(self, folder: Path, port: int, micropython: str, arch: int) -> None:
        self.folder, self.port, self.micropython, self.arch = folder, port, micropython, arch
        self._keys = (hashlib.sha256(b"%d" % n).digest() for n in itertools.count())
        build_firmware(FIRMWARE, folder, arch)

    def works(self, heap: int, source: bytes) -> dict[str, Any] | None:
        """The device's last bid when it fetched the kernel and did ``JOBS`` jobs in ``heap`` bytes, else None."""
        kernel, key = compile_for(source, self.arch), next(self._keys)
        for file in [*self.folder.glob("kernel-*"), *self.folder.glob("*.state")]:
            file.unlink()
        gateway = LeastGateway(self.port, key, {wire.blob_name(kernel): kernel})
        config = gateway.config(self.port, room=1, key=key.hex())
        (self.folder / "lamplighter.json").write_text(json.dumps(config))
        command = [self.micropython, "-X", f"heapsize={heap}", "-m", "firmware.main", "lamplighter.json"]
        with subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env={"PATH": os.environ["PATH"], "MICROPYPATH": f"{self.folder}:.frozen"}) as device:
            try:
                return self._work(gateway, source, wire.blob_name(kernel))
            except queue.Empty:
                return None
            finally:
                device.kill()
                gateway.close()

    @staticmethod
    def _work(gateway: LeastGateway, source: bytes, name: bytes) -> dict[str, Any] | None:
        birth = gateway.wait(lambda leaf, content: leaf == "birth" and content, 4)
        gateway.chunk = min(wire.MAX_CHUNK, birth["message"] - wire.CHUNK_BYTES)
        gateway.wait(lambda leaf, _: leaf == "bid", 4)
        for n in range(JOBS):
            data = bytes([n]) * 32 if source == TRIVIAL else stations(n)
            lease = gateway.lease(name, data)
            gateway.send([lease])
            if gateway.results(1, 4) != {lease.nonce: answer(source, data)}:
                return None
        for _ in range(2):  # the first may have been measured before
            bid: dict[str, Any] = gateway.wait(lambda leaf, content: leaf == "bid" and content, 4)
        return bid

    def smallest(self, source: bytes) -> int:
        """KB of the smallest heap that works ``TRIALS`` times out of as many."""
        least, most = 24, 48
        while most - least > 1:
            middle = (least + most) // 2
            always = all(self.works(middle * 1024, source) for _ in range(TRIALS))
            least, most = (least, middle) if always else (middle, most)
        if most == 48:
            raise RuntimeError("48 KB are not enough")
        return most

    def on_device(self, *arguments: str) -> list[float]:
        """What ``on_device.py`` prints."""
        command = [self.micropython, "-X", "heapsize=256k", str(ROOT / "benchmarks" / "on_device.py"), *arguments]
        env = {"PATH": os.environ["PATH"], "MICROPYPATH": f"{ROOT}/src:.frozen"}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=120)
        return [float(word) for word in done.stdout.split()]


def measure() -> list[Figure]:
    """The figures. Raises RuntimeError without a micropython program."""
    found = find_micropython()
    if not found:
        raise RuntimeError("no micropython program")
    with tempfile.TemporaryDirectory() as name, broker(Path(name)) as port:
        bench = Bench(Path(name), port, *found)
        trivial, real = bench.smallest(TRIVIAL), bench.smallest(kernel_source(AIRMAP))
        bid = bench.works(64 * 1024, TRIVIAL)
        assert bid
        plain, working = bench.on_device("duty", "200")
        return [
            Figure("device: smallest heap, one kernel, jobs done; 32-bit words (heapsize=..wK)", trivial / 2, "KB",
                   "<= 32"),
            Figure("  the same in this machine's 64-bit words", trivial, "KB", "<= 32"),
            Figure("  with the airmap kernel, 12 KB of machine code, in 64-bit words", real, "KB"),
            Figure("device: heap used when idle, a trivial kernel loaded", (64 * 1024 - bid["heap"]) / 1024, "KB"),
            Figure("device: time per job outside the kernel and the network", bench.on_device("jobs")[0], "us"),
            Figure("device: 30 % duty alone, p99 of its delay", plain / 1000, "ms"),
            Figure("  beside a kernel that takes all the rest", working / 1000, "ms", "<= 50"),
        ]


if __name__ == "__main__":
    for figure in measure():
        print(row(figure))
