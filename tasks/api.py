"""What a kind of city task is made of.

A kind is a folder with an input model, one kernel that ships to devices, and one generator
``solve``. The folder's ``__init__`` exports ``KIND``; an entry point in the group ``lamplighter.kinds``
makes it known to the gateway, so third parties add kinds without changing the gateway.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:   # a gateway knows kinds as data and does without
    from pydantic import BaseModel

JOB_INPUT = 2_048
JOB_ANSWER = 1_024
"""Bytes that a job's input and its answer may have: so much fits every device, alone or in a span."""

Input = dict[str, Any]
"""An operator's input as it came out of the JSON document."""


class TaskError(Exception):
    """The operator's request cannot be carried out; it is the request's fault, not ours.

    ``path`` is a JSON Pointer (RFC 6901) into the task's ``input``; ``hint`` is the nearest valid
    spelling or range, as a sentence a person can act on.
    """

    def __init__(self, code: str, message: str, hint: str = "", path: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.path = path


class DeadlinePassed(Exception):
    """Thrown into ``solve`` where it waits for a round, when the task's deadline passes.

    ``answers`` has one entry per job of that round, in job order: None where no verified answer came. A kind
    that can still say something honest catches it and returns a ``Result`` whose ``partial`` says what is
    missing and how wide the error is; it may not yield again. Others let it pass: the task fails.
    """

    def __init__(self, answers: Sequence[bytes | None]) -> None:
        super().__init__("the deadline passed")
        self.answers = answers


@dataclass(frozen=True, slots=True)
class Context:
    """Input bytes that many jobs share. A device fetches it once, by ``name``, and keeps it."""

    data: bytes
    name: bytes = field(init=False)
    """First 16 bytes of SHA-256 of ``data``."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", hashlib.sha256(self.data).digest()[:16])


@dataclass(frozen=True, slots=True)
class Job:
    """One micro-job: the kernel of its kind and one input. Same input, same answer bytes, on every device.

    ``ops`` are normalised operations from the kind's cost model (one is about one simple MicroPython
    bytecode statement), computed from the input alone, so that the price is fixed before the lease.
    ``heap_bytes`` is the kernel's working set on a 32-bit board, input and contexts included.
    ``answer_bytes`` is the exact length of the answer.
    """

    input: bytes
    answer_bytes: int
    ops: int
    heap_bytes: int
    contexts: tuple[Context, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """The city's answer: a plain-language summary (one to three sentences) and JSON-able data with units in names.

    ``partial`` is empty for a whole answer; for one that a deadline cut short it is a sentence that says what is
    missing and how wide the error is.
    """

    summary: str
    data: dict[str, Any]
    partial: str = ""


Solution = Generator[Sequence[Job], Sequence[bytes], Result]
"""What ``solve`` returns: yields a round of jobs, receives their answers in job order, returns the result."""


@dataclass(frozen=True, slots=True)
class DemoInput:
    """An input for the demo, with a sentence that says where its data comes from."""

    input: Input
    source: str
    real: bool


def later(target: str) -> Callable[..., Any]:
    """The function ``module:name``, imported when it is first called.

    A gateway knows every kind and runs few of them at a time; what it does not call costs it no memory.
    """
    module, _, name = target.partition(":")

    def call(*given: Any) -> Any:
        return getattr(importlib.import_module(module), name)(*given)

    return call


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of task. Give the functions as ``later("package.module:name")``, so that they load when called.

    ``Model``      pydantic model of the input; unknown keys are errors; units in field names.
    ``kernel``     ``kernel.py``, or a folder of parts that are joined: see `gateway.devicebuild.kernels`.
    ``prepare``    validated model -> spec: parses networks and the like; raises ``TaskError``; may take seconds.
    ``solve``      spec -> generator of rounds. Deterministic: after a crash it is replayed from recorded answers.
    ``reference``  spec, result -> the same question answered by a trusted host method: ``{"text": one
                   paragraph that states the difference, "ok": within the bar, ...figures}``.
    ``check``      spec, job, answer -> False when the answer is impossible (bounds); cheap; optional.
    ``rounds``     spec -> how many rounds ``solve`` is expected to yield, for a progress that does not start again
                   with each; optional, one where it is missing.
    ``verify``     the input as sent, published ``Result.data`` -> ``{"text", "ok", ...figures}``: the answer in a
                   simulator of others that may be installed beside; raises ``TaskError`` where it is not; optional.
    ``text``       spec-free view of the published ``Result.data`` for a terminal (a table, a small map).
    ``files``      published ``Result.data`` -> {file name: bytes}: CSV, GeoJSON, SVG, PNG.
    ``demo``       cache folder -> ``DemoInput``; real data where it can be had in seconds without root.
    ``example``    file with the smallest task document that makes sense, to start from; optional.
    """

    name: str
    version: int
    title: str
    Model: type[BaseModel]
    kernel: Path
    prepare: Callable[[Any], Any]
    solve: Callable[[Any], Solution]
    reference: Callable[[Any, Result], dict[str, Any]]
    text: Callable[[dict[str, Any]], str]
    files: Callable[[dict[str, Any]], dict[str, bytes]]
    demo: Callable[[Path], DemoInput]
    check: Callable[[Any, Job, bytes], bool] | None = None
    rounds: Callable[[Any], int] | None = None
    verify: Callable[[Input, dict[str, Any]], dict[str, Any]] | None = None
    example: Path | None = None


def planned(package: str, name: str, version: int, title: str, Model: type[BaseModel], kernel: Path,
            rounds: bool = False, verify: str = "") -> Kind:
    """A kind with a file for every role: its functions stand where the plan of files has them (docs/own-kind.md).

    With ``rounds`` there is such a function beside ``solve``; ``verify`` names where that one is, if anywhere.
    """
    example = Path(sys.modules[package].__path__[0]) / "example.json"

    def at(place: str) -> Callable[..., Any]:
        return later(f"{package}.{place}")

    return Kind(name, version, title, Model, kernel, prepare=at("prepare:prepare"), solve=at("solve:solve"),
                reference=at("reference:reference"), text=at("show:text"), files=at("show:files"),
                demo=at("demo:demo"), check=at("jobs:check"),
                rounds=at("solve:rounds") if rounds else None, verify=at(verify) if verify else None,
                example=example if example.exists() else None)
