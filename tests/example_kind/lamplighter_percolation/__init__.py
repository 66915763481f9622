"""``science.percolation``: at which share of open sites a lattice lets a current through.

An example of a kind that is not of a city, as a third party would write it: it is outside the tree of
Lamplighter, names nothing of the gateway, and is found by its entry point alone.
"""

from pathlib import Path

from lamplighter.tasks.api import planned
from lamplighter_percolation.model import PercolationInput

KIND = planned(__name__, name="science.percolation", version=1, title="Percolation threshold of a square lattice",
               Model=PercolationInput, kernel=Path(__file__).with_name("kernel.py"))
