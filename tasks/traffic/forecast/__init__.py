"""``traffic.forecast``: the flow of the next day at each detector, with an honest band."""

from pathlib import Path

from lamplighter.tasks.api import Kind, later
from lamplighter.tasks.traffic.forecast.model import ForecastInput

HERE = "lamplighter.tasks.traffic.forecast"

KIND = Kind(
    name="traffic.forecast",
    version=1,
    title="The next day's flow at each detector",
    Model=ForecastInput,
    kernel=Path(__file__).with_name("kernel.py"),
    prepare=later(f"{HERE}.prepare:prepare"),
    solve=later(f"{HERE}.solve:solve"),
    reference=later(f"{HERE}.reference:reference"),
    text=later(f"{HERE}.show:text"),
    files=later(f"{HERE}.show:files"),
    demo=later(f"{HERE}.demo:demo"),
    check=later(f"{HERE}.solve:check"),
)
