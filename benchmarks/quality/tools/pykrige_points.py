"""Ordinary kriging by PyKrige with the 12 nearest; JSON in, JSON out.

In: {"train": [[x, y, z]], "targets": [[x, y]] or null to leave each of ``train`` out once,
"variogram": [model, nugget, partial sill, range] or null for PyKrige's automatic one}. Out: values.
"""

from __future__ import annotations

import json
import sys

import numpy
from pykrige.ok import OrdinaryKriging


def predicted(train: numpy.ndarray, targets: numpy.ndarray, variogram: list | None) -> list[float]:
    model, parameters = "spherical", None
    if variogram:
        model = variogram[0]
        parameters = {"nugget": variogram[1], "psill": variogram[2], "range": variogram[3]}
        if model == "exponential":   # PyKrige's range is where 95 % of the sill are reached
            parameters["range"] *= 3
    kriging = OrdinaryKriging(*train.T, variogram_model=model, variogram_parameters=parameters)
    values, _ = kriging.execute("points", *targets.T, backend="loop", n_closest_points=12)
    return [float(value) for value in values]


def main() -> None:
    given = json.load(sys.stdin)
    train = numpy.array(given["train"], dtype=float)
    if given["targets"] is not None:
        found = predicted(train, numpy.array(given["targets"], dtype=float), given["variogram"])
    else:
        found = [predicted(numpy.delete(train, i, 0), train[i:i + 1, :2], given["variogram"])[0]
                 for i in range(len(train))]
    json.dump(found, sys.stdout)


main()
