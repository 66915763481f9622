"""A third party's kind, found through its entry point: rounds of jobs that each depend on the answers before."""

from __future__ import annotations

from pathlib import Path

from lamplighter.tasks.api import DemoInput, Kind
from lamplighter_toy.model import MODULUS, Chain
from lamplighter_toy.solve import reference, solve

KIND = Kind(
    "toy.chain", 1, "A chain of sums", Chain, Path(__file__).with_name("kernel.py"), lambda model: model, solve,
    reference, lambda data: f"state {data['state']}", lambda data: {"state.txt": b"%d\n" % data["state"]},
    lambda cache: DemoInput({"jobs": 4}, "made up", False),
    lambda spec, job, answer: int.from_bytes(answer, "big") < MODULUS)
