"""The million: hostile messages through every decoder of both halves and through the MQTT parser."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.firmware import wire
from lamplighter.gateway.protocol import frames

HERE = Path(__file__).parent


@functools.cache
def device_fuzz() -> Any:
    """The device test."""
    with contextlib.chdir(HERE):
        sys.path.insert(0, str(HERE))
        return importlib.import_module("device_fuzz")


@pytest.fixture
def fuzz() -> Any:
    """The mutation loop of the device test."""
    return device_fuzz().fuzz


def test_a_quick_part_of_the_million(fuzz: Any) -> None:
    """100,000 mutated messages meet no other error than WireError."""
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
        lambda: wire.decode_lease(frame, yes), lambda: list(wire.decode_ack(frame, yes)),
        lambda: wire.decode_chunk(frame), lambda: wire.decode_nonce(wire.CANCEL, frame, yes),
        lambda: list(map(wire.kind_of, wire.frames_of(frame))),
        lambda: frames.decode_result(frame, yes), lambda: frames.decode_refusal(frame, yes),
        lambda: frames.decode_want(frame, yes), lambda: frames.decode_receipt(frame),
        lambda: wire.decode_floor(frame, yes),
    ):
        try:
            decode()
        except wire.WireError as error:
            assert error.reason in ("length", "version", "kind", "code", "bad_mac")


@given(st.binary(max_size=2000), st.integers(160, 500))
@settings(max_examples=300, deadline=None)
def test_streams_that_hypothesis_finds(stream: bytes, limit: int) -> None:
    """The MQTT parser gives packets within its limit, whole or marked, or a WireError."""
    try:
        found = device_fuzz().packets(stream, limit)
    except wire.WireError:
        return
    for _, body, whole in found:
        assert len(body) <= limit if whole else len(body) == 160
