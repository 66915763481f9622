"""``energy.battery``: tomorrow's charge plan of home batteries with solar power."""

from __future__ import annotations

from pathlib import Path

from lamplighter.tasks.api import Kind, later
from lamplighter.tasks.energy.battery.model import Batteries

_HERE = "lamplighter.tasks.energy.battery."

KIND = Kind(
    name="energy.battery", version=1, title="Tomorrow's charge plan of home batteries", Model=Batteries,
    kernel=Path(__file__).with_name("kernel.py"), prepare=later(_HERE + "spec:prepare"),
    solve=later(_HERE + "solve:solve"), reference=later(_HERE + "reference:reference"),
    text=later(_HERE + "show:text"), files=later(_HERE + "show:files"), demo=later(_HERE + "demo:demo"),
    check=later(_HERE + "solve:check"))
