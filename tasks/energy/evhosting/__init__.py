"""``energy.evhosting``: how many electric cars a feeder can take before voltages or lines give."""

from pathlib import Path

from lamplighter.tasks.api import planned
from lamplighter.tasks.energy.evhosting.model import EvHosting

KIND = planned(__name__, name="energy.evhosting", version=2, title="How many electric cars a feeder can take",
               Model=EvHosting, kernel=Path(__file__).with_name("kernel.py"), rounds=True)
