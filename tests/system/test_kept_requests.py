"""Who may ask, and when: on either broker no command comes from a kept message, and strangers are kept out."""

from __future__ import annotations

import asyncio
import json

import pytest

from lamplighter.gateway.adapters.accounts import mosquitto_password, mosquitto_rules
from lamplighter.gateway.adapters.mqtt import BrokerUrl, MqttLink
from lamplighter.gateway.adapters.registry import Registry
from lamplighter.gateway.api.client import Refused
from lamplighter.gateway.protocol.topics import gateway_topic, reply_topic, rpc_topic

SITE = "demo"


@pytest.fixture(params=["embedded", "mosquitto"])
def gateway(request, start_gateway, start_mosquitto, tmp_path):
    """A gateway on a broker with accounts."""
    if request.param == "embedded":
        made = start_gateway()
    else:
        data = tmp_path / "data"
        registry = Registry.open(data)
        registry.add_operator("operator")
        lines = [mosquitto_password(account, b"salt-of-12-b") for account in registry.accounts("gw1")]
        (tmp_path / "passwords").write_text("".join(lines))
        (tmp_path / "rules").write_text("user gw1\ntopic readwrite #\n\n" + mosquitto_rules(SITE, "operator"))
        registry.close()
        url = start_mosquitto(f"allow_anonymous false\npassword_file {tmp_path / 'passwords'}\n"
                              f"acl_file {tmp_path / 'rules'}\n")
        made = start_gateway("--broker", url, data=data)
    yield made
    made.end()


async def kept(url: str, method: str, payload: bytes, retain: bool = True) -> None:
    """Publishes a request with the retain flag, or clears it."""
    broker = BrokerUrl.parse(url)
    link = MqttLink(broker, "mistaken", on_message=print)
    await link.start()
    link.publish(rpc_topic(SITE, broker.user, method), payload, 1, retain)
    await link.stop(300)


async def until(client, condition):
    """What health says once it fits."""
    while not condition(told := await client.call("health.check")):  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    return told


async def test_a_kept_request_is_not_carried_out_at_a_start(gateway, operator):
    """It runs once, when it is sent, and never where MQTT 5 says what it is; then health names its topic and the
    command that clears it, which does."""
    five = "--broker" in gateway.options
    await kept(gateway.url, "epoch.seal", b"{}")
    async with operator(gateway) as client:
        told = await until(client, lambda told: told["retained_requests"] if five else told["epoch"] == 1)
        assert told["broker_probe"] == "closed"
    for _ in range(2):
        gateway.end()
        gateway.start()
        async with operator(gateway) as client:
            (named,) = (await until(client, lambda told: told["retained_requests"]))["retained_requests"]
            assert named["topic"] == rpc_topic(SITE, "operator", "epoch.seal")
            assert named["clear"].endswith(f"-u operator -P PASSWORD -q 1 -r -n -t {named['topic']}")
            assert (await client.call("health.check"))["epoch"] == (0 if five else 1)
    await kept(gateway.url, "epoch.seal", b"")
    async with operator(gateway) as client:
        await until(client, lambda told: not told["retained_requests"])
        assert (await client.call("health.check"))["epoch"] == (0 if five else 1)


@pytest.mark.parametrize("gateway", ["mosquitto"], indirect=True)   # the embedded broker is away as well
async def test_what_was_kept_while_the_gateway_was_away_is_not_carried_out_either(gateway, operator):
    """Its broker may have a session for it, which hands such a request over without the flag; one that was only sent
    then is carried out."""
    gateway.end()
    await kept(gateway.url, "epoch.seal", b"{}")
    await kept(gateway.url, "task.submit", b'{"id": "sent", "kind": "toy.chain", "input": {"jobs": 1}}', False)
    gateway.start()
    async with operator(gateway) as client:
        told = await until(client, lambda told: told["retained_requests"] and told["tasks"])
        assert told["epoch"] == 0 and told["tasks"] == 1


@pytest.mark.parametrize("gateway", ["mosquitto"], indirect=True)
async def test_mqtt_5_says_where_and_with_what_to_answer(gateway, mosquitto_client):
    """A plain client needs no reply_to: ResponseTopic does, its own or everybody's, and CorrelationData comes back.
    Anything else is refused on its own topic, and nothing is written where it must not be."""
    own, everybody = reply_topic(SITE, "operator"), reply_topic(SITE, "anonymous")

    async def asked(topic: str, correlation: str, payload: str = "{}", heard: str = "") -> dict:
        command = mosquitto_client("sub", gateway.url, "-V", "5", "-q", "1", "-C", "2", "-t", heard or topic, "-t",
                                   gateway_topic(SITE, "+", "status"), "-F", "%t %D %p")
        listener = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert b"online" in await listener.stdout.readline()   # what is retained tells that the subscription stands
        command = mosquitto_client("pub", gateway.url, "-V", "5", "-q", "1", "-m", payload, "-t",
                                   rpc_topic(SITE, "operator", "task.list"), "-D", "publish", "response-topic", topic,
                                   "-D", "publish", "correlation-data", correlation)
        await (await asyncio.create_subprocess_exec(*command)).wait()
        where, what, answer = (await listener.stdout.readline()).decode().split(" ", 2)
        await listener.wait()
        assert (where, what) == (heard or topic, correlation if len(correlation) <= 64 else "")
        return json.loads(answer)

    for topic in (own, everybody):
        assert (await asked(topic, "seven", '{"cid": "7"}')) == {"ok": True, "cid": "7", "data": {"tasks": []}}
    for wrong in (reply_topic(SITE, "emil"), rpc_topic(SITE, "operator", "epoch.seal"), own + "/more"):
        told = await asked(wrong, "seven", heard=own)
        assert told["error"]["message"].startswith("ResponseTopic") and own in told["error"]["hint"]
    assert (await asked(own, "x" * 65))["error"]["message"].startswith("CorrelationData")
    told = await asked(own, "seven", '{"reply_to": "anonymous"}')
    assert told["error"]["path"] == "/reply_to"


async def test_who_asked_is_shown_after_a_restart_too(gateway, operator):
    """By the account, which nobody else can publish as."""
    async with operator(gateway) as client:
        await client.call("task.submit", id="mine", kind="toy.chain", input={"jobs": 1})
        assert (await client.call("task.get", task="mine"))["by"] == "operator"
    gateway.end()
    gateway.start()
    async with operator(gateway) as client:
        assert (await client.call("task.get", task="mine"))["by"] == "operator"


async def test_an_open_broker_is_served_on_request_only(start_gateway, start_mosquitto, operator):
    """Without the flag the start says why; with it devices and epochs are not a stranger's to manage."""
    broker = start_mosquitto()
    with pytest.raises(AssertionError, match="--allow-open-broker"):
        start_gateway("--broker", broker)
    gateway = start_gateway("--broker", broker, "--allow-open-broker")
    async with operator(gateway) as client:
        assert (await client.call("health.check"))["broker_probe"] == "open"
        for method, params in (("node.list", {}), ("node.revoke", {"node": "a"}), ("epoch.seal", {})):
            with pytest.raises(Refused) as refused:
                await client.call(method, **params)
            assert refused.value.error["code"] == "open_broker"
    gateway.end()
