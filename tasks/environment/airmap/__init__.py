"""``environment.airmap``: a pollution map with its uncertainty, from the readings of stations."""

from pathlib import Path

from tasks.api import Kind
from tasks.environment.airmap.demo import demo
from tasks.environment.airmap.model import AirmapInput
from tasks.environment.airmap.prepare import prepare
from tasks.environment.airmap.reference import reference
from tasks.environment.airmap.render import files, text
from tasks.environment.airmap.solve import check, solve

KIND = Kind(
    name="environment.airmap",
    version=1,
    title="Pollution map with its uncertainty",
    Model=AirmapInput,
    kernel=Path(__file__).with_name("kernel.py"),
    prepare=prepare,
    solve=solve,
    reference=reference,
    text=text,
    files=files,
    demo=demo,
    check=check,
)
