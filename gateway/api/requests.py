"""Requests of operators: strict JSON in, one response shape out. Pure; nothing here changes anything.

A request is one JSON object with finite numbers and no repeated keys (RFC 8259 leaves both open, we do
not). The response is ``{"ok": true, "cid", "data"}`` or ``{"ok": false, "cid", "error": {code, message,
hint, path, retryable}}``.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from lamplighter.firmware.wire import is_identifier

MAX_REQUEST = 8 * 1024 * 1024
"""Bytes of one request, unless a gateway is told otherwise."""
MAX_DEPTH = 64
"""Levels of nesting in a request."""
ANYBODY = "anonymous"
"""Where replies go that every operator may read."""
DOOR = "door"
"""Who asks through the door of the data folder."""

_COMMON = {"cid", "reply_to", "v"}
METHODS: dict[str, frozenset[str]] = {
    method: frozenset(keys | _COMMON) for method, keys in {
        "task.submit": {"id", "kind", "input", "deadline_s", "priority", "where"},
        "task.price": {"id", "kind", "input", "deadline_s", "priority", "where"},
        "task.cancel": {"task"},
        "task.get": {"task"},
        "task.list": set(),
        "kind.get": {"kind"},
        "node.list": set(),
        "node.get": {"node"},
        "node.enrol": {"nodes"},
        "node.revoke": {"node"},
        "reward.statement": {"owner"},
        "epoch.seal": set(),
        "health.check": set(),
    }.items()
}
"""Every method and the keys its request may have."""
AT_THE_DOOR: dict[str, frozenset[str]] = {
    **METHODS, "node.transfer": frozenset({"node", "owner"} | _COMMON), "node.restore": frozenset({"node"} | _COMMON)}
"""The same for requests through the door of the data folder: there are some that nobody may send otherwise."""


@dataclass(frozen=True, slots=True)
class Ref:
    """Whom a reply goes to: with ``back``, which takes it, somebody at the door, else a topic."""

    reply_to: str
    cid: str
    task: str = ""
    back: Callable[[bytes], None] | None = None
    correlation: bytes = b""
    """What goes with it in MQTT 5."""


class RequestError(Exception):
    """The request is refused: ``code``, ``message``, ``hint``, JSON Pointer ``path``, and whether to try again."""

    def __init__(self, code: str, message: str, hint: str = "", path: str = "", retryable: bool = False) -> None:
        super().__init__(message)
        self.code, self.message, self.hint, self.path, self.retryable = code, message, hint, path, retryable
        self.ref: Ref | None = None
        """Whom to tell, where that was found out with the error."""


@dataclass(frozen=True, slots=True)
class Request:
    """A well-formed request: known method, known keys. ``cid`` is given back as it came."""

    method: str
    params: dict[str, Any]
    reply_to: str
    cid: str
    user: str
    """Who asks, by the broker's account."""
    body: bytes
    """What makes two submissions the same: everything but whom to answer."""


def check_size(size: int, most: int) -> None:
    """Whether a request of ``size`` bytes may be sent to a gateway that takes ``most``. Raises RequestError."""
    if size > most:
        raise RequestError("too_large", f"the request has {size} bytes, this gateway takes {most}",
                           f"at most {most} bytes in one request: cut it into smaller tasks, or start the gateway "
                           "with more --max-request")


def loads(payload: bytes) -> dict[str, Any]:
    """One JSON object, strictly; a byte order mark before it is passed over. Raises RequestError."""
    try:
        text = payload.decode("utf-8-sig")
        if _depth(text) > MAX_DEPTH:
            raise RequestError("too_deep", "nested too deeply", f"at most {MAX_DEPTH} levels")
        given = json.loads(text, parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_no_repeats)
    except UnicodeDecodeError as error:
        raise RequestError("not_json", f"not UTF-8 at byte {error.start}", "send one JSON object in UTF-8") from None
    except json.JSONDecodeError as error:
        raise RequestError("not_json", f"not JSON: {error.msg} at line {error.lineno} column {error.colno}",
                           "send one JSON object") from None
    except (ValueError, RecursionError):   # an integer of thousands of digits
        raise RequestError("not_json", "a number is too long", "send numbers of at most 4300 digits") from None
    if not isinstance(given, dict):
        raise RequestError("not_json", "not a JSON object", "send one JSON object: {…}")
    return given


def _depth(text: str) -> int:
    """Deepest nesting, counted before anything is parsed; brackets in strings may only count too much."""
    depth = deepest = 0
    quoted = False
    skip = False
    for char in text if text.count("[") + text.count("{") > MAX_DEPTH else "":
        if skip:
            skip = False
        elif quoted:
            if char == "\\":
                skip = True
            elif char == '"':
                quoted = False
        elif char == '"':
            quoted = True
        elif char in "[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MAX_DEPTH:
                return deepest
        elif char in "]}":
            depth -= 1
    return deepest


def _no_constant(word: str) -> float:
    raise RequestError("not_finite", f"{word} is not a JSON number", "send finite numbers only")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise RequestError("not_finite", f"{text[:40]} is too large for a number", "send finite numbers only")
    return value


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    given = dict(pairs)
    if len(given) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise RequestError("duplicate_key", f"the key {key[:64]!r} comes twice", "send each key once")
            seen.add(key)
    return given


def parse(user: str, method: str, payload: bytes, methods: Mapping[str, frozenset[str]] = METHODS) -> Request:
    """A request of ``user`` to ``method``, one of ``methods``. Raises RequestError."""
    given = read(method, payload, methods)
    reply_to = given.get("reply_to", ANYBODY)
    if reply_to not in (user, ANYBODY):
        raise RequestError("bad_value", "reply_to is not whoever asks", f'"{user}", or leave it out', "/reply_to")
    about = {key: value for key, value in given.items() if key not in _COMMON}
    body = json.dumps(about, sort_keys=True, separators=(",", ":")).encode()
    return Request(method, given, reply_to, given.get("cid", ""), user, body)


def read(method: str, payload: bytes, methods: Mapping[str, frozenset[str]] = METHODS) -> dict[str, Any]:
    """What a request to ``method``, one of ``methods``, holds, whoever sends it. Raises RequestError."""
    if method not in methods:
        hint = _nearest(method, methods)
        if method in AT_THE_DOOR:
            hint = f"only on the gateway's computer: `lamplighter {method.replace('.', ' ')}`"
        raise RequestError("unknown_method", f"no method {method[:64]!r}", hint)
    given = loads(payload)
    for key in given:
        if key not in methods[method]:
            raise RequestError("unknown_field", f"unknown field {key[:64]!r}", _nearest(key, methods[method]),
                               "/" + key.replace("~", "~0").replace("/", "~1")[:80])
    cid = given.get("cid", "")
    if not isinstance(cid, str) or len(cid) > 128:
        raise RequestError("bad_value", "cid is no short text", "at most 128 characters", "/cid")
    if type(version := given.get("v", 1)) is not int or version != 1:   # True and 1.0 are equal to it
        raise RequestError("bad_value", "this gateway speaks version 1", '"v": 1, or leave it out', "/v")
    return given


def text(request: Request, key: str) -> str:
    """A required identifier of the request. Raises RequestError."""
    value = request.params.get(key)
    if value is None:
        raise RequestError("missing_field", f"{key} is missing", f'"{key}": "…"', "/" + key)
    if not isinstance(value, str) or not is_identifier(value):
        raise RequestError("bad_value", f"{key} is no identifier", "1 to 32 of a-z, 0-9 and -", "/" + key)
    return value


def number(request: Request, key: str, default: int, least: int, most: int) -> int:
    """An optional integer of the request. Raises RequestError."""
    value = request.params.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise RequestError("out_of_range", f"{key} is not in range", f"an integer from {least} to {most}", "/" + key)
    return value


def word(request: Request, key: str, known: Sequence[str]) -> str:
    """An optional word of the request, one of ``known``; the first where it is left out. Raises RequestError."""
    value = request.params.get(key, known[0])
    if not isinstance(value, str) or value not in known:
        raise RequestError("bad_value", f"{key} is none of {', '.join(known)}", _nearest(str(value), known),
                           "/" + key)
    return value


def response(cid: str, data: dict[str, Any]) -> bytes:
    return json.dumps({"ok": True, "cid": cid, "data": data}).encode()


def refusal(cid: str, error: RequestError) -> bytes:
    return json.dumps({"ok": False, "cid": cid, "error": as_dict(error)}).encode()


def as_dict(error: RequestError) -> dict[str, Any]:
    return {"code": error.code, "message": error.message, "hint": error.hint, "path": error.path,
            "retryable": error.retryable}


def peek(user: str, payload: bytes) -> tuple[str, str, str]:
    """(reply_to, cid, id) of a refused request as far as they can be read, so that its sender hears of it.

    A reply to somebody else goes to ``user``. Of what cannot be parsed only its beginning is looked at, up to the
    input, which has keys of its own.
    """
    given: Any = None
    if len(payload) <= MAX_REQUEST:
        with suppress(ValueError, RecursionError):
            given = json.loads(payload)
    if not isinstance(given, dict):
        head = payload[:4096].partition(b'"input"')[0].decode(errors="replace")
        given = dict(re.findall(r'"(reply_to|cid|id)"\s*:\s*"([^"\\]*)"', head))
    reply_to, cid, task = (given.get(key) for key in ("reply_to", "cid", "id"))
    return (ANYBODY if reply_to in (None, ANYBODY) else user,
            cid if isinstance(cid, str) and len(cid) <= 128 else "",
            task if isinstance(task, str) and is_identifier(task) else "")


def _nearest(word: str, known: Any) -> str:
    close = difflib.get_close_matches(word[:64], list(known), n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else "known: " + ", ".join(sorted(known))
