"""Reads a feeder from SimBench tables: semicolon-separated text, named as the files are, without ``.csv``.

Format: S. Meinecke et al., SimBench documentation, version EN-1.0 (https://simbench.de). Nodes joined by closed
switches are one bus. Profiles are those of the day with the highest load of the quarter-hours given; without profile
tables loads are constant.
"""

from __future__ import annotations

import cmath
import csv
import math
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.allow import Left, Part
from lamplighter.tasks.readers.draft import MOST_ROWS, ONE_AT_A_TIME, Converted, Draft, Origin
from lamplighter.tasks.readers.feeder import SLOTS_PER_DAY, Bus, Line, Load, Transformer, joined
from lamplighter.tasks.readers.plausible import tell_share

Row = dict[str, str]
T = TypeVar("T")
NEEDED = ("Node", "ExternalNet", "Line", "LineType", "Load")
FREQUENCY_HZ = 50.0
_TITLE, _RATING = "a title or a sorting key", "a rating that a power flow does not use"
_ALL = dict.fromkeys(("id", "subnet", "voltLvl", "substation"), _TITLE)
_SERVICE = "leave the table out, or net their power into the loads"
_WARD = dict.fromkeys(("pWardShunt", "qWardShunt", "rXWard", "xXWard"),
                      (("0", "0.0"), "only a stiff external net is modelled"))

TABLES = Part("the tables", keys=True, reads={
    *NEEDED, "Coordinates", "LoadProfile", "RES", "RESProfile", "Switch", "Transformer", "TransformerType"}, skips={
    "NodePFResult": "results of an earlier run", "Measurement": "for state estimation", "StudyCases": "for planning",
    "Substation": _TITLE, "PowerPlantProfile": "of power plants, which are refused",
    "StorageProfile": "of storages, which are refused", "Transformer3WType": "of what is refused",
    "DCLineType": "a line that has such a type is refused"},
    refuses=dict.fromkeys(("PowerPlant", "Storage", "Shunt", "DCLine", "Transformer3W"), _SERVICE))
COLUMNS = {
    "Node": Part("Node", reads={"id", "type", "vmSetp", "vmR", "coordID"},
                 skips=_ALL | {"vaSetp": "all angles turn with it"},
                 tells={"vmMin": "voltage_min_pu of the task counts", "vmMax": "voltage_max_pu of the task counts"}),
    "Coordinates": Part("Coordinates", reads={"id", "x", "y"}, skips=_ALL),
    "ExternalNet": Part("ExternalNet", reads={"node"}, skips=_ALL | {
        "dspf": "there is one external net", "pExtNet": "what flows is computed", "qExtNet": "what flows is computed",
        "vmXWard": "with calc_type xward only"}, only=_WARD | {
            "calc_type": (("vavm",), "the external net holds its voltage")}),
    "Line": Part("Line", reads={"nodeA", "nodeB", "type", "length", "loadingMax"}, skips=_ALL),
    "LineType": Part("LineType", reads={"id", "r", "x", "b", "iMax"}, skips={"type": "its ohms say all"}),
    "Switch": Part("Switch", reads={"nodeA", "nodeB", "cond"}, skips=_ALL | {"type": "open or closed is all"}),
    "Transformer": Part("Transformer", reads={"nodeHV", "nodeLV", "type", "tappos", "loadingMax", "autoTap"},
                        skips=_ALL | {"autoTapSide": "autoTap is told"}),
    "TransformerType": Part("TransformerType", reads={
        "id", "sR", "vmHV", "vmLV", "vmImp", "pCu", "pFe", "iNoLoad", "tapable", "tapside", "dVm", "dVa", "tapNeutr"},
        skips={"va0": "it turns all angles behind it alike", "tapMin": "tappos counts", "tapMax": "likewise"}),
    "Load": Part("Load", reads={"node", "profile", "pLoad", "qLoad"}, skips=_ALL | {"sR": _RATING}),
    "RES": Part("RES", reads={"node", "profile", "pRES", "qRES"},
                skips=_ALL | {"type": "its profile says what counts", "sR": _RATING},
                only={"calc_type": (("pq",), "renewables feed in what they are told")}),
}
"""By table: its columns. Profiles have a column for each kind of load, as many as they like."""


def read(tables: dict[str, str], cars_per_load: int, left: Left | None = None) -> Converted:
    """The feeder in plain fields; each load gets ``cars_per_load`` places, renewables are negative loads.

    Raises TaskError: ``bad_simbench`` (a table or value is missing or wrong, with its table and line),
    ``empty_data``, ``too_large``, ``transformer``, ``disconnected``, and ``unsupported`` and ``not_understood``, by
    name.
    """
    left = left or Left()
    for name in NEEDED:
        if name not in tables:
            raise TaskError("bad_simbench", f"the table {name!r} is missing", "give " + ", ".join(NEEDED),
                            "/simbench")
    if sum(len(text.splitlines()) for text in tables.values()) > MOST_ROWS:
        raise TaskError("too_large", f"the tables have more than {MOST_ROWS} lines", "give those of the feeder, and "
                        "profiles of the day in question", "/simbench")
    TABLES.sift({name: text if TABLES.is_silent(name) else [*islice(_rows(tables, name), 1)]
                 for name, text in tables.items()}, "/simbench", left)
    for name in COLUMNS:
        _sift(tables, name, left)
    names = _join(tables)
    source, source_pu = _source(tables, names)
    draft = Draft("bad_simbench", {"": "/simbench", "buses": "/simbench/Node", "lines": "/simbench/Line",
                                   "loads": "/simbench/Load", "transformer": "/simbench/Transformer"}, left)
    draft.buses = list(_buses(tables, names, draft))
    draft.transformer = _transformer(tables, names, draft)
    draft.lines = list(_lines(tables, names, draft))
    days = _Days(tables, peak_day(tables))
    draft.loads = [*_loads(tables, names, days, draft, cars_per_load), *_renewables(tables, names, days, draft)]
    title = next((row["subnet"] for row in _rows(tables, "Load") if row.get("subnet")), "") or "SimBench feeder"
    return draft.finished(source, name=title[:64], frequency_hz=FREQUENCY_HZ, source_voltage_pu=source_pu,
                          profiles=days.profiles)


def _sift(tables: dict[str, str], name: str, left: Left) -> None:
    """Looks at the columns of each row. Raises TaskError: duplicate (an id), and those of ``Part.sift``."""
    seen: set[str] = set()

    def look(row: Row, place: Origin) -> None:
        COLUMNS[name].sift(row, place[0], left, place[1] + ": ")
        given = row.get("id", "")
        if given in seen:
            raise TaskError("duplicate", f"{place[1]}: {given[:64]!r} is there already", "give each id once",
                            place[0])
        if given:
            seen.add(given)

    for _ in _each(tables, name, look):
        pass


def _number(row: Row, column: str, default: float | None = None) -> float:
    """A finite number, or ``default`` where there is none. Raises ValueError."""
    given = row[column] if default is None else row.get(column) or str(default)
    try:
        value = float(given)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in given:
        raise ValueError(f"{column} is {given[:40]!r}, not a number")
    return value


def _flag(row: Row, column: str, default: bool = False) -> bool:
    """0 or 1. Raises ValueError."""
    value = row.get(column) or str(int(default))
    if value not in ("0", "1", "0.0", "1.0"):
        raise ValueError(f"{column} is {value[:40]!r}, neither 0 nor 1")
    return value[0] == "1"


def _rows(tables: dict[str, str], name: str) -> Iterator[Row]:
    """The rows of a table. Raises as ``_numbered``."""
    return (row for _, row in _numbered(tables, name))


def _numbered(tables: dict[str, str], name: str) -> Iterator[tuple[int, Row]]:
    """The rows of a table with their lines, "NULL" as empty text; a table that is not given has none.

    Raises TaskError ``bad_simbench`` for text that is no table, and for a row that is shorter or longer than it.
    """
    header, rows = _text(tables, name)
    wide = max((place for place, key in enumerate(header, 1) if key), default=0)
    for number, row in enumerate(rows, 2):
        if not row:
            continue
        if len(row) < wide or any(row[wide:]):
            raise TaskError("bad_simbench", f"{name}, line {number}: it has {len(row)} values for {wide} columns",
                            "give each row as many values as the header has names; NULL where there is none",
                            f"/simbench/{name}")
        yield number, {key: "" if value == "NULL" else value for key, value in zip(header, row, strict=False) if key}


def _text(tables: dict[str, str], name: str) -> tuple[list[str], Iterator[list[str]]]:
    """The header and the rows of a table as they stand."""
    def rows() -> Iterator[list[str]]:
        try:
            yield from csv.reader(tables.get(name, "").lstrip("\ufeff").splitlines(), delimiter=";")
        except csv.Error as error:
            raise TaskError("bad_simbench", f"{name}: {error}", "give semicolon-separated text",
                            f"/simbench/{name}") from None

    found = rows()
    return next(found, []), found


def _each(tables: dict[str, str], name: str, make: Callable[[Row, Origin], T]) -> Iterator[T]:
    """``make`` of every row and its place; what it finds missing or wrong is told with the table's line."""
    return _made(name, _numbered(tables, name), make)


def _made(name: str, rows: Iterable[tuple[int, Row]], make: Callable[[Row, Origin], T]) -> Iterator[T]:
    path = f"/simbench/{name}"
    for number, row in rows:
        words = f"{name}, line {number}"
        try:
            yield make(row, (path, words))
        except KeyError as missing:
            column = str(missing.args[0])
            if column not in row and name in COLUMNS and column in COLUMNS[name].reads:
                raise TaskError("bad_simbench", f"{name} has no column {column!r}", "give it the column",
                                path) from None
            raise TaskError("bad_simbench", f"{words}: nothing is named {str(missing)[:80]}",
                            "check the columns of this table and what it refers to", path) from None
        except (ValueError, ZeroDivisionError) as error:
            why = str(error) if isinstance(error, ValueError) else "a voltage or a rating is 0"
            raise TaskError("bad_simbench", f"{words}: {why[:80]}", "mend the value", path) from None


def _join(tables: dict[str, str]) -> dict[str, str]:
    """Which bus stands for each node: closed switches join them, and a busbar gives the name."""
    kinds = dict(_each(tables, "Node", lambda row, _: (row["id"], row["type"])))

    def ends(row: Row, _: Origin) -> tuple[str, str]:
        one, other = row["nodeA"], row["nodeB"]
        kinds[one], kinds[other]   # both are nodes, or the row is told
        return (one, other) if _flag(row, "cond") else (one, one)

    return joined(kinds, _each(tables, "Switch", ends), lambda name: (kinds[name] == "auxiliary", name))


def _source(tables: dict[str, str], names: dict[str, str]) -> tuple[str, float]:
    grids = list(_each(tables, "ExternalNet", lambda row, _: names[row["node"]]))
    if len(grids) != 1:
        raise TaskError("empty_data" if not grids else "unsupported", f"there are {len(grids)} external nets",
                        "exactly one feeds the feeder", "/simbench/ExternalNet")
    volts = [volt for name, volt in _each(tables, "Node", lambda row, _: (
        names[row["id"]], _number(row, "vmSetp") if row.get("vmSetp") else None))
             if volt is not None and name == grids[0]]
    return grids[0], volts[0] if volts else 1.0


def _lines(tables: dict[str, str], names: dict[str, str], draft: Draft) -> Iterator[tuple[Line, Origin]]:
    types = dict(_each(tables, "LineType", lambda row, _: (row["id"], row)))

    def make(row: Row, place: Origin) -> tuple[Line, Origin]:
        kind, km = types[row["type"]], _number(row, "length")
        share = _number(row, "loadingMax", 100)
        tell_share("loadingMax of a line", share, draft.left)
        return draft.made(Line, place, from_bus=names[row["nodeA"]], to_bus=names[row["nodeB"]],
                          r_ohm=_number(kind, "r") * km, x_ohm=_number(kind, "x") * km,
                          limit_a=_number(kind, "iMax") * share / 100,
                          c_nf=_number(kind, "b", 0) * km * 1000 / (2 * math.pi * FREQUENCY_HZ)), place

    return _each(tables, "Line", make)


def _transformer(tables: dict[str, str], names: dict[str, str], draft: Draft) -> tuple[Transformer, Origin] | None:
    nodes = dict(_each(tables, "Node", lambda row, _: (row["id"], _number(row, "vmR"))))
    types = dict(_each(tables, "TransformerType", lambda row, _: (row["id"], row)))

    def make(row: Row, place: Origin) -> tuple[Transformer, Origin]:
        kind = types[row["type"]]
        kva = 1000 * _number(kind, "sR")
        if _flag(row, "autoTap"):
            draft.left.tell("autoTap of a transformer is not followed: its tap stays at tappos, as in SimBench's own "
                            "power flows")
        return draft.made(
            Transformer, place, from_bus=names[row["nodeHV"]], to_bus=names[row["nodeLV"]], rated_kva=kva,
            limit_percent=_number(row, "loadingMax", 100),
            short_circuit_percent=_number(kind, "vmImp"), resistive_percent=100 * _number(kind, "pCu") / kva,
            no_load_percent=_number(kind, "iNoLoad"), iron_loss_kw=_number(kind, "pFe"),
            primary_pu=_number(kind, "vmHV") / nodes[row["nodeHV"]],
            secondary_pu=_number(kind, "vmLV") / nodes[row["nodeLV"]],
            tap_side="secondary" if (kind.get("tapside") or "").upper() == "LV" else "primary",
            tap_percent=_tap_percent(row, kind)), place

    found = list(_each(tables, "Transformer", make))
    if len(found) > 1:
        raise TaskError("transformer", f"there are {len(found)} transformers", ONE_AT_A_TIME,
                        "/simbench/Transformer")
    return found[0] if found else None


def _tap_percent(row: Row, kind: Row) -> float:
    """Turns added at the tap position: the length of the step's vector."""
    if not _flag(kind, "tapable", True):
        return 0.0
    steps = _number(row, "tappos", 0) - _number(kind, "tapNeutr", 0)
    return abs(100 + cmath.rect(steps * _number(kind, "dVm", 0), math.radians(_number(kind, "dVa", 0)))) - 100


def _buses(tables: dict[str, str], names: dict[str, str], draft: Draft) -> Iterator[tuple[Bus, float, Origin]]:
    where = dict(_each(tables, "Coordinates", lambda row, _: (row["id"], (_number(row, "x"), _number(row, "y")))))

    def make(row: Row, place: Origin) -> tuple[Bus, float, Origin] | None:
        if names[row["id"]] != row["id"]:
            return None
        x, y = where.get(row.get("coordID", ""), (None, None))
        return draft.made(Bus, place, name=row["id"], x=x, y=y), _number(row, "vmR"), place

    return (bus for bus in _each(tables, "Node", make) if bus is not None)


def _loads(tables: dict[str, str], names: dict[str, str], days: _Days, draft: Draft,
           cars_per_load: int) -> Iterator[tuple[Load, Origin]]:
    def make(row: Row, place: Origin) -> tuple[Load, Load, Origin]:
        bus, kind = names[row["node"]], row.get("profile", "")
        active, reactive = (days.name("LoadProfile", kind and kind + part) for part in ("_pload", "_qload"))
        return (draft.made(Load, place, bus=bus, kw=1000 * _number(row, "pLoad"), cars=cars_per_load, profile=active),
                draft.made(Load, place, bus=bus, kw=0, kvar=1000 * _number(row, "qLoad"), cars=0, profile=reactive),
                place)

    return ((load, place) for *pair, place in _each(tables, "Load", make) for load in pair)


def _renewables(tables: dict[str, str], names: dict[str, str], days: _Days,
                draft: Draft) -> Iterator[tuple[Load, Origin]]:
    def make(row: Row, place: Origin) -> tuple[Load, Origin]:
        return draft.made(Load, place, bus=names[row["node"]], kw=-1000 * _number(row, "pRES"),
                          kvar=-1000 * _number(row, "qRES"), cars=0,
                          profile=days.name("RESProfile", row.get("profile", ""))), place

    return _each(tables, "RES", make)


class _Days:
    """One day of the profile tables, each read once; ``profiles`` are those that were asked for."""

    def __init__(self, tables: dict[str, str], day: int) -> None:
        self.profiles: dict[str, list[float]] = {}
        self._tables, self._first = tables, day * SLOTS_PER_DAY
        self._read: dict[str, tuple[dict[str, int], list[list[str]]]] = {}

    def name(self, table: str, column: str) -> str | None:
        """The name under which a column is kept in ``profiles``; None where there is none."""
        if not column or table not in self._tables:
            return None
        if column not in self.profiles:
            places, rows = self._of(table)
            if len(rows) != SLOTS_PER_DAY:
                raise TaskError("bad_simbench", f"{table} holds {len(rows)} quarter-hours of the day looked at",
                                f"give whole days of {SLOTS_PER_DAY} rows", f"/simbench/{table}")
            try:
                at = places[column]
                self.profiles[column] = [float(row[at]) for row in rows]
            except (KeyError, IndexError, ValueError):   # _each says where
                first = self._first
                for _ in islice(_each(self._tables, table, lambda row, _: float(row[column])), first + SLOTS_PER_DAY):
                    pass
        return column

    def _of(self, table: str) -> tuple[dict[str, int], list[list[str]]]:
        """The day as it stands, and the place of each column: dicts of rows as wide would take all memory."""
        if table not in self._read:
            header, rows = _text(self._tables, table)
            day = list(islice((row for row in rows if row), self._first, self._first + SLOTS_PER_DAY))
            self._read[table] = {name: at for at, name in enumerate(header)}, day
        return self._read[table]


def peak_day(tables: dict[str, str]) -> int:
    """The day, counted from 0, that has the quarter-hour with the highest load of all; 0 without profiles."""
    weight: dict[str, float] = {}
    for profile, load in _each(tables, "Load", lambda row, _: (row.get("profile", ""), _number(row, "pLoad"))):
        weight[profile + "_pload"] = weight.get(profile + "_pload", 0.0) + load
    most, best = -math.inf, 0
    for number, total in enumerate(_each(tables, "LoadProfile", lambda row, _: sum(
            load * float(row[name]) for name, load in weight.items() if name != "_pload"))):
        if total > most:
            most, best = total, number // SLOTS_PER_DAY
    return best


def from_folder(folder: Path) -> dict[str, str]:
    """The tables of a SimBench folder as this kind's input takes them: profiles cut to the peak day and to the
    columns in use.

    Raises OSError where the folder or a needed table cannot be read, TaskError where a table is wrong.
    """
    there = [path.stem for path in sorted(folder.glob("*.csv")) if path.stem not in TABLES.skips]
    tables = {name: (folder / f"{name}.csv").read_text(encoding="utf-8-sig") for name in {*NEEDED, *there}}
    day = peak_day(tables)
    wanted = {row.get("profile", "") for name in ("Load", "RES") for row in _rows(tables, name)}
    for name in ("LoadProfile", "RESProfile"):
        rows = [row for number, row in enumerate(_rows(tables, name)) if number // SLOTS_PER_DAY == day]
        if rows:
            columns = [column for column in rows[0] if column.removesuffix("_pload").removesuffix("_qload") in wanted]
            tables[name] = "\n".join([";".join(["time", *columns]),
                                      *(";".join([row["time"], *(row[one] for one in columns)]) for row in rows)])
    return tables
