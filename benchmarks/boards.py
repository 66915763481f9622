"""Every kernel on 32-bit boards without an FPU: instructions, heap and bytes of a job, and what fleets come to.

Measured: instructions, counted by QEMU on a Cortex-M0 and a Cortex-M3, the same on every machine; every answer is
compared with plain CPython's. Jobs are some of each kind's demo. Estimated, and so labelled: fleets, from

- a Pico at 125 MHz, MicroPython's default (its documentation, quick reference for the RP2);
- 1.5 clock cycles an instruction (Cortex-M0+ technical reference: 1, and 2 for loads, stores, taken branches), which
  leaves out misses of the flash cache; all of a board's time, none for the network, and every job done once;
- a core of a Raspberry Pi 4 at a quarter of this machine's speed (an assumption: no Pi is at hand).

MicroPython here is 1.25 with 192 KB of heap. That of a micro:bit v1 itself (1.9.2, 9 KB) holds no kernel: it takes
source only, of about 1.1 KB, and the smallest kernel has 10 KB.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from benchmarks.emulated import BOARDS, CORTEX_M0, Board, NoBoard, Session, run
from benchmarks.figures import Figure
from lamplighter.gateway.kindkit.pool import Pool, Runtime
from lamplighter.gateway.kindkit.sample import spread, take
from lamplighter.tasks.api import Job, Kind
from lamplighter.tasks.fetch import cache_folder
from lamplighter.tasks.local import run_job
from lamplighter.tasks.registry import load_kinds, prepare

MOST_JOBS = 6
PICO_HZ = 125e6
CYCLES = 1.5
PI_SLOWER = 4
FLEETS = (8, 64, 512)
NAMES = {True: "machine code", False: "bytecode"}


def figures() -> list[Figure]:
    """Of all kinds. Raises RuntimeError where the tools are missing, or where a board answers otherwise."""
    try:
        return [figure for kind in load_kinds().values() for figure in of_kind(kind)]
    except NoBoard as error:
        raise RuntimeError(str(error)) from None


def some_jobs(kind: Kind) -> list[Job]:
    """A few jobs of the kind's demo, spread over its rounds; the one that needs most heap comes last."""
    spec = prepare({kind.name: kind}, kind.name, kind.demo(cache_folder()).input)
    with Pool(kind.kernel) as pool:
        jobs = [job for job, _ in take(kind, spec, pool).picked]
    return sorted((jobs[at] for at in spread(len(jobs), MOST_JOBS)), key=lambda job: job.heap_bytes)


def of_kind(kind: Kind) -> list[Figure]:
    """Raises NoBoard, and RuntimeError where an answer differs."""
    jobs = some_jobs(kind)
    wanted = [run_job(kind, job) for job in jobs]
    ran = {(board, native): same(board, kind, jobs, wanted, native) for board in BOARDS for native in (True, False)}
    mean = {key: fmean(one.instructions for one in session.runs) for key, session in ran.items()}
    small = ran[CORTEX_M0, True]
    contexts = {context.name: len(context.data) for job in jobs for context in job.contexts}
    found = [
        Figure(f"{kind.name}: a job on the Cortex-M0, machine code", round(mean[CORTEX_M0, True]), "instr"),
        Figure("  as bytecode", mean[CORTEX_M0, False] / mean[CORTEX_M0, True], "x"),
        Figure("  an operation of its price, as bytecode",
               mean[CORTEX_M0, False] / fmean(job.ops for job in jobs), "instr"),
        Figure("  longest slice, machine code", max(one.longest for one in small.runs), "instr"),
        Figure("  longest slice, bytecode", max(one.longest for one in ran[CORTEX_M0, False].runs), "instr"),
    ]
    found += [Figure(f"  a job on the {board.core}, {NAMES[native]}", round(value), "instr")
              for (board, native), value in mean.items() if board is not CORTEX_M0]
    found += [
        Figure("  heap of the largest job, between slices", small.peak_bytes, "B"),
        Figure("  heap that it declares", jobs[-1].heap_bytes, "B"),
        Figure("  heap of the kernel, machine code", small.held_bytes, "B"),
        Figure("  heap of the kernel, bytecode", ran[CORTEX_M0, False].held_bytes, "B"),
        Figure("  its largest input", max(len(job.input) for job in jobs), "B"),
        Figure("  its largest contexts, sent once", max(contexts.values(), default=0), "B"),
        Figure("  its largest answer", max(job.answer_bytes for job in jobs), "B"),
        Figure("  answers that are CPython's, on both cores, both ways", sum(len(one.runs) for one in ran.values())),
    ]
    return found + _fleets(kind, jobs, mean[CORTEX_M0, True])


def same(board: Board, kind: Kind, jobs: Sequence[Job], wanted: Sequence[bytes], native: bool) -> Session:
    """Runs the jobs. Raises RuntimeError where the board answers otherwise than ``wanted``."""
    session = run(board, kind.kernel, jobs, native)
    for number, (one, answer) in enumerate(zip(session.runs, wanted, strict=True)):
        if one.answer != answer:
            raise RuntimeError(f"{kind.name}, job {number} on the {board.core} as {NAMES[native]}: "
                               f"{one.error or 'another answer'}")
    return session


def _fleets(kind: Kind, jobs: Sequence[Job], instructions: float) -> list[Figure]:
    board_s = instructions * CYCLES / PICO_HZ
    pi_s = {runtime: PI_SLOWER * _seconds(kind, jobs, runtime) for runtime in (Runtime.CPYTHON, Runtime.MACHINE_CODE)}
    found = [Figure("  estimate: a job on a Pico, machine code", 1000 * board_s, "ms")]
    for runtime, seconds in pi_s.items():
        found += [Figure(f"  estimate: {fleet} Picos beside a Pi 4 core, kernel there {runtime.value}",
                         fleet * seconds / board_s, "x") for fleet in FLEETS]
    return found


def _seconds(kind: Kind, jobs: Sequence[Job], runtime: Runtime) -> float:
    """Mean time of a job here."""
    with Pool(kind.kernel, runtime, 1) as pool:
        return fmean(min(pool.run(job).took_us for _ in range(3)) for job in jobs) / 1e6
