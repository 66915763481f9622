"""What the gateway's process knows of a kind: data. Its code is loaded by workers only (``workshop``)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from lamplighter.gateway.core.entities import KindFacts
from lamplighter.gateway.devicebuild.compiler import VIPER
from lamplighter.gateway.devicebuild.kernels import kernel_source
from lamplighter.tasks.api import Kind

HASH_BYTES = 16


@dataclass(frozen=True, slots=True)
class KindInfo:
    """A kind by its words and its kernel; ``checks`` whether it has a check of answers, ``schema`` of its input.

    ``kernel`` is the source: what is compiled and recomputed is what was there when the gateway started, whatever is
    installed over it meanwhile.
    """

    name: str
    version: int
    title: str
    kernel: str
    checks: bool
    schema: dict[str, Any]
    example: dict[str, Any]
    """A small task document, empty where there is none."""

    @property
    def facts(self) -> KindFacts:
        """What the core is told of it."""
        source = self.kernel.encode()
        return KindFacts(self.version, hashlib.sha256(source).digest()[:HASH_BYTES], self.checks,
                         VIPER.search(source) is not None)


def info_of(kind: Kind) -> KindInfo:
    """What a gateway is told of a kind. Raises as ``kernel_source``, and ValueError for a kernel that is no text."""
    example = json.loads(kind.example.read_text("utf-8")) if kind.example else {}
    return KindInfo(kind.name, kind.version, kind.title, kernel_source(kind.kernel).decode(), kind.check is not None,
                    kind.Model.model_json_schema(), example)


def as_dict(info: KindInfo) -> dict[str, Any]:
    """As JSON has it."""
    return {field.name: getattr(info, field.name) for field in fields(info)}


def from_dict(said: Mapping[str, Any]) -> KindInfo:
    """The inverse. Raises ValueError for what no worker of ours would say."""
    types = {"name": str, "version": int, "title": str, "kernel": str, "checks": bool, "schema": dict,
             "example": dict}
    if said.keys() != types.keys() or not all(isinstance(said[key], kind) for key, kind in types.items()):
        raise ValueError("a worker does not describe its kinds")
    return KindInfo(**said)


def changed(known: Mapping[str, KindInfo], said: Mapping[str, KindInfo]) -> list[str]:
    """The kinds that are ``said`` to be otherwise than they are ``known``, or not to be any more."""
    return [name for name, info in known.items() if said.get(name) != info]
