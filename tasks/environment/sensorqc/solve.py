"""Predicts each reading from those of other stations at the same time: in jobs."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence

from lamplighter.tasks.api import DeadlinePassed, Job, Solution
from lamplighter.tasks.environment.sensorqc.jobs import Cut, beside, left_out
from lamplighter.tasks.environment.sensorqc.method.book import Book
from lamplighter.tasks.environment.sensorqc.method.search import by_rule, choose
from lamplighter.tasks.environment.sensorqc.result import assemble
from lamplighter.tasks.environment.sensorqc.spec import Spec

ROUND_JOBS = 16_384


def solve(spec: Spec) -> Solution:
    """Two rounds that search the variogram, rounds of up to 16,384 jobs that predict every reading from the others,
    and, with ``recheck``, rounds that predict once more, without flagged readings and suspect stations, what
    these helped to predict.

    If the deadline passes, readings without a prediction stay unchecked, or a recheck undone, and the answer says
    so. During the search the sample is checked, with a variogram by rule. Before the first prediction the deadline
    passes on.
    """
    preview = Book(spec, by_rule(spec))
    try:
        variogram, how = yield from choose(spec, preview)
    except DeadlinePassed:
        if not any(preview.known()):
            raise
        preview.set_scale()
        return assemble(preview, "by rule: the deadline passed before the search was done", {}, "search")
    book = Book(spec, variogram)
    doubtful: dict[int, frozenset[int]] = {}
    late = ""
    try:
        yield from _predict(book, (cut for t in range(len(spec.times)) for cut in left_out(spec, t)))
        book.set_scale()
        if spec.recheck:
            doubtful = book.doubtful()
            yield from _predict(book, (cut for t, out in doubtful.items()
                                       for cut in left_out(spec, t, out, beside(spec, t, out))))
    except DeadlinePassed:
        if not any(book.known()):
            raise
        late = "recheck" if doubtful else "check"
        if not doubtful:
            book.set_scale()
    return assemble(book, how, doubtful, late)


def rounds(spec: Spec) -> int:
    """How many rounds there may be: two of the search, one for all but the longest series, one for a recheck."""
    return 1 + 2 * (spec.variogram is None) + bool(spec.recheck)


def _predict(book: Book, cuts: Iterable[Cut]) -> Generator[Sequence[Job], Sequence[bytes], None]:
    for some in _rounds(cuts):
        try:
            answers = yield [cut.tile.job([book.variogram]) for cut in some]
        except DeadlinePassed as passed:
            book.write(some, passed.answers)
            raise
        book.write(some, answers)


def _rounds(cuts: Iterable[Cut]) -> Iterator[list[Cut]]:
    some: list[Cut] = []
    for cut in cuts:
        some.append(cut)
        if len(some) == ROUND_JOBS:
            yield some
            some = []
    if some:
        yield some
