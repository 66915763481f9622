"""``traffic.signals``: cycle, splits and offsets of fixed-time signals."""

from __future__ import annotations

from pathlib import Path

from tasks.api import Kind, later
from tasks.traffic.signals.model import SignalsInput

KIND = Kind(
    name="traffic.signals",
    version=1,
    title="Cycle, splits and offsets of fixed-time signals",
    Model=SignalsInput,
    kernel=Path(__file__).with_name("kernel.py"),
    prepare=later("tasks.traffic.signals.solve:prepare"),
    solve=later("tasks.traffic.signals.solve:solve"),
    reference=later("tasks.traffic.signals.reference:reference"),
    text=later("tasks.traffic.signals.render:text"),
    files=later("tasks.traffic.signals.render:files"),
    demo=later("tasks.traffic.signals.demo:demo"),
    check=later("tasks.traffic.signals.solve:check"),
)
