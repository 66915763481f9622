"""Where kinds run: preparation, generators and checks, in a process of their own (``lanes`` start it).

``python -m lamplighter.gateway.runtime.workshop PARENT MB`` answers messages on its standard input and output until
that ends. SIGALRM calls off what it is at; so do a lack of memory and whatever a kind raises. The generator that was
running is then gone, the others stay.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

from lamplighter.gateway.api import requests
from lamplighter.gateway.api.requests import RequestError
from lamplighter.gateway.runtime.child import Parcel, pack, receive, unpack
from lamplighter.gateway.runtime.kinds import as_dict, info_of
from lamplighter.gateway.runtime.launch import die_with, first_to_go, limit_memory
from lamplighter.gateway.runtime.rounds import ITEM, pack_round
from lamplighter.tasks.api import Context, DeadlinePassed, Job, Kind, Result, Solution, TaskError
from lamplighter.tasks.registry import load_kinds, prepare


class Stopped(BaseException):
    """SIGALRM came: no handler of a kind's should hold it."""


class Running:
    """A task's generator, its spec, and the contexts that the gateway has of it."""

    def __init__(self, kind: Kind, spec: Any) -> None:
        self.kind = kind
        self.spec = spec
        self.solution: Solution = kind.solve(spec)
        self.round = -1
        self.expected = kind.rounds(spec) if kind.rounds else 1
        """Rounds that there may be."""
        self.jobs = 0
        """Jobs of the open round."""
        self.sent: dict[bytes, int] = {}
        self.contexts: dict[bytes, Context] = {}


class Workshop:
    """All that one worker knows. ``answer`` takes a message and gives one, whatever happens."""

    def __init__(self, kinds: dict[str, Kind]) -> None:
        self._kinds = kinds
        self._described = [as_dict(info_of(kind)) for kind in kinds.values()]
        """As they are now: what is installed over them later is not what is loaded here."""
        self._running: dict[str, Running] = {}
        self._prepared: tuple[bytes, Any] = b"", None
        """The document that was validated last, by its hash, and its spec: it may be about to be started."""
        self._table: dict[str, Callable[[Parcel], bytes]] = {
            "kinds": self._describe, "read": self._read, "prepare": self._prepare, "price": self._price,
            "start": self._start, "advance": self._advance, "last": self._last_word, "check": self._check,
            "files": self._files, "stop": self._stop,
        }

    def answer(self, request: bytes) -> bytes:
        parcel = unpack(request)
        task = parcel.head.get("task", "")
        try:
            return self._table[parcel.head["do"]](parcel)
        except TaskError as error:
            self._running.pop(task, None)
            return pack({"is": "refused", "error": [error.code, error.message, error.hint, error.path]})
        except MemoryError:
            self._running.pop(task, None)
            return pack({"is": "overfull"})
        except Stopped:
            self._running.pop(task, None)
            raise
        except BaseException as error:   # a kind's bug, or its sys.exit, must not take the others with it
            self._running.pop(task, None)
            return pack({"is": "broken", "error": f"{type(error).__name__}: {error}"[:300],
                         "trace": traceback.format_exc()[-10_000:]})

    def _describe(self, _parcel: Parcel) -> bytes:
        return pack({"is": "kinds", "kinds": self._described})

    def _read(self, parcel: Parcel) -> bytes:
        """A request that is too long to be read on the gateway's loop; its input stays here."""
        head, (payload,) = parcel.head, parcel.parts
        try:
            request = requests.parse(head["user"], head["method"], payload,
                                     requests.AT_THE_DOOR if head["door"] else requests.METHODS)
        except RequestError as error:
            ref = requests.peek(head["user"], payload)
            return pack({"is": "unfit", "error": requests.as_dict(error), "ref": ref})
        params = {**request.params}
        if isinstance(params.get("input"), dict):
            params["input"] = {}
        about = {"method": request.method, "params": params, "reply_to": request.reply_to, "cid": request.cid,
                 "user": request.user}
        return pack({"is": "request", **about}, request.body)

    def _prepare(self, parcel: Parcel) -> bytes:
        spec = self._spec(parcel)
        self._prepared = _hash_of(parcel), spec
        return pack({"is": "fine"})

    def _price(self, parcel: Parcel) -> bytes:
        """The jobs that a task would start with; nothing is kept."""
        solution = self._kinds[parcel.head["kind"]].solve(self._spec(parcel))
        try:
            jobs: Sequence[Job] = next(solution)
        except StopIteration:
            jobs = ()
        return pack({"is": "round", "round": 0}, *pack_round(jobs, {}))

    def _spec(self, parcel: Parcel) -> Any:
        return prepare(self._kinds, parcel.head["kind"], json.loads(parcel.parts[0])["input"])

    def _start(self, parcel: Parcel) -> bytes:
        self._running.pop(parcel.head["task"], None)
        (known, spec), self._prepared = self._prepared, (b"", None)
        if known != _hash_of(parcel):
            spec = self._spec(parcel)
        running = self._running[parcel.head["task"]] = Running(self._kinds[parcel.head["kind"]], spec)
        return self._step(running, None)

    def _advance(self, parcel: Parcel) -> bytes:
        return self._step(self._running[parcel.head["task"]], parcel.parts)

    def _step(self, running: Running, answers: Sequence[bytes] | None) -> bytes:
        while True:
            try:
                jobs = next(running.solution) if answers is None else running.solution.send(answers)
            except StopIteration as end:
                return _solved(end.value)
            if jobs:
                break
            answers = ()   # a round without jobs is answered at once
        running.round += 1
        running.jobs = len(jobs)
        running.contexts.update((context.name, context) for job in jobs for context in job.contexts)
        head = {"is": "round", "round": running.round, "expected": running.expected}
        return pack(head, *pack_round(jobs, running.sent))

    def _last_word(self, parcel: Parcel) -> bytes:
        """The deadline passed where the generator waits: what it says now is its answer."""
        running = self._running[parcel.head["task"]]
        known = [part or None for part in parcel.parts] if parcel.head["round"] == running.round else []
        try:
            running.solution.throw(DeadlinePassed(known or (None,) * running.jobs))
        except StopIteration as end:
            return _solved(end.value)
        except DeadlinePassed:
            del self._running[parcel.head["task"]]
            return pack({"is": "silent", "done": sum(answer is not None for answer in known),
                         "jobs": running.jobs if known else 0})
        running.solution.close()
        raise RuntimeError("the kind asked for more work after its deadline")

    def _check(self, parcel: Parcel) -> bytes:
        """Of each answer whether its kind thinks it possible, of a span's if all are; a check that raises casts
        doubt."""
        traces: list[str] = []
        possible = [self._possible(self._running[task], parcel.parts[4 * at:4 * at + 4], traces)
                    for at, task in enumerate(parcel.head["of"])]
        return pack({"is": "checked", "possible": possible, "trace": "\n".join(traces[:3])})

    def _files(self, parcel: Parcel) -> bytes:
        """The files of a published result; there are none of a failure."""
        told = json.loads(parcel.parts[0])
        made = self._kinds[told["kind"]].files(told["result"]["data"]) if told["ok"] else {}
        return pack({"is": "files", "names": [*made]}, *made.values())

    def _possible(self, running: Running, parts: Sequence[bytes], traces: list[str]) -> bool:
        table, inputs, answers, names = parts
        contexts = tuple(running.contexts[names[at:at + 16]] for at in range(0, len(names), 16))
        check, given, said = running.kind.check, 0, 0
        assert check is not None
        try:
            for size, answer, price, heap in ITEM.iter_unpack(table):
                job = Job(inputs[given:given + size], answer, price * 1_000, heap, contexts)
                if not check(running.spec, job, answers[said:said + answer]):
                    return False
                given, said = given + size, said + answer
        except Exception:   # a bug of the kind, met by an answer of whoever: the recomputation decides
            traces.append(traceback.format_exc()[-2_000:])
            return False
        return True

    def _stop(self, parcel: Parcel) -> bytes:
        self._running.pop(parcel.head["task"], None)
        return pack({"is": "fine"})


def _hash_of(parcel: Parcel) -> bytes:
    """Of a kind and a document."""
    return hashlib.sha256(parcel.head["kind"].encode() + b"\0" + parcel.parts[0]).digest()


def _solved(result: Result) -> bytes:
    said: dict[str, Any] = {"summary": result.summary, "data": result.data}
    if result.partial:
        said["partial"] = result.partial
    return pack({"is": "solved"}, json.dumps(said, allow_nan=False).encode())


class Bell:
    """Rung by SIGALRM; heard only while a request is being answered."""

    def __init__(self) -> None:
        self._heard = False

    def ring(self, _signal: int, _frame: FrameType | None) -> None:
        if self._heard:
            raise Stopped

    def answer(self, workshop: Workshop, request: bytes) -> bytes:
        try:
            self._heard = True
            try:
                return workshop.answer(request)
            finally:
                self._heard = False
        except Stopped:
            return pack({"is": "stopped"})


def serve(line: socket.socket, workshop: Workshop, bell: Bell) -> None:
    """Answers until the other side has ended."""
    while (request := receive(line)) is not None:
        line.sendall(bell.answer(workshop, request))


def main(parent: str, megabytes: str) -> None:
    die_with(int(parent))
    first_to_go()
    limit_memory(int(megabytes))
    line = socket.socket(fileno=os.dup(0))
    os.dup2(2, 0)   # what a kind reads or prints must not meet the messages
    os.dup2(2, 1)
    bell = Bell()
    signal.signal(signal.SIGALRM, bell.ring)
    workshop = Workshop(load_kinds())
    gc.freeze()
    try:
        serve(line, workshop, bell)
    except ConnectionError:   # the gateway has just been killed: nobody is left to be answered, or to be told of it
        os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
