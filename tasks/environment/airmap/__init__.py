"""``environment.airmap``: a pollution map with its uncertainty, from the readings of stations."""

from pathlib import Path

from lamplighter.tasks.api import Kind, later
from lamplighter.tasks.environment.airmap.model import AirmapInput

PARTS = "lamplighter.tasks.environment.airmap."

KIND = Kind(
    name="environment.airmap",
    version=2,
    title="Pollution map with its uncertainty",
    Model=AirmapInput,
    kernel=Path(__file__).with_name("kernel"),
    prepare=later(PARTS + "prepare:prepare"),
    solve=later(PARTS + "solve:solve"),
    reference=later(PARTS + "reference:reference"),
    text=later(PARTS + "render:text"),
    files=later(PARTS + "render:files"),
    demo=later(PARTS + "demo:demo"),
    check=later(PARTS + "solve:check"),
)
