"""Receipts and small logs, for the tests of the ledger, of its files and of the audit."""

import hashlib
import os

import pytest

from lamplighter.firmware.wire import encode_receipt
from lamplighter.gateway.publiclog.writer import PublicLog
from tests.facts import unchanging


@pytest.fixture(scope="session", autouse=True)
def facts_do_not_change():
    """No test of the gateway passes where an event or an effect is changed after it was made."""
    with unchanging():
        yield


def _prove(net, device, seq, boot=1, nonce=None, job=None, busy_us=7):
    """158 bytes: a receipt whose nonce and job follow from device, boot and seq where they are not given."""
    own = hashlib.sha256(device + bytes((boot,)) + seq.to_bytes(4, "big")).digest()
    receipt = encode_receipt(net, device, boot, seq, 0, 0, job or own[16:], nonce or own[:16], own, busy_us, own)
    return receipt + b"m" * 16


@pytest.fixture(scope="session")
def prove():
    """prove(net, device, seq, boot=1, nonce=None, job=None, busy_us=7) gives a receipt with its MAC."""
    return _prove


@pytest.fixture
def open_log(tmp_path, monkeypatch):
    """open_log(name="public") opens or reopens the log of that name; each name has its own key.

    Nothing waits for a disk: no test here can cut the power, and the order of the writes is tested by failing them.
    """
    monkeypatch.setattr(os, "fsync", lambda fd: None)
    return lambda name="public": PublicLog.open(tmp_path / name, tmp_path / f"{name}.pem", "demo")


@pytest.fixture
def small_log(open_log):
    """A log of two owners, two devices and three epochs, one of them with receipts that do not pay."""
    log = open_log()
    log.register_all([(b"A" * 16, "anna"), (b"B" * 16, "ben")])
    log.seal(0, [(_prove(log.net, b"A" * 16, 1), 100, "ok"), (_prove(log.net, b"B" * 16, 1), 100, "minority")])
    log.seal(1, [(_prove(log.net, b"B" * 16, 2), 30, "ok")])
    log.seal(5, [])
    return log
