"""pandapower's answers to a network of which one value at a time is another; runs in an environment of its own.

Reads {table: [columns]} (user_pf_options too) as JSON, prints the network as it is and with each change: what was
changed, the document, and what ``runpp`` says of it (or why it says nothing). Columns of pandapower's own tables come
on top, and a row in each table that the network has not.
"""

from __future__ import annotations

import copy
import json
import sys
import warnings

import pandapower as pp
import pandas as pd

warnings.filterwarnings("ignore")
CHOICES = {"tap_side": ["hv", "lv"], "tap2_side": ["hv", "lv"], "et": ["b"],
           "tap_changer_type": ["Ratio", "Symmetrical", "Ideal", "Tabular"],
           "tap2_changer_type": ["Ratio", "Symmetrical", "Ideal"], "vector_group": ["Dyn5", "Yzn5", "Dyn11"],
           "type": ["wye", "delta", "cs", "ol"], "name": ["other"],
           "geo": ['{"coordinates": [1, 2], "type": "Point"}'], "trafo_model": ["t", "pi"],
           "trafo_loading": ["current", "power"], "algorithm": ["nr", "bfsw", "iwamoto_nr"], "init": ["flat", "dc"],
           "switch_rx_ratio": [2.0, 0.5], "mode": ["pf"], "numba": [False], "only_v_results": [False],
           "calculate_voltage_angles": [True, False]}
INDICES = {"bus", "element", "hv_bus", "lv_bus", "from_bus", "to_bus"}


def network():
    net = pp.create_empty_network(name="sweep")
    for number in range(7):
        pp.create_bus(net, 20.0 if number == 0 else 0.4, name=f"b{number}", min_vm_pu=0.9, max_vm_pu=1.1)
    pp.create_ext_grid(net, 0, vm_pu=1.01, s_sc_max_mva=1000, rx_max=0.1)
    pp.create_transformer_from_parameters(
        net, 0, 1, 0.4, 20.0, 0.4, 1.2, 4.5, 1.1, 0.4, shift_degree=150, tap_side="hv", tap_neutral=0, tap_min=-2,
        tap_max=2, tap_pos=-1, tap_step_percent=2.5, tap_step_degree=0.0, tap_changer_type="Ratio", parallel=1,
        df=1.0, max_loading_percent=100.0)
    for up, down in ((1, 2), (2, 3), (3, 4), (1, 6)):
        pp.create_line_from_parameters(net, up, down, 0.15, 0.25, 0.08, 300.0, 0.27, df=1.0, parallel=1,
                                       g_us_per_km=5.0, max_loading_percent=100.0)
    for bus in (2, 3, 4, 6):
        pp.create_load(net, bus, 0.01, 0.003, scaling=1.0)
    pp.create_sgen(net, 3, 0.004, 0.001)
    pp.create_motor(net, 4, 0.01, 0.85, efficiency_percent=90, loading_percent=80)
    pp.create_asymmetric_load(net, 2, 0.001, 0.002, 0.003, 0.0, 0.001, 0.0005)
    pp.create_asymmetric_sgen(net, 3, 0.001, 0.0, 0.0005)
    pp.create_switch(net, 4, 5, et="b", closed=True, z_ohm=0.05, in_ka=0.2)
    pp.create_load(net, 5, 0.004, 0.001)
    pp.create_switch(net, 6, 3, et="l", closed=True)
    pp.create_switch(net, 1, 0, et="t", closed=True)
    return net


OTHERS = {
    "gen": lambda net: pp.create_gen(net, 3, 0.002, 1.0), "storage": lambda net: pp.create_storage(net, 3, 0.01, 1.0),
    "shunt": lambda net: pp.create_shunt(net, 3, 0.01, 0.002), "ward": lambda net: pp.create_ward(
        net, 3, 0.002, 0.001, 0.001, 0.001), "xward": lambda net: pp.create_xward(
        net, 3, 0.002, 0.001, 0.001, 0.001, 0.1, 0.1, 1.0), "impedance": lambda net: pp.create_impedance(
        net, 3, 4, 0.01, 0.01, 1.0), "svc": lambda net: pp.create_svc(net, 3, 1.0, -10.0, 1.0, 144.0),
    "dcline": lambda net: pp.create_dcline(net, 2, 3, 0.001, 1.0, 0.1, 1.0, 1.0),
    "second ext_grid": lambda net: pp.create_ext_grid(net, 4), "measurement": lambda net: pp.create_measurement(
        net, "v", "bus", 1.0, 0.1, 3), "poly_cost": lambda net: pp.create_poly_cost(net, 0, "ext_grid", 1.0)}


def said(net) -> dict:
    try:
        pp.runpp(net, numba=False)
    except Exception as error:
        return {"error": repr(error)[:120]}
    lines = {f"{net.bus.name[row.from_bus]}–{net.bus.name[row.to_bus]}": net.res_line.loading_percent[row.Index]
             for row in net.line.itertuples()}
    return {"vm": dict(zip(net.bus.name, net.res_bus.vm_pu, strict=True)), "line": lines,
            "trafo": list(net.res_trafo.loading_percent)}


def values(column: str, old) -> list:
    """Others than the one that is there."""
    if column in CHOICES:
        tried = CHOICES[column]
    elif column in INDICES:
        tried = [0, 2, 5]
    elif isinstance(old, bool) or str(type(old)).endswith("bool'>") or str(type(old)).endswith("bool_'>"):
        tried = [not old]
    elif isinstance(old, str):
        tried = ["other"]
    elif old is None or pd.isna(old):
        tried = [0.4, 30.0, True]
    else:
        tried = [old * 1.3 + 0.1, 0, -old]
    return [value for value in tried if old is None or pd.isna(old) or value != old]


def cases(wanted: dict[str, list[str]]):
    base = network()
    yield "", "", "as it is", base
    for name, create in OTHERS.items():
        net = copy.deepcopy(base)
        create(net)
        yield name, "", "a row", net
    for option in wanted.pop("user_pf_options"):
        for value in values(option, None):
            net = copy.deepcopy(base)
            pp.set_user_pf_options(net, **{option: value})
            yield "user_pf_options", option, value, net
    for table, columns in wanted.items():
        for column in dict.fromkeys([*base[table].columns, *columns]):
            for value in values(column, base[table][column].iloc[0] if column in base[table] else None):
                net = copy.deepcopy(base)
                if column not in net[table]:
                    net[table][column] = pd.Series([None] * len(net[table]), index=net[table].index, dtype=object)
                net[table][column] = net[table][column].astype(object)
                net[table].at[0, column] = value
                yield table, column, value, net


if __name__ == "__main__":
    found = []
    answer, sys.stdout = sys.stdout, sys.stderr   # pandapower prints, too
    for table, column, value, net in cases(json.load(sys.stdin)):
        try:
            document = json.loads(pp.to_json(net))
        except Exception as error:
            print(table, column, value, repr(error), file=sys.stderr)
            continue
        found.append({"table": table, "column": column, "value": str(value), "net": document, **said(net)})
    json.dump(found, answer)
