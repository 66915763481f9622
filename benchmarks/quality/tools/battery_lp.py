"""Least costs of home batteries by HiGHS: reads cases as JSON, prints a list of figures for each.

A case: net_w (96), buy and sell (96, EUR/MWh), capacity_wh, power_w, efficiency (each way), start_wh, end_wh (at
least), and ``whole``: whether to solve it also with a battery that does not charge and discharge at once. Figures:
the linear programme's optimum, that of the whole problem (or null), and what a plain dynamic programme over a grid of
100 Wh gets.
"""

import json
import sys

import highspy
import numpy as np

SLOTS, HOUR, GRID_WH, MIP_S, MIP_GAP_EUR = 96, 0.25, 100, 20, 1e-5


def least_eur(case: dict, whole: bool) -> float | None:
    h = highspy.Highs()
    h.setOptionValue("output_flag", False)
    h.setOptionValue("time_limit", float(MIP_S))
    h.setOptionValue("mip_abs_gap", MIP_GAP_EUR)
    power, stored = case["power_w"] / 1000, None
    for slot in range(SLOTS):
        buy, sell = case["buy"][slot] / 1000, case["sell"][slot] / 1000
        into, out = h.addVariable(0, power), h.addVariable(0, power)
        taken = h.addVariable(0, highspy.kHighsInf, buy * HOUR)
        given = h.addVariable(0, highspy.kHighsInf, -sell * HOUR)
        least = case["end_wh"] / 1000 if slot == SLOTS - 1 else 0
        then = h.addVariable(least, case["capacity_wh"] / 1000)
        before = case["start_wh"] / 1000 if stored is None else stored
        h.addConstr(taken - given - into + out == case["net_w"][slot] / 1000)
        h.addConstr(then - before - case["efficiency"] * HOUR * into + HOUR / case["efficiency"] * out == 0)
        if whole:
            charges = h.addBinary()
            h.addConstr(into - power * charges <= 0)
            h.addConstr(out + power * charges <= power)
        stored = then
    h.run()
    done = h.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return h.getInfo().objective_function_value if done else None


def grid_eur(case: dict) -> float:
    """Bellman's recursion over what is stored in steps of 100 Wh."""
    states = np.arange(0, case["capacity_wh"] + 1, GRID_WH)
    moves = states[None, :] - states[:, None]
    watts = np.where(moves > 0, moves / case["efficiency"], moves * case["efficiency"]) / HOUR
    allowed = np.abs(watts) <= case["power_w"] + 1e-9
    value = np.where(states >= case["end_wh"], 0.0, np.inf)
    for slot in reversed(range(SLOTS)):
        grid = case["net_w"][slot] + watts
        cost = np.where(grid > 0, case["buy"][slot], case["sell"][slot]) * grid * HOUR / 1e6
        value = np.where(allowed, cost + value[None, :], np.inf).min(axis=1)
    return float(value[round(case["start_wh"] / GRID_WH)])


print(json.dumps([[least_eur(case, False), least_eur(case, True) if case["whole"] else None, grid_eur(case)]
                  for case in json.load(sys.stdin)]))
