"""SimBench tables, read as they are published."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.energy.evhosting import KIND
from lamplighter.tasks.energy.evhosting.spec import Spec
from lamplighter.tasks.readers import draft, simbench
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.simbench import COLUMNS, from_folder, peak_day, read
from lamplighter.tasks.registry import prepare


@pytest.fixture
def tables() -> dict[str, str]:
    """A transformer, a busbar with an auxiliary node, two cables (the second behind an open switch at first)."""
    rows = ["time;H0-A_qload;H0-A_pload;unused_pload"]
    rows += [f"t{k};{0.2 if k < 96 else -0.1};{0.5 if k != 130 else 0.9};7" for k in range(192)]
    return {
        "Node": "id;type;vmSetp;vaSetp;vmR;coordID;subnet\n"
                "mv_1;auxiliary;NULL;NULL;20;c0;LV\nmv;busbar;1.025;0.0;20;c0;LV\n"
                "bar_1;auxiliary;NULL;NULL;0.4;c1;LV\nbar;busbar;NULL;NULL;0.4;c1;LV\nend;busbar;NULL;NULL;0.4;c2;LV\n"
                "spare;busbar;NULL;NULL;0.4;c2;LV",
        "Coordinates": "id;x;y;subnet\nc0;1;2;LV\nc1;3;4;LV\nc2;5;6;LV",
        "ExternalNet": "id;node;calc_type\ngrid;mv;vavm",
        "Switch": "id;nodeA;nodeB;type;cond\ns1;mv;mv_1;LS;1\ns2;bar;bar_1;LS;1\ns3;bar;spare;LS;0",
        "Line": "id;nodeA;nodeB;type;length;loadingMax;subnet\nl1;bar_1;end;NAYY;0.5;100;LV",
        "LineType": "id;r;x;b;iMax;type\nNAYY;0.2;0.08;260;270;cable",
        "Transformer": "id;nodeHV;nodeLV;type;tappos\nt;mv_1;bar;T400;-2",
        "TransformerType": "id;sR;vmHV;vmLV;va0;vmImp;pCu;pFe;iNoLoad;tapable;tapside;dVm;dVa;tapNeutr\n"
                           "T400;0.4;20;0.4;150;6;4.8;1.2;0.3;1;HV;2.5;0;0",
        "Load": "id;node;profile;pLoad;qLoad;subnet\nh1;end;H0-A;0.01;0.004;LV1",
        "LoadProfile": "\n".join(rows),
        "RES": "id;node;type;profile;calc_type;pRES;qRES\npv;end;PV;PV1;pq;0.005;0",
        "RESProfile": "\n".join(["time;PV1", *(f"t{k};{k % 96 / 96}" for k in range(192))])}


def _spec(tables: dict[str, str]) -> Spec:
    spec: Spec = prepare({KIND.name: KIND}, KIND.name, {"simbench": tables, "cars_per_load": 3})
    return spec


def test_tables_become_a_plain_feeder(tables) -> None:
    """Switches join nodes, types give ohms and losses, the tap raises the voltage, renewables feed in."""
    feeder = read(tables, 3).feeder
    assert (feeder.name, feeder.nominal_kv, feeder.source_bus, feeder.source_voltage_pu) == ("LV1", 0.4, "mv", 1.025)
    assert [(bus.name, bus.x, bus.y) for bus in feeder.buses] == [("mv", 1, 2), ("bar", 3, 4), ("end", 5, 6)]
    line, trafo = feeder.lines[0], feeder.transformer
    assert (line.from_bus, line.to_bus, line.limit_a) == ("bar", "end", 270)
    assert (line.r_ohm, line.x_ohm, line.c_nf) == (0.1, 0.04, pytest.approx(413.8, abs=0.1))
    assert trafo is not None and (trafo.rated_kva, trafo.short_circuit_percent) == (400, 6)
    assert (trafo.resistive_percent, trafo.iron_loss_kw, trafo.tap_percent) == (pytest.approx(1.2), 1.2, -5)
    assert _spec(tables).source_pu == pytest.approx(1.025 / 0.95)


def test_the_day_with_the_highest_load_is_taken(tables) -> None:
    """The second day holds the peak; active, reactive and fed-in power follow their own columns of it."""
    assert peak_day(tables) == 1
    demand = _spec(tables).demand[2]
    assert demand.cars == 3
    assert demand.kw[34] == pytest.approx(9 - 5 * 34 / 96) and demand.kw[90] == pytest.approx(5 - 5 * 90 / 96)
    assert demand.kvar[34] == pytest.approx(-0.4)


def test_without_profiles_loads_are_constant(tables) -> None:
    """Only the five needed tables and the transformer's: full power all day."""
    for name in ("LoadProfile", "RES", "RESProfile", "Coordinates"):
        del tables[name]
    demand = _spec(tables).demand[2]
    assert set(demand.kw) == {10} and set(demand.kvar) == {4}


def test_a_folder_is_cut_to_what_is_needed(tables, tmp_path: Path) -> None:
    """Files of a folder give the same feeder, with one day of the profiles in use."""
    for name, text in tables.items():
        (tmp_path / f"{name}.csv").write_text("\ufeff" + text)
    (tmp_path / "PowerPlantProfile.csv").write_text("time\n")
    cut = from_folder(tmp_path)
    assert cut["LoadProfile"].count("\n") == 96 and "unused" not in cut["LoadProfile"]
    assert "PowerPlantProfile" not in cut
    assert read(cut, 3).feeder == read(tables, 3).feeder


@pytest.mark.parametrize(("table", "old", "new", "code", "words"), [
    ("Line", "bar_1;end", "bar_1;nowhere", "bad_simbench", "line 2: nothing is named 'nowhere'"),
    ("Line", "NAYY;0.5", "NAXX;0.5", "bad_simbench", "'NAXX'"), ("Line", "0.5", "long", "bad_simbench", "long"),
    ("Line", "0.5", "-5", "bad_simbench", "r_ohm"), ("LineType", ";iMax", ";imax", "not_understood", "'iMax'"),
    ("Switch", "LS;1\ns3", "LS;0\ns3", "disconnected", "Load, line 2: bus 'end'"),
    ("ExternalNet", "grid;mv;vavm", "", "empty_data", "0"),
    ("LoadProfile", "H0-A_pload", "H0-B_pload", "bad_simbench", "H0-A_pload"),
    ("RESProfile", "\nt191;0.9895833333333334", "", "bad_simbench", "95 quarter-hours"),
    ("Node", "end;busbar;NULL;NULL;0.4", "end;busbar;NULL;NULL;0.6", "transformer", "[0.4, 0.6]"),
    ("Transformer", "t;mv_1;bar;T400;-2", "t;mv_1;bar;T400;-2\nu;mv_1;end;T400;0", "transformer", "2 transformers"),
    ("Line", "LV", "LV\nl2;end;bar;NAYY;0.1;100;LV", None, ""),
    ("Line", "LV", "LV\nl2;bar;spare;NAYY;0.1;100;LV\nl3;spare;end;NAYY;0.1;100;LV", "not_radial", "loop")])
def test_wrong_tables(tables, table: str, old: str, new: str, code: str | None, words: str) -> None:
    """Each fault names its table and line; parallel cables are none."""
    assert old in tables[table]
    tables[table] = tables[table].replace(old, new, 1)
    if code is None:
        assert len(_spec(tables).tree.names) == 3
        return
    with pytest.raises(TaskError) as caught:
        _spec(tables)
    assert caught.value.code == code and words in caught.value.message, caught.value.message
    assert caught.value.path.startswith("/input")


def test_missing_and_unknown_tables(tables) -> None:
    """A needed table that is missing is named; storage is refused rather than left out silently."""
    with pytest.raises(TaskError, match="'LineType' is missing"):
        _spec({name: text for name, text in tables.items() if name != "LineType"})
    with pytest.raises(TaskError, match="'Storage'"):
        _spec({**tables, "Storage": "id;node\nb;end"})


@pytest.mark.parametrize(("table", "text"), [
    ("Coordinates", 'id;x;y\nc0;"' + "1" * 200_000), ("Line", "id;nodeA;nodeB;type;length\nl1;bar_1"),
])
def test_text_that_is_no_table_is_told(tables: dict[str, str], table: str, text: str) -> None:
    """A cell without end, or a row without its columns: which table it is in, and never a traceback."""
    with pytest.raises(TaskError) as caught:
        read({**tables, table: text}, 1)
    assert caught.value.code == "bad_simbench" and table in caught.value.message + caught.value.path


def test_a_feeder_beyond_its_bounds_is_told(tables: dict[str, str]) -> None:
    """What the tables make together must fit a feeder in plain fields."""
    tables["Line"] += "".join(f"\nx{number};bar_1;end;NAYY;0.5;100;LV" for number in range(10_001))
    with pytest.raises(TaskError) as caught:
        read(tables, 1)
    assert caught.value.code == "bad_simbench" and "lines" in caught.value.message


@pytest.mark.parametrize(("table", "text", "code", "words"), [
    ("HeatPump", "id;node;p\nh;end;0.1", "not_understood", "'HeatPump'"),
    ("Shunt", "id;node;p0\nh;end;0.1", "unsupported", "'Shunt'"),
    ("Load", "id;node;profile;pLoad;qLoad;pHeat\nh1;end;H0-A;0.01;0.004;0.1", "not_understood",
     "Load, line 2: 'pHeat'"),
    ("RES", "id;node;type;profile;calc_type;pRES;qRES\npv;end;PV;PV1;pvm;0.005;0", "unsupported", "'calc_type'"),
    ("Load", "id;node;profile;pLoad;qLoad\nh1;end;H0-A;NULL;0.004", "bad_simbench", "Load, line 2"),
    ("Load", "id;node;profile;pLoad;qLoad\nh1;end;H0-A;0.01;NULL", "bad_simbench", "Load, line 2")])
def test_what_is_not_understood_or_missing_is_refused_by_name(tables, table: str, text: str, code: str,
                                                              words: str) -> None:
    """An unknown table or column, an element that is not modelled, and a power that is no number."""
    with pytest.raises(TaskError) as caught:
        read({**tables, table: text}, 1)
    assert caught.value.code == code and words in caught.value.message
    assert caught.value.path == f"/simbench/{table}"


def test_what_may_be_loaded_is_read(tables) -> None:
    """``loadingMax`` of lines and transformers makes their limits."""
    tables["Line"] = tables["Line"].replace("0.5;100;", "0.5;60;")
    tables["Transformer"] = "id;nodeHV;nodeLV;type;tappos;loadingMax;autoTap\nt;mv_1;bar;T400;-2;80;1"
    made = read(tables, 1, left := Left())
    assert made.feeder.lines[0].limit_a == pytest.approx(162)
    assert made.feeder.transformer is not None and made.feeder.transformer.limit_percent == 80
    assert any("autoTap" in note for note in left.notes()) and not any("loadingMax" in note for note in left.notes())


def test_shares_in_place_of_percent_are_told(tables) -> None:
    """A line that may be loaded to 1 % is one that may be to all of it."""
    tables["Line"] = tables["Line"].replace("0.5;100;", "0.5;1;")
    read(tables, 1, left := Left())
    (note,) = [note for note in left.notes() if "loadingMax" in note]
    assert "loadingMax of a line is 1 %" in note and '"accept": ["share_unit"]' in note
    read(tables, 1, left := Left(["share_unit"]))
    assert not any("loadingMax" in note for note in left.notes())


def _variants(text: str, column: str) -> Iterator[tuple[object, str]]:
    """The table with another value in that column, each row and value in turn; with the column, where it lacks it."""
    header, *lines = text.splitlines()
    names, rows = header.split(";"), [line.split(";") for line in lines]
    if column not in names:
        names, rows = [*names, column], [[*row, "NULL"] for row in rows]
    at = names.index(column)
    for place, row in enumerate(rows):
        for value in (1, 0, 37.5, -2, "LV", "pq", "bar", "end", "auxiliary"):
            changed = [*rows[:place], [*row[:at], str(value), *row[at + 1:]], *rows[place + 1:]]
            yield value, "\n".join(map(";".join, [names, *changed]))


@pytest.mark.parametrize(("table", "column"), [
    (table, column) for table, part in COLUMNS.items() for column in sorted({*part.reads, *part.only, *part.tells})])
def test_every_column_that_is_read_counts(tables, table: str, column: str) -> None:
    """Some other value changes the feeder, is told, or, where it is a number, refused: none is dropped in silence."""
    tables = {name: text.replace("bar_1", "a_bar") for name, text in tables.items()}   # "bar" is no longer the first
    before = read(tables, 1, silent := Left())
    for value, text in _variants(tables[table], column):
        try:
            after = read({**tables, table: text}, 1, left := Left())
        except TaskError as error:
            if error.code != "bad_simbench" or not isinstance(value, str):
                return
            continue
        if after.feeder != before.feeder or left.notes() != silent.notes():
            return
    pytest.fail(f"{column} of {table} may be anything")


def test_limits_that_look_like_shares_are_told(tables) -> None:
    """``loadingMax`` 0.8 of a transformer is 0.8 %; 100 km of cable in a street are told, too."""
    for table, text, words in (
            ("Transformer", "id;nodeHV;nodeLV;type;tappos;loadingMax;autoTap\nt;mv_1;bar;T400;-2;0.8;0",
             "the limit of the transformer is 0.8 %"),
            ("Line", tables["Line"].replace("0.5;100;", "100;100;"), "as if metres were taken for kilometres")):
        assert any(words in note for note in _spec({**tables, table: text}).notes), words
    assert not any('"accept"' in note for note in _spec(tables).notes)


def test_errors_point_into_the_tables_that_were_sent(tables) -> None:
    """By table and line, although the feeder made of them is what is wrong; a dead end without loads is told."""
    tables["Line"] += "\nl2;bar;spare;NAYY;0.1;100;LV\nl3;spare;end;NAYY;0.1;100;LV"
    with pytest.raises(TaskError) as caught:
        _spec(tables)
    assert caught.value.path == "/input/simbench/Line" and caught.value.message.startswith("Line, line ")
    tables["Line"] = tables["Line"].replace("l2;bar;spare", "l2;spare;bar_9").replace("spare;end", "spare;bar_9")
    tables["Node"] += "\nbar_9;auxiliary;NULL;NULL;0.4;c1;LV"
    assert any("2 lines (Line, line 3, Line, line 4) left out: not connected" in note for note in _spec(tables).notes)


def test_several_wrong_values_of_a_row_are_named_in_it(tables) -> None:
    """By the line it stands in, empty ones counted, and nowhere else: the feeder made of it was not sent."""
    tables["LineType"] = "id;r;x;b;iMax\nNAYY;-1e7;-1e7;0;270"
    tables["Line"] = tables["Line"].replace("\n", "\n\n", 1)
    with pytest.raises(TaskError) as caught:
        _spec(tables)
    assert caught.value.path == "/input/simbench/Line" and caught.value.message.startswith("Line, line 3: ")
    assert "the same at /x_ohm" in caught.value.hint and "/input" not in caught.value.hint


def test_a_folder_with_what_is_refused_is_refused(tables, tmp_path: Path) -> None:
    """Tables that this reader does not use are not left behind when a folder is read."""
    for name, text in {**tables, "Storage": "id;node\ns;end"}.items():
        (tmp_path / f"{name}.csv").write_text(text)
    with pytest.raises(TaskError, match="'Storage'"):
        read(from_folder(tmp_path), 1)


@pytest.mark.parametrize("table", [
    "Node", "Coordinates", "ExternalNet", "Switch", "Line", "LineType", "Transformer", "TransformerType", "Load",
    "RES"])
def test_an_id_that_comes_twice_is_refused(tables, table: str) -> None:
    """Nothing is counted twice, and of two rows none wins in silence."""
    tables[table] += "\n" + tables[table].splitlines()[1]
    with pytest.raises(TaskError) as caught:
        read(tables, 1)
    assert (caught.value.code, caught.value.path) == ("duplicate", f"/simbench/{table}")


@pytest.mark.parametrize(("table", "old", "new", "words"), [
    ("Line", "l1;bar_1;end;NAYY;0.5;100;LV", "l1;bar_1;end;NAYY;0.5", "Line, line 2: it has 5 values for 7 columns"),
    ("Line", "0.5;100;LV", "0,5;100;LV;3", "Line, line 2: it has 8 values for 7 columns"),
    ("LineType", "0.2;", "0,2;", "r is '0,2', not a number"),
    ("LineType", ";270;", ";NULL;", "iMax is '', not a number"),
    ("Node", ";1.025;", ";high;", "vmSetp is 'high', not a number"),
    ("TransformerType", "T400;0.4;", "T400;0;", "a voltage or a rating is 0"),
    ("Line", ";type;", ";kind;", "Line has no column 'type'"),
    ("Switch", "LS;0", "LS;False", "cond is 'False', neither 0 nor 1"),
    ("TransformerType", "0.3;1;HV", "0.3;yes;HV", "tapable is 'yes', neither 0 nor 1"),
])
def test_rows_are_whole_and_flags_are_flags(tables, table: str, old: str, new: str, words: str) -> None:
    """A row says as much as its header, and a truth is 0 or 1."""
    tables[table] = tables[table].replace(old, new)
    with pytest.raises(TaskError) as caught:
        prepare({KIND.name: KIND}, KIND.name, {"simbench": tables, "accept": ["not_understood"]})
    assert words in caught.value.message and f"/input/simbench/{table}".startswith(caught.value.path)


def test_all_tables_together_have_so_many_lines(tables, monkeypatch: pytest.MonkeyPatch) -> None:
    """However a line ends."""
    lines = sum(len(text.splitlines()) for text in tables.values())
    monkeypatch.setattr(simbench, "MOST_ROWS", lines)
    assert read(tables, 1).feeder.loads
    with pytest.raises(TaskError) as refused:
        read({**tables, "Load": tables["Load"] + "\r"  "\x1c"}, 1)
    assert refused.value.code == "too_large"


def test_of_profiles_with_wrong_values_ten_are_looked_at(tables, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of each would take more memory than there is."""
    found = []
    monkeypatch.setattr(draft, "as_task_error", lambda model, error, root: found.append(error.error_count())
                        or TaskError("bad_value", "", ""))
    with pytest.raises(TaskError):
        read({**tables, "RESProfile": tables["RESProfile"].replace(";0.", ";9e9")}, 1)
    assert found == [10]
