"""An operator needs nothing but a plain MQTT client."""

from __future__ import annotations

import asyncio
import json
import subprocess
from contextlib import asynccontextmanager

import pytest

from lamplighter.gateway.protocol.topics import gateway_topic, rpc_topic, task_topic
from tests.system.device import SITE, Device, honest


@pytest.fixture(scope="module")
def gateway(start_gateway):
    """One for all."""
    made = start_gateway()
    yield made
    made.end()


@asynccontextmanager
async def followed(mosquitto_client, url, task):
    """``mosquitto_sub`` on a task's topics, subscribed; yields a function that reads its next (leaf, document)."""
    command = mosquitto_client("sub", url, "-q", "1", "-v", "-t", task_topic(SITE, task, "#"),
                               "-t", gateway_topic(SITE, "+", "status"))
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, limit=1 << 20)

    async def read():
        topic, _, payload = (await process.stdout.readline()).partition(b" ")
        return topic.decode().rpartition("/")[2], json.loads(payload)

    try:
        assert (await read())[1]["state"] == "online"   # what is retained tells that the subscription stands
        yield read
    finally:
        process.kill()
        await process.wait()


async def published(mosquitto_client, url, document):
    """Sends a submission with ``mosquitto_pub``, from its standard input."""
    command = mosquitto_client("pub", url, "-q", "1", "-t", rpc_topic(SITE, "operator", "task.submit"), "-s")
    process = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE)
    await process.communicate(document)
    assert process.returncode == 0


async def test_a_task_is_published_followed_and_answered(gateway, operator, mosquitto_client, expected):
    """Status, events in rising order and the result come on the task's topics."""
    async with operator(gateway) as client, Device(client, gateway.url, "anna", honest), \
            Device(client, gateway.url, "bahram", honest), \
            followed(mosquitto_client, gateway.url, "plain") as read:
        await published(mosquitto_client, gateway.url,
                        b'{"id": "plain", "kind": "toy.chain", "input": {"jobs": 3, "rounds": 2}, "where": "fleet"}')
        seen, last = [], {"status", "event", "result"}   # each topic has its order, together they have none
        while last:
            leaf, document = await read()
            seen.append((leaf, document))
            if leaf == "result" or "done" in (document.get("state"), document.get("what")):
                last.discard(leaf)
    events = [document for leaf, document in seen if leaf == "event"]
    assert [event["what"] for event in events] == ["submitted", "round", "round", "done"]
    assert [event["seq"] for event in events] == sorted({event["seq"] for event in events})
    states = [document["state"] for leaf, document in seen if leaf == "status"]
    assert (states[0], states[-1]) == ("preparing", "done")
    result, = (document for leaf, document in seen if leaf == "result")
    assert result["ok"]
    assert result["result"]["data"] == {"state": expected(3, 2)}
    assert result["provenance"]["jobs"] == 6


async def test_a_small_task_needs_no_device(gateway, operator, result_of, expected):
    """Leases would cost more than its work: the price says so, the gateway computes it, and nobody is paid; a task of
    any size may ask for that."""
    async with operator(gateway) as client:
        small = {"kind": "toy.chain", "input": {"jobs": 3, "rounds": 2, "steps": 10}}
        priced = await client.call("task.price", **small)
        assert priced["where"] == "here" and priced["where_why"].startswith("delegating cannot pay: ")
        large = {"kind": "toy.chain", "input": {"jobs": 3, "rounds": 2, "steps": 60_000}}
        assert (await client.call("task.price", **large))["where"] == "fleet"
        for name, why, steps, task in (("small", "leases would cost", 10, small),
                                       ("large", "its task says so", 60_000, {**large, "where": "here"})):
            await client.call("task.submit", id=name, **task)
            told = await result_of(client, name)
            assert told["result"]["data"] == {"state": expected(3, 2, steps)}
            about = told["provenance"]
            assert (about["jobs"], about["here"], about["copies"], about["devices"]) == (6, 6, 0, {})
            assert about["here_why"].startswith(why)


async def test_a_refusal_is_told_where_the_task_would_be_followed(gateway, mosquitto_client):
    """Who subscribed to the task's topics hears why it was refused, also when the document is no JSON."""
    async with followed(mosquitto_client, gateway.url, "typo") as read:
        await published(mosquitto_client, gateway.url, b'{"id": "typo", "kind": "toy.chian", "input": {}}')
        leaf, told = await read()
        assert (leaf, told["what"], told["error"]["code"]) == ("event", "refused", "unknown_kind")
        assert told["error"]["hint"] == "did you mean 'toy.chain'?"
        await published(mosquitto_client, gateway.url, b'{"id": "typo", "kind": "toy.chain", "input": {')
        leaf, told = await read()
        assert (leaf, told["what"], told["error"]["code"]) == ("event", "refused", "not_json")
