"""An operator's side of the requests: over a real broker, and what it makes of nonsense."""

from __future__ import annotations

import asyncio
import json

import pytest

from lamplighter.gateway.adapters.accounts import Account
from lamplighter.gateway.adapters.broker import EmbeddedBroker
from lamplighter.gateway.adapters.mqtt import LinkError, Message, MqttLink
from lamplighter.gateway.api.client import Client, Refused
from lamplighter.gateway.protocol.topics import gateway_topic, reply_topic, rpc_topic, task_topic

SITE = "demo"
GATEWAY, OPERATOR = Account("gw1", "gateway-password", "gateway"), Account("city", "city-password", "operator")


@pytest.fixture
def with_gateway(tmp_path):
    """with_gateway(answer, work) runs ``await work(client, gateway's link)``; ``answer`` makes the responses."""
    def run(answer, work):
        async def main():
            async with EmbeddedBroker(tmp_path / "broker", SITE, (GATEWAY, OPERATOR)) as broker:
                def heard(message):
                    link.acknowledge(message)
                    given = json.loads(message.payload)
                    method = message.topic.rsplit("/", 1)[1]
                    for response in answer(method, given):
                        payload = response if isinstance(response, bytes) else json.dumps(response).encode()
                        link.publish(reply_topic(SITE, given["reply_to"]), payload)
                link = MqttLink(broker.url.signed_in(GATEWAY.user, GATEWAY.password), "gw1", on_message=heard,
                                subscriptions=[(rpc_topic(SITE, "+", "+"), 1)])
                await link.start()
                scheme, rest = str(broker.url).split("//")
                try:
                    async with Client(f"{scheme}//{OPERATOR.user}:{OPERATOR.password}@{rest}", SITE) as client:
                        await work(client, link)
                finally:
                    await link.stop()
        asyncio.run(asyncio.wait_for(main(), 300))
    return run


def test_requests_are_answered_each_with_its_own(with_gateway):
    """Many at once, answered in another order, amid junk and answers to nobody; a refusal raises; silence too."""
    held = []

    def answer(method, given):
        if method == "task.get":
            return [{"ok": False, "cid": given["cid"], "error": {"code": "unknown_task", "message": "no"}}]
        if method == "epoch.seal":
            return [b"junk", b"[]", b"7", b"", {"cid": "nobody"}, {"cid": ["x"]}]
        held.append({"ok": True, "cid": given["cid"], "data": {"n": given["n"]}})
        return held[::-1] + held if len(held) == 3 else []

    async def work(client, link):
        told = await asyncio.gather(*(client.call("task.list", n=number) for number in range(3)))
        assert [one["n"] for one in told] == [0, 1, 2]
        with pytest.raises(Refused, match="no") as raised:
            await client.call("task.get", task="x")
        assert raised.value.error["code"] == "unknown_task"
        with pytest.raises(LinkError, match="is one running there"):
            await client.call("epoch.seal", timeout_s=0.2)
    with_gateway(answer, work)


def test_what_is_too_large_is_not_sent(with_gateway):
    """A broker would cut the connection: the bound that the gateway names is named instead."""
    asked = []

    async def work(client, link):
        link.publish(gateway_topic(SITE, "gw1", "info"), b'{"max_request": 100000}', 1, True)
        with pytest.raises(Refused) as raised:
            await client.call("task.submit", input="x" * 100_000)
        assert raised.value.error["code"] == "too_large" and "at most 100000 bytes" in raised.value.error["hint"]
        assert (await client.call("task.submit", input="x" * 90_000)) == {} and len(asked) == 1

    def answer(method, given):
        asked.append(method)
        return [{"ok": True, "cid": given["cid"], "data": {}}]
    with_gateway(answer, work)


def test_what_may_be_too_large_is_not_sent_unasked(with_gateway):
    """Where no gateway says what it takes none is there, and the broker need not cut off who asks."""
    asked = []

    async def work(client, link):
        with pytest.raises(LinkError, match="is one running there"):
            await client.call("task.submit", input="x" * 100_000)
        assert not asked
    with_gateway(lambda method, given: asked.append(method) or [], work)


def test_tasks_are_followed(with_gateway):
    """Each document comes with its task and what it is; cleared ones and junk are passed over."""
    async def work(client, link):
        for task, leaf, payload in (("a", "status", b'{"n": 1}'), ("a", "result", b""), ("b", "event", b"junk"),
                                    ("b", "result", b'{"n": 2}')):
            link.publish(task_topic(SITE, task, leaf), payload)
        told = sorted([await client.next(), await client.next()], key=str)   # topics keep order, a broker need not
        assert told == [("a", "status", {"n": 1}), ("b", "result", {"n": 2})]
    with_gateway(lambda method, given: [], work)


def test_an_unreachable_broker_is_one_sentence():
    """With the next step."""
    async def main():
        async with Client("mqtt://127.0.0.1:9", SITE):
            pass
    with pytest.raises(LinkError, match=r"No broker answers at mqtt://127\.0\.0\.1:9"):
        asyncio.run(asyncio.wait_for(main(), 300))


@pytest.mark.parametrize("url", ["", "http://x", "mqtt://", "mqtt://x:port"])
def test_a_wrong_address_is_one_sentence(url):
    """Before anything is tried."""
    with pytest.raises(LinkError, match="broker address"):
        Client(url, SITE)


def test_who_has_no_name_gets_one():
    """Replies go to a topic of one's own, also on a broker without accounts."""
    names = {Client("mqtt://127.0.0.1:9", SITE).user for _ in range(10)}
    assert len(names) == 10 and Client("mqtt://city:p@127.0.0.1:9", SITE).user == "city"


def test_nobody_else_hears_a_reply():
    """Only what comes on one's own reply topic is taken for an answer."""
    async def main():
        client = Client("mqtt://city:p@127.0.0.1:9", SITE)
        client._link = type("Link", (), {"acknowledge": lambda self, message: None})()
        waiting = client._waiting["7"] = asyncio.get_running_loop().create_future()
        client._message(Message(reply_topic(SITE, "other"), b'{"cid": "7", "ok": true}', 1, False, 1, 1))
        assert not waiting.done()
        client._message(Message(reply_topic(SITE, "city"), b'{"cid": "7", "ok": true}', 1, False, 1, 1))
        assert waiting.done()
    asyncio.run(main())
