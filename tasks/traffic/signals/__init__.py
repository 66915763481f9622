"""``traffic.signals``: cycle, splits and offsets of fixed-time signals."""

from __future__ import annotations

from pathlib import Path

from lamplighter.tasks.api import Kind, later
from lamplighter.tasks.traffic.signals.model import SignalsInput

KIND = Kind(
    name="traffic.signals",
    version=1,
    title="Cycle, splits and offsets of fixed-time signals",
    Model=SignalsInput,
    kernel=Path(__file__).with_name("kernel.py"),
    prepare=later("lamplighter.tasks.traffic.signals.solve:prepare"),
    solve=later("lamplighter.tasks.traffic.signals.solve:solve"),
    reference=later("lamplighter.tasks.traffic.signals.reference:reference"),
    text=later("lamplighter.tasks.traffic.signals.show:text"),
    files=later("lamplighter.tasks.traffic.signals.show:files"),
    demo=later("lamplighter.tasks.traffic.signals.demo:demo"),
    check=later("lamplighter.tasks.traffic.signals.solve:check"),
)
