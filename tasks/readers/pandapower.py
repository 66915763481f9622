"""Reads a feeder from the JSON that pandapower's ``to_json`` writes (also SimBench nets saved that way).

Read without pandapower or pandas: each table is a JSON string inside the document, in pandas' "split" form.
Lines, loads, static generators and one two-winding transformer at the head, with line charging, magnetising and tap;
closed bus-bus switches join buses, open switches take their line out. Profiles are not part of this format.
"""

from __future__ import annotations

import cmath
import json
import math
from typing import Any

from pydantic import ValidationError

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.feeder import Bus, Feeder, Line, Load, Transformer, joined

NO_LIMIT_KA = 50.0
"""pandapower's test nets write 99999 kA for "no limit"; anything above this is that."""
Row = dict[str, Any]


def read(document: dict[str, Any], cars_per_load: int) -> Feeder:
    """The feeder in plain fields. Each load gets ``cars_per_load`` places and its constant power.

    Raises TaskError: ``bad_pandapower`` (not such a document), ``empty_data``, ``transformer`` (more than one),
    ``unsupported`` (elements that this kind cannot model, named).
    """
    tables = _tables(document)
    try:
        net = _object(document)
        return _feeder(tables, str(net.get("name") or "pandapower net")[:64], float(net.get("f_hz") or 50),
                       cars_per_load)
    except KeyError as missing:
        raise TaskError("bad_pandapower", f"the net lacks {str(missing)[:80]}", "save the net again",
                        "/pandapower") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise TaskError("bad_pandapower", f"{'/'.join(map(str, first['loc']))}: {first['msg']}", "mend it in the net",
                        "/pandapower") from None
    except (ValueError, TypeError, ZeroDivisionError, AttributeError) as error:
        raise TaskError("bad_pandapower", f"the net holds a value that cannot be: {str(error)[:80]}",
                        "mend it in the net", "/pandapower") from None


def _feeder(tables: dict[str, dict[int, Row]], title: str, f_hz: float, cars_per_load: int) -> Feeder:
    _refuse_unsupported(tables)
    buses = tables["bus"]
    heads, cut = _join(tables, buses), _cut(tables)
    alive = {key for key, row in buses.items() if row.get("in_service", True)}
    names = _names(buses)
    source, vm_pu = _source(tables, heads)
    trafo = _transformer(tables, heads, names, buses, cut)
    lines = [_line(row, heads, names) for key, row in tables.get("line", {}).items()
             if row.get("in_service", True) and ("l", key) not in cut]
    loads = [Load(bus=names[heads[row["bus"]]], kw=1000 * _power(row, "p_mw"), kvar=1000 * _power(row, "q_mvar"),
                  cars=cars_per_load)
             for row in tables.get("load", {}).values() if row.get("in_service", True)]
    loads += [Load(bus=names[heads[row["bus"]]], kw=-1000 * _power(row, "p_mw"), kvar=-1000 * _power(row, "q_mvar"),
                   cars=0) for row in tables.get("sgen", {}).values() if row.get("in_service", True)]
    low_kv = {buses[key]["vn_kv"] for key in alive if heads[key] != source} if trafo else {
        buses[key]["vn_kv"] for key in alive}
    if len(low_kv) != 1:
        raise TaskError("transformer", f"the feeder mixes {sorted(low_kv)} kV",
                        "one voltage behind the head transformer", "/pandapower")
    wired = {name for line in lines for name in (line.from_bus, line.to_bus)} | {load.bus for load in loads} | {
        names[source]} | ({trafo.from_bus, trafo.to_bus} if trafo else set())
    kept = [Bus(name=names[key], **_position(tables, key)) for key in sorted(alive)
            if heads[key] == key and names[key] in wired]
    return Feeder(name=title, nominal_kv=low_kv.pop(),
                  frequency_hz=f_hz, source_bus=names[source], source_voltage_pu=vm_pu, buses=kept,
                  lines=lines, transformer=trafo, loads=loads)


def _refuse_unsupported(tables: dict[str, dict[int, Row]]) -> None:
    for name in ("gen", "storage", "trafo3w", "impedance", "shunt", "dcline", "ward", "xward"):
        if any(row.get("in_service", True) for row in tables.get(name, {}).values()):
            raise TaskError("unsupported", f"the net has elements in table {name!r}, which this kind does not model",
                            "take them out of service, or net their power into the loads",
                            f"/pandapower/_object/{name}")
    if any(value for row in tables.get("load", {}).values() for column, value in row.items()
           if column.startswith("const_")):
        raise TaskError("unsupported", "the net has loads of constant impedance or current",
                        "set them to constant power", "/pandapower/_object/load")


def _object(document: dict[str, Any]) -> dict[str, Any]:
    inner = document.get("_object")
    if not isinstance(inner, dict) or "bus" not in inner:
        raise TaskError("bad_pandapower", "this is not a network as pandapower.to_json writes it",
                        "save it with pandapower.to_json(net, 'net.json')", "/pandapower")
    return inner


def _tables(document: dict[str, Any]) -> dict[str, dict[int, Row]]:
    """All tables as rows by index. Raises TaskError ``bad_pandapower``."""
    tables: dict[str, dict[int, Row]] = {}
    for name, entry in _object(document).items():
        if not isinstance(entry, dict) or entry.get("_class") != "DataFrame":
            continue
        try:
            raw = entry["_object"]
            split = json.loads(raw) if isinstance(raw, str) else raw
            columns = split["columns"]
            tables[name] = {key: dict(zip(columns, row, strict=True))
                            for key, row in zip(split["index"], split["data"], strict=True)}
        except (ValueError, KeyError, TypeError, RecursionError):
            raise TaskError("bad_pandapower", f"table {name!r} is damaged", "save the net again",
                            f"/pandapower/_object/{name}") from None
    if not tables.get("bus"):
        raise TaskError("empty_data", "the net has no buses", "", "/pandapower/_object/bus")
    return tables


def _power(row: Row, column: str) -> float:
    return float(row[column] or 0) * float(row.get("scaling", 1) or 0)


def _names(buses: dict[int, Row]) -> dict[int, str]:
    """Bus names where they are all given and different, indices otherwise."""
    given = [str(row.get("name") or "") for row in buses.values()]
    if all(given) and len(set(given)) == len(given) and max(map(len, given)) <= 64:
        return dict(zip(buses, given, strict=True))
    return {key: str(key) for key in buses}


def _join(tables: dict[str, dict[int, Row]], buses: dict[int, Row]) -> dict[int, int]:
    """Which bus stands for each bus, closed bus-bus switches taken as one."""
    switches = tables.get("switch", {}).values()
    pairs = ((row["bus"], row["element"]) for row in switches if row["et"] == "b" and row["closed"])
    return joined(buses, pairs, lambda key: key)


def _cut(tables: dict[str, dict[int, Row]]) -> set[tuple[str, int]]:
    """The elements that an open switch takes out, by kind and key."""
    return {(row["et"], row["element"]) for row in tables.get("switch", {}).values() if not row["closed"]}


def _source(tables: dict[str, dict[int, Row]], heads: dict[int, int]) -> tuple[int, float]:
    grids = [row for row in tables.get("ext_grid", {}).values() if row.get("in_service", True)]
    if len(grids) != 1:
        raise TaskError("empty_data" if not grids else "unsupported", f"the net has {len(grids)} external grids",
                        "exactly one feeds the feeder", "/pandapower/_object/ext_grid")
    return heads[grids[0]["bus"]], float(grids[0]["vm_pu"])


def _transformer(tables: dict[str, dict[int, Row]], heads: dict[int, int], names: dict[int, str],
                 buses: dict[int, Row], cut: set[tuple[str, int]]) -> Transformer | None:
    rows = {key: row for key, row in tables.get("trafo", {}).items()
            if row.get("in_service", True) and ("t", key) not in cut}
    if not rows:
        return None
    if len(rows) > 1:
        raise TaskError("transformer", f"the net has {len(rows)} transformers", "study one feeder at a time",
                        "/pandapower/_object/trafo")
    row = next(iter(rows.values()))
    if row.get("tap_dependency_table") or row.get("tap_dependent_impedance"):
        raise TaskError("unsupported", "the transformer's impedance depends on its tap by a table",
                        "give the impedance at its tap position", "/pandapower/_object/trafo")
    count, derated = float(row.get("parallel", 1) or 1), float(row.get("df", 1) or 1)
    return Transformer(
        from_bus=names[heads[row["hv_bus"]]], to_bus=names[heads[row["lv_bus"]]],
        rated_kva=1000 * float(row["sn_mva"]) * count * derated,
        short_circuit_percent=float(row["vk_percent"]) * derated,
        resistive_percent=float(row["vkr_percent"]) * derated,
        no_load_percent=float(row.get("i0_percent") or 0) / derated,
        iron_loss_kw=float(row.get("pfe_kw") or 0) * count,
        primary_pu=float(row["vn_hv_kv"]) / buses[row["hv_bus"]]["vn_kv"],
        secondary_pu=float(row["vn_lv_kv"]) / buses[row["lv_bus"]]["vn_kv"],
        tap_side="secondary" if row.get("tap_side") == "lv" else "primary",
        tap_percent=_tap_percent(row))


def _tap_percent(row: Row) -> float:
    """Turns added at the tap position; a changer that only shifts the angle adds none."""
    turns = row.get("tap_changer_type") in ("Ratio", "Symmetrical") if "tap_changer_type" in row else not row.get(
        "tap_phase_shifter")
    if not turns or row.get("tap_side") not in ("hv", "lv") or row.get("tap_pos") is None:
        return 0.0
    steps = float(row["tap_pos"]) - float(row.get("tap_neutral") or 0)
    added = cmath.rect(steps * float(row.get("tap_step_percent") or 0),
                       math.radians(float(row.get("tap_step_degree") or 0)))
    return abs(100 + added) - 100


def _line(row: Row, heads: dict[int, int], names: dict[int, str]) -> Line:
    km, count = float(row["length_km"]), float(row.get("parallel", 1) or 1)
    limit_ka = float(row["max_i_ka"] or math.inf) * float(row.get("df", 1) or 1) * count
    return Line(from_bus=names[heads[row["from_bus"]]], to_bus=names[heads[row["to_bus"]]],
                r_ohm=float(row["r_ohm_per_km"]) * km / count, x_ohm=float(row["x_ohm_per_km"]) * km / count,
                limit_a=1000 * min(limit_ka, NO_LIMIT_KA), c_nf=float(row.get("c_nf_per_km") or 0) * km * count,
                g_us=float(row.get("g_us_per_km") or 0) * km * count)


def _position(tables: dict[str, dict[int, Row]], key: int) -> dict[str, float]:
    """Coordinates from the bus's GeoJSON point, or the older geodata table."""
    try:
        x, y = json.loads(tables["bus"][key]["geo"])["coordinates"][:2]
    except (KeyError, TypeError, ValueError, RecursionError):
        row = tables.get("bus_geodata", {}).get(key)
        if row is None:
            return {}
        x, y = row["x"], row["y"]
    return {"x": float(x), "y": float(y)} if x is not None and y is not None else {}
