"""``environment.airmap``: a pollution map with its uncertainty, from the readings of stations."""

from pathlib import Path

from lamplighter.tasks.api import planned
from lamplighter.tasks.environment.airmap.model import AirmapInput

KIND = planned(__name__, name="environment.airmap", version=2, title="Pollution map with its uncertainty",
               Model=AirmapInput, kernel=Path(__file__).with_name("kernel"), rounds=True)
