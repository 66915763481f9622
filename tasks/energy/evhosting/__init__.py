"""``energy.evhosting``: how many electric cars a feeder can take before voltages or lines give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tasks.api import Kind, Result
from tasks.energy.evhosting.demo import demo
from tasks.energy.evhosting.model import EvHosting
from tasks.energy.evhosting.render import files, text
from tasks.energy.evhosting.solve import check, solve
from tasks.energy.evhosting.spec import Spec, prepare


def _reference(spec: Spec, result: Result) -> dict[str, Any]:
    from tasks.energy.evhosting.reference import reference
    return reference(spec, result)


KIND = Kind(
    name="energy.evhosting", version=1, title="How many electric cars a feeder can take", Model=EvHosting,
    kernel=Path(__file__).with_name("kernel.py"), prepare=prepare, solve=solve, reference=_reference, text=text,
    files=files, demo=demo, check=check)
