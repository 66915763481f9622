"""``environment.sensorqc``: which sensors lie, from what each one's neighbours say."""

from pathlib import Path

from lamplighter.tasks.api import Kind, later
from lamplighter.tasks.environment.sensorqc.model import SensorqcInput

PARTS = "lamplighter.tasks.environment.sensorqc."

KIND = Kind(
    name="environment.sensorqc",
    version=1,
    title="Which sensors lie, by their neighbours",
    Model=SensorqcInput,
    kernel=Path(__file__).parents[1] / "airmap" / "kernel",
    prepare=later(PARTS + "prepare:prepare"),
    solve=later(PARTS + "solve:solve"),
    reference=later(PARTS + "reference:reference"),
    text=later(PARTS + "render:text"),
    files=later(PARTS + "render:files"),
    demo=later(PARTS + "demo:demo"),
    check=later("lamplighter.tasks.environment.airmap.solve:check"),
)
