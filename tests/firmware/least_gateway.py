"""The least gateway that a device can work for: it leases, serves blobs, checks and acknowledges.

For tests and benchmarks of the firmware alone, over a real broker. Synchronous: every wait is a wait for a
message, with a generous limit.
"""

from __future__ import annotations

import hashlib
import queue
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt

from lamplighter.firmware import wire
from lamplighter.firmware.mac import Mac, derive
from lamplighter.gateway.protocol import frames

SITE = "bench"
NET = bytes(range(8))


def free_port() -> int:
    """A loopback port that nobody listens on at the moment."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


def mosquitto() -> str | None:
    """Path of the broker's program, None where it is not installed."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")


@contextmanager
def broker(folder: Path, port: int | None = None, more: str = "") -> Iterator[int]:
    """A mosquitto without accounts on a loopback port, which it yields; ``more`` goes into its configuration."""
    port = port or free_port()
    config = folder / "mosquitto.conf"
    config.write_text("user root\nallow_anonymous true\nset_tcp_nodelay true\npersistence false\n"
                      f"listener {port} 127.0.0.1\n{more}")
    program = mosquitto()
    assert program, "mosquitto is not installed"
    quiet = subprocess.DEVNULL
    with subprocess.Popen([program, "-c", str(config)], stdout=quiet, stderr=quiet) as child:
        try:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    assert child.poll() is None, "mosquitto did not start"
            yield port
        finally:
            child.kill()


class LeastGateway:
    """One device's counterpart. ``key``: the device's enrolment key."""

    def __init__(self, port: int, key: bytes, blobs: dict[bytes, bytes]) -> None:
        self.device, self.node = wire.device_of(key)
        self.up, self.down = Mac(derive(key, b"up")), Mac(derive(key, b"down"))
        self.blobs = blobs
        self.heard: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.chunk = wire.MAX_CHUNK
        self.wants = 0
        self.acking = True
        self._fence = 0
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.on_message = self._on_message
        self._client.on_socket_open = lambda c, u, s: s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ready = queue.Queue[int]()
        self._client.on_subscribe = lambda *a: ready.put(1)
        self._client.connect("127.0.0.1", port)
        self._client.subscribe(wire.root(SITE) + "/node/+/+", 1)
        self._client.loop_start()
        ready.get(timeout=300)

    def close(self) -> None:
        """Disconnects."""
        self._client.disconnect()
        self._client.loop_stop()

    def config(self, port: int, **more: Any) -> dict[str, Any]:
        """What goes into the device's lamplighter.json, but for its key."""
        return {"broker": "127.0.0.1", "port": port, "site": SITE, "net": NET.hex(), "bid_ms": 1000, **more}

    def publish(self, leaf: str, payload: bytes) -> None:
        """Publishes to the device."""
        self._client.publish(wire.node_topic(SITE, self.node, leaf), payload, qos=1)

    def lease(self, kernel: bytes, data: bytes, contexts: tuple[bytes, ...] = (), span: bool = False,
              **more: int) -> wire.Lease:
        """A new lease on a job of its own, or on a span."""
        self._fence += 1
        nonce = hashlib.sha256(b"nonce%d" % self._fence).digest()[:16]
        clocks = {"ack_by_ms": 10000, "report_by_ms": 60000, "budget_kop": 1, **more}
        return wire.Lease(self._fence, nonce, nonce[::-1], kernel, 7, clocks["ack_by_ms"], clocks["report_by_ms"],
                          clocks["budget_kop"], contexts, data, span)

    def send(self, leases: list[wire.Lease]) -> None:
        """Publishes leases in one message."""
        self.publish("lease", wire.encode_batch([frames.encode_lease(lease, self.down) for lease in leases]))

    def wait(self, wanted: Callable[[str, Any], Any], limit_s: float = 300) -> Any:
        """The first true value of ``wanted(leaf, content)`` over what is heard. Raises queue.Empty."""
        end = time.monotonic() + limit_s
        while True:
            leaf, content = self.heard.get(timeout=max(0, end - time.monotonic()))
            found = wanted(leaf, content)
            if found:
                return found

    def results(self, count: int, limit_s: float = 300) -> dict[bytes, bytes]:
        """The next ``count`` answers by nonce; refusals as ``(code,)`` bytes of length one."""
        got: dict[bytes, bytes] = {}

        def take(leaf: str, content: Any) -> bool:
            if leaf == "result":
                got.update(content)
            return len(got) >= count

        self.wait(take, limit_s)
        return got

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        node, leaf = message.topic.split("/")[-2:]
        if node != self.node or leaf in wire.NODE_DOWN:
            return
        if leaf == "want":
            self.wants += 1
            name, offset = frames.decode_want(message.payload, self.up)
            blob = self.blobs.get(name, b"")
            if blob[offset:]:
                part = blob[offset:offset + self.chunk]
                self.publish("blob", frames.encode_chunk(name, len(blob), offset, part))
        elif leaf == "result":
            self.heard.put((leaf, self._judge(message.payload)))
        else:
            given, _ = frames.decode_json(leaf, message.payload, self.up)
            if leaf == "birth" and given["state"]:
                self.publish("lease", frames.encode_floor(given["once"], 0, 0, self.down))
            else:
                self.heard.put((leaf, given))

    def _judge(self, payload: bytes) -> dict[bytes, bytes]:
        """Answers and refusals of a message by nonce, receipts acknowledged."""
        got, acks = {}, []
        for frame in wire.frames_of(payload):
            if wire.kind_of(frame) == wire.RECEIPT:
                receipt, _, answer = frames.decode_result(frame, self.up)
                assert receipt.seal == wire.seal_of(self.device, receipt.nonce, answer)
                assert receipt.device == self.device
                got[receipt.nonce] = answer
                acks.append((receipt.seq, 1))
            elif wire.kind_of(frame) == wire.REFUSAL:
                nonce, code = frames.decode_refusal(frame, self.up)
                got[nonce] = bytes((code,))
            else:
                self.heard.put(("accept", wire.decode_nonce(wire.ACCEPT, frame, self.up)))
        if acks and self.acking:
            self.publish("ack", frames.encode_ack(acks, self.down))
        return got
