"""What the gateway's process knows of a kind: data. Its code is loaded by workers only (``workshop``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lamplighter.tasks.api import Kind


@dataclass(frozen=True, slots=True)
class KindInfo:
    """A kind by its words and its kernel; ``checks`` whether it has a check of answers, ``schema`` of its input."""

    name: str
    version: int
    title: str
    kernel: Path
    checks: bool
    schema: dict[str, Any]


def info_of(kind: Kind) -> KindInfo:
    """What a gateway is told of a kind."""
    return KindInfo(kind.name, kind.version, kind.title, kind.kernel, kind.check is not None,
                    kind.Model.model_json_schema())


def as_dict(info: KindInfo) -> dict[str, Any]:
    """As JSON has it."""
    return {**asdict(info), "kernel": str(info.kernel)}


def from_dict(said: Mapping[str, Any]) -> KindInfo:
    """The inverse. Raises ValueError for what no worker of ours would say."""
    types = {"name": str, "version": int, "title": str, "kernel": str, "checks": bool, "schema": dict}
    if said.keys() != types.keys() or not all(isinstance(said[key], kind) for key, kind in types.items()):
        raise ValueError("a worker does not describe its kinds")
    return KindInfo(**{**said, "kernel": Path(said["kernel"])})
