"""``energy.battery``: tomorrow's charge plan of home batteries with solar power."""

from pathlib import Path

from lamplighter.tasks.api import planned
from lamplighter.tasks.energy.battery.model import Batteries

KIND = planned(__name__, name="energy.battery", version=1, title="Tomorrow's charge plan of home batteries",
               Model=Batteries, kernel=Path(__file__).with_name("kernel.py"), rounds=True)
