"""Words that are kept, sent and shown: each with its meaning, and for states a table of what may follow.

A word and its meaning stand once, in an enum; the tables in the docs are printed from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Self, TypeVar


class Word(StrEnum):
    """A member is its word, wherever it is written; it is declared as (word, meaning)."""

    _value_: str
    word: str
    """As a plain text: what goes into rows, because SQLite takes long over what only is like one."""
    meaning: str

    def __new__(cls, word: str, meaning: str = "") -> Self:
        member = str.__new__(cls, word)
        member._value_ = member.word = word
        member.meaning = meaning
        return member


W = TypeVar("W", bound=Word)
Moves = Mapping[W, tuple[W, ...]]
"""Of each word those that may follow it; there are no others."""


class IllegalMove(Exception):
    """A bug of ours: something was asked to make a move that its table does not have."""


def move(moves: Moves[W], now: W, to: W) -> W:
    """``to``, if it may follow ``now``. Raises IllegalMove."""
    if to not in moves[now]:
        raise IllegalMove(f"{named(now)} -> {named(to)}")
    return to


def named(word: Word) -> str:
    """As it is told: one word is no letters at all, where what it names has not happened yet."""
    return word or word.name.lower()


def table(title: str, moves: Moves[W]) -> str:
    """The words of a table as the docs show them, in Markdown: word, meaning, what may follow."""
    rows = [f"| {_cell([word])} | {word.meaning} | {_cell(after)} |\n" for word, after in moves.items()]
    return f"| {title} | meaning | may become |\n|---|---|---|\n{''.join(rows)}"


def meanings(title: str, words: Iterable[Word]) -> str:
    """Words that follow no table of moves, likewise: word, meaning."""
    rows = [f"| {_cell([word])} | {word.meaning} |\n" for word in words]
    return f"| {title} | meaning |\n|---|---|\n{''.join(rows)}"


def _cell(words: tuple[Word, ...] | list[Word]) -> str:
    return ", ".join(f"`{named(word)}`" for word in words) or "–"
