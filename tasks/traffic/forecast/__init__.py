"""``traffic.forecast``: the flow of the next day at each detector, with an honest band."""

from pathlib import Path

from lamplighter.tasks.api import planned
from lamplighter.tasks.traffic.forecast.model import ForecastInput

KIND = planned(__name__, name="traffic.forecast", version=1, title="The next day's flow at each detector",
               Model=ForecastInput, kernel=Path(__file__).with_name("kernel.py"), rounds=True)
