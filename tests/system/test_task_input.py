"""What an operator can send wrong: each gets its own error, says how to put it right, and changes nothing."""

from __future__ import annotations

import asyncio
import json
import subprocess

import pytest

from lamplighter.gateway.adapters.mqtt import BrokerUrl, MqttLink
from lamplighter.gateway.api.client import Refused
from lamplighter.gateway.protocol.topics import reply_topic, rpc_topic

SITE = "demo"
GOOD = {"id": "good", "kind": "toy.chain", "input": {"jobs": 2}}
BIG = 50_000_000

HEAD = b'{"id": "bad", "reply_to": "operator", "cid": "c1", "kind": "toy.chain", '
WRONG = {
    "not JSON": (HEAD + b'"input": {', "not_json", "", "one JSON object"),
    "not UTF-8": (HEAD + b'"input": {"jobs": "\xff"}}', "not_json", "", "UTF-8"),
    "not an object": (b'["reply_to"]', "not_json", "", "one JSON object"),
    "nothing at all": (b"", "not_json", "", "one JSON object"),
    "NaN": (HEAD + b'"input": {"jobs": NaN}}', "not_finite", "", "finite"),
    "infinity": (HEAD + b'"input": {"jobs": 1e999}}', "not_finite", "", "finite"),
    "a key twice": (HEAD + b'"input": {"jobs": 1, "jobs": 2}}', "duplicate_key", "", "once"),
    "a number of 10,000 digits": (HEAD + b'"input": {"jobs": ' + b"9" * 10_000 + b"}}", "not_json", "", "digits"),
    "10,000 levels": (HEAD + b'"input": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", "too_deep", "", "levels"),
    "an unknown kind": (HEAD.replace(b"toy.chain", b"traffic.signal") + b'"input": {}}', "unknown_kind", "/kind",
                        "did you mean 'traffic.signals'?"),
    "an unknown field": (HEAD + b'"inptu": {"jobs": 2}}', "unknown_field", "/inptu", "did you mean 'input'?"),
    "an unknown field of the kind": (HEAD + b'"input": {"jobs": 2, "step": 5}}', "unknown_field", "/input/step",
                                     "did you mean 'steps'?"),
    "a value out of range": (HEAD + b'"input": {"jobs": 0}}', "out_of_range", "/input/jobs", "from 1 to"),
    "a deadline out of range": (HEAD + b'"input": {"jobs": 1}, "deadline_s": 0}', "out_of_range", "/deadline_s",
                                "from 1 to"),
    "empty data": (HEAD + b'"input": {}}', "missing_field", "/input/jobs", "from 1 to"),
    "no data": (HEAD[:-2] + b"}", "missing_field", "/input", '"input"'),
    "a name that is no identifier": (HEAD.replace(b'"bad"', b'"Rush Hour"') + b'"input": {"jobs": 1}}', "bad_value",
                                     "/id", "a-z"),
    "a byte too much": (HEAD + b'"input": "' + b"x" * ((8 << 20) - len(HEAD) - 11) + b'"}', "too_large", "",
                        "at most 8388608 bytes"),
    "no name": (HEAD.replace(b'"id": "bad", ', b"") + b'"input": {"jobs": 1}}', "missing_field", "/id", '"id"'),
}
"""What is sent, and the code, the path and a part of the hint of the answer."""
SENDERLESS = ("not an object", "nothing at all")
"""Of these it cannot be read whom to answer."""


@pytest.fixture(scope="module")
def gateway(start_gateway):
    """One for all: nothing that these tests send may change it."""
    made = start_gateway()
    yield made
    made.end()


@pytest.fixture(scope="module")
def open_gateway(start_gateway, start_mosquitto):
    """One on a Mosquitto without accounts and without limits."""
    made = start_gateway("--broker", start_mosquitto(), "--allow-open-broker")
    yield made
    made.end()


async def sent(url: str, payload: bytes, replies: str = "operator") -> dict:
    """The response to a submission of these very bytes."""
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    def take(message):
        link.acknowledge(message)
        heard.put_nowait(message.payload)

    broker = BrokerUrl.parse(url)
    link = MqttLink(broker, "raw", on_message=take, subscriptions=[(reply_topic(SITE, replies), 1)])
    await link.start()
    try:
        link.publish(rpc_topic(SITE, broker.user, "task.submit"), payload)
        async with asyncio.timeout(300):
            return json.loads(await heard.get())
    finally:
        await link.stop(0.0)


@pytest.mark.parametrize("what", [what for what in WRONG if what not in SENDERLESS])
async def test_what_is_wrong_is_named_with_its_place_and_its_remedy(gateway, operator, what):
    """The code, the place and the hint are those of this mistake, and no task is there that was not before."""
    payload, code, path, hint = WRONG[what]
    async with operator(gateway) as client:
        before = await client.call("task.list")
        told = await sent(gateway.url, payload)
        assert (told["ok"], told["cid"]) == (False, "c1")
        error = told["error"]
        assert (error["code"], error["path"], error["retryable"]) == (code, path, False)
        assert hint in error["hint"]
        assert await client.call("task.list") == before


@pytest.mark.parametrize("what", SENDERLESS)
async def test_who_does_not_say_whom_to_answer_is_still_refused(open_gateway, what):
    """Bytes without a sender are answered on the anonymous topic, for whoever watches a broker without accounts."""
    payload, code, path, hint = WRONG[what]
    told = await sent(open_gateway.url, payload, "anonymous")
    assert (told["ok"], told["error"]["code"], told["error"]["path"]) == (False, code, path)
    assert hint in told["error"]["hint"]


async def test_the_kinds_that_come_with_the_gateway_refuse_empty_data(gateway, operator):
    """Each of the three families says which field it misses."""
    async with operator(gateway) as client:
        for kind in ("traffic.signals", "environment.airmap", "energy.evhosting"):
            with pytest.raises(Refused) as refused:
                await client.call("task.submit", id="empty", kind=kind, input={})
            assert refused.value.error["code"] in ("missing_field", "empty_data", "bad_value"), refused.value.error
            assert refused.value.error["path"].startswith("/input")
        assert (await client.call("task.list"))["tasks"] == []


async def test_the_same_name_again_is_the_same_task_or_an_error(start_gateway, operator):
    """The same body gets the same answer and starts nothing; another body is refused."""
    gateway = start_gateway()
    async with operator(gateway) as client:
        first = await client.call("task.submit", **GOOD)
        tasks = (await client.call("task.list"))["tasks"]
        again = await client.call("task.submit", **GOOD)
        assert {**again, "state": ""} == {**first, "state": ""}
        with pytest.raises(Refused) as refused:
            await client.call("task.submit", **{**GOOD, "input": {"jobs": 3}})
        assert refused.value.error["code"] == "id_reused"
        known = (await client.call("task.list"))["tasks"]
        assert [(task["task"], task["jobs_total"], task["submitted_at_ms"]) for task in known] == \
            [("good", 2, tasks[0]["submitted_at_ms"])]
    gateway.end()


async def test_fifty_megabytes_end_the_sender_s_connection_and_nothing_else(gateway, operator, mosquitto_client,
                                                                           tmp_path):
    """The embedded broker closes the connection of a client that sends more than its bound; others do not notice."""
    (tmp_path / "big").write_bytes(HEAD + b'"input": "' + b"x" * BIG + b'"}')
    command = mosquitto_client("pub", gateway.url, "-q", "1", "-t", rpc_topic(SITE, "operator", "task.submit"),
                               "-f", str(tmp_path / "big"))
    async with operator(gateway) as client:
        before = await client.call("task.list")
        process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE)
        _, said = await process.communicate()
        assert process.returncode != 0, said
        assert await client.call("task.list") == before
        assert gateway.errors == ""


async def test_fifty_megabytes_are_too_large_where_the_broker_lets_them_through(open_gateway, operator):
    """On a broker without a limit the gateway itself refuses, and goes on."""
    told = await sent(open_gateway.url, HEAD + b'"input": "' + b"x" * BIG + b'"}')
    assert (told["ok"], told["cid"], told["error"]["code"]) == (False, "c1", "too_large")
    assert "at most 8388608 bytes" in told["error"]["hint"]
    async with operator(open_gateway) as client:
        assert (await client.call("task.list"))["tasks"] == []
