"""``traffic.signals``: cycle, splits and offsets of fixed-time signals."""

from pathlib import Path

from lamplighter.tasks.api import planned
from lamplighter.tasks.traffic.signals.model import SignalsInput

KIND = planned(__name__, name="traffic.signals", version=1, title="Cycle, splits and offsets of fixed-time signals",
               Model=SignalsInput, kernel=Path(__file__).with_name("kernel.py"), rounds=True,
               verify="method.closedloop:verify")
