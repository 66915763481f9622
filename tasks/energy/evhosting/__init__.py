"""``energy.evhosting``: how many electric cars a feeder can take before voltages or lines give."""

from __future__ import annotations

from pathlib import Path

from lamplighter.tasks.api import Kind, later
from lamplighter.tasks.energy.evhosting.model import EvHosting

_HERE = "lamplighter.tasks.energy.evhosting."

KIND = Kind(
    name="energy.evhosting", version=2, title="How many electric cars a feeder can take", Model=EvHosting,
    kernel=Path(__file__).with_name("kernel.py"), prepare=later(_HERE + "spec:prepare"),
    solve=later(_HERE + "solve:solve"), reference=later(_HERE + "reference:reference"),
    text=later(_HERE + "show:text"), files=later(_HERE + "show:files"), demo=later(_HERE + "demo:demo"),
    check=later(_HERE + "solve:check"))
