"""Integers and arrays that hold a kernel to 31 signed bits, wherever they stand in it."""

from __future__ import annotations


class Word(int):
    """An integer that refuses to leave 31 signed bits, and makes all that it touches do the same."""

    @staticmethod
    def of(value: int) -> Word:
        assert -(2**30) <= value < 2**30, value
        return Word(value)


def _checked(name: str) -> object:
    plain = getattr(int, name)
    return lambda self, other: Word.of(plain(int(self), int(other)))


for _name in ("add", "sub", "mul", "floordiv", "lshift", "rshift", "and", "or"):
    for _side in ("", "r"):
        setattr(Word, f"__{_side}{_name}__", _checked(f"__{_side}{_name}__"))


class Words(list):
    """Takes the place of ``array``: holds checked integers, refuses what a load would not give back."""

    def __init__(self, _code: str, values: object) -> None:
        start = [0] * (len(values) // 4) if isinstance(values, bytes) else list(values)
        super().__init__(Word.of(value) for value in start)

    def __setitem__(self, place: int, value: int) -> None:
        assert 0 <= value < 2**30, value
        super().__setitem__(place, Word(value))

    def __add__(self, more: list[int]) -> Words:
        return Words("i", [*self, *more])
