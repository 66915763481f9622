"""The request, and how many jobs it takes."""

from __future__ import annotations

from dataclasses import dataclass

from lamplighter_percolation.model import PercolationInput


@dataclass(frozen=True)
class Spec:
    """The request, with its jobs per share."""

    model: PercolationInput
    jobs: int
