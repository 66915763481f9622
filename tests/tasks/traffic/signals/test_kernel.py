"""The queue simulation: its rules, its bounds, and the same bytes on every interpreter."""

from __future__ import annotations

import random
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lamplighter.gateway.devicebuild.compiler import ARCHES, FORMAT, NATIVE, compile_for
from lamplighter.gateway.kindkit.rules import watched
from lamplighter.tasks.api import Context, Job
from lamplighter.tasks.local import load_kernel, run_job
from lamplighter.tasks.traffic.signals import KIND
from lamplighter.tasks.traffic.signals.demo import generated_street
from lamplighter.tasks.traffic.signals.jobs import jittered, job, network_context, shipped_plan, windows
from lamplighter.tasks.traffic.signals.method.plain import read_plain
from lamplighter.tasks.traffic.signals.model import Plain, SignalsInput
from lamplighter.tasks.traffic.signals.prepare import prepare
from lamplighter.tasks.traffic.signals.solve import solve
from lamplighter.tasks.traffic.signals.spec import Plan

DRIVER = """
import sys
sys.path.insert(0, {folder!r})
import kernel
for k in range({count}):
    with open("{folder}/job%d" % k, "rb") as f:
        parts = [f.read(int(f.read(6))) for _ in range(3)]
    slices = kernel.run(parts[0], (parts[1], parts[2]))
    while True:
        try:
            next(slices)
        except StopIteration as end:
            print("".join("%02x" % b for b in end.value))
            break
"""


def _jobs(given: dict[str, Any], plans: list[Plan] | None = None, jitter_ds: int = 0) -> list[Job]:
    network, demand = read_plain(Plain.model_validate(given), 0.0, None, 1)
    cut = windows(demand, [jittered(demand, jitter_ds, 1)], 300)[0]
    return [job(network, network_context(network), window, plans or [shipped_plan(network)]) for window in cut]


def _cost_s(given: dict[str, Any], movement: str, departures: list[float], **more: list[float]) -> float:
    """Cost in seconds of vehicles that reach their stop lines 10 s after departing."""
    given = {**given, "routes": [{"legs": [{"travel_s": 10, "movement": name}], "departures_s": times}
                                 for name, times in {movement: departures, **more}.items()]}
    return sum(struct.unpack("<I", run_job(KIND, j))[0] for j in _jobs(given)) / 10


@pytest.mark.parametrize(("departures", "cost"), [
    ([30.0], 0.0),  # green from 34 to 56
    ([20.0], 1.5 + 7.5),  # 4 s before green, then 3.5 s to start
    ([46.9], 0.0),  # the first second of yellow
    ([47.5], 1.5 + 36.5 + 3.5),  # too late for yellow
    ([30.0, 30.5], 1.5 + 1.5),  # 2.0 s headway
    ([20.0, 20.0], 1.5 + 7.5 + 1.5 + 9.5),
])
def test_a_lane_discharges_as_written(crossing: dict[str, Any], departures: list[float], cost: float) -> None:
    """Red, start-up, headway and yellow give the waiting that a pencil gives."""
    assert _cost_s(crossing, "south", departures) == pytest.approx(cost)


def test_permissive_green_gives_way(crossing: dict[str, Any]) -> None:
    """A left turn waits until 6.0 s after the last vehicle it must give way to, and then costs a stop."""
    assert _cost_s(crossing, "left", [2.0]) == 0.0
    assert _cost_s(crossing, "left", [2.0], east=[1.0]) == pytest.approx(1.5 + 5.0)
    assert _cost_s(crossing, "left", [2.0], south=[30.0]) == 0.0


def test_a_lane_is_served_in_order(crossing: dict[str, Any]) -> None:
    """A vehicle bound straight waits behind a left turn that gives way on the same lane."""
    alone = _cost_s(crossing, "left", [2.0], east=[1.0])
    assert _cost_s(crossing, "left", [2.0], east=[1.0], west=[2.5]) == pytest.approx(alone + 1.5 + 7.1)


def test_who_never_gets_green_waits_to_the_end(crossing: dict[str, Any]) -> None:
    """A movement without green costs its waiting until the window's end plus a stop, and nothing hangs."""
    for phase in crossing["junctions"][0]["phases"]:
        phase["signals"] = "r" + phase["signals"][1:]
    crossing["junctions"][0]["phases"][2]["signals"] = "rGrr"
    assert _cost_s(crossing, "south", [0.0]) == pytest.approx(300 + 240 - 10 + 1.5)


def test_offset_shifts_the_programme(crossing: dict[str, Any]) -> None:
    """An offset of 10 s delays every phase by 10 s of absolute time."""
    crossing["junctions"][0]["offset_s"] = 10
    assert _cost_s(crossing, "south", [30.0]) == pytest.approx(1.5 + 4.0 + 3.5)


def _turning(crossing: dict[str, Any], room: dict[str, int]) -> float:
    """Cost of one vehicle bound straight that comes behind two left turns on an approach of two lanes."""
    movements = crossing["junctions"][0]["movements"]
    movements[3]["lanes"], movements[2]["lanes"] = ["t"], ["t", "w"]
    movements[2]["signal"] = 2
    crossing["junctions"][0]["lane_room_vehicles"] = room
    return _cost_s(crossing, "left", [2.0, 2.1], east=[1.0], west=[3.0]) - _cost_s(crossing, "left", [2.0, 2.1],
                                                                                   east=[1.0])


def test_a_full_lane_keeps_others_from_theirs(crossing: dict[str, Any]) -> None:
    """Where one left turn fits on its lane, the second blocks who goes straight until the lane moves up."""
    assert _turning(crossing, {}) == 0.0
    assert _turning(crossing, {"t": 2, "w": 2}) == 0.0
    assert _turning(crossing, {"t": 1, "w": 1}) == pytest.approx(1.5 + 4.0 + 1.0 + 1.5)


def _random_jobs(wild_street: Any, seeds: range) -> list[Job]:
    found = []
    for seed in seeds:
        given = wild_street(seed)
        network, _ = read_plain(Plain.model_validate(given), 0.0, None, 1)
        pick = random.Random(seed)
        plans = [tuple(tuple(pick.choice([1, 50, 333, 2000]) for _ in part) for part in shipped_plan(network))
                 for _ in range(2)]
        found += _jobs(given, [shipped_plan(network), *plans], 600)
    return found


def _extreme_jobs(wild_street: Any) -> list[Job]:
    """The largest times that jobs may hold: late periods, offsets and greens of 16 bits, waits to the end."""
    given = wild_street(3)
    for route in given["routes"]:
        route["departures_s"] = [9_999_000.0 + at for at in route["departures_s"]]
    network, _ = read_plain(Plain.model_validate(given), 0.0, None, 1)
    plans: list[Plan] = [tuple((65_535, *(green for _ in part[1:])) for part in shipped_plan(network))
                         for green in (1, 2500)]
    return _jobs(given, plans, 600)


def test_every_word_fits_31_bits(wild_street: Any) -> None:
    """All arithmetic of the machine-code functions, on odd and extreme inputs, stays within 31 bits and a sign."""
    kernel = watched(KIND.kernel.read_text())
    for given in [*_random_jobs(wild_street, range(30, 36)), *_extreme_jobs(wild_street)]:
        slices = kernel.run(given.input, tuple(context.data for context in given.contexts))
        while True:
            try:
                next(slices)
            except StopIteration as end:
                assert end.value == run_job(KIND, given)
                break


@pytest.mark.soak
@pytest.mark.parametrize("machine_code", [True, False])
def test_thousands_of_jobs_give_the_same_bytes(wild_street: Any, tmp_path: Path, machine_code: bool) -> None:
    """1,000 random streets, some 3,000 jobs: both forms on MicroPython agree with CPython."""
    _compare(_random_jobs(wild_street, range(1000, 2000)), tmp_path, machine_code)


@pytest.mark.parametrize("machine_code", [True, False])
def test_micropython_gives_the_same_bytes(wild_street: Any, tmp_path: Path, machine_code: bool) -> None:
    """Machine code and bytecode on MicroPython (128 KB heap) agree with CPython bit for bit on odd inputs."""
    _compare([*_random_jobs(wild_street, range(12)), *_extreme_jobs(wild_street)], tmp_path, machine_code)


def _compare(jobs: list[Job], tmp_path: Path, machine_code: bool) -> None:
    micropython = Path(sys.executable).with_name("micropython")
    if not micropython.exists():
        pytest.skip("needs micropython in the environment")
    for k, given in enumerate(jobs):
        parts = [given.input, *(context.data for context in given.contexts)]
        (tmp_path / f"job{k}").write_bytes(b"".join(b"%6d" % len(part) + part for part in parts))
    arch = FORMAT | NATIVE << 8 | ARCHES.index("x64") << 10 if machine_code else FORMAT
    (tmp_path / "kernel.mpy").write_bytes(compile_for(KIND.kernel.read_bytes(), arch))
    (tmp_path / "driver.py").write_text(DRIVER.format(folder=str(tmp_path), count=len(jobs)))
    done = subprocess.run([micropython, "-X", "heapsize=128k", tmp_path / "driver.py"],
                          capture_output=True, text=True, check=False, timeout=280)
    assert done.stdout.split() == [run_job(KIND, given).hex() for given in jobs], done.stderr + done.stdout[-300:]


@pytest.mark.parametrize("board", ["armv6m", "armv7m", "armv7emsp", "xtensa", "xtensawin", "rv32imc"])
def test_compiles_to_machine_code_for_every_board(board: str) -> None:
    """The hot loops keep to what viper can express on each instruction set."""
    assert len(compile_for(KIND.kernel.read_bytes(), FORMAT | NATIVE << 8 | ARCHES.index(board) << 10)) < 16_000


def test_damaged_input_is_a_value_error(wild_street: Any) -> None:
    """Cut off anywhere, or with any byte changed, a job ends: in ValueError, or with an answer of its length."""
    pick = random.Random(5)
    for given in _random_jobs(wild_street, range(20, 26)):
        parts = [given.input, *(context.data for context in given.contexts)]
        for _ in range(60):
            which, damaged = pick.randrange(3), list(parts)
            place = pick.randrange(len(parts[which]))
            if pick.random() < 0.3:
                damaged[which] = parts[which][:place]
            else:
                damaged[which] = (parts[which][:place] + bytes((pick.choice([0, 1, 127, 255]),))
                                  + parts[which][place + 1:])
            try:
                answer = run_job(KIND, replace(given, input=damaged[0],
                                               contexts=(Context(damaged[1]), Context(damaged[2]))))
            except ValueError:
                continue
            assert len(answer) == given.answer_bytes


def test_slices_and_price_fit_the_work() -> None:
    """Between two yields run at most 20,000 statements, and the price is near the statements run."""
    spec = prepare(SignalsInput.model_validate(generated_street(3)))
    kernel = load_kernel(KIND)
    count = 0

    def trace(frame: Any, event: str, _: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    for one in next(solve(spec))[::7]:
        sizes = []
        slices = kernel.run(one.input, tuple(context.data for context in one.contexts))
        before = sys.gettrace()
        try:
            sys.settrace(lambda frame, event, _: trace if frame.f_code.co_filename == str(KIND.kernel) else None)
            for _ in slices:
                sizes.append(count)
                count = 0
        finally:
            sys.settrace(before)
        assert max(sizes) <= 20_000
        assert 0.5 <= sum(sizes) / one.ops <= 1.5
