"""The golden vectors are the ones that their generator makes."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

VECTORS = Path(__file__).parent.parent / "vectors"


def test_the_committed_vectors_are_the_generators() -> None:
    """Nobody changed a vector by hand, and the generator imports nothing of ours."""
    source = (VECTORS / "make.py").read_text()
    assert "firmware" not in source
    assert "gateway" not in source
    spec = importlib.util.spec_from_file_location("lamplighter_vectors", VECTORS / "make.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert json.loads((VECTORS / "wire.json").read_text()) == module.vectors()
