"""pandapower's and SimBench's side of the comparison; runs in an environment of its own and prints JSON.

``export CODE FOLDER``   writes a SimBench grid as its tables, as pandapower JSON, and its loads on the day of the
                         highest load; one of pandapower's own, or a random one, as JSON
``snapshots FOLDER``     given scenarios of charging cars per bus and quarter-hour: runpp of every snapshot
``count FOLDER``         given statistics and limits: shares of random evenings outside the limits, drawn with numpy
                         and solved in batches on pandapower's own admittance matrix
``losses FOLDER``        losses of the net as it is, kW
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import numpy as np
import pandapower as pp
import pandapower.networks as pn

SLOTS = 96


def european_lv():
    """The IEEE European feeder, balanced, with cables that are charged, so that each of its 907 buses counts."""
    net = pn.ieee_european_lv_asymmetric("on_peak_566")
    for row in net.asymmetric_load.itertuples():
        pp.create_load(net, row.bus, row.p_a_mw + row.p_b_mw + row.p_c_mw, row.q_a_mvar + row.q_b_mvar + row.q_c_mvar)
    net.asymmetric_load.drop(net.asymmetric_load.index, inplace=True)
    net.line["c_nf_per_km"] = 260.0
    return net


def random_net(buses: int):
    """Houses behind a transformer, each on a cable to one of the buses before; the first are its outgoing ones."""
    pick = np.random.default_rng(buses)
    net = pp.create_empty_network(name=f"random {buses}")
    for number in range(buses):
        pp.create_bus(net, 20.0 if number == 0 else 0.4, name=f"b{number}")
    pp.create_ext_grid(net, 0, vm_pu=1.02)
    pp.create_transformer_from_parameters(net, 0, 1, 0.002 * buses, 20.0, 0.4, 1.2, 6.0, 0.002 * buses, 0.2)
    for number in range(2, buses):
        up = int(pick.integers(max(1, number - buses // 3), number))
        pp.create_line_from_parameters(net, up, number, float(pick.uniform(0.005, 0.04)), 0.12, 0.08, 260.0, 0.4)
        pp.create_load(net, number, float(pick.uniform(0.2, 1.5)) / 1000, float(pick.uniform(-0.1, 0.4)) / 1000)
    return net


PUBLIC = {"case33bw": pn.case33bw, "kerber1": pn.create_kerber_vorstadtnetz_kabel_1,
          "kerber2": pn.create_kerber_vorstadtnetz_kabel_2, "kerber_extreme": pn.kb_extrem_vorstadtnetz_1,
          "european_lv": european_lv}


def export(code: str, folder: Path) -> dict:
    folder.mkdir(parents=True, exist_ok=True)
    if code in PUBLIC or code.startswith("random_"):
        net = PUBLIC[code]() if code in PUBLIC else random_net(int(code.removeprefix("random_")))
        day = {"load_p": [[p] * SLOTS for p in net.load.p_mw], "load_q": [[q] * SLOTS for q in net.load.q_mvar],
               "sgen_p": []}
    else:
        import simbench as sb
        path = sb.networks.extract_simbench_grids_from_csv.complete_data_path(0)
        tables = sb.get_extracted_csv_data(sb.get_relevant_subnets(code, path), path)
        sb.filter_unapplied_profiles(tables)
        for name, table in tables.items():
            if len(table):
                table.to_csv(folder / f"{name}.csv", sep=";", na_rep="NULL", index=False)
        net = sb.csv_data2pp(tables)
        values = sb.get_absolute_values(net, True)
        peak = int(values["load", "p_mw"].sum(axis=1).to_numpy().argmax()) // SLOTS
        cut = {key: frame.iloc[peak * SLOTS:(peak + 1) * SLOTS] for key, frame in values.items()}
        day = {"load_p": cut["load", "p_mw"][net.load.index].to_numpy().T.tolist(),
               "load_q": cut["load", "q_mvar"][net.load.index].to_numpy().T.tolist(),
               "sgen_p": cut["sgen", "p_mw"][net.sgen.index].to_numpy().T.tolist() if len(net.sgen) else [],
               "peak_day": peak}
        del net["profiles"]
    pp.to_json(net, str(folder / "net.json"))
    (folder / "day.json").write_text(json.dumps(day))
    return {"buses": len(net.bus), "loads": len(net.load), "peak_day": day.get("peak_day", 0)}


def opened(folder: Path):
    net = pp.from_json(str(folder / "net.json"))
    day = {key: np.array(value) for key, value in json.loads((folder / "day.json").read_text()).items()}
    return net, day


def set_slot(net, day, slot: int) -> None:
    net.load["p_mw"] = day["load_p"][:, slot]
    net.load["q_mvar"] = day["load_q"][:, slot]
    if len(net.sgen):
        net.sgen["p_mw"] = day["sgen_p"][:, slot]


def snapshots(folder: Path, given: dict) -> dict:
    net, day = opened(folder)
    names = [str(name) for name in net.bus.name] if given["by_name"] else [str(index) for index in net.bus.index]
    where = dict(zip(names, net.bus.index, strict=True))
    cars = {name: pp.create_load(net, where[name], p_mw=0.0, name="cars") for name in given["scenarios"][0]}
    plain = len(net.load) - len(cars)
    ends = [[names[net.bus.index.get_loc(row.from_bus)], names[net.bus.index.get_loc(row.to_bus)]]
            for row in net.line[net.line.in_service].itertuples()]
    out = []
    for scenario in given["scenarios"]:
        shots = []
        for slot in range(given["slots"]):
            at = given["first_slot"] + slot
            p = np.concatenate([day["load_p"][:, at], np.zeros(len(cars))])
            for place, name in enumerate(cars):
                p[plain + place] = scenario[name][slot] * given["charge_kw"] / 1000
            net.load["p_mw"] = p
            net.load["q_mvar"] = np.concatenate([day["load_q"][:, at], np.zeros(len(cars))])
            if len(net.sgen):
                net.sgen["p_mw"] = day["sgen_p"][:, at]
            try:
                pp.runpp(net, numba=True, init="results" if slot else "flat", calculate_voltage_angles=False)
            except pp.LoadflowNotConverged:
                shots.append(None)
                continue
            shots.append({"vm": net.res_bus.vm_pu.tolist(),
                          "line": net.res_line.loading_percent[net.line.in_service].tolist(),
                          "trafo": net.res_trafo.loading_percent.tolist()})
        out.append(shots)
    return {"buses": names, "lines": ends, "scenarios": out}


class Batch:
    """The net's admittance matrix, reduced to its loads' buses; solves many columns of powers at once."""

    def __init__(self, net) -> None:
        pp.runpp(net, calculate_voltage_angles=False)
        inner = net._ppc["internal"]
        y, self.yf, self.yt = (inner[name].toarray() for name in ("Ybus", "Yf", "Yt"))
        self.bus = net._pd2ppc_lookups["bus"]
        slack = int(inner["ref"][0])
        self.rest = np.array([i for i in range(len(y)) if i != slack])
        self.slack, self.volt = slack, inner["V"][slack]
        self.z = np.linalg.inv(y[np.ix_(self.rest, self.rest)])
        self.flat = -self.z @ y[self.rest, slack] * self.volt
        n_line = len(net.line[net.line.in_service])
        kv = net.bus.vn_kv[net.line[net.line.in_service].from_bus].to_numpy()
        line = net.line[net.line.in_service]
        self.lines = slice(0, n_line)
        self.line_scale = 100 / (math.sqrt(3) * kv * (line.max_i_ka * line.df * line.parallel).to_numpy())
        self.trafos = slice(n_line, n_line + len(net.trafo))
        self.hv, self.lv = (100 * net.trafo[f"vn_{side}_kv"].to_numpy() / net.trafo.sn_mva.to_numpy()
                            / net.bus.vn_kv[net.trafo[f"{side}_bus"]].to_numpy() for side in ("hv", "lv"))
        volts, lines, trafos = self.solve(-(net._ppc["internal"]["Sbus"] * net.sn_mva)[:, None])
        assert np.abs(np.abs(volts[:, 0]) - np.abs(inner["V"])).max() < 1e-7
        assert np.abs(lines[:, 0] - net.res_line.loading_percent[net.line.in_service]).max() < 1e-4
        assert not len(net.trafo) or np.abs(trafos[:, 0] - net.res_trafo.loading_percent).max() < 1e-4

    def solve(self, drawn_mva: np.ndarray):
        """Voltages, line and transformer loading in percent per column; columns without a solution are NaN."""
        s = -drawn_mva[self.rest]
        volts = np.repeat(self.flat[:, None], s.shape[1], 1)
        moved = np.inf
        for _ in range(200):
            new = self.flat[:, None] + self.z @ np.conj(s / volts)
            moved = np.abs(new - volts).max(axis=0)
            volts = new
            if np.nanmax(moved, initial=0) < 1e-9:
                break
            volts[:, (np.abs(volts) < 0.3).any(axis=0)] = np.nan
        volts[:, ~(moved < 1e-6)] = np.nan
        full = np.full((len(volts) + 1, s.shape[1]), self.volt, dtype=complex)
        full[self.rest] = volts
        i_from, i_to = np.abs(self.yf @ full), np.abs(self.yt @ full)
        lines = np.maximum(i_from[self.lines], i_to[self.lines]) * self.line_scale[:, None]
        trafos = np.maximum(i_from[self.trafos] * self.hv[:, None], i_to[self.trafos] * self.lv[:, None])
        return full, lines, trafos


def count(folder: Path, given: dict) -> dict:
    net, day = opened(folder)
    set_slot(net, day, 0)
    batch = Batch(net)
    span = range(given["first_slot"], given["first_slot"] + given["slots"])
    base = np.zeros((len(batch.rest) + 1, len(span)), dtype=complex)
    at = batch.bus[net.load.bus.to_numpy()]
    np.add.at(base, at, (day["load_p"] + 1j * day["load_q"])[:, span])
    if len(net.sgen):
        np.add.at(base, batch.bus[net.sgen.bus.to_numpy()], -day["sgen_p"][:, span])
    places = np.repeat(at, given["cars_per_load"])
    arrivals = np.array(given["arrivals_per_slot"]) / sum(given["arrivals_per_slot"])
    energy = np.array(given["energy_kwh"])
    pick = np.random.default_rng(given["seed"])
    watched = np.unique(batch.bus[net.bus.index[net.bus.in_service].to_numpy()])
    watched = watched[watched != batch.slack]

    def charge(drawn: np.ndarray, policy: str, level: int) -> None:
        """Adds the cars of one scenario to ``drawn``, [bus, slot] in MW."""
        chosen = places[pick.random(len(places)) < level / 100]
        start = pick.choice(SLOTS, size=len(chosen), p=arrivals)
        if policy == "tariff_22":
            start[(start >= 60) & (start <= 87)] = 88
        kwh = np.interp(pick.random(len(chosen)), np.linspace(0, 1, len(energy)), energy)
        quarters = kwh * 4 / given["charge_kw"]
        for bus, one, many_slots in zip(chosen, start - span[0], quarters, strict=True):
            end = one + int(many_slots)
            drawn[bus, max(0, one):max(0, end)] += given["charge_kw"] / 1000
            if 0 <= end < len(span):
                drawn[bus, end] += given["charge_kw"] / 1000 * (many_slots % 1)

    def violated(policy: str, level: int, many: int) -> int:
        """How many of so many scenarios break a limit in any slot."""
        drawn = np.repeat(base[:, None, :], many, 1)
        for scenario in range(many):
            charge(drawn[:, scenario], policy, level)
        volts, lines, trafos = batch.solve(drawn.reshape(len(drawn), -1))
        vm = np.abs(volts[watched])
        bad = np.isnan(vm).any(axis=0) | (vm < given["voltage_min_pu"]).any(axis=0)
        bad |= (vm > given["voltage_max_pu"]).any(axis=0)
        bad |= (lines > given["limit_percent"]).any(axis=0) | (trafos > given["limit_percent"]).any(axis=0)
        return int(bad.reshape(many, -1).any(axis=1).sum())

    total = given["scenarios"]
    return {"counts": [
        {"policy": policy, "level": level, "scenarios": total,
         "violated": sum(violated(policy, level, min(total - first, 50)) for first in range(0, total, 50))}
        for policy in given["policies"] for level in given["levels"]]}


def losses(folder: Path) -> dict:
    net, _ = opened(folder)
    pp.runpp(net)
    return {"losses_kw": 1000 * float(net.res_line.pl_mw.sum() + net.res_trafo.pl_mw.sum()),
            "lowest_pu": float(net.res_bus.vm_pu.min())}


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    match sys.argv[1:]:
        case ["export", code, folder]:
            answer = export(code, Path(folder))
        case ["snapshots", folder]:
            answer = snapshots(Path(folder), asked)
        case ["count", folder]:
            answer = count(Path(folder), asked)
        case ["losses", folder]:
            answer = losses(Path(folder))
        case _:
            sys.exit(__doc__)
    json.dump(answer, sys.stdout)
