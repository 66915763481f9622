"""What is published for people."""

import json
from collections import Counter
from types import SimpleNamespace

import pytest

from lamplighter.gateway import __version__
from lamplighter.gateway.api.requests import Ref, RequestError
from lamplighter.gateway.core import effects as f
from lamplighter.gateway.runtime.announcer import Announcer, gateway_status
from lamplighter.gateway.runtime.sealing import Sealed

ROOT = "lamplighter/v1/demo/"


@pytest.fixture
def bench():
    """An announcer; ``sent()`` gives (topic below the site, JSON or b"", QoS, retained) of each message so far."""
    published = []
    made = SimpleNamespace()
    made.announcer = Announcer("demo", "gw1", 3, lambda *message: published.append(message), 1_000,
                               lambda: 1_700, Counter())

    def sent():
        said = [(topic.removeprefix(ROOT), payload and json.loads(payload), *(*how, 1, False)[:2])
                for topic, payload, *how in published]
        published.clear()
        return said
    made.sent = sent
    return made


def test_tasks_are_published_on_their_topics(bench):
    """Status and result are kept by the broker, events are not; an empty one clears what was kept."""
    bench.announcer.status(f.PublishStatus("rush", {"state": "running"}))
    bench.announcer.event(f.PublishEvent("rush", 7, "round", {"jobs": 3}))
    bench.announcer.result(f.PublishResult("rush", b'{"ok": true}'))
    bench.announcer.status(f.PublishStatus("rush", {}))
    assert bench.sent() == [
        ("task/rush/status", {"state": "running"}, 1, True),
        ("task/rush/event", {"v": 1, "seq": 7, "what": "round", "jobs": 3}, 1, False),
        ("task/rush/result", {"ok": True}, 1, True), ("task/rush/status", b"", 1, True)]


def test_a_reply_goes_to_who_asked(bench):
    """Data or an error, once; nobody is answered for a request of before a restart."""
    bench.announcer.reply(f.Reply(Ref("anna", "7"), {"task": "rush"}))
    bench.announcer.reply(f.Reply(Ref("anna", "8"), {}, ("unknown_task", "no task", "see task.list")))
    bench.announcer.reply(f.Reply(None, {"task": "rush"}))
    good, bad = bench.sent()
    assert good == ("reply/anna", {"ok": True, "cid": "7", "data": {"task": "rush"}}, 1, False)
    assert bad[1]["error"]["code"] == "unknown_task" and not bad[1]["ok"]
    assert bench.announcer._counters == {"requests_refused_unknown_task": 1}


def test_an_answer_carries_what_the_request_gave_it(bench):
    """The CorrelationData of MQTT 5, with data and with errors."""
    said = []
    bench.announcer._publish = lambda *message: said.append(message[2:])
    bench.announcer.answer(Ref("anna", "7", correlation=b"x"), {}, None)
    bench.announcer.answer(Ref("anna", "7", correlation=b"y"), None, RequestError("bad_value", "n"))
    bench.announcer.answer(Ref("anna", "7"), {}, None)
    assert said == [(1, False, b"x"), (1, False, b"y"), (1, False, b"")]


def test_a_refused_submission_is_told_where_its_sender_listens(bench):
    """On the task's own topic too."""
    bench.announcer.answer(Ref("anna", "7", "rush"), None, RequestError("bad_value", "n", "at least 0", "/input/n"))
    (_, reply, *_), event = bench.sent()
    assert event[0] == "task/rush/event" and event[1] == {"v": 1, "what": "refused", "error": reply["error"]}


def test_a_gateway_says_what_it_is(bench):
    """Retained: whether it is there, and what it can do."""
    kind = SimpleNamespace(version=2, title="Toy")
    bench.announcer.gateway("online")
    bench.announcer.about(b"\1" * 8, 600, 1_000, {"toy": kind})
    status, about = bench.sent()
    assert status == ("gw/gw1/status", json.loads(gateway_status("online", 3, 1_700)), 1, True)
    assert about == ("gw/gw1/info", {"v": 1, "version": __version__, "net": "01" * 8, "epoch_s": 600,
                                     "max_request": 1_000, "kinds": {"toy": {"version": 2, "title": "Toy"}}}, 1, True)


def test_a_sealed_epoch_is_published_with_its_checkpoint(bench, small_log):
    """Enough for anyone to fetch and check it."""
    bench.announcer.sealed(Sealed(4, 10, 500), small_log)
    ((topic, said, *how),) = bench.sent()
    assert (topic, how) == ("epoch/4", [1, True])
    assert said == {"v": 1, "epoch": 4, "receipts": 10, "credits": 500, "size": small_log.size,
                    "root": small_log.root.hex(), "checkpoint": small_log.checkpoint}


def test_what_no_broker_carries_is_refused_by_name(bench):
    """The connection would be cut at each new try; whoever waits reads where the answer can be had."""
    bench.announcer.result(f.PublishResult("rush", json.dumps({"ok": True, "data": "x" * 1_000}).encode()))
    bench.announcer.answer(Ref("anna", "7"), {"text": "x" * 1_000}, None)
    (topic, said, *_), (_, reply, *_) = bench.sent()
    assert topic == "task/rush/result" and not said["ok"] and "/api/tasks/rush/result" in said["error"]["hint"]
    assert said["error"]["code"] == reply["error"]["code"] == "answer_too_large" and reply["cid"] == "7"
    heard = []
    bench.announcer.answer(Ref("anna", "7", back=heard.append), {"text": "x" * 1_000}, None)
    assert json.loads(heard[0])["ok"]


def test_who_asked_at_the_door_is_answered_there(bench):
    """On no topic: whatever it is that was asked."""
    heard = []
    ref = Ref("anonymous", "7", back=heard.append)
    bench.announcer.answer(ref, {"n": 1}, None)
    bench.announcer.answer(ref, None, RequestError("no", "because"))
    assert [json.loads(said)["ok"] for said in heard] == [True, False] and bench.sent() == []
