"""How a request wants to be answered in the words of MQTT 5: ResponseTopic and CorrelationData. Pure."""

from __future__ import annotations

from typing import NamedTuple

from lamplighter.gateway.api.requests import ANYBODY, RequestError
from lamplighter.gateway.protocol.topics import reply_topic

MAX_PROPERTIES = 1_024
"""Bytes of a request's properties."""
MAX_CORRELATION = 64
"""Bytes of its CorrelationData."""

RESPONSE_TOPIC, CORRELATION_DATA, SUBSCRIPTION = 0x08, 0x09, 0x0B
_NUMBERS = {0x01: 1, 0x02: 4, 0x23: 2}
"""Bytes of each that is a number: format of the payload, expiry, alias of the topic."""
_TEXTS = {0x03: 1, RESPONSE_TOPIC: 1, CORRELATION_DATA: 1, 0x26: 2}
"""How many each has that is text or bytes: type of the payload, and two for what users add."""


class Wanted(NamedTuple):
    """``reply_to`` as in a request, '' where nothing was said; ``correlation`` is given back as it came."""

    reply_to: str = ""
    correlation: bytes = b""
    wrong: RequestError | None = None
    """Why it is refused; ``reply_to`` is the asker's own name then."""


def wanted(site: str, user: str, properties: bytes) -> Wanted:
    """Of a request of ``user`` that came with ``properties`` (MQTT 5, section 3.3.2.3)."""
    if not properties:
        return Wanted()
    if len(properties) > MAX_PROPERTIES:
        return _wrong(user, b"", f"the request has {len(properties)} bytes of MQTT properties",
                      f"at most {MAX_PROPERTIES}")
    try:
        found = _read(properties)
    except (KeyError, IndexError):
        return _wrong(user, b"", "the request's MQTT properties cannot be read", "as MQTT 5 has them")
    correlation = found.get(CORRELATION_DATA, b"")
    if len(correlation) > MAX_CORRELATION:
        return _wrong(user, b"", f"CorrelationData has {len(correlation)} bytes", f"at most {MAX_CORRELATION}")
    if RESPONSE_TOPIC not in found:
        return Wanted("", correlation)
    for name in (user, ANYBODY):
        if found[RESPONSE_TOPIC] == reply_topic(site, name).encode():
            return Wanted(name, correlation)
    return _wrong(user, correlation, "ResponseTopic is not whoever asks",
                  f'"{reply_topic(site, user)}", or leave it out')


def _wrong(user: str, correlation: bytes, message: str, hint: str) -> Wanted:
    return Wanted(user, correlation, RequestError("bad_value", message, hint))


def _read(properties: bytes) -> dict[int, bytes]:
    """Each by its number, the last of several. Raises KeyError and IndexError for what is none."""
    found, at = {}, 0
    while at < len(properties):
        number, at = properties[at], at + 1
        start = at
        if number == SUBSCRIPTION:
            while properties[at] > 127:
                at += 1
            at += 1
        elif number in _NUMBERS:
            at += _NUMBERS[number]
        else:
            for _ in range(_TEXTS[number]):
                start = at + 2
                at = start + int.from_bytes(properties[at:start], "big")
        if at > len(properties):
            raise IndexError
        found[number] = properties[start:at]
    return found
