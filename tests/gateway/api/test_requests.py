"""Requests of operators: strict JSON, known methods and fields, and nothing raised but RequestError."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamplighter.gateway.api import requests
from lamplighter.gateway.api.requests import METHODS, RequestError, loads, parse, peek


def code_of(method, payload):
    with pytest.raises(RequestError) as raised:
        parse("anna-1", method, payload)
    assert raised.value.message and raised.value.hint, "a refusal says what is wrong and what to do"
    return raised.value.code


def test_a_request_is_read():
    """Known keys come out as they went in, with whom to answer."""
    request = parse("anna-1", "task.cancel", b'{"v": 1, "task": "rush", "reply_to": "anna-1", "cid": "7"}')
    assert (request.method, request.reply_to, request.cid) == ("task.cancel", "anna-1", "7")
    assert requests.text(request, "task") == "rush"


def test_who_gives_no_address_is_anonymous():
    """Without reply_to and cid the answer goes where anybody may listen."""
    request = parse("anna-1", "task.list", b"{}")
    assert (request.reply_to, request.cid) == ("anonymous", "")


@pytest.mark.parametrize("reply_to", ["ben-1", "a/+", "", 7, None, ["anna-1"]])
def test_nobody_has_an_answer_sent_to_somebody_else(reply_to):
    """It goes to whoever asks or to everybody; another address is refused, and that is told to whoever asks."""
    payload = json.dumps({"reply_to": reply_to, "cid": "7"}).encode()
    with pytest.raises(RequestError) as raised:
        parse("anna-1", "task.list", payload)
    assert (raised.value.code, raised.value.path) == ("bad_value", "/reply_to")
    assert peek("anna-1", payload)[:2] == ("anna-1", "7") or reply_to is None


@pytest.mark.parametrize(("payload", "code"), [
    (b"", "not_json"), (b"{", "not_json"), (b"[]", "not_json"), (b"null", "not_json"), (b'"text"', "not_json"),
    (b"{} {}", "not_json"), (b"\xff{}", "not_json"), (b'{"v": 1,}', "not_json"),
    (b'{"v": NaN}', "not_finite"), (b'{"v": Infinity}', "not_finite"), (b'{"v": -Infinity}', "not_finite"),
    (b'{"v": 1e999}', "not_finite"), (b'{"v": -1e999}', "not_finite"),
    (b'{"v": 1, "v": 1}', "duplicate_key"), (b'{"cid": {"a": 1, "a": 2}}', "duplicate_key"),
    (b'{"v": ' + b"9" * 5_000 + b"}", "not_json"),
    (b'{"cid": ' + b"[" * 65 + b"]" * 65 + b"}", "too_deep"), (b"[" * 1_000_000, "too_deep"),
], ids=lambda value: str(value)[:24])
def test_json_is_strict(payload, code):
    """What RFC 8259 leaves open is refused, each with its code."""
    assert code_of("health.check", payload) == code


def test_a_byte_order_mark_is_passed_over():
    """Editors put one before JSON that they save as UTF-8; a second one is none."""
    assert loads(b'\xef\xbb\xbf{"v": 1}') == {"v": 1}
    assert code_of("health.check", b"\xef\xbb\xbf" * 2 + b"{}") == "not_json"


def test_nesting_within_the_bound_is_read():
    """Sixty-four levels are fine, and brackets in texts are no levels."""
    deep = b"[" * 63 + b"]" * 63
    assert loads(b'{"input": ' + deep + b', "text": "' + b"[{\\\"" * 100 + b'"}')["text"].count("[") == 100


@pytest.mark.parametrize(("method", "hint"), [
    ("task.submitt", "did you mean 'task.submit'?"), ("tasks.list", "did you mean 'task.list'?"),
    ("node.restore", "only on the gateway's computer: `lamplighter node restore`"),
    ("x", "known: epoch.seal, health.check"), ("", "known: "), ("é" * 9_999, "known: "),
])
def test_unknown_methods_get_the_nearest(method, hint):
    """A wrong method is answered with the one that was probably meant."""
    with pytest.raises(RequestError) as raised:
        parse("anna-1", method, b"{}")
    assert raised.value.code == "unknown_method" and raised.value.hint.startswith(hint)
    assert len(raised.value.message) < 200


@pytest.mark.parametrize(("key", "hint", "path"), [
    ("imput", "did you mean 'input'?", "/imput"), ("Priority", "did you mean 'priority'?", "/Priority"),
    ("zzz", "known: cid, deadline_s", "/zzz"), ("a/b~c", "known: ", "/a~1b~0c"),
])
def test_unknown_fields_get_the_nearest(key, hint, path):
    """A wrong field is named by a JSON Pointer and answered with the one that was probably meant."""
    with pytest.raises(RequestError) as raised:
        parse("anna-1", "task.submit", json.dumps({key: 1}).encode())
    error = raised.value
    assert (error.code, error.path) == ("unknown_field", path) and error.hint.startswith(hint)


@pytest.mark.parametrize(("given", "path"), [
    ({"reply_to": "Anna"}, "/reply_to"), ({"reply_to": "a/b"}, "/reply_to"), ({"reply_to": "+"}, "/reply_to"),
    ({"reply_to": 1}, "/reply_to"), ({"cid": 1}, "/cid"), ({"cid": "x" * 129}, "/cid"), ({"v": 2}, "/v"),
    ({"v": True}, "/v"), ({"v": 1.0}, "/v"),
])
def test_common_fields_are_checked(given, path):
    """Nobody can have an answer sent to a topic that is no identifier."""
    with pytest.raises(RequestError) as raised:
        parse("anna-1", "task.list", json.dumps(given).encode())
    assert (raised.value.code, raised.value.path) == ("bad_value", path)


def test_the_same_request_has_the_same_body():
    """Order, spaces and whom to answer make no difference; anything else does."""
    first = parse("anna-1", "task.submit", b'{"id": "a", "kind": "k", "input": {"x": 1, "y": [2]}, "cid": "1"}')
    same = parse("anna-1", "task.submit", b'{"input":{"y":[2],"x":1},"kind":"k","id":"a","reply_to":"anna-1","v":1}')
    other = parse("anna-1", "task.submit", b'{"id": "a", "kind": "k", "input": {"x": 2, "y": [2]}}')
    assert first.body == same.body != other.body


@pytest.mark.parametrize(("params", "code"), [
    ({}, "missing_field"), ({"task": None}, "missing_field"), ({"task": 1}, "bad_value"), ({"task": ""}, "bad_value"),
    ({"task": "a b"}, "bad_value"), ({"task": "a" * 33}, "bad_value"), ({"task": "../x"}, "bad_value"),
])
def test_identifiers_are_checked(params, code):
    """What becomes part of a topic or a file name is 1 to 32 of a-z, 0-9 and -."""
    request = parse("anna-1", "task.get", json.dumps(params).encode())
    with pytest.raises(RequestError) as raised:
        requests.text(request, "task")
    assert (raised.value.code, raised.value.path) == (code, "/task")


def test_numbers_have_a_range_and_a_default():
    """An integer within bounds, or the default where there is none."""
    request = parse("anna-1", "task.submit", b'{"priority": 5}')
    assert requests.number(request, "priority", 0, -9, 9) == 5
    assert requests.number(request, "deadline_s", 60, 1, 90) == 60


def test_words_are_of_a_list():
    """The first is meant where none is said; another one is refused, and the nearest named."""
    request = parse("anna-1", "task.submit", b'{"where": "here"}')
    assert requests.word(request, "where", ["auto", "here"]) == "here"
    assert requests.word(request, "priority", ["auto", "here"]) == "auto"
    with pytest.raises(RequestError, match="where is none of auto, there") as raised:
        requests.word(request, "where", ["auto", "there"])
    assert (raised.value.code, raised.value.path, raised.value.hint) == (
        "bad_value", "/where", "did you mean 'there'?")


@pytest.mark.parametrize("value", [10, -10, 1.5, True, "5", None, [5]])
def test_numbers_out_of_range_are_refused(value):
    """The hint gives the range."""
    request = parse("anna-1", "task.submit", json.dumps({"priority": value}).encode())
    with pytest.raises(RequestError) as raised:
        requests.number(request, "priority", 0, -9, 9)
    assert raised.value.code == "out_of_range" and raised.value.hint == "an integer from -9 to 9"


def test_responses_have_one_shape():
    """Data or an error, with the sender's own mark."""
    assert json.loads(requests.response("7", {"a": 1})) == {"ok": True, "cid": "7", "data": {"a": 1}}
    error = RequestError("busy", "m", "h", "/p", True)
    assert json.loads(requests.refusal("7", error)) == {"ok": False, "cid": "7", "error": {
        "code": "busy", "message": "m", "hint": "h", "path": "/p", "retryable": True}}


def test_the_sender_of_a_refused_request_is_found():
    """As far as it can be read, so that a mistake is answered to whoever made it."""
    assert peek("anna-1", b'{"reply_to": "anna-1", "cid": "7", "id": "rush", "oops": NaN}') == ("anna-1", "7", "rush")
    assert peek("anna-1", b'{"reply_to": "a/+", "cid": 7, "id": "#"}') == ("anna-1", "", "")
    for junk in (b"", b"\xff", b"[]", b"[" * 100_000, b"9" * 5_000):
        assert peek("anna-1", junk) == ("anonymous", "", "")


WORDS = st.text(max_size=8)
JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | WORDS,
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
                    max_leaves=6)
KEYS = st.sampled_from(sorted({key for keys in METHODS.values() for key in keys})) | st.text(max_size=4)


@given(method=st.sampled_from(sorted(METHODS)) | st.text(max_size=20),
       payload=st.binary(max_size=64) | st.dictionaries(KEYS, JSON, max_size=5).map(lambda d: json.dumps(d).encode()),
       cut=st.integers(0, 64))
def test_no_request_raises_anything_but_a_refusal(method, payload, cut):
    """Random bytes, random documents and halves of them are read or refused in a few hundred bytes of JSON."""
    for data in (payload, payload[:cut], payload[cut:]):
        try:
            request = parse("anna-1", method, data)
            assert set(request.params) <= METHODS[method]
            assert json.loads(request.body).keys() <= set(request.params)
        except RequestError as error:
            assert len(requests.refusal("", error)) < 1_200
        reply_to, cid, task = peek("anna-1", data)
        assert len(reply_to) <= 32 and len(cid) <= 128 and len(task) <= 32
