"""``environment.airmap`` beside gstat and PyKrige, on public fields.

SIC2004 (Dubois and Galmarini 2006: gamma dose rates in Germany, 200 stations given, 808 kept back), meuse (Pebesma
and Bivand 2005: zinc in topsoil) and daily PM10 at German rural background stations in 2005, each station left out
once.
Two more without a bar: nickel of the Swiss Jura and rain of 8 May 1986, both with truths kept back. And the automatic
variogram on stations kept back of thirteen public fields that it was not chosen on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.quality.report import Report, Sheet
from benchmarks.quality.tools.fields import CHOSEN_ON, JUDGED_ON, Fields
from benchmarks.quality.tools.gstat import Gstat, Table, Variogram
from benchmarks.quality.tools.unseen import COLUMNS, DESIGNS, Tried, judge
from benchmarks.quality.workshop import Workshop
from lamplighter.gateway.kindkit.pool import Pool, Runtime
from lamplighter.tasks.api import Input, Result
from lamplighter.tasks.environment.airmap import KIND
from lamplighter.tasks.local import run_local
from lamplighter.tasks.registry import prepare

NEAR, SHARE_NEAR, RMSE_NEAR = 0.02, 0.99, 1e-3
SIC: Variogram = ("Sph", 76.8357, 318.458, 467_696)
MEUSE: Variogram = ("Sph", 0.0616, 0.590, 942)
PM10: Variogram = ("Exp", 12.573, 79.715, 350_195)
SHAPES = {"Sph": "spherical", "Exp": "exponential"}


@dataclass(frozen=True)
class Tools:
    """What predicts: gstat, PyKrige's interpreter, and our kernel on local MicroPython with machine code."""

    workshop: Workshop
    gstat: Gstat
    pykrige: Path
    pool: Pool

    def ours(self, given: Input) -> Result:
        return run_local(KIND, prepare({KIND.name: KIND}, KIND.name, given), run_jobs=self.pool.answers)

    def by_pykrige(self, train: Table, targets: Table | None, variogram: Variogram | None) -> list[float]:
        given = {"train": [[one["x"], one["y"], one["z"]] for one in train],
                 "targets": targets and [[one["x"], one["y"]] for one in targets],
                 "variogram": variogram and [SHAPES[variogram[0]], *variogram[1:]]}
        return list(self.workshop.script(self.pykrige, "pykrige_points", given=given))


def run(workshop: Workshop) -> Report:
    """The tables. ``workshop.full`` searches a variogram for each day of 2005 instead of every seventh."""
    report = Report(KIND.name)
    gstat = Gstat(workshop)
    python = workshop.python("PyKrige==1.7.2", "setuptools")
    same = report.sheet("Same variogram, 12 nearest: RMSE / MAE", "gstat", "PyKrige", "inverse distance", "ours",
                        "points within 0.02 of gstat", "RMSE / gstat's")
    own = report.sheet("Own automatic variogram: RMSE", "gstat fit.variogram", "PyKrige automatic", "ours",
                       "which is")
    bands = report.sheet("Share of truths within two standard errors (a normal law has 95.4 %)", "predictions",
                         "gstat, same variogram", "ours, same variogram", "ours, own variogram")
    with Pool(KIND.kernel, Runtime.MACHINE_CODE) as pool:
        tools = Tools(workshop, gstat, python, pool)
        workshop.say("SIC2004")
        _kept_back(tools, "SIC2004 dayx, 200 -> 808", (gstat.data("sic_train"), gstat.data("sic_test")), SIC, 12.50,
                   (same, own, bands))
        workshop.say("meuse")
        _meuse(tools, (same, own, bands))
        _directed(tools, same)
        workshop.say("PM10 of 2005")
        _pm10(tools, (same, own, bands))
        workshop.say("fields without a bar")
        for name, train, test in (("jura Ni, 259 -> 100", "jura_pred", "jura_val"),
                                  ("sic97 rain, 100 -> 367", "sic97_obs", "sic97_full")):
            given = gstat.data(train)
            seen = {(one["x"], one["y"]) for one in given}
            kept = [one for one in gstat.data(test) if (one["x"], one["y"]) not in seen]
            _kept_back(tools, name, (given, kept), gstat.fitted(given), None, (same, own, bands))
        _joker(tools, report)
        _unseen(tools, report)
    street = _through_the_gateway(workshop, gstat)
    report.note(f"gstat {gstat.version} in R, PyKrige 1.7.2. Ours ran in process on local MicroPython with machine "
                f"code; SIC2004 also went through the gateway with six simulated devices: the same answer: {street}.")
    report.note(f"The automatic variogram's constants were chosen on {', '.join(CHOSEN_ON)}; it is judged on "
                f"{', '.join(JUDGED_ON)}. A test keeps the two lists apart. Meuse zinc has no bar of its own "
                "variogram, since other metals of its stations are among the former.")
    report.note("Halves: a random half of the stations, 200 at most. Pairs: 17 random stations, each with its "
                "nearest neighbour. Published: the root mean square of held-out stations in the answer.")
    report.note("Did not help on the fields that it was chosen on: the likelihood's highest point instead of the "
                "mean (errors 0.9 % larger), the mean of parameters (0.3 %), the whole likelihood instead of its "
                "root (no larger, but on three fields of 25 more inverse distance was better), what is usual as a "
                "prior (three too), ranks of readings (0.1 %), a trend chosen by AICc (2.3 %), directions as wide as "
                "they look (two fields of 18 more missed a bar). A Matern variogram of smoothness 3/2 would (2.7 %, "
                "most of it on one field), but its systems want more than the kernel's 20 binary digits.")
    return report


def _kept_back(tools: Tools, case: str, fields: tuple[Table, Table], variogram: Variogram, bar: float | None,
               sheets: tuple[Sheet, Sheet, Sheet]) -> None:
    """One field with truths kept back."""
    train, test = fields
    same, own, bands = sheets
    truths = [one["z"] for one in test]
    given = _stations(train) | {"targets": [{"x_m": one["x"], "y_m": one["y"]} for one in test]}
    theirs = tools.gstat.krige(train, test, variogram)
    known = [one["value"] for one in theirs]
    fixed, auto = (tools.ours(given | {"variogram": one}).data for one in (_given(variogram), "auto"))
    fitted = tools.gstat.fitted(train)
    by_fitted = [one["value"] for one in tools.gstat.krige(train, test, fitted)]
    _same_row(same, case, (truths, known, fixed["value"]), tools.by_pykrige(train, test, variogram),
              [_inverse(train, one) for one in test], bar is not None)
    own.row(case, _rmse(by_fitted, truths), _rmse(tools.by_pykrige(train, test, None), truths),
            f"{_error(auto['value'], truths):.4f}", _says(auto), bar=f"<= {bar}" if bar else "",
            ok=_error(auto["value"], truths) <= bar if bar else None)
    bands.row(case, len(truths), _within(known, _deviations(theirs), truths),
              *(_within(one["value"], one["standard_error"], truths) for one in (fixed, auto)))


def _meuse(tools: Tools, sheets: tuple[Sheet, Sheet, Sheet]) -> None:
    """Logarithms of zinc, each of 155 stations left out once."""
    same, own, bands = sheets
    zinc = tools.gstat.data("meuse")
    logs = [{**one, "z": math.log(one["z"])} for one in zinc]
    truths = [one["z"] for one in logs]
    given = _stations(zinc) | {"transform": "log", "grid": {"rows": 1, "cols": 1}}
    theirs = tools.gstat.leave_one_out(logs, MEUSE)
    known = [one["value"] for one in theirs]
    fixed, auto = (tools.ours(given | {"variogram": one}).data for one in (_given(MEUSE), "auto"))
    by_fitted = [one["value"] for one in tools.gstat.leave_one_out(logs, tools.gstat.fitted(logs))]
    _same_row(same, "meuse log zinc, leave one out", (truths, known, _logs(fixed)),
              tools.by_pykrige(logs, None, MEUSE),
              [_inverse(logs[:i] + logs[i + 1:], one) for i, one in enumerate(logs)], True)
    rmse = auto["leave_one_out"]["rmse"]
    own.row("meuse log zinc, leave one out", _rmse(by_fitted, truths),
            _rmse(tools.by_pykrige(logs, None, None), truths), f"{rmse:.4f}", _says(auto))
    bands.row("meuse log zinc", len(truths), _within(known, _deviations(theirs), truths),
              *(f"{100 * one['leave_one_out']['within_two_standard_errors_share']:.1f} %" for one in (fixed, auto)))


def _directed(tools: Tools, same: Sheet) -> None:
    """A variogram with a direction means what gstat means by it: twelve stations, all of them used."""
    zinc = tools.gstat.data("meuse")
    train, test = zinc[::13], [one for i, one in enumerate(zinc) if i % 13]
    given = _stations(train) | {"targets": [{"x_m": one["x"], "y_m": one["y"]} for one in test]}
    variogram: Variogram = ("Exp", 5_000, 120_000, 900)
    known = [one["value"] for one in tools.gstat.krige(train, test, variogram, angle_deg=30, ratio=0.5)]
    ours = tools.ours(given | {"variogram": _given(variogram) | {"angle_deg": 30, "ratio": 0.5}}).data["value"]
    _same_row(same, f"meuse zinc, {len(train)} -> {len(test)}, towards 30°, half across",
              ([one["z"] for one in test], known, ours), None, [_inverse(train, one) for one in test], True)


def _pm10(tools: Tools, sheets: tuple[Sheet, Sheet, Sheet]) -> None:
    """Each station of each day of 2005 left out once; a variogram of its own for each day, or every seventh."""
    same, own, bands = sheets
    year = tools.gstat.data("pm10")
    days: dict[float, Table] = {}
    for one in year:
        days.setdefault(one["day"], []).append(one)
    theirs = tools.gstat.leave_one_out(year, PM10)
    fixed: list[tuple[float, float]] = []
    auto: list[tuple[float, float, float]] = []
    inverse: list[float] = []
    for number, train in enumerate(days.values()):
        given = _stations(train) | {"grid": {"rows": 1, "cols": 1}}
        fixed += [(one["predicted"], one["predicted_error"])
                  for one in tools.ours(given | {"variogram": _given(PM10)}).data["stations"]]
        inverse += [_inverse(train[:i] + train[i + 1:], one) for i, one in enumerate(train)]
        if tools.workshop.full or number % 7 == 0:
            auto += [(one["predicted"], one["predicted_error"], one["value"])
                     for one in tools.ours(given).data["stations"]]
    truths = [one["z"] for train in days.values() for one in train]
    known = [one["value"] for one in theirs]
    _same_row(same, f"PM10 2005, {len(truths)} left out", (truths, known, [value for value, _ in fixed]), None,
              inverse, True)
    rmse = _error([one[0] for one in auto], [one[2] for one in auto])
    own.row(f"PM10 2005, {len(auto)} left out", "", "", f"{rmse:.4f}", "one for each day", bar="<= 5.60",
            ok=rmse <= 5.60)
    bands.row("PM10 2005", len(truths), _within(known, _deviations(theirs), truths),
              _within([value for value, _ in fixed], [error for _, error in fixed], truths),
              _within([one[0] for one in auto], [one[1] for one in auto], [one[2] for one in auto]))


def _unseen(tools: Tools, report: Report) -> None:
    """The automatic variogram on stations kept back; ``full`` adds the fields that it was chosen on, without bars."""
    sheet = report.sheet("Own variogram on fields it was not chosen on, stations kept back: RMSE", *COLUMNS)
    judge(sheet, _of_fields(tools, sheet, JUDGED_ON))
    if tools.workshop.full:
        _of_fields(tools, report.sheet("The same on fields it was chosen on", *COLUMNS), CHOSEN_ON)


def _of_fields(tools: Tools, sheet: Sheet, names: Sequence[str]) -> list[Tried]:
    fields = Fields(tools.workshop)
    found = []
    for name in names:
        tools.workshop.say(f"{name}, stations kept back")
        halves, pairs = (Tried.on(fields.splits(name, design), lambda given: tools.ours(given).data, _inverse, fields)
                         for design in DESIGNS)
        halves.show(sheet, f"{name}, halves")
        pairs.show(sheet, f"{name}, pairs")
        found.append(halves.and_also(pairs))
        found[-1].show(sheet, f"{name}, both")
    return found


def _joker(tools: Tools, report: Report) -> None:
    """The variant with an emergency: kriging does not solve it, and our answer says so."""
    train, test = ([{**one, "z": one["joker"]} for one in tools.gstat.data(name)]
                   for name in ("sic_train", "sic_test"))
    truths = [one["z"] for one in test]
    given = _stations(train) | {"targets": [{"x_m": one["x"], "y_m": one["y"]} for one in test]}
    data = tools.ours(given).data
    known = [one["value"] for one in tools.gstat.krige(train, test, tools.gstat.fitted(train))]
    report.note(f"SIC2004 joker, an emergency plume at two stations, is not solved by kriging: RMSE ours "
                f"{_error(data['value'], truths):.1f}, gstat {_rmse(known, truths)}; "
                f"{_within(data['value'], data['standard_error'], truths)} within two standard errors. Our answer "
                f"warns: {'; '.join(data['notes']) or 'NO'}.")


def _through_the_gateway(workshop: Workshop, gstat: Gstat) -> bool:
    given = _stations(gstat.data("sic_train")) | {"variogram": _given(SIC), "grid": {"rows": 40, "cols": 30}}
    workshop.say("the gateway")
    return bool(workshop.through_gateway(KIND, given)["result"]["data"] == workshop.solve(KIND, given).data)


def _same_row(sheet: Sheet, case: str, figures: tuple[Sequence[float], Sequence[float], Sequence[float]],
              pykrige: Sequence[float] | None, inverse: Sequence[float], barred: bool) -> None:
    truths, known, ours = figures
    near = fmean(abs(a - b) <= NEAR for a, b in zip(ours, known, strict=True))
    ratio = _error(ours, truths) / _error(known, truths)
    sheet.row(case, *(f"{_rmse(one, truths)} / {_mae(one, truths)}" if one else "" for one in
                      (known, pykrige, inverse, ours)), f"{100 * near:.2f} %", f"{ratio:.5f}",
              bar=">= 99 %, within 0.1 %" if barred else "",
              ok=near >= SHARE_NEAR and abs(ratio - 1) <= RMSE_NEAR if barred else None)


def _stations(table: Table) -> Input:
    return {"stations": [{"x_m": one["x"], "y_m": one["y"], "value": one["z"]} for one in table]}


def _given(variogram: Variogram) -> dict[str, Any]:
    shape, nugget, partial_sill, range_m = variogram
    return {"model": SHAPES[shape], "nugget": nugget, "partial_sill": partial_sill, "range_m": range_m}


def _logs(data: dict[str, Any]) -> list[float]:
    return [math.log(one["predicted"]) for one in data["stations"]]


def _says(data: dict[str, Any]) -> str:
    v = data["variogram"]
    across = f", {v['ratio']:g} of it across {v['angle_deg']:g}°" if v["ratio"] < 1 else ""
    return f"{v['model']} {v['nugget']:.3g} + {v['partial_sill']:.3g}, {v['range_m']:.0f} m{across}"


def _inverse(train: Table, target: dict[str, float]) -> float:
    """Inverse squared distance with the 12 nearest."""
    near = sorted((math.hypot(one["x"] - target["x"], one["y"] - target["y"]), one["z"]) for one in train)[:12]
    return fmean((z for _, z in near), [1 / max(apart, 1e-9) ** 2 for apart, _ in near])


def _error(values: Sequence[float], truths: Sequence[float]) -> float:
    return math.sqrt(fmean((a - b) ** 2 for a, b in zip(values, truths, strict=True)))


def _rmse(values: Sequence[float], truths: Sequence[float]) -> str:
    return f"{_error(values, truths):.4f}"


def _mae(values: Sequence[float], truths: Sequence[float]) -> str:
    return f"{fmean(abs(a - b) for a, b in zip(values, truths, strict=True)):.4f}"


def _deviations(table: Table) -> list[float]:
    return [math.sqrt(max(0.0, one["variance"])) for one in table]


def _within(values: Sequence[float], errors: Sequence[float], truths: Sequence[float]) -> str:
    share = fmean(abs(a - b) <= 2 * error for a, error, b in zip(values, errors, truths, strict=True))
    return f"{100 * share:.1f} %"
