"""An operator's side: requests to a gateway over any broker, and following what it publishes."""

from __future__ import annotations

import asyncio
import json
import secrets
from types import TracebackType
from typing import Any

from lamplighter.gateway.adapters.mqtt import BrokerUrl, LinkError, Message, MqttLink
from lamplighter.gateway.api.requests import RequestError, as_dict, check_size
from lamplighter.gateway.protocol.topics import gateway_topic, reply_topic, rpc_topic, task_topic

TIMEOUT_S = 30.0
SMALL = 65_536   # bytes of a request that every gateway takes
ABOUT_S = 2.0    # to hear what a gateway says of itself, which the broker keeps


class Refused(Exception):
    """The gateway said no: ``error`` has code, message, hint, path."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error.get("message", ""))
        self.error = error


class Client:
    """``async with Client(url, site) as client: await client.call("task.list")``.

    ``url`` carries the operator's name and password; replies come on the operator's own topic. Entering
    raises LinkError when the broker cannot be reached.
    """

    def __init__(self, url: str, site: str) -> None:
        self.broker = BrokerUrl.parse(url)
        self.site = site
        self.user = self.broker.user or "cli-" + secrets.token_hex(6)
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._heard: asyncio.Queue[tuple[str, str, dict[str, Any]]] = asyncio.Queue()
        self._about: asyncio.Future[dict[str, Any]]
        self._link: MqttLink

    async def __aenter__(self) -> Client:
        self._about = asyncio.get_running_loop().create_future()
        replies = reply_topic(self.site, self.user)
        followed = [(task_topic(self.site, "+", leaf), 1) for leaf in ("status", "event", "result")]
        self._link = MqttLink(
            self.broker, f"{self.user[:16]}-{secrets.token_hex(6)}", on_message=self._message,
            subscriptions=[(replies, 1), (gateway_topic(self.site, "+", "info"), 1), *followed])
        await self._link.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        await self._link.stop()

    async def call(self, method: str, timeout_s: float = TIMEOUT_S, **params: Any) -> dict[str, Any]:
        """The ``data`` of the response. Raises Refused, also for what no gateway would take, and LinkError when none
        answers in time."""
        cid = secrets.token_hex(8)
        waiting = self._waiting[cid] = asyncio.get_running_loop().create_future()
        request = json.dumps({"reply_to": self.user, "cid": cid, **params}).encode()
        try:
            await self._check_size(len(request))
            self._link.publish(rpc_topic(self.site, self.user, method), request)
            async with asyncio.timeout(timeout_s):
                given = await waiting
        except TimeoutError:
            raise LinkError(f"No gateway of site {self.site!r} answered on {self.broker} within {timeout_s:.0f} s; "
                            "is one running there, with this site? The broker may know you and not let you ask "
                            f"as {self.user!r}.") from None
        finally:
            del self._waiting[cid]
        if not given.get("ok"):
            raise Refused(given.get("error", {}))
        data: dict[str, Any] = given["data"]
        return data

    async def _check_size(self, size: int) -> None:
        """A broker cuts off whoever sends too much, so the gateway's bound is asked for first.

        Raises Refused, and TimeoutError where no gateway has said what it takes.
        """
        if size <= SMALL:
            return
        about = await asyncio.wait_for(asyncio.shield(self._about), ABOUT_S)
        try:
            check_size(size, int(about.get("max_request", size)))
        except RequestError as error:
            raise Refused(as_dict(error)) from None

    async def next(self) -> tuple[str, str, dict[str, Any]]:
        """The next (task, leaf, document) that the gateway publishes; retained ones come first."""
        return await self._heard.get()

    def _message(self, message: Message) -> None:
        self._link.acknowledge(message)
        try:
            given = json.loads(message.payload)
        except (ValueError, RecursionError):
            return   # a retained message that was cleared, or somebody else's on an open broker
        if not isinstance(given, dict):
            return
        if message.topic == reply_topic(self.site, self.user):
            waiting = self._waiting.get(str(given.get("cid", "")))
            if waiting is not None and not waiting.done():
                waiting.set_result(given)
        elif message.topic.endswith("/info"):
            if not self._about.done():
                self._about.set_result(given)
        elif "/task/" in message.topic:
            task, leaf = message.topic.split("/")[-2:]
            self._heard.put_nowait((task, leaf, given))
