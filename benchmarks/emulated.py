"""Boards without an FPU, emulated: MicroPython built from Debian's source, run by QEMU with counted instructions.

``-icount shift=6`` gives each instruction 64 ns of the board's own time, so that a timer of the board counts them:
the figures are the same on every machine. What is built stays in a cache outside the repository.
"""

from __future__ import annotations

import functools
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lamplighter.gateway.devicebuild.compiler import ARCHES, FORMAT, NATIVE, compile_for
from lamplighter.gateway.devicebuild.kernels import kernel_source
from lamplighter.tasks.api import Job
from lamplighter.tasks.fetch import cache_folder

SUITE = "trixie"
SHIFT = 6
HEAP_BYTES = 192 * 1024
"""About what a Pico W leaves free."""
RUN_S = 280
TOOLS = {"arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi", "qemu-system-arm": "qemu-system-arm",
         "make": "make", "apt-get": "apt"}
SCRIPT = Path(__file__).with_name("on_board.py")
CONSTANTS = "ADDRESS, START, NOW, STEP = 0, (), 0, 1\n"


class NoBoard(Exception):
    """A tool or the source is missing here; the text says what would help."""


@dataclass(frozen=True, slots=True)
class Board:
    """``arch`` is what the board announces as ``sys.implementation._mpy``; ``build`` and ``machine`` are options of
    make and of QEMU; ``jobs_at`` is free memory; ``start`` are registers to write once, and ``timer`` those to write
    before a read, the one to read, its direction, ns for each tick.
    """

    name: str
    core: str
    arch: int
    build: tuple[str, ...]
    machine: tuple[str, ...]
    jobs_at: int
    start: tuple[tuple[int, int], ...]
    timer: tuple[tuple[tuple[int, int], ...], int, int, float]


CORTEX_M0 = Board(
    "MICROBIT", "Cortex-M0", ARCHES.index("armv6m") << 10 | NATIVE << 8 | FORMAT,
    ("CFLAGS_EXTRA=-DMICROPY_EMIT_THUMB=1 -DMICROPY_EMIT_THUMB_ARMV7M=0 -DMICROPY_EMIT_INLINE_THUMB=0",),
    ("-machine", "microbit", "-global", "nrf51-soc.flash-size=1048576", "-global", "nrf51-soc.sram-size=262144"),
    0x80000, ((0x40008508, 3), (0x40008510, 0), (0x4000800C, 1), (0x40008000, 1)),
    (((0x40008040, 1),), 0x40008540, 1, 62.5))
CORTEX_M3 = Board(
    "MPS2_AN385", "Cortex-M3", ARCHES.index("armv7m") << 10 | NATIVE << 8 | FORMAT, (), ("-machine", "mps2-an385"),
    0x300000, ((0x40000008, 0xFFFFFFFF), (0x40000000, 1)), ((), 0x40000004, -1, 40.0))
BOARDS = (CORTEX_M0, CORTEX_M3)


@dataclass(frozen=True, slots=True)
class Ran:
    """One job on a board: its answer (or None and why), instructions in all and in the longest slice, slices."""

    answer: bytes | None
    error: str = ""
    instructions: int = 0
    longest: int = 0
    slices: int = 0


@dataclass(frozen=True, slots=True)
class Session:
    """All jobs of one kernel; heap that the loaded kernel holds, and the most that the last job held."""

    runs: list[Ran]
    kernel_bytes: int
    held_bytes: int
    peak_bytes: int


def run(board: Board, kernel: Path, jobs: Sequence[Job], native: bool, count: bool = True) -> Session:
    """Runs each job once, with the kernel's machine code or as bytecode; ``count`` is slower, but counts.

    Raises NoBoard, and RuntimeError where the board says something else than answers.
    """
    image = firmware(board)
    made = compile_for(kernel_source(kernel), board.arch if native else board.arch & 0xFF)
    blob = _part(made) + struct.pack("<I", len(jobs))
    for job in jobs:
        parts = [job.input, *(context.data for context in job.contexts)]
        blob += struct.pack("<I", len(parts)) + b"".join(map(_part, parts))
    before, now, step, tick_ns = board.timer
    script = SCRIPT.read_text().replace(CONSTANTS, (
        f"ADDRESS, START, NOW, STEP = {board.jobs_at}, {before}, {now}, {step}\n"
        f"for at, value in {board.start}:\n    machine.mem32[at] = value\n"))
    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        file.write(blob)
        file.flush()
        command = ["qemu-system-arm", *board.machine, "-kernel", str(image), "-display", "none", "-monitor", "none",
                   "-semihosting", "-serial", "stdio",
                   "-device", f"loader,file={file.name},addr={board.jobs_at},force-raw=on"]
        if count:
            command += ["-icount", f"shift={SHIFT}"]
        try:
            done = subprocess.run(command, input=b"\x01" + script.encode() + b"\x04", capture_output=True,
                                  timeout=RUN_S, check=False)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{board.name}: not done within {RUN_S} s") from None
    return _read(done.stdout.decode("utf-8", "replace"), len(jobs), len(made), tick_ns / 2**SHIFT)


def _part(data: bytes) -> bytes:
    return struct.pack("<I", len(data)) + data


def _read(text: str, jobs: int, kernel_bytes: int, per_tick: float) -> Session:
    runs: list[Ran] = []
    heap = None
    for line in text.replace(">OK", "\n").splitlines():
        words = line.split()
        if line.startswith("J "):
            ticks, slices, longest = map(int, words[-3:])
            answer = bytes.fromhex(words[1]) if len(words) == 5 else b""
            runs.append(Ran(answer, "", round(ticks * per_tick), round(longest * per_tick), slices))
        elif line.startswith("E "):
            runs.append(Ran(None, line[2:]))
        elif line.startswith("H "):
            heap = int(words[1]), int(words[2])
    if len(runs) != jobs or heap is None:
        raise RuntimeError(f"the board ended early: {text[-300:]!r}")
    return Session(runs, kernel_bytes, *heap)


@functools.cache
def firmware(board: Board) -> Path:
    """MicroPython for the board, built once. Raises NoBoard."""
    for tool, package in TOOLS.items():
        if shutil.which(tool) is None:
            raise NoBoard(f"{tool} is missing: apt-get install {package}")
    image = cache_folder() / "boards" / f"{board.name}-{HEAP_BYTES}.elf"
    if not image.exists():
        port = _source() / "ports" / "qemu"
        _do(["make", "-j2", f"BOARD={board.name}", "FROZEN_MANIFEST=", f"MICROPY_HEAP_SIZE={HEAP_BYTES}",
             *board.build], port)
        shutil.copy(port / f"build-{board.name}" / "firmware.elf", image)
    return image


def _source() -> Path:
    """MicroPython's source as Debian's next release packages it, with a port for QEMU."""
    folder = cache_folder() / "boards" / "source"
    ready = folder / "ready"
    if not ready.exists():
        shutil.rmtree(folder, ignore_errors=True)
        for name in ("lists/partial", "archives/partial"):
            (folder / name).mkdir(parents=True)
        mirror = _do(["apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(COMPONENT)"], folder)
        uris = [line.split()[0] for line in mirror.splitlines() if line.split()[1:] == ["Debian", "main"]
                and "security" not in line]
        if not uris:
            raise NoBoard("apt knows no Debian mirror to fetch MicroPython's source from")
        (folder / "sources.list").write_text(
            f"deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {uris[0]} {SUITE} main\n")
        own = [f"-oDir::Etc::sourcelist={folder / 'sources.list'}", "-oDir::Etc::sourceparts=-",
               f"-oDir::State::lists={folder / 'lists'}", f"-oDir::Cache={folder}", "-oAPT::Sandbox::User=root"]
        _do(["apt-get", *own, "update", "-qq"], folder)
        _do(["apt-get", *own, "source", "-qq", "--download-only", "micropython"], folder)
        _do(["tar", "xf", str(next(folder.glob("micropython_*.orig.tar.xz")))], folder)
        ready.touch()
    return next(folder.glob("micropython-*/"))


def _do(command: Sequence[str], folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=RUN_S, check=True,
                              env=os.environ | {"MICROPY_GIT_TAG": "v1.25.0", "LC_ALL": "C"})
    except subprocess.CalledProcessError as error:
        raise NoBoard(f"{command[0]}: {(error.stderr or error.stdout).strip()[-300:]}") from None
    except subprocess.TimeoutExpired:
        raise NoBoard(f"{command[0]}: not done within {RUN_S} s") from None
    return done.stdout
