"""Finds the variogram, kriges the map and leaves each station out once: in jobs."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

from lamplighter.tasks.api import DeadlinePassed, Job, Solution
from lamplighter.tasks.environment.airmap.jobs import Cutter, Tile
from lamplighter.tasks.environment.airmap.method.held import Apart, left_out
from lamplighter.tasks.environment.airmap.method.painting import Painting
from lamplighter.tasks.environment.airmap.method.search import by_rule, search, worth_it
from lamplighter.tasks.environment.airmap.method.targets import boxed, scattered
from lamplighter.tasks.environment.airmap.result import assemble
from lamplighter.tasks.environment.airmap.spec import Spec

ROUND_JOBS = 16_384
PREVIEW_TARGETS = 256

Asked = Generator[Sequence[Job], Sequence[bytes], None]


def solve(spec: Spec) -> Solution:
    """Up to three rounds that search the variogram, then rounds of bounded size that krige the map.

    The first of these also leaves each station out once, for the score and the sill. If the deadline passes,
    what is painted is the answer: cells all over the map or, during the search, a coarse preview that its first
    round brings. With nothing painted the deadline passes on. An automatic variogram is not searched but set by
    rule with fewer than ten stations, or with readings all equal.
    """
    apart = Apart.of(spec)
    if spec.variogram is not None:
        painting = Painting(spec, apart, spec.variogram, "given")
    elif not worth_it(spec):
        painting = Painting(spec, apart, by_rule(spec), "by rule: too few different readings to search")
    else:
        how = "by rule: the deadline passed before the search was done"
        painting = Painting(spec, apart, by_rule(spec), how, preview=True)
    try:
        if painting.preview:
            painting = yield from _searched(spec, painting)
        yield from _painted(spec, painting)
    except DeadlinePassed:
        painting.late = True
        if not painting.known:
            raise
    return assemble(spec, painting)


def rounds(spec: Spec) -> int:
    """How many rounds there may be: those of the search, and one for all but the largest maps."""
    return 1 + 3 * (spec.variogram is None and worth_it(spec))


def _searched(spec: Spec, preview: Painting) -> Generator[Sequence[Job], Sequence[bytes], Painting]:
    """An empty painting with the variogram found; ``preview`` gets what the first round brings of it."""
    chosen = spec.targets.sample(PREVIEW_TARGETS)
    points = [spec.targets.at(t) for t in chosen]
    tiles = Cutter(spec.places, spec.values).cut(points, boxed(points), numbers=chosen)
    searching = search(spec, [tile.job([preview.variogram]) for tile in tiles])
    jobs = next(searching)
    try:
        answers = yield jobs
    except DeadlinePassed as late:
        preview.paint(tiles, late.answers[:len(tiles)])
        raise
    preview.paint(tiles, answers[:len(tiles)])
    try:
        while True:
            answers = yield searching.send(answers)
    except StopIteration as found:
        variogram, how = found.value
        return Painting(spec, preview.apart, variogram, how)


def _painted(spec: Spec, painting: Painting) -> Asked:
    """All rounds of the map; the first begins with the stations, each held out once or twice."""
    stations, apart = left_out(spec, painting.variogram), painting.apart.tiles(spec, painting.variogram)
    for tiles in _rounds(spec, painting):
        jobs = [tile.job([painting.variogram]) for tile in (*stations, *apart, *tiles)]
        held = len(stations) + len(apart)
        try:
            answers = yield jobs
        except DeadlinePassed as late:
            painting.score(stations, apart, late.answers[:held])
            painting.paint(tiles, late.answers[held:])
            raise
        painting.score(stations, apart, answers[:held])
        painting.paint(tiles, answers[held:])
        stations, apart = [], []


def _rounds(spec: Spec, painting: Painting) -> Iterator[list[Tile]]:
    """The map's tiles in scattered order, about ``ROUND_JOBS`` at a time: what is not yet due is not yet cut."""
    cutter = Cutter(painting.variogram.stretched(spec.places), spec.values)
    gathered: list[Tile] = []
    for numbers, order in spec.targets.chunks():
        points = painting.variogram.stretched([spec.targets.at(t) for t in numbers])
        gathered += cutter.cut(points, order, numbers=numbers)
        if len(gathered) >= ROUND_JOBS:
            yield [gathered[i] for i in scattered(len(gathered))]
            gathered = []
    if gathered:
        yield [gathered[i] for i in scattered(len(gathered))]
