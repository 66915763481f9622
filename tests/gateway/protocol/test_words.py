"""Words, their meanings, and the tables of what may follow."""

import json

import pytest

from lamplighter.gateway.protocol.words import IllegalMove, Word, meanings, move, table


class Lamp(Word):
    """A toy."""

    UNLIT = "", "dark"
    LIT = "lit", "it shines"


MOVES = {Lamp.UNLIT: (Lamp.LIT,), Lamp.LIT: ()}


def test_a_word_is_kept_and_sent_as_it_is():
    """In JSON, in text and in comparisons a member is its word."""
    assert Lamp("lit") is Lamp.LIT and Lamp.LIT == "lit" and Lamp.LIT.meaning == "it shines"
    assert f"{Lamp.LIT}" == "".join(["l", "it"]) and json.dumps([Lamp.LIT]) == '["lit"]'
    assert type(Lamp.LIT.word) is str and Lamp.LIT.word == "lit"


def test_what_the_table_has_is_done():
    """The new word is returned."""
    assert move(MOVES, Lamp.UNLIT, Lamp.LIT) is Lamp.LIT


def test_what_the_table_does_not_have_is_refused():
    """And told by name, also where a word has no letters."""
    with pytest.raises(IllegalMove, match=r"^lit -> unlit$"):
        move(MOVES, Lamp.LIT, Lamp.UNLIT)


def test_a_table_is_printed_as_the_docs_show_it():
    """A row for each word, in order."""
    assert table("lamp", MOVES) == (
        "| lamp | meaning | may become |\n|---|---|---|\n| `unlit` | dark | `lit` |\n| `lit` | it shines | – |\n")


def test_words_without_moves_are_printed_likewise():
    """A row for each, in order."""
    assert meanings("lamp", Lamp) == "| lamp | meaning |\n|---|---|\n| `unlit` | dark |\n| `lit` | it shines |\n"
