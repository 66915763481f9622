"""Model -> spec."""

from __future__ import annotations

import itertools

from lamplighter.tasks.api import TaskError
from lamplighter_percolation.jobs import PER_JOB
from lamplighter_percolation.model import PercolationInput
from lamplighter_percolation.spec import Spec


def prepare(model: PercolationInput) -> Spec:
    """Raises TaskError where the shares do not rise."""
    shares = model.open_permille
    if any(low >= high for low, high in itertools.pairwise(shares)):
        raise TaskError("not_rising", "the shares of open sites do not rise", "sort them and name each once",
                        "/open_permille")
    return Spec(model, -(-model.samples // PER_JOB))
