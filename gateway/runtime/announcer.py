"""What is published for people: tasks, epochs, replies, and the gateway itself."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from lamplighter.gateway import __version__
from lamplighter.gateway.api.requests import Ref, RequestError, as_dict, refusal, response
from lamplighter.gateway.core.effects import PublishEvent, PublishResult, PublishStatus, Reply
from lamplighter.gateway.protocol.topics import epoch_topic, gateway_topic, reply_topic, task_topic
from lamplighter.gateway.publiclog.writer import PublicLog
from lamplighter.gateway.runtime.kinds import KindInfo
from lamplighter.gateway.runtime.sealing import Sealed


class Publish(Protocol):
    """Hands a message to the broker's connection."""

    def __call__(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False,
                 correlation: bytes = b"") -> object: ...


def gateway_status(state: str, boot: int, wall_ms: int) -> bytes:
    """What a gateway says of itself, retained: ``online`` or ``offline``; the latter is its will, too."""
    return json.dumps({"v": 1, "state": state, "boot": boot, "ts": wall_ms}).encode()


class Announcer:
    """Knows topics and documents; ``publish`` is the broker's connection. Refusals are counted by their code.

    A broker cuts off who sends more than ``max_message`` bytes at once, and would again at each new try: an answer
    that is longer is refused here, and can be read elsewhere.
    """

    def __init__(self, site: str, name: str, boot: int, publish: Publish, max_message: int,
                 wall_ms: Callable[[], int], counters: Counter[str]) -> None:
        self._site, self._name, self._boot, self._publish, self._wall_ms = site, name, boot, publish, wall_ms
        self._max_message, self._counters = max_message, counters

    def gateway(self, state: str) -> None:
        """``online`` or ``offline``, retained."""
        self._publish(gateway_topic(self._site, self._name, "status"),
                      gateway_status(state, self._boot, self._wall_ms()), 1, True)

    def about(self, net: bytes, epoch_s: int, max_request: int, kinds: Mapping[str, KindInfo]) -> None:
        """What an operator or a device may want to know of this gateway, retained."""
        listed = {name: {"version": kind.version, "title": kind.title} for name, kind in kinds.items()}
        about = {"v": 1, "version": __version__, "net": net.hex(), "epoch_s": epoch_s,
                 "max_request": max_request, "kinds": listed}
        self._publish(gateway_topic(self._site, self._name, "info"), json.dumps(about).encode(), 1, True)

    def status(self, effect: PublishStatus) -> None:
        payload = json.dumps(effect.status).encode() if effect.status else b""
        self._publish(task_topic(self._site, effect.task, "status"), payload, 1, True)

    def event(self, effect: PublishEvent) -> None:
        self._event(effect.task, {"seq": effect.seq, "what": effect.what, **effect.detail})

    def result(self, effect: PublishResult) -> None:
        result = effect.result
        if error := self._too_large(result, f"/api/tasks/{effect.task}/result"):
            result = json.dumps({"v": 1, "task": effect.task, "ok": False, "error": as_dict(error)}).encode()
        self._publish(task_topic(self._site, effect.task, "result"), result, 1, True)

    def sealed(self, seal: Sealed, public: PublicLog) -> None:
        """A sealed epoch, with the log's size, root and checkpoint, retained."""
        about = {**seal._asdict(), "v": 1, "size": public.size, "root": public.root.hex(),
                 "checkpoint": public.checkpoint}
        self._publish(epoch_topic(self._site, seal.epoch), json.dumps(about).encode(), 1, True)

    def reply(self, effect: Reply) -> None:
        """Nobody waits for the reply to a request of before a restart."""
        if isinstance(effect.ref, Ref):
            self.answer(effect.ref, effect.data, RequestError(*effect.error) if effect.error else None)

    def answer(self, ref: Ref, data: dict[str, Any] | None, error: RequestError | None) -> None:
        """One response; a refused submission is told on the task's own topic too, where its sender listens."""
        payload = b"" if error else response(ref.cid, data or {})
        if not ref.back:
            error = error or self._too_large(payload, "/api")
        if error:
            payload = refusal(ref.cid, error)
            self._counters["requests_refused_" + error.code] += 1
        if ref.back:
            ref.back(payload)
        else:
            self._publish(reply_topic(self._site, ref.reply_to), payload, 1, False, ref.correlation)
        if error and ref.task:
            self._event(ref.task, {"what": "refused", "error": as_dict(error)})

    def _too_large(self, payload: bytes, where: str) -> RequestError | None:
        if len(payload) <= self._max_message:
            return None
        return RequestError("answer_too_large", f"the answer is {len(payload)} bytes, the broker carries "
                            f"{self._max_message} in one message",
                            f"read {where} on the gateway's page, or let both carry more (--max-request)")

    def _event(self, task: str, said: dict[str, Any]) -> None:
        self._publish(task_topic(self._site, task, "event"), json.dumps({"v": 1, **said}).encode(), 1, False)
