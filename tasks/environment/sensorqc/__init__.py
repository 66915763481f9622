"""``environment.sensorqc``: which sensors lie, from what each one's neighbours say."""

from pathlib import Path

from lamplighter.tasks.api import planned
from lamplighter.tasks.environment.sensorqc.model import SensorqcInput

KIND = planned(__name__, name="environment.sensorqc", version=1, title="Which sensors lie, by their neighbours",
               Model=SensorqcInput, kernel=Path(__file__).parents[1] / "airmap" / "kernel", rounds=True)
