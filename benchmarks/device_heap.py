"""What a device needs: the smallest heap in which the firmware works, and what it costs a board's own duty.

``python -m benchmarks.device_heap`` prints it. The heap is that of the unix port on this machine. MicroPython's
objects are made of machine words: ``-X heapsize=32wK`` is its own way to ask for as many words as 32 KB hold on a
32-bit board, 64 KB where words have 64 bits. Both are printed.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, row
from firmware import wire
from gateway.adapters.compiler import build_firmware, compile_for
from gateway.sim import FIRMWARE, find_micropython

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "firmware"))
from desk import Desk, broker  # noqa: E402 - the tests' own counterpart of a device

KEY = bytes(range(32))
KERNEL = b"""
def run(data, contexts):
    total = 0
    for byte in data + b"".join(contexts):
        total += byte
        yield
    return total.to_bytes(4, "big")
"""
JOBS = 50
"""Jobs that a device must have done, one after the other, for its heap to count as enough."""


class Bench:
    """A broker, a kernel and the firmware, built once."""

    def __init__(self, folder: Path, port: int, micropython: str, arch: int) -> None:
        self.folder, self.port, self.micropython = folder, port, micropython
        self.kernel = compile_for(KERNEL, arch)
        build_firmware(FIRMWARE, folder, arch)

    def works(self, heap: int) -> dict[str, Any] | None:
        """The device's first bid when it did ``JOBS`` jobs in ``heap`` bytes, None when it did not."""
        desk = Desk(self.port, KEY, {wire.blob_name(self.kernel): self.kernel})
        config = desk.config(self.port, room=1, key=KEY.hex())
        (self.folder / "lamplighter.json").write_text(json.dumps(config))
        command = [self.micropython, "-X", f"heapsize={heap}", "-m", "firmware.main", "lamplighter.json"]
        with subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env={"PATH": os.environ["PATH"], "MICROPYPATH": f"{self.folder}:.frozen"}) as device:
            try:
                birth = desk.wait(lambda leaf, content: leaf == "birth" and content, 4)
                desk.chunk = min(wire.MAX_CHUNK, birth["message"] - wire.CHUNK_BYTES)
                bid: dict[str, Any] = desk.wait(lambda leaf, content: leaf == "bid" and content, 4)
                for n in range(JOBS):
                    lease = desk.lease(wire.blob_name(self.kernel), bytes([n]) * 32)
                    desk.send([lease])
                    if desk.results(1, 4) != {lease.nonce: (32 * n).to_bytes(4, "big")}:
                        return None
                return bid
            except queue.Empty:
                return None
            finally:
                device.kill()
                desk.close()

    def smallest(self) -> int:
        """KB of the smallest heap that works."""
        least, most = 16, 128
        while most - least > 1:
            middle = (least + most) // 2
            least, most = (least, middle) if self.works(middle * 1024) else (middle, most)
        return most

    def on_device(self, *arguments: str) -> list[float]:
        """What ``on_device.py`` prints."""
        command = [self.micropython, "-X", "heapsize=256k", str(ROOT / "benchmarks" / "on_device.py"), *arguments]
        env = {"PATH": os.environ["PATH"], "MICROPYPATH": f"{ROOT}:.frozen"}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=120)
        return [float(word) for word in done.stdout.split()]


def measure() -> list[Figure]:
    """The figures. Raises RuntimeError without a micropython program."""
    found = find_micropython()
    if not found:
        raise RuntimeError("no micropython program")
    with tempfile.TemporaryDirectory() as name, broker(Path(name)) as port:
        bench = Bench(Path(name), port, *found)
        smallest = bench.smallest()
        bid = bench.works(128 * 1024)
        assert bid
        plain, working = bench.on_device("duty", "200")
        return [
            Figure("device: smallest heap, one kernel, jobs done; 32-bit words (heapsize=..wK)", smallest / 2, "KB",
                   "<= 32"),
            Figure("  the same in this machine's 64-bit words", smallest, "KB", "<= 32"),
            Figure("device: heap used by the agent, connected, no kernel", (128 * 1024 - bid["heap"]) / 1024, "KB"),
            Figure("device: time per job outside the kernel and the network", bench.on_device("jobs")[0], "us"),
            Figure("device: 30 % duty alone, p99 of its delay", plain / 1000, "ms"),
            Figure("  beside a kernel that takes all the rest", working / 1000, "ms", "<= 50"),
        ]


if __name__ == "__main__":
    for figure in measure():
        print(row(figure))
