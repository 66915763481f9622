"""A feeder that is no tree, or no feeder, gets the right error at the right place."""

from __future__ import annotations

import itertools

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.energy.evhosting import KIND
from lamplighter.tasks.energy.evhosting.demo import feeder33
from lamplighter.tasks.energy.evhosting.method.snapshot import Snapshots
from lamplighter.tasks.energy.evhosting.method.tree import grow
from lamplighter.tasks.energy.evhosting.spec import Spec
from lamplighter.tasks.readers.feeder import Feeder
from lamplighter.tasks.registry import prepare


def _line(one: str, other: str, **more: float) -> dict[str, object]:
    return {"from_bus": one, "to_bus": other, "r_ohm": 0.1, "x_ohm": 0.1, "limit_a": 100.0, **more}


def _houses(feeder: dict) -> None:
    """A thousand more buses, each with a load."""
    for i in range(1000):
        feeder["buses"].append({"name": f"x{i}"})
        feeder["lines"].append(_line("33", f"x{i}"))
        feeder["loads"].append({"bus": f"x{i}", "kw": 0.1})


def _refused(change, **more) -> TaskError:
    """What the registry says of the 33-bus feeder after ``change`` has been at it."""
    feeder = feeder33()
    change(feeder)
    with pytest.raises(TaskError) as caught:
        prepare({KIND.name: KIND}, KIND.name, {"feeder": feeder, **more})
    return caught.value


def test_parents_come_before_children_in_any_order_of_lines() -> None:
    """Lines listed backwards and written from the far end give the same tree."""
    feeder = feeder33()
    straight = grow(Feeder(**feeder))
    for line in feeder["lines"]:
        line["from_bus"], line["to_bus"] = line["to_bus"], line["from_bus"]
    feeder["lines"].reverse()
    turned = grow(Feeder(**feeder))
    assert all(parent < place for place, parent in enumerate(straight.parent) if place)
    for tree in (straight, turned):
        up = {name: tree.names[parent] for name, parent in zip(tree.names, tree.parent, strict=True)}
        assert up["18"] == "17" and up["19"] == "2" and up["26"] == "6"


def test_a_loop_is_named() -> None:
    """Closing the tie 21-8 names every bus round the loop and the line that closes it."""
    error = _refused(lambda feeder: feeder["lines"].append(_line("8", "21")))
    assert error.code == "not_radial" and error.path == "/input/feeder/lines/32"
    assert error.message.endswith("8 – 7 – 6 – 5 – 4 – 3 – 2 – 19 – 20 – 21 – 8")


def test_parallel_lines_are_one_branch() -> None:
    """Two lines side by side: admittances add, and the limit is where the first of the two has its own."""
    feeder = feeder33()
    feeder["lines"][3].update(r_ohm=0.1, x_ohm=0.2, limit_a=100.0)
    feeder["lines"].append({**feeder["lines"][3], "from_bus": "5", "to_bus": "4", "r_ohm": 0.3, "x_ohm": 0.6,
                            "limit_a": 30.0})
    tree = grow(Feeder(**feeder))
    branch = tree.branch[tree.names.index("5")]
    assert branch is not None and len(tree.names) == 33
    assert (branch.r_ohm, branch.x_ohm) == (pytest.approx(0.075), pytest.approx(0.15))
    assert branch.limit_a == pytest.approx(120), "the second carries a quarter"
    assert branch.label == "5–4 (2 parallel)"


def test_transformer_with_losses_is_the_t_circuit() -> None:
    """Measured at its terminals, the pi has the T circuit's no-load current and short-circuit voltage."""
    feeder = feeder33()
    feeder["lines"].pop(0)
    feeder["transformer"] = {"from_bus": "1", "to_bus": "2", "rated_kva": 400.0, "short_circuit_percent": 6.0,
                             "resistive_percent": 1.2, "no_load_percent": 2.0, "iron_loss_kw": 1.6}
    branch = grow(Feeder(**feeder)).branch[1]
    assert branch is not None
    ohm = 12.66**2 * 1000 / 400
    z, y = complex(0.012, (0.06**2 - 0.012**2) ** 0.5) * ohm, complex(0.004, -(0.02**2 - 0.004**2) ** 0.5) / ohm
    series, end = complex(branch.r_ohm, branch.x_ohm), branch.shunt_s
    assert end + 1 / (series + 1 / end) == pytest.approx(1 / (z / 2 + 1 / y), rel=1e-9)
    assert end + 1 / series == pytest.approx(1 / (z / 2 + 1 / (y + 2 / z)), rel=1e-9)
    assert branch.limit_a == pytest.approx(400 / 3**0.5 / 12.66)


@pytest.mark.parametrize(("change", "code", "path", "words"), [
    (lambda f: f["lines"].append(_line("5", "5")), "not_radial", "/input/feeder/lines/32", "5 – 5"),
    (lambda f: f["lines"].pop(16), "disconnected", "/input/feeder/buses/17", "'18'"),
    (lambda f: f["buses"].append({"name": "7"}), "duplicate", "/input/feeder/buses/33/name", "'7'"),
    (lambda f: f["lines"][3].update(to_bus="bus5"), "unknown_bus", "/input/feeder/lines/3/to_bus", "bus5"),
    (lambda f: f["loads"][3].update(bus="99"), "unknown_bus", "/input/feeder/loads/3/bus", "99"),
    (lambda f: f["lines"][2].update(r_ohm=-0.1), "out_of_range", "/input/feeder/lines/2/r_ohm", "r_ohm"),
    (lambda f: f["lines"][2].update(limit_a=0), "out_of_range", "/input/feeder/lines/2/limit_a", "limit_a"),
    (lambda f: f["lines"][2].update(r_ohm=9000.0), "weak_line", "/input/feeder/lines/2", "weak"),
    (lambda f: f.update(nominal_kv=1e-200), "out_of_range", "/input/feeder/nominal_kv", "nominal_kv"),
    (lambda f: f["lines"][2].update(length=3), "unknown_field", "/input/feeder/lines/2/length", "length"),
    (lambda f: f["loads"][1].update(kw=-3e6), "out_of_range", "/input/feeder/loads/1/kw", "kw"),
    (lambda f: f["loads"][1].update(profile="x"), "unknown_profile", "/input/feeder/loads/1/profile", "'x'"),
    (lambda f: f["loads"].clear(), "empty_data", "/input/feeder/loads", "no loads"),
    (lambda f: f["buses"].clear(), "empty_data", "/input/feeder/buses", "two buses"),
    (lambda f: f["lines"].clear(), "empty_data", "/input/feeder/lines", "no lines"),
    (lambda f: [load.update(cars=0) for load in f["loads"]], "empty_data", "/input/feeder/loads", "car"),
    (lambda f: f["loads"][0].update(cars=20_000), "too_large", "/input/feeder/loads", "cars"),
    (_houses, "too_large", "/input/feeder/buses", "1033"),
    (lambda f: f.update(source_bus="O1"), "unknown_bus", "/input/feeder/source_bus", "O1"),
    (lambda f: f["profiles"].update(evening=[1.0] * 95), "bad_value", "/input/feeder/profiles/evening", "96"),
    (lambda f: f["profiles"].update(evening=[float("nan")] * 96), "bad_value", "/input/feeder/profiles/evening/0",
     "finite"),
    (lambda f: f.update(transformer={"from_bus": "2", "to_bus": "3", "rated_kva": 400.0, "short_circuit_percent": 4.0,
                                     "resistive_percent": 1.0}), "not_radial", "/input/feeder/lines/1",
     "beside the transformer"),
])
def test_wrong_feeders(change, code: str, path: str, words: str) -> None:
    """Each kind of mistake has its own code, points to its place and names the thing."""
    error = _refused(change)
    assert (error.code, error.path) == (code, path)
    assert words in error.message + error.hint


def test_transformer_must_head_the_feeder() -> None:
    """A transformer in the middle, or with more resistance than impedance, is refused."""
    def in_the_middle(feeder) -> None:
        feeder["lines"].pop(1)
        feeder["transformer"] = {"from_bus": "2", "to_bus": "3", "rated_kva": 400.0, "short_circuit_percent": 4.0,
                                 "resistive_percent": 1.0}

    assert _refused(in_the_middle).code == "transformer"

    def resistive(feeder) -> None:
        feeder["lines"].pop(0)
        feeder["transformer"] = {"from_bus": "1", "to_bus": "2", "rated_kva": 400.0, "short_circuit_percent": 4.0,
                                 "resistive_percent": 5.0}

    error = _refused(resistive)
    assert (error.code, error.path) == ("transformer", "/input/feeder/transformer/resistive_percent")


def test_wrong_questions() -> None:
    """Neither or both feeders, levels twice, an empty window: errors of the input model."""
    wrong: list[dict[str, object]] = [
        {"levels_percent": [10, 10]}, {"first_slot": 80, "last_slot": 70}, {"levels_percent": []},
        {"policies": ["never"]}, {"levels_percent": [0]}, {"pandapower": {}}, {"feeder": None}]
    for change in wrong:
        given = {"feeder": feeder33(), **change}
        with pytest.raises(TaskError) as caught:
            prepare({KIND.name: KIND}, KIND.name, given)
        assert caught.value.code in ("bad_value", "out_of_range") and caught.value.path.startswith("/input")


def _street(busy: bool, joints: int = 3) -> dict:
    """Three houses in a row, joints between them without loads (or hardly any), and a stub that ends nowhere."""
    names = [f"{house}{joint or ''}" for house in "abc" for joint in range(joints + 1)]
    lines = [_line(*pair, r_ohm=0.01, x_ohm=0.004, limit_a=200.0 + 10 * number)
             for number, pair in enumerate(itertools.pairwise(names))] + [_line("b1", "stub"), _line("stub", "end")]
    loads = [{"bus": name, "kw": 8, "kvar": 2} for name in "abc"]
    if busy:
        loads += [{"bus": name, "kw": 1e-9, "cars": 0} for name in (*names, "stub", "end") if name not in "abc"]
    return {"nominal_kv": 0.4, "source_bus": "a", "lines": lines, "loads": loads,
            "buses": [{"name": name} for name in (*names, "stub", "end")]}


def _volts(feeder: dict) -> tuple[Spec, dict[str, float]]:
    spec: Spec = prepare({KIND.name: KIND}, KIND.name, {"feeder": feeder})
    shots = Snapshots(spec, "on_arrival", 0, 0)
    shots.go_to(0)
    return spec, dict(zip(spec.tree.names, map(abs, shots.voltages()), strict=True))


def test_buses_at_which_nothing_happens_are_left_out() -> None:
    """The houses' voltages are the same, the weaker rating counts, and it is told."""
    (lean, few), (whole, all_) = _volts(_street(False)), _volts(_street(True))
    assert len(whole.tree.names) == 14 and lean.tree.names == ("a", "b", "c")
    assert few == pytest.approx({name: all_[name] for name in "abc"}, abs=1e-6)
    assert [branch and branch.limit_a for branch in lean.tree.branch] == [None, 200.0, 240.0]
    assert "11 of 14 buses without loads" in lean.notes[0] and not whole.notes


def test_a_line_that_is_charged_keeps_its_buses() -> None:
    """Its current is another one at each end; nor is anything behind the transformer taken into it."""
    feeder = _street(False)
    for line in feeder["lines"]:
        line["c_nf"] = 100.0
    assert len(_volts(feeder)[0].tree.names) == 14


def test_a_feeder_of_many_joints_fits() -> None:
    """A thousand buses of which a few have loads are a small feeder."""
    assert len(_volts(_street(False, 300))[0].tree.names) == 3


def test_an_unknown_name_is_answered_with_all_that_there_are(feeder_of) -> None:
    """Buses without a load are buses too; where no profile is given, none is offered."""
    feeder = feeder_of(1, 4)
    for change, words in ({"bus": "zzz"}, "known: " + ", ".join(sorted(one["name"] for one in feeder["buses"]))), (
            {"profile": "zzz"}, "there is none to choose from"):
        given = feeder | {"profiles": {}, "loads": [{"bus": feeder["buses"][-1]["name"], "kw": 1, **change}]}
        with pytest.raises(TaskError) as caught:
            prepare({KIND.name: KIND}, KIND.name, {"feeder": given})
        assert words in caught.value.hint
