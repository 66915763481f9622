"""The rules of kernels, read from source, and the watch over their words."""

from __future__ import annotations

import pytest

from lamplighter.gateway.kindkit.rules import WordError, problems, viper_functions, watched

HEAD = """
class micropython:
    viper = staticmethod(lambda f: f)

def run(data, contexts):
    yield
    return work(list(data)).to_bytes(4, "big")

@micropython.viper
def work(given) -> int:
"""


def _run(body: str, data: bytes) -> int:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    slices = watched(HEAD + lines).run(data, ())
    next(slices)
    with pytest.raises(StopIteration) as end:
        next(slices)
    return int.from_bytes(end.value.value, "big")


def test_a_clean_kernel_has_no_problems() -> None:
    """Integers, floor division and the allowed imports pass."""
    assert problems("from array import array\nimport struct\ndef run(d, c):\n    yield\n    return d[0] // 2") == []


@pytest.mark.parametrize(("source", "said"), [
    ("def run(d, c):\n    yield\n    return 1.5", "line 3: 1.5 is no integer"),
    ("def run(d, c):\n    yield\n    return d[0] / 2", "line 3: true division"),
    ("def run(d, c):\n    yield\n    d[0] /= 2", "line 3: true division"),
    ("def run(d, c):\n    yield\n    return round(d)", "line 3: round"),
    ("import math\ndef run(d, c):\n    yield", "line 1: imports math"),
    ("from os import path\ndef run(d, c):\n    yield", "line 1: imports from os"),
    ("def go(d, c):\n    yield", "there is no function run"),
    ("def run(d, c):\n    return d", "nothing in it yields"),
    ("def run(d, c:\n    yield", "line 1: "),
])
def test_every_breach_is_named_with_its_line(source: str, said: str) -> None:
    """One sentence a breach."""
    (found,) = problems(source)
    assert found.startswith(said)


def test_viper_functions_are_found() -> None:
    """By their decorator."""
    assert viper_functions(HEAD + "    return 1") == ["work"]


def test_a_watched_kernel_answers_as_before() -> None:
    """Sums, augmented assignments, stores and calls give what they gave."""
    assert _run("given[0] += 5\ntotal = -given[1]\ntotal += given[0] * 3\nreturn total", bytes((1, 2))) == 16


@pytest.mark.parametrize(("body", "line"), [
    ("return (given[0] << 24) * 256", 11), ("total = given[0]\ntotal *= 1 << 30\nreturn total >> 31", 12),
    ("return ~(-given[0] * (1 << 24)) * 512 >> 30", 11),
])
def test_a_word_that_is_too_long_is_caught(body: str, line: int) -> None:
    """Also where a later shift would hide it."""
    with pytest.raises(WordError, match=f"line {line}: .* 31 bits"):
        _run(body, bytes((200,)))


def test_a_negative_store_is_caught() -> None:
    """Loads of it differ between a PC and a board."""
    with pytest.raises(WordError, match=r"-1 is stored"):
        _run("given[0] = given[1] - 1\nreturn 0", bytes((1, 0)))


def test_what_is_not_viper_is_not_watched() -> None:
    """Plain functions may use large integers."""
    assert _run("return 1", b"\0") == 1
    kernel = watched("def run(d, c):\n    yield\n    return (1 << 40) >> 38")
    slices = kernel.run(b"", ())
    next(slices)
    with pytest.raises(StopIteration) as end:
        next(slices)
    assert end.value.value == 4
