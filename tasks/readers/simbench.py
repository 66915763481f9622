"""Reads a feeder from SimBench tables: semicolon-separated text, named as the files are, without ``.csv``.

Format: S. Meinecke et al., SimBench documentation, version EN-1.0 (https://simbench.de). Nodes joined by closed
switches are one bus. Profiles are those of the day with the highest load of the quarter-hours given; without profile
tables loads are constant.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.feeder import SLOTS_PER_DAY, Bus, Feeder, Line, Load, Transformer, joined

Row = dict[str, str]
T = TypeVar("T")
NEEDED = ("Node", "ExternalNet", "Line", "LineType", "Load")
USED = (*NEEDED, "Coordinates", "LoadProfile", "RES", "RESProfile", "Switch", "Transformer", "TransformerType")
REFUSED = ("PowerPlant", "Storage", "Shunt", "DCLine")
FREQUENCY_HZ = 50.0


def read(tables: dict[str, str], cars_per_load: int) -> Feeder:
    """The feeder in plain fields; each load gets ``cars_per_load`` places, renewables are negative loads.

    Raises TaskError: ``bad_simbench`` (a table or value is missing or wrong, with its table and line),
    ``empty_data``, ``transformer``, ``unsupported``.
    """
    for name in NEEDED:
        if name not in tables:
            raise TaskError("bad_simbench", f"the table {name!r} is missing", "give " + ", ".join(NEEDED),
                            "/simbench")
    for name in REFUSED:
        if any(True for _ in _rows(tables, name)):
            raise TaskError("unsupported", f"the table {name!r} has elements, which this kind does not model",
                            "leave the table out, or net their power into the loads", f"/simbench/{name}")
    names = _join(tables)
    source, source_pu = _source(tables, names)
    trafo = _transformer(tables, names)
    lines = list(_lines(tables, names))
    days = _Days(tables, peak_day(tables))
    loads = [*_loads(tables, names, days, cars_per_load), *_renewables(tables, names, days)]
    wired = {line.from_bus for line in lines} | {line.to_bus for line in lines} | {load.bus for load in loads}
    wired |= {source} | ({trafo.from_bus, trafo.to_bus} if trafo else set())
    kv = {float(row["vmR"]) for row in _rows(tables, "Node")
          if names[row["id"]] in wired and not (trafo and names[row["id"]] == source)}
    if len(kv) != 1:
        raise TaskError("transformer", f"the feeder mixes {sorted(kv)} kV", "one voltage behind the head transformer",
                        "/simbench/Node")
    title = next((row["subnet"] for row in _rows(tables, "Load") if row.get("subnet")), "") or "SimBench feeder"
    try:
        return Feeder(name=title[:64], nominal_kv=kv.pop(), frequency_hz=FREQUENCY_HZ, source_bus=source,
                      source_voltage_pu=source_pu, buses=list(_buses(tables, names, wired)), lines=lines,
                      transformer=trafo, loads=loads, profiles=days.profiles)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise TaskError("bad_simbench", f"{'/'.join(map(str, first['loc']))}: {first['msg']}", "mend the tables",
                        "/simbench") from None


def _rows(tables: dict[str, str], name: str) -> Iterator[Row]:
    """The rows of a table, "NULL" as empty text; a table that is not given has none.

    A row that is too short has only its first columns: to fill up each for a header of any width would take a time
    that no bound on a document bounds. Raises TaskError ``bad_simbench`` for text that is no table.
    """
    header, rows = _text(tables, name)
    for row in rows:
        if row:
            yield {key: "" if value == "NULL" else value for key, value in zip(header, row, strict=False) if key}


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


def _each(tables: dict[str, str], name: str, make: Callable[[Row], T]) -> Iterator[T]:
    """``make`` of every row; what it finds missing or wrong is told with the table's line."""
    return _made(name, enumerate(_rows(tables, name), 2), make)


def _made(name: str, rows: Iterable[tuple[int, Row]], make: Callable[[Row], T]) -> Iterator[T]:
    for number, row in rows:
        try:
            yield make(row)
        except KeyError as missing:
            raise TaskError("bad_simbench", f"{name}, line {number}: nothing is named {str(missing)[:80]}",
                            "check the columns of this table and what it refers to", f"/simbench/{name}") from None
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise TaskError("bad_simbench", f"{name}, line {number}: {'/'.join(map(str, first['loc']))}: "
                            f"{first['msg']}", "mend the value", f"/simbench/{name}") from None
        except (ValueError, ZeroDivisionError) as error:
            raise TaskError("bad_simbench", f"{name}, line {number}: {str(error)[:80]}", "mend the value",
                            f"/simbench/{name}") from None


def _join(tables: dict[str, str]) -> dict[str, str]:
    """Which bus stands for each node: closed switches join them, and a busbar gives the name."""
    kinds = dict(_each(tables, "Node", lambda row: (row["id"], row["type"])))

    def ends(row: Row) -> tuple[str, str]:
        one, other = row["nodeA"], row["nodeB"]
        kinds[one], kinds[other]   # both are nodes, or the row is told
        return (one, other) if float(row["cond"]) else (one, one)

    return joined(kinds, _each(tables, "Switch", ends), lambda name: (kinds[name] == "auxiliary", name))


def _source(tables: dict[str, str], names: dict[str, str]) -> tuple[str, float]:
    grids = list(_each(tables, "ExternalNet", lambda row: names[row["node"]]))
    if len(grids) != 1:
        raise TaskError("empty_data" if not grids else "unsupported", f"there are {len(grids)} external nets",
                        "exactly one feeds the feeder", "/simbench/ExternalNet")
    volts = [volt for name, volt in _each(tables, "Node", lambda row: (names[row["id"]], row.get("vmSetp")))
             if volt and name == grids[0]]
    return grids[0], float(volts[0]) if volts else 1.0


def _lines(tables: dict[str, str], names: dict[str, str]) -> Iterator[Line]:
    types = dict(_each(tables, "LineType", lambda row: (row["id"], row)))

    def make(row: Row) -> Line:
        kind, km = types[row["type"]], float(row["length"])
        return Line(from_bus=names[row["nodeA"]], to_bus=names[row["nodeB"]], r_ohm=float(kind["r"]) * km,
                    x_ohm=float(kind["x"]) * km, limit_a=float(kind["iMax"]),
                    c_nf=float(kind.get("b") or 0) * km * 1000 / (2 * math.pi * FREQUENCY_HZ))

    return _each(tables, "Line", make)


def _transformer(tables: dict[str, str], names: dict[str, str]) -> Transformer | None:
    nodes = dict(_each(tables, "Node", lambda row: (row["id"], float(row["vmR"]))))
    types = dict(_each(tables, "TransformerType", lambda row: (row["id"], row)))

    def make(row: Row) -> Transformer:
        kind = types[row["type"]]
        kva = 1000 * float(kind["sR"])
        tap = (float(row.get("tappos") or 0) - float(kind.get("tapNeutr") or 0)) * float(kind.get("dVm") or 0)
        return Transformer(
            from_bus=names[row["nodeHV"]], to_bus=names[row["nodeLV"]], rated_kva=kva,
            short_circuit_percent=float(kind["vmImp"]), resistive_percent=100 * float(kind["pCu"]) / kva,
            no_load_percent=float(kind["iNoLoad"]), iron_loss_kw=float(kind["pFe"]),
            primary_pu=float(kind["vmHV"]) / nodes[row["nodeHV"]],
            secondary_pu=float(kind["vmLV"]) / nodes[row["nodeLV"]],
            tap_side="secondary" if (kind.get("tapside") or "").upper() == "LV" else "primary",
            tap_percent=tap if kind.get("tapable", "1") != "0" else 0.0)

    found = list(_each(tables, "Transformer", make))
    if len(found) > 1:
        raise TaskError("transformer", f"there are {len(found)} transformers", "study one feeder at a time",
                        "/simbench/Transformer")
    return found[0] if found else None


def _buses(tables: dict[str, str], names: dict[str, str], wired: set[str]) -> Iterator[Bus]:
    where = dict(_each(tables, "Coordinates", lambda row: (row["id"], (float(row["x"]), float(row["y"])))))

    def make(row: Row) -> Bus | None:
        if names[row["id"]] != row["id"] or row["id"] not in wired:
            return None
        x, y = where.get(row.get("coordID", ""), (None, None))
        return Bus(name=row["id"], x=x, y=y)

    return (bus for bus in _each(tables, "Node", make) if bus is not None)


def _loads(tables: dict[str, str], names: dict[str, str], days: _Days, cars_per_load: int) -> Iterator[Load]:
    def make(row: Row) -> tuple[Load, Load]:
        bus, kind = names[row["node"]], row.get("profile", "")
        active, reactive = (days.name("LoadProfile", kind and kind + part) for part in ("_pload", "_qload"))
        return (Load(bus=bus, kw=1000 * float(row["pLoad"]), cars=cars_per_load, profile=active),
                Load(bus=bus, kw=0, kvar=1000 * float(row["qLoad"] or 0), cars=0, profile=reactive))

    return (load for pair in _each(tables, "Load", make) for load in pair)


def _renewables(tables: dict[str, str], names: dict[str, str], days: _Days) -> Iterator[Load]:
    def make(row: Row) -> Load:
        return Load(bus=names[row["node"]], kw=-1000 * float(row["pRES"]), kvar=-1000 * float(row["qRES"] or 0),
                    cars=0, profile=days.name("RESProfile", row.get("profile", "")))

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
                for _ in islice(_each(self._tables, table, lambda row: float(row[column])), first + SLOTS_PER_DAY):
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
    for profile, load in _each(tables, "Load", lambda row: (row.get("profile", ""), float(row["pLoad"]))):
        weight[profile + "_pload"] = weight.get(profile + "_pload", 0.0) + load
    most, best = -math.inf, 0
    for number, total in enumerate(_each(tables, "LoadProfile", lambda row: sum(
            load * float(row[name]) for name, load in weight.items() if name != "_pload"))):
        if total > most:
            most, best = total, number // SLOTS_PER_DAY
    return best


def from_folder(folder: Path) -> dict[str, str]:
    """The tables of a SimBench folder as this kind's input takes them: profiles cut to the peak day and to the
    columns in use.

    Raises OSError where the folder or a needed table cannot be read, TaskError where a table is wrong.
    """
    tables = {name: (folder / f"{name}.csv").read_text(encoding="utf-8-sig") for name in USED
              if name in NEEDED or (folder / f"{name}.csv").exists()}
    day = peak_day(tables)
    wanted = {row.get("profile", "") for name in ("Load", "RES") for row in _rows(tables, name)}
    for name in ("LoadProfile", "RESProfile"):
        rows = [row for number, row in enumerate(_rows(tables, name)) if number // SLOTS_PER_DAY == day]
        if rows:
            columns = [column for column in rows[0] if column.removesuffix("_pload").removesuffix("_qload") in wanted]
            tables[name] = "\n".join([";".join(["time", *columns]),
                                      *(";".join([row["time"], *(row[one] for one in columns)]) for row in rows)])
    return tables
