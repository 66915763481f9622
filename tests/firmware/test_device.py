"""A whole device, from configuration to acknowledged result, through a real broker."""

from __future__ import annotations

import datetime
import json
import os
import queue
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lamplighter.firmware import wire
from lamplighter.gateway.devicebuild.compiler import build_firmware, compile_for
from lamplighter.gateway.devicebuild.interpreter import find_micropython
from lamplighter.gateway.simulate.fleet import FIRMWARE

sys.path.insert(0, str(Path(__file__).parent))
from least_gateway import NET, SITE, LeastGateway, broker, free_port, mosquitto

KEY = bytes(range(32))
KERNEL = b"""
import micropython


@micropython.viper
def triple(x: int) -> int:
    return x * 3


def run(data, contexts):
    total = 0
    for byte in data + b"".join(contexts):
        total += triple(byte)
        yield
    if data == b"fail":
        raise ValueError("bad input")
    while data == b"spin":
        yield
    return bytes((total >> 8 & 255, total & 255))
"""
PLAIN = KERNEL.replace(b"import micropython\n", b"")
CONTEXT = bytes(range(256)) * 5


@pytest.fixture(params=["micropython", "cpython"])
def runtime(request: pytest.FixtureRequest) -> tuple[str, int]:
    """(program, ``_mpy``) of each interpreter."""
    found = find_micropython() if request.param == "micropython" else (sys.executable, 0)
    needed = {"mosquitto": mosquitto(), "micropython": found}
    for name, there in needed.items():
        if not there:
            assert not os.environ.get("CI"), f"no {name}"
            pytest.skip(f"no {name} here")
    assert found
    return found


@contextmanager
def _device(
    runtime: tuple[str, int], folder: Path, config: dict[str, Any], heap: str = "128k",
) -> Iterator[subprocess.Popen[bytes]]:
    program, arch = runtime
    build_firmware(FIRMWARE, folder, arch)
    (folder / "lamplighter.json").write_text(json.dumps({**config, "key": KEY.hex()}))
    env = {"PATH": os.environ["PATH"], "MICROPYPATH" if arch else "PYTHONPATH": f"{folder}:.frozen"}
    limit = ["-X", f"heapsize={heap}"] if arch else []
    with subprocess.Popen([program, *limit, "-m", "firmware.main", "lamplighter.json"], env=env, cwd=folder) as child:
        try:
            yield child
        finally:
            child.kill()


def _config(port: int, **more: Any) -> dict[str, Any]:
    return {"broker": "127.0.0.1", "port": port, "site": SITE, "net": NET.hex(), "room": 4, **more}


def _blobs(arch: int) -> tuple[bytes, bytes, dict[bytes, bytes]]:
    """Names of kernel and context, and both."""
    kernel = compile_for(KERNEL if arch else PLAIN, arch)
    names = wire.blob_name(kernel), wire.blob_name(CONTEXT)
    return *names, {names[0]: kernel, names[1]: CONTEXT}


def test_a_device_announces_itself_works_and_is_reported_lost(runtime: tuple[str, int], tmp_path: Path) -> None:
    """Birth, bid, blobs in pieces, answers, a failing and an endless kernel, a cancel, the will, the next boot."""
    kernel, context, blobs = _blobs(runtime[1])
    with broker(tmp_path) as port:
        gateway = LeastGateway(port, KEY, blobs)
        gateway.chunk = 300
        with _device(runtime, tmp_path, _config(port)):
            birth = gateway.wait(lambda leaf, content: leaf == "birth" and content)
            assert (birth["arch"], birth["boot"]) == (runtime[1], 1)
            bid = gateway.wait(lambda leaf, content: leaf == "bid" and content)
            assert (bid["room"], bid["blobs"]) == (4, [])
            _work(gateway, kernel, context)
        lost = gateway.wait(lambda leaf, content: leaf == "status" and content["state"] == "lost" and content)
        assert lost["boot"] == 1
        with _device(runtime, tmp_path, _config(port)):
            assert gateway.wait(lambda leaf, content: leaf == "birth" and content["boot"] == 2)
        gateway.close()


def _work(gateway: LeastGateway, kernel: bytes, context: bytes) -> None:
    leases = [gateway.lease(kernel, bytes([n]), (context,)) for n in range(3)]
    gateway.send(leases)
    answers, total = gateway.results(3), 3 * sum(CONTEXT)
    wanted = [(total + 3 * n & 0xFFFF).to_bytes(2, "big") for n in range(3)]
    assert [answers[lease.nonce] for lease in leases] == wanted
    fail, spin, cancelled, after = (gateway.lease(kernel, data, report_by_ms=more) for data, more in
                                    ((b"fail", 60000), (b"spin", 1000), (b"spin", 60000), (b"ok", 60000)))
    gateway.send([fail, spin, cancelled, after])
    assert gateway.results(2) == {fail.nonce: bytes([wire.FAILED]), spin.nonce: bytes([wire.EXPIRED])}
    gateway.publish("lease", wire.encode_nonce(wire.CANCEL, cancelled.nonce, gateway.down))
    assert list(gateway.results(1)) == [after.nonce]


def test_a_result_outlives_a_killed_broker(runtime: tuple[str, int], tmp_path: Path) -> None:
    """A device finds its broker again by itself, and brings the result that nobody had acknowledged."""
    kernel, _, blobs = _blobs(runtime[1])
    port = free_port()
    with _device(runtime, tmp_path, _config(port)):
        with broker(tmp_path, port):
            gateway = LeastGateway(port, KEY, blobs)
            gateway.acking = False
            gateway.wait(lambda leaf, content: leaf == "bid")
            lease = gateway.lease(kernel, b"once")
            gateway.send([lease])
            answer = gateway.results(1)[lease.nonce]
            gateway.close()
        with broker(tmp_path, port):
            gateway = LeastGateway(port, KEY, blobs)
            assert gateway.results(1) == {lease.nonce: answer}
            gateway.close()


def test_a_32_bit_boards_32_kb_are_enough(tmp_path: Path) -> None:
    """With as many words of heap as 32 KB hold on a board, a kernel and a context are fetched and jobs are done."""
    found = find_micropython()
    if not found or not mosquitto():
        assert not os.environ.get("CI"), "no micropython or no mosquitto"
        pytest.skip("no micropython or no mosquitto here")
    kernel, context, blobs = _blobs(found[1])
    with broker(tmp_path) as port:
        gateway = LeastGateway(port, KEY, blobs)
        gateway.chunk = 400
        with _device(found, tmp_path, _config(port), "32wK"):
            gateway.wait(lambda leaf, content: leaf == "bid")
            for _ in range(10):
                leases = [gateway.lease(kernel, bytes([n]), (context,)) for n in range(2)]
                gateway.send(leases)
                answers = gateway.results(2)
                assert [len(answers[lease.nonce]) for lease in leases] == [2, 2]
        gateway.close()


def test_32_kb_are_enough_for_one_kernel(tmp_path: Path) -> None:
    """Where words have 64 bits too: with half as many, a kernel is fetched, loaded and run, job after job."""
    found = find_micropython()
    if not found or not mosquitto():
        assert not os.environ.get("CI"), "no micropython or no mosquitto"
        pytest.skip("no micropython or no mosquitto here")
    kernel = compile_for(b"def run(data, contexts):\n    yield\n    return data + data\n", found[1])
    with broker(tmp_path) as port:
        gateway = LeastGateway(port, KEY, {wire.blob_name(kernel): kernel})
        gateway.chunk = 400
        with _device(found, tmp_path, _config(port, room=1), "32k"):
            gateway.wait(lambda leaf, content: leaf == "bid")
            for n in range(20):
                lease = gateway.lease(wire.blob_name(kernel), bytes([n]) * 32)
                gateway.send([lease])
                assert gateway.results(1) == {lease.nonce: bytes([n]) * 64}
        gateway.close()


def test_a_device_talks_tls_and_only_to_a_broker_it_can_verify(runtime: tuple[str, int], tmp_path: Path) -> None:
    """With ``ca`` in its configuration a device connects over TLS; a broker of another authority gets no greeting."""
    trusted, other = _authority(tmp_path, "trusted"), _authority(tmp_path, "other")
    wrong, right = free_port(), free_port()
    lines = "certfile {0}/{1}.pem\nkeyfile {0}/{1}.key\n"
    more = "".join(f"listener {port} 127.0.0.1\n" + lines.format(tmp_path, name)
                   for port, name in ((wrong, other.stem), (right, trusted.stem)))
    with broker(tmp_path, more=more) as plain:
        gateway = LeastGateway(plain, KEY, {})
        config = _config(wrong, broker="localhost", ca=str(trusted))
        with _device(runtime, tmp_path, config), pytest.raises(queue.Empty):
            gateway.wait(lambda leaf, content: leaf == "birth", 2)
        with _device(runtime, tmp_path, _config(right, broker="localhost", ca=str(trusted))):
            assert gateway.wait(lambda leaf, content: leaf == "birth" and content)
        gateway.close()


def _authority(folder: Path, name: str) -> Path:
    """A self-signed certificate for localhost in ``name.pem``, its key in ``name.key``."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256()))
    (folder / f"{name}.key").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    path = folder / f"{name}.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return path
