"""Forecasts hourly series with statsmodels: STL with ARIMA on what is left, and Holt-Winters.

Reads ``{"hours": n, "cases": [[counts or null, ...], ...]}``, prints ``{"stl_arima": [[...], ...], "holt_winters":
[...]}``. The season is a week; a missing hour takes the count of a week before (or after), as neither method takes
gaps.
"""

import json
import os
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}   # one process per core is enough

import numpy as np
from statsmodels.tsa.arima.model import ARIMA
from statsmodels.tsa.forecasting.stl import STLForecast
from statsmodels.tsa.holtwinters import ExponentialSmoothing

WEEK = 168
ORDER = (1, 0, 1)


def filled(counts):
    flows = np.array([np.nan if count is None else count for count in counts], dtype=float)
    for step in (WEEK, -WEEK):
        places = range(len(flows)) if step > 0 else range(len(flows) - 1, -1, -1)
        for at in places:
            if np.isnan(flows[at]) and 0 <= at - step < len(flows):
                flows[at] = flows[at - step]
    return np.where(np.isnan(flows), np.nanmean(flows), flows)


def stl_arima(given):
    counts, hours = given
    model = STLForecast(filled(counts), ARIMA, model_kwargs={"order": ORDER, "trend": "c"}, period=WEEK)
    return np.maximum(model.fit().forecast(hours), 0).tolist()


def holt_winters(given):
    counts, hours = given
    model = ExponentialSmoothing(filled(counts), seasonal="add", seasonal_periods=WEEK,
                                 initialization_method="heuristic")
    return np.maximum(model.fit().forecast(hours), 0).tolist()


def main():
    warnings.simplefilter("ignore")
    given = json.load(sys.stdin)
    cases = [(counts, given["hours"]) for counts in given["cases"]]
    with ProcessPoolExecutor() as pool:
        print(json.dumps({one.__name__: list(pool.map(one, cases)) for one in (stl_arima, holt_winters)}))


if __name__ == "__main__":
    main()
