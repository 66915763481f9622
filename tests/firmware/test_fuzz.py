"""The million: hostile messages through every decoder of both halves and through the MQTT parser."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware import wire
from firmware.mqtt import MqttError, Parser
from gateway.core import frames

HERE = Path(__file__).parent


@pytest.fixture
def fuzz(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The mutation loop of the device test."""
    monkeypatch.chdir(HERE)
    monkeypatch.syspath_prepend(str(HERE))
    import device_fuzz

    return device_fuzz.fuzz


def test_a_quick_part_of_the_million(fuzz: Any) -> None:
    """100,000 mutated messages meet no other error than WireError and MqttError."""
    taken, refused = fuzz(100_000, 7)
    assert taken > 2_000
    assert refused > 50_000


@pytest.mark.soak
def test_the_million(fuzz: Any) -> None:
    """The million, in another order for every seed."""
    fuzz(1_000_000, int(os.environ.get("LAMPLIGHTER_SEEDS", "11")))


class _Yes:
    def matches(self, _data: bytes, _tag: bytes) -> bool:
        return True


_HEAD = st.tuples(st.sampled_from([0, 1, 2, 255]), st.integers(0, 10)).map(bytes)
_FRAME = st.builds(lambda head, body: head + body, _HEAD, st.binary(max_size=300)) | st.binary(max_size=300)


@given(_FRAME)
@settings(max_examples=300, deadline=None)
def test_shapes_that_hypothesis_finds(frame: bytes) -> None:
    """Each decoder gives a value or a WireError for any bytes, signed or not."""
    yes = _Yes()
    for decode in (
        lambda: wire.decode_lease(frame, yes), lambda: wire.decode_ack(frame, yes), lambda: wire.decode_chunk(frame),
        lambda: wire.decode_nonce(wire.CANCEL, frame, yes), lambda: list(map(wire.kind_of, wire.frames_of(frame))),
        lambda: frames.decode_result(frame, yes), lambda: frames.decode_refusal(frame, yes),
        lambda: frames.decode_want(frame), lambda: frames.decode_receipt(frame),
    ):
        try:
            decode()
        except wire.WireError as error:
            assert error.reason in ("length", "version", "kind", "code", "bad_mac")


@given(st.lists(st.binary(max_size=400), max_size=8), st.integers(160, 500))
@settings(max_examples=300, deadline=None)
def test_streams_that_hypothesis_finds(pieces: list[bytes], limit: int) -> None:
    """The MQTT parser gives packets within its limit, whole or marked, or a MqttError."""
    parser = Parser(limit)
    try:
        for piece in pieces:
            for _, body, whole in parser.feed(piece):
                assert len(body) <= limit if whole else len(body) == 160
    except MqttError:
        return
    assert len(parser._buf) <= limit + 400
