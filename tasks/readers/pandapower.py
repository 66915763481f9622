"""Reads a feeder from the JSON that pandapower's ``to_json`` writes (also SimBench nets saved that way).

Read without pandapower or pandas: each table is a JSON string inside the document, in pandas' "split" form. What a
power flow (``runpp``) would take is taken or refused: lines, loads (unbalanced ones as their sum), motors, static
generators, switches, and one two-winding transformer at the head, with line charging, magnetising and both taps. An
open switch, or a bus out of service, leaves a line charged from its other end. Profiles are not read.
"""

from __future__ import annotations

import cmath
import json
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.allow import NAMES_SHOWN, Left, is_nothing
from lamplighter.tasks.readers.draft import MOST_ROWS, ONE_AT_A_TIME, Converted, Draft, Origin
from lamplighter.tasks.readers.feeder import Bus, Line, Load, Transformer, joined
from lamplighter.tasks.readers.pandapower_parts import COLUMNS, NET, OPTIONS
from lamplighter.tasks.readers.pandapower_types import check, require
from lamplighter.tasks.readers.plausible import tell_share

NO_LIMIT_KA = 50.0
"""pandapower's test nets write 99999 kA for "no limit"; anything above this is that."""
SWITCH_RX = 2.0
"""Resistance over reactance of a switch's impedance, where the net does not say (as in runpp)."""
PATH = "/pandapower"
POINTERS = frozenset(("bus", "element", "from_bus", "to_bus", "hv_bus", "lv_bus"))
"""Columns that hold an index."""
Row = dict[str, Any]
Table = dict[str, Row]
"""By index, in words: numbers can be chosen such that all fall into one place of a table."""


def read(document: dict[str, Any], cars_per_load: int, left: Left | None = None) -> Converted:
    """The feeder in plain fields. Each load gets ``cars_per_load`` places and its constant power.

    Raises TaskError: ``bad_pandapower`` (not such a document, or a value missing or impossible), ``empty_data``,
    ``transformer`` (more than one), ``disconnected``, ``unsupported`` and ``not_understood`` (by name).
    """
    left = left or Left()
    try:
        return _Net(document, left).feeder(cars_per_load)
    except KeyError as missing:
        raise TaskError("bad_pandapower", f"the net lacks {str(missing)[:80]}", "save the net again", PATH) from None
    except (ValueError, TypeError, ZeroDivisionError, AttributeError, OverflowError) as error:
        raise TaskError("bad_pandapower", f"the net holds a value that cannot be: {str(error)[:80]}",
                        "mend it in the net", PATH) from None


def _origin(table: str, key: object) -> Origin:
    return f"{PATH}/_object/{table}", f"{table} {str(key)[:40]}"


def _number(row: Row, column: str, origin: Origin) -> float:
    """A number that must be there. Raises TaskError ``bad_pandapower``: NaN is not zero."""
    value = row[column]
    if is_nothing(value):
        raise TaskError("bad_pandapower", f"{origin[1]}: {column} is missing (NaN)", "give it a number, or take the "
                        "element out of service", origin[0])
    return float(value)


def _or(row: Row, column: str, default: float) -> float:
    """A number, or what it is where there is none."""
    value = row.get(column)
    return default if is_nothing(value) else float(value)   # type: ignore[arg-type]


class _Net:
    """A document's tables, of each the rows in service, and the feeder that is made of them."""

    def __init__(self, document: dict[str, Any], left: Left) -> None:
        self.net = _object(document)
        tables: dict[str, Table] = {}
        room = MOST_ROWS
        for name, entry in self.net.items():
            if _is_table(entry) and (name in COLUMNS or not NET.is_silent(name)):
                tables[name] = _table(name, entry, room)
                room -= len(tables[name])
        for name, table in tables.items():
            for key, row in table.items():
                if "in_service" in row:
                    require(row, "in_service", *_origin(name, key))
        self.rows = {name: {key: row for key, row in table.items() if row.get("in_service", True)}
                     for name, table in tables.items()}
        NET.sift({name: self.rows.get(name, value) for name, value in self.net.items()}, PATH + "/_object", left)
        for name, part in COLUMNS.items():
            for key, row in self.rows.get(name, {}).items():
                path, words = _origin(name, key)
                part.sift(row, path, left, words + ": ")
                check(name, row, path, words)
                row.update((column, _key(row[column])) for column in POINTERS & row.keys()
                           if not is_nothing(row[column]))
        self.options = self.net.get("user_pf_options") or {}
        OPTIONS.sift(self.options, PATH + "/_object/user_pf_options", left)
        self.left = left
        self.unlimited: list[str] = []
        self.buses = self.rows.get("bus", {})
        if not self.buses:
            raise TaskError("empty_data", "the net has no buses in service", "", PATH + "/_object/bus")
        self.everything = tables["bus"]
        switches = self.rows.get("switch", {}).values()
        self.opened = {(row["et"], row["element"], row["bus"]) for row in switches if not row["closed"]}
        pairs = [(row["bus"], row["element"]) for row in switches if _joins(row)]
        self.heads = joined(self.everything, ((one, other) for one, other in pairs
                                              if {one, other} <= self.buses.keys()), lambda key: (len(key), key))
        self.names = _names(self.everything)
        self.draft = Draft("bad_pandapower", {
            "": PATH, "buses": PATH + "/_object/bus", "lines": PATH + "/_object/line",
            "loads": PATH + "/_object/load", "transformer": PATH + "/_object/trafo"}, left)

    def feeder(self, cars_per_load: int) -> Converted:
        source, vm_pu = self._source()
        self.draft.buses = [
            (self.draft.made(Bus, _origin("bus", key), name=self.names[key], **self._position(key)),
             _number(row, "vn_kv", _origin("bus", key)), _origin("bus", key))
            for key, row in self.buses.items() if self.heads[key] == key]
        self._transformer(source)
        for key, row in self.rows.get("line", {}).items():
            self._line(key, row)
        for key, row in self.rows.get("switch", {}).items():
            self._switch(key, row)
        if self.unlimited:
            shown = ", ".join(self.unlimited[:NAMES_SHOWN]) + ", …" * (len(self.unlimited) > NAMES_SHOWN)
            self.left.tell(f"{len(self.unlimited)} of {len(self.draft.lines)} lines have no limit of current in the "
                           f"net ({shown}): nothing overloads these")
        self._loads(cars_per_load)
        return self.draft.finished(self.names[source], name=str(self.net.get("name") or "pandapower net")[:64],
                                   frequency_hz=float(self.net.get("f_hz") or 50), source_voltage_pu=vm_pu)

    def _bus(self, key: str) -> str:
        """The name of the bus that stands for this one."""
        return self.names[self.heads[key]]

    def _at(self, table: str) -> Iterator[tuple[Row, Origin]]:
        """The rows of a table whose bus is in service too."""
        for key, row in self.rows.get(table, {}).items():
            if row["bus"] in self.buses:
                yield row, _origin(table, key)
            else:
                self.heads[row["bus"]]   # or there is no such bus
                self.left.out(f"element of {table}", "its bus is out of service", str(key))

    def _source(self) -> tuple[str, float]:
        grids = list(self._at("ext_grid"))
        if len(grids) != 1:
            raise TaskError("empty_data" if not grids else "unsupported", f"the net has {len(grids)} external grids",
                            "exactly one feeds the feeder", PATH + "/_object/ext_grid")
        row, origin = grids[0]
        return self.heads[row["bus"]], _number(row, "vm_pu", origin)

    def _is_open(self, kind: str, key: str, end: str) -> bool:
        """Whether an element is cut off at ``end``: by an open switch there, or since that bus is out of service."""
        self.heads[end]   # or there is no such bus
        return end not in self.buses or (kind, key, end) in self.opened

    def _line(self, key: str, row: Row) -> None:
        origin, ends = _origin("line", key), (row["from_bus"], row["to_bus"])
        cut = [self._is_open("l", key, end) for end in ends]
        charging = _or(row, "c_nf_per_km", 0) or _or(row, "g_us_per_km", 0)
        if all(cut) or (any(cut) and not charging):
            self.left.out("line", f"{'both ends are' if all(cut) else 'one end is'} open", str(key))
            return
        names = []
        for end, open_ in zip(ends, cut, strict=True):
            names.append(f"open end of line {key}"[:64] if open_ else self._bus(end))
            if open_:   # it stays charged from the other end
                self.draft.buses.append((self.draft.made(Bus, origin, name=names[-1]),
                                         _number(self.everything[end], "vn_kv", origin), origin))
        km, count = _number(row, "length_km", origin), _or(row, "parallel", 1)
        limit_ka = min(_or(row, "max_i_ka", math.inf) * _or(row, "df", 1) * count, NO_LIMIT_KA)
        if limit_ka == NO_LIMIT_KA:
            self.unlimited.append(origin[1])
        share = _or(row, "max_loading_percent", 100)
        tell_share("max_loading_percent of a line", share, self.left)
        limit_ka *= share / 100
        self.draft.lines.append((self.draft.made(
            Line, origin, from_bus=names[0], to_bus=names[1], limit_a=1000 * limit_ka,
            r_ohm=_number(row, "r_ohm_per_km", origin) * km / count,
            x_ohm=_number(row, "x_ohm_per_km", origin) * km / count,
            c_nf=_or(row, "c_nf_per_km", 0) * km * count, g_us=_or(row, "g_us_per_km", 0) * km * count), origin))

    def _switch(self, key: str, row: Row) -> None:
        """A closed switch between buses that has an impedance is a line."""
        z_ohm, origin = _or(row, "z_ohm", 0), _origin("switch", key)
        if row["et"] != "b" or not row["closed"] or not {row["bus"], row["element"]} <= self.buses.keys():
            return
        if not z_ohm > 0:
            if not is_nothing(row.get("in_ka")):
                self.left.tell("in_ka of switches without impedance is not checked")
            return
        rx = _or(self.options, "switch_rx_ratio", SWITCH_RX)
        limit_ka = min(_or(row, "in_ka", NO_LIMIT_KA), NO_LIMIT_KA)
        if limit_ka == NO_LIMIT_KA:
            self.unlimited.append(origin[1])
        self.draft.lines.append((self.draft.made(
            Line, origin, from_bus=self._bus(row["bus"]), to_bus=self._bus(row["element"]), limit_a=1000 * limit_ka,
            r_ohm=z_ohm * rx / math.hypot(1, rx), x_ohm=z_ohm / math.hypot(1, rx)), origin))

    def _load(self, row: Row, origin: Origin, power: complex, cars: int) -> None:
        self.draft.loads.append((self.draft.made(Load, origin, bus=self._bus(row["bus"]), kw=1000 * power.real,
                                                 kvar=1000 * power.imag, cars=cars), origin))

    def _loads(self, cars: int) -> None:
        for table, sign, places in (("load", 1, cars), ("sgen", -1, 0), ("asymmetric_load", 1, cars),
                                    ("asymmetric_sgen", -1, 0)):
            phases = ("_a", "_b", "_c") if table.startswith("asymmetric") else ("",)
            for row, origin in self._at(table):
                scale = sign * (_number(row, "scaling", origin) if "scaling" in row else 1.0)
                power = sum(complex(_number(row, f"p{phase}_mw", origin), _number(row, f"q{phase}_mvar", origin))
                            for phase in phases)
                self._load(row, origin, scale * power, places)
                if len(phases) > 1:
                    self.left.tell("unbalanced loads and generators are taken as the sum of their phases: what is "
                                   "computed is a balanced network")
        for row, origin in self._at("motor"):
            share = _number(row, "loading_percent", origin) / _number(row, "efficiency_percent", origin)
            kw = _number(row, "pn_mech_mw", origin) * share * _number(row, "scaling", origin)
            cosine = _number(row, "cos_phi", origin)
            self._load(row, origin, complex(kw, abs(kw) * math.sqrt(max(0.0, 1 / cosine**2 - 1))), 0)

    def _transformer(self, source: str) -> None:
        rows = []
        for key, row in self.rows.get("trafo", {}).items():
            ends = row["hv_bus"], row["lv_bus"]
            cut = [self._is_open("t", key, end) for end in ends]
            if not any(cut):
                rows.append((key, row))
            elif not all(cut) and self.heads[ends[cut.index(False)]] != source:
                raise TaskError("unsupported", f"trafo {key} is open at one end: its no-load power is not modelled",
                                "open both ends, or take it out of service", PATH + "/_object/trafo")
            else:
                self.left.out("transformer", "it is open", str(key))
        if len(rows) > 1:
            raise TaskError("transformer", f"the net has {len(rows)} transformers", ONE_AT_A_TIME,
                            PATH + "/_object/trafo")
        for key, row in rows:
            self.draft.transformer = self._trafo(row, _origin("trafo", key)), _origin("trafo", key)

    def _trafo(self, row: Row, origin: Origin) -> Transformer:
        count, derated = _or(row, "parallel", 1), _or(row, "df", 1)

        def pu(side: str) -> float:
            return _number(row, f"vn_{side}_kv", origin) / _number(self.buses[row[f"{side}_bus"]], "vn_kv", origin)

        return self.draft.made(
            Transformer, origin, from_bus=self._bus(row["hv_bus"]), to_bus=self._bus(row["lv_bus"]),
            rated_kva=1000 * _number(row, "sn_mva", origin) * count * derated,
            limit_percent=_or(row, "max_loading_percent", 100),
            short_circuit_percent=_number(row, "vk_percent", origin) * derated,
            resistive_percent=_number(row, "vkr_percent", origin) * derated,
            no_load_percent=_or(row, "i0_percent", 0) / derated, iron_loss_kw=_or(row, "pfe_kw", 0) * count,
            primary_pu=pu("hv"), secondary_pu=pu("lv"),
            tap_side="secondary" if row.get("tap_side") == "lv" else "primary", tap_percent=_tap_percent(row, "tap"),
            tap2_side="secondary" if row.get("tap2_side") == "lv" else "primary",
            tap2_percent=_tap_percent(row, "tap2"))

    def _position(self, key: str) -> dict[str, float]:
        """Coordinates from the bus's GeoJSON point, or the older geodata table."""
        try:
            x, y = json.loads(self.everything[key]["geo"])["coordinates"][:2]
        except (KeyError, TypeError, ValueError, RecursionError):
            row = self.rows.get("bus_geodata", {}).get(key)
            if row is None:
                return {}
            x, y = row["x"], row["y"]
        return {"x": float(x), "y": float(y)} if x is not None and y is not None else {}


def _joins(switch: Row) -> bool:
    """Whether a switch makes one bus of two: closed between them, and without an impedance."""
    return switch["et"] == "b" and bool(switch["closed"]) and not _or(switch, "z_ohm", 0) > 0


def _is_table(entry: Any) -> bool:
    return isinstance(entry, dict) and entry.get("_class") == "DataFrame"


def _object(document: dict[str, Any]) -> dict[str, Any]:
    inner = document.get("_object")
    if not isinstance(inner, dict) or "bus" not in inner:
        raise TaskError("bad_pandapower", "this is not a network as pandapower.to_json writes it",
                        "save it with pandapower.to_json(net, 'net.json')", PATH)
    return inner


def _key(index: Any) -> str:
    """An index in words, 3.0 as 3. Raises TypeError for what is none."""
    if (isinstance(index, float) and index.is_integer()) or isinstance(index, int):
        return str(int(index))
    if isinstance(index, (str, float)):
        return repr(index)
    raise TypeError(f"{type(index).__name__} as an index")


def _table(name: str, entry: dict[str, Any], most: int) -> Table:
    """Rows by index. Raises TaskError ``bad_pandapower``, ``duplicate``, ``too_large`` (more than ``most`` rows)."""
    try:
        raw = entry["_object"]
        split = json.loads(raw) if isinstance(raw, str) else raw
        columns = [str(column) for column in split["columns"]]
        if len(split["index"]) > most:
            raise TaskError("too_large", f"the net's tables have more than {MOST_ROWS} rows", "save the part of it "
                            "that hangs together with the feeder", f"{PATH}/_object/{name[:64]}")
        index = [_key(one) for one in split["index"]]
        found = {key: dict(zip(columns, row, strict=True)) for key, row in zip(index, split["data"], strict=True)}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise TaskError("bad_pandapower", f"table {name[:64]!r} is damaged", "save the net again",
                        f"{PATH}/_object/{name[:64]}") from None
    for what, given in (("index", index), ("column", columns)):
        most_common, times = Counter(given).most_common(1)[0] if given else ("", 1)
        if times > 1:
            raise TaskError("duplicate", f"table {name[:64]!r} has {what} {most_common[:40]!r} {times} times",
                            f"give each {what} once", f"{PATH}/_object/{name[:64]}")
    return found


def _names(buses: Table) -> dict[str, str]:
    """Bus names where they are all given and different, indices otherwise."""
    given = [str(row.get("name") or "") for row in buses.values()]
    if all(given) and len(set(given)) == len(given) and max(map(len, given)) <= 64:
        return dict(zip(buses, given, strict=True))
    return {key: str(key) for key in buses}


def _tap_percent(row: Row, tap: str) -> float:
    """Turns added at the tap position; a changer that only shifts the angle adds none."""
    kind = f"{tap}_changer_type"
    turns = row[kind] in ("Ratio", "Symmetrical") if kind in row else not row.get(f"{tap}_phase_shifter")
    if not turns or row.get(f"{tap}_side") not in ("hv", "lv") or is_nothing(row.get(f"{tap}_pos")):
        return 0.0
    steps = float(row[f"{tap}_pos"]) - _or(row, f"{tap}_neutral", 0)
    added = cmath.rect(steps * _or(row, f"{tap}_step_percent", 0), math.radians(_or(row, f"{tap}_step_degree", 0)))
    return abs(100 + added) - 100
