"""The million bytes of noise on a serial line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.firmware.cobs import HELLO, Pipe, decode, encode


@pytest.fixture
def noise(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The stream of the device test: noise(bytes, seed, permille of them harmed)."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    import device_cobs

    return device_cobs.noise


@pytest.mark.parametrize("permille", [1, 5, 30])
def test_the_million(noise: Any, permille: int) -> None:
    """A third of a million bytes: nothing is taken that was not sent, and each frame without harm is."""
    sent, taken = noise(333_334, 7, permille)
    assert sent > 2_000
    assert 0 < taken < sent


@pytest.mark.soak
def test_ten_million_in_another_order_for_every_seed(noise: Any) -> None:
    """The same with more bytes, and with seeds of one's own."""
    noise(10_000_000, int(os.environ.get("LAMPLIGHTER_SEEDS", "11")), 5)


@given(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=232))
@settings(max_examples=300, deadline=None)
def test_any_part_comes_back(head: int, seq: int, part: bytes) -> None:
    """``decode`` inverts ``encode``, whose only zeros are the two around it."""
    made = encode(head, seq, part)
    assert made.count(0) == 2
    assert decode(made.strip(b"\0")) == (head, seq, part)


@given(st.lists(st.binary(max_size=600), max_size=6), st.booleans())
@settings(max_examples=300, deadline=None)
def test_hostile_bytes_never_raise_and_end_with_the_next_frame(pieces: list[bytes], in_session: bool) -> None:
    """Whatever came, in a session or not, the hello after it is heard, and little is kept."""
    pipe = Pipe(500, 100)
    if in_session:
        pipe.start(0)
    for piece in pieces:
        list(pipe.feed(piece, 0))
    assert list(pipe.feed(encode(HELLO, 0, b"here"), 0))[-1] == (HELLO, b"here")
    assert len(pipe._buf) <= 240
