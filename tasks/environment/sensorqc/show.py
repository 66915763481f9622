"""The published check as text for a terminal, and as CSV, GeoJSON and SVG files."""

from __future__ import annotations

from typing import Any

from lamplighter.tasks.drawing.geojson import collection
from lamplighter.tasks.drawing.table import table
from lamplighter.tasks.environment.sensorqc.method.strip import ranked, strip
from lamplighter.tasks.environment.sensorqc.picture import picture

STRIP_COLUMNS = 40
MOST_STATIONS = 12
MOST_READINGS = 8
LEVELS = ((5, "▼"), (3, "▾"), (1.5, "-"))
RISES = ((5, "▲"), (3, "▴"), (1.5, "+"))


def text(data: dict[str, Any]) -> str:
    """The stations most in doubt with a strip of their scores over time, reasons, and the farthest readings."""
    suspects = sum(one["verdict"] == "suspect" for one in data["stations"])
    lines = [f"{data['quantity']}{' in ' + data['unit'] if data['unit'] else ''}: {suspects} "
             f"of {len(data['stations'])} stations suspect, {data['flagged_count']} of {data['checked']} readings "
             f"flagged (over {data['threshold']:g} standard errors)"]
    if data["unchecked"]:
        lines.append(f"{data['unchecked']} readings could not be checked")
    shown = ranked(data)[:MOST_STATIONS]
    lines.append(f"{'station':<18} {'flagged':>9} {'bias':>9}  scores from {data['times'][0]} to {data['times'][-1]}")
    for i in shown:
        one = data["stations"][i]
        bias = "" if one["bias"] is None else f"{one['bias']:+.3g}"
        cells = "".join(map(_mark, strip(data["scores_tenths"][i], STRIP_COLUMNS)))
        lines.append(f"{'!' if one['verdict'] == 'suspect' else ' '}{one['id'][:17]:<17} "
                     f"{one['flagged']:>4}/{one['checked']:<4} {bias:>9}  {cells}")
        lines += [f"   {reason}" for reason in one["reasons"]]
    if len(data["stations"]) > len(shown):
        lines.append(f" … and {len(data['stations']) - len(shown)} stations in less doubt")
    lines.append("▲▴+ above, ▼▾- below its neighbours by 5, 3, 1.5 standard errors; · no reading")
    for found in data["flagged"][:MOST_READINGS]:
        lines.append(f"  {data['stations'][found['station']]['id'][:20]:<20} {data['times'][found['time']]:<20} "
                     f"read {found['reading']:.4g}, neighbours say {found['predicted']:.4g} ± "
                     f"{found['standard_error']:.3g}")
    v = data["variogram"]
    lines.append(f"variogram  {v['model']}, range {v['range_m']:.4g} m, nugget {v['nugget']:.4g}, partial sill "
                 f"{v['partial_sill']:.4g}; {v['how']}; predictions miss by {data['rmse']:.4g} (root mean square)")
    return "\n".join([*lines, *data["notes"]])


def _mark(tenths: int | None) -> str:
    if tenths is None:
        return "·"
    marks = RISES if tenths > 0 else LEVELS
    return next((mark for least, mark in marks if abs(tenths) >= 10 * least), " ")


def files(data: dict[str, Any]) -> dict[str, bytes]:
    """``sensorqc-stations.csv``, ``sensorqc-flagged.csv``, ``sensorqc.geojson`` and ``sensorqc.svg``."""
    found = {"sensorqc-stations.csv": _stations(data), "sensorqc-flagged.csv": _flagged(data),
             "sensorqc.geojson": _geojson(data), "sensorqc.svg": picture(data).encode()}
    if "predicted" in data:
        found["sensorqc-predictions.csv"] = _predictions(data)
    return found


def _axes(data: dict[str, Any]) -> tuple[str, str]:
    return ("lon_deg", "lat_deg") if str(data["coordinates"]).startswith("degrees") else ("x_m", "y_m")


def _stations(data: dict[str, Any]) -> bytes:
    rows = [[one["id"], one["x"], one["y"], one["verdict"], one["checked"], one["flagged"], one["score_median"],
             one["bias"], "; ".join(one["reasons"])] for one in data["stations"]]
    return table(["station", *_axes(data), "verdict", "checked", "flagged", "score_median", "bias", "reasons"], rows)


def _flagged(data: dict[str, Any]) -> bytes:
    rows = [[data["stations"][one["station"]]["id"], data["times"][one["time"]], one["reading"], one["predicted"],
             one["standard_error"], one["score"]] for one in data["flagged"]]
    return table(["station", "time", "reading", "predicted", "standard_error", "score"], rows)


def _predictions(data: dict[str, Any]) -> bytes:
    rows = [[station["id"], time, data["predicted"][t][i], data["standard_error"][t][i]]
            for t, time in enumerate(data["times"]) for i, station in enumerate(data["stations"])
            if data["predicted"][t][i] is not None]
    return table(["station", "time", "predicted", "standard_error"], rows)


def _geojson(data: dict[str, Any]) -> bytes:
    """RFC 7946; where the input was in metres the coordinates are too, which a foreign member says."""
    keys = ("id", "verdict", "reasons", "checked", "flagged", "bias")
    return collection(
        {"quantity": data["quantity"], "unit": data["unit"], "coordinate_note": data["coordinates"]},
        [({"type": "Point", "coordinates": [one["x"], one["y"]]}, {key: one[key] for key in keys})
         for one in data["stations"]])
