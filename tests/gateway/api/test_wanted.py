"""What a request says in the words of MQTT 5."""

import random

import pytest

from lamplighter.gateway.api.wanted import MAX_CORRELATION, MAX_PROPERTIES, Wanted, wanted
from lamplighter.gateway.protocol.topics import reply_topic


def text(number, *words):
    """A property of one or more texts."""
    return bytes((number,)) + b"".join(len(word).to_bytes(2, "big") + word for word in words)


TOPIC = reply_topic("demo", "anna").encode()
OTHERS = b"\1\1" + b"\2\0\0\0\7" + text(3, b"json") + b"\x0b\x80\1" + b"\x23\0\1" + text(0x26, b"k", b"v")


@pytest.mark.parametrize(("properties", "found"), [
    (b"", Wanted()), (OTHERS, Wanted()),
    (text(8, TOPIC), Wanted("anna")), (text(9, b"\0\xff"), Wanted("", b"\0\xff")),
    (OTHERS + text(9, b"7") + OTHERS + text(8, TOPIC), Wanted("anna", b"7")),
    (text(8, TOPIC.replace(b"anna", b"anonymous")) + text(9, b"x" * MAX_CORRELATION),
     Wanted("anonymous", b"x" * MAX_CORRELATION)),
])
def test_answers_go_where_the_asker_may_hear_them(properties, found):
    """To its own topic or everybody's; what else a message may have is passed over."""
    assert wanted("demo", "anna", properties) == found


@pytest.mark.parametrize("topic", [b"", b"lamplighter/v1/demo/reply/ben", b"lamplighter/v1/demo/reply/anna/x",
                                   b"\xff", b"lamplighter/v1/demo/node/a/lease", b"lamplighter/v1/demo/reply/+",
                                   TOPIC[:-1]])
def test_no_other_topic_is_written_to(topic):
    """It would be with the gateway's rights; its asker hears of it, by what it wants to know it by."""
    told = wanted("demo", "anna", text(8, topic) + text(9, b"7"))
    assert told[:2] == ("anna", b"7") and told.wrong.code == "bad_value"
    assert told.wrong.message.startswith("ResponseTopic") and TOPIC.decode() in told.wrong.hint


@pytest.mark.parametrize("properties", [
    text(9, b"x" * (MAX_CORRELATION + 1)), text(0x26, b"k", bytes(MAX_PROPERTIES)), b"\x11\0", b"\1", b"\2\0\0",
    b"\3", b"\3\0", b"\3\0\1", b"\x0b", b"\x0b\x80", text(8, TOPIC)[:-1], text(9, b"7") + b"\x26\0\1k\0",
])
def test_what_is_too_long_or_none_is_refused(properties):
    """By name, without anything of it."""
    told = wanted("demo", "anna", properties)
    assert told[:2] == ("anna", b"") and told.wrong.code == "bad_value" and told.wrong.hint


def test_noise_never_raises():
    """Whatever the broker lets through ends as something wanted or as a refusal."""
    dice, good = random.Random(5), OTHERS + text(8, TOPIC) + text(9, b"7")
    for _ in range(3_000):
        spoilt = bytearray(good)
        for _ in range(dice.randint(1, 6)):
            spoilt[dice.randrange(len(spoilt))] = dice.randrange(256)
        told = wanted("demo", "anna", bytes(spoilt[: dice.randint(0, len(spoilt))]))
        assert told.reply_to in ("", "anna", "anonymous") and len(told.correlation) <= MAX_CORRELATION
