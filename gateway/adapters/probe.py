"""Whether a broker keeps strangers out, found out by delivery: what they publish must not arrive.

A broker's files say what it should do; only a message that comes through says what it does.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from lamplighter.firmware.wire import node_topic
from lamplighter.gateway.adapters.accounts import Account
from lamplighter.gateway.adapters.mqtt import BrokerUrl, LinkError, Message, MqttLink
from lamplighter.gateway.protocol.topics import rpc_topic

CLOSED, OPEN, NOT_PROBED = "closed", "open", "not probed"
SEND_S = 2.0    # for a broker to confirm what a stranger publishes, or to cut it off
HEAR_S = 10.0   # for what the gateway publishes afterwards to arrive


async def probe(broker: BrokerUrl, site: str, account: Account) -> str:
    """``open`` if a request or a bid arrives that somebody without credentials, or ``account``, sends in the name of
    another; ``closed`` if nothing arrives although ``account`` can sign in; else ``not probed``.

    ``broker`` is signed in as the gateway, whose own connection is not yet there. Nothing is left at the broker.
    Raises LinkError.
    """
    somebody = secrets.token_hex(8)
    topics = [rpc_topic(site, somebody, "probe"), node_topic(site, somebody, "bid")]
    heard: dict[str, list[bytes]] = {topic: [] for topic in topics}
    done = asyncio.Event()

    def hear(message: Message) -> None:
        listener.acknowledge(message)
        heard.setdefault(message.topic, []).append(message.payload)
        if all(payloads[-1:] == [b"gateway"] for payloads in heard.values()):
            done.set()

    listener = MqttLink(broker, "probe-" + secrets.token_hex(8), on_message=hear,
                        subscriptions=[(topic, 1) for topic in topics])
    await listener.start()
    try:
        nobody = replace(broker, user="", password="", cert="", key="")
        await _publishes(nobody, topics, b"nobody")
        signed_in = await _publishes(broker.signed_in(account.user, account.password), topics, b"account")
        _publish(listener, topics, b"gateway")
        try:
            await asyncio.wait_for(done.wait(), HEAR_S)   # one topic keeps its order: what was before it is here, too
        except TimeoutError:
            raise LinkError(f"The broker at {broker} does not deliver what the gateway itself publishes; its rules "
                            "must let the gateway's user read and write every topic.") from None
    finally:
        await listener.stop(0)
    if any(len(payloads) > 1 for payloads in heard.values()):
        return OPEN
    return CLOSED if signed_in else NOT_PROBED


async def _publishes(broker: BrokerUrl, topics: Sequence[str], payload: bytes) -> bool:
    """Tries as somebody; whether they could sign in."""
    link = MqttLink(broker, "probe-" + secrets.token_hex(8), on_message=lambda message: link.acknowledge(message))
    try:
        await link.start()
    except LinkError:
        return False
    try:
        _publish(link, topics, payload)
        with suppress(TimeoutError):
            async with asyncio.timeout(SEND_S):
                while link.unsent and link.up:  # noqa: ASYNC110
                    await asyncio.sleep(0.002)
    finally:
        await link.stop(0)
    return True


def _publish(link: MqttLink, topics: Sequence[str], payload: bytes) -> None:
    """The last with QoS 1, so that it is known when the broker has seen to all. Bids are heard by the gateway with
    QoS 0 alone, so a session of its own that the broker keeps gets none of this."""
    for topic in topics:
        link.publish(topic, payload, int(topic == topics[-1]))
