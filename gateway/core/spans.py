"""Spans: several jobs under one lease, so that what the gateway spends on a lease is little beside what it buys.

A kind yields jobs as small as they come naturally. What is leased, answered, judged and paid is a span of them: jobs
of one round that have the same contexts. How many go together follows from what the devices that are there have
shown; it is decided once, when a round begins, and kept in the journal, so that a round that comes again is cut as it
was.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

from lamplighter.firmware.mac import MAC_BYTES
from lamplighter.firmware.wire import LEASE_BYTES, MAX_ANSWER, MAX_INPUT, RECEIPT_BYTES
from lamplighter.gateway.core.entities import Node, Round, Task
from lamplighter.gateway.core.events import Item, JobSpec
from lamplighter.gateway.core.state import State
from lamplighter.gateway.core.whynot import SPANS, bid_pace

MOST = 255
"""Jobs of a span: their number is a byte, in the lease and in the journal."""
HEAD_BYTES, EACH_BYTES = 1, 2
"""Of the input of a span, besides those of its jobs: how many they are, and how long each is."""
NO_BOUND = 1 << 30
"""Of the gateway's own computer: more bytes than the wire has in a span."""
NATIVE_GAIN = 20
"""So many times as fast as bytecode, whose speed devices bid, is machine code, until a device has been seen at it."""


def cuts_for(state: State, task: Task, jobs: Sequence[JobSpec]) -> bytes:
    """How many jobs each span of a round has, in the order of ``_order``; b"" where each job is leased by itself.

    Three in four of the devices that are there must be able to hold a span, and to send its answer in one message.
    """
    there = those_there(state)
    able = [node for node in there if SPANS in node.can]
    if not jobs or 2 * len(able) <= len(there):
        return b""
    pace_us = max(1, sorted(_pace(state, node, task) for node in able)[len(able) // 2])
    tasks = max(1, sum(not other.over for other in state.tasks.values()))
    spans = state.policy.spans_per_node * max(1, len(able) // tasks)
    least, most = (ms * 1_000 // pace_us for ms in (state.policy.span_least_ms, state.policy.span_ms))
    heap, message = (sorted(sizes)[len(able) // 4] for sizes in (
        [node.heap for node in able], [node.message for node in able]))
    return _spanned(jobs, _Bounds(least, most, spans, heap, message))


def cuts_here(state: State, task: Task, jobs: Sequence[JobSpec]) -> bytes:
    """The same for a round that the gateway computes itself: what it asks its own computer for at once."""
    most = max(1, state.policy.here_ms * 1_000_000 // credit_ns(state, task))
    return _spanned(jobs, _Bounds(most, most, 1, NO_BOUND, NO_BOUND))


def credit_ns(state: State, task: Task) -> int:
    """What a credit of a task takes of the gateway's own computer, in ns."""
    return state.policy.credit_ns * (1 if state.native and state.kind_of(task).native else NATIVE_GAIN)


def those_there(state: State) -> list[Node]:
    """Devices that are connected and have said what they can take."""
    return [node for node in state.nodes.values() if node.online and node.bid and not node.revoked]


def _pace(state: State, node: Node, task: Task) -> int:
    """Microseconds per credit, as it was seen at this kind or else as it says. The upper bits of a board's ``.mpy``
    number say which machine code it runs, if any."""
    native = node.arch >> 10 and state.kind_of(task).native
    return node.pace.get(task.kind) or bid_pace(node) // (NATIVE_GAIN if native else 1)


class _Bounds:
    """What a span may have, and what the one at hand has: credits, bytes of heap, and of a message each way.

    What is left of the round is to be enough for so many ``spans``: the last ones are short, so that devices come to
    the end of it together.
    """

    def __init__(self, least: int, most: int, spans: int, heap: int, message: int) -> None:
        self._least, self._most, self._spans, self._heap = least, most, spans, heap
        self._input = min(MAX_INPUT, message - LEASE_BYTES - MAC_BYTES)
        self._answer = min(MAX_ANSWER, message - RECEIPT_BYTES - MAC_BYTES)

    def begin(self, round_kop: int, group_kop: int) -> None:
        """A span without jobs yet. So much is left of the round, and of the group: its last two are to be alike."""
        most = max(self._least, min(self._most, round_kop // self._spans))
        self._kop = -(-group_kop // 2) if most < group_kop < 2 * most else most
        self._jobs = self._has_kop = self._given = self._answered = self._working = 0

    def takes(self, job: JobSpec) -> bool:
        """Whether the job goes into the span too; the first always does."""
        jobs, kop = self._jobs + 1, self._has_kop + job.price_kop
        given = self._given + EACH_BYTES + len(job.input)
        answered, working = self._answered + job.answer_bytes, max(self._working, job.heap_bytes)
        if self._jobs and (
                jobs > MOST or kop > self._kop or answered > self._answer
                or HEAD_BYTES + 16 * len(job.contexts) + given > self._input
                or working + given + 2 * answered > self._heap):
            return False
        self._jobs, self._has_kop, self._given, self._answered, self._working = jobs, kop, given, answered, working
        return True


def _spanned(jobs: Sequence[JobSpec], bounds: _Bounds) -> bytes:
    cuts = bytes(_cuts(jobs, _order(jobs), bounds))
    return cuts if len(cuts) < len(jobs) else b""


def _cuts(jobs: Sequence[JobSpec], order: Sequence[int], bounds: _Bounds) -> Iterator[int]:
    left = sum(job.price_kop for job in jobs)
    for first, end in _groups(jobs, order):
        group = sum(jobs[at].price_kop for at in order[first:end])
        bounds.begin(left, group)
        count = 0
        for at in order[first:end]:
            if not bounds.takes(jobs[at]):
                yield count
                count = 0
                bounds.begin(left, group)
                bounds.takes(jobs[at])
            left, group, count = left - jobs[at].price_kop, group - jobs[at].price_kop, count + 1
        yield count


def _groups(jobs: Sequence[JobSpec], order: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Where in ``order`` jobs with the same contexts begin, and end."""
    starts = [at for at in range(1, len(order)) if jobs[order[at]].contexts != jobs[order[at - 1]].contexts]
    return pairwise([0, *starts, len(order)])


def _order(jobs: Sequence[JobSpec]) -> list[int]:
    """The places of jobs in a round, those with the same contexts together, else as they were yielded."""
    first: dict[tuple[bytes, ...], int] = {}
    for job in jobs:
        first.setdefault(job.contexts, len(first))
    return sorted(range(len(jobs)), key=lambda at: first[jobs[at].contexts])


def cut(round_: Round, cuts: bytes) -> None:
    """Says what is leased of a round, which keeps which answer is whose."""
    jobs = round_.yielded
    if not cuts:
        round_.specs = jobs
        return
    order = round_.order = _order(jobs)
    ends = pairwise(accumulate(cuts, initial=0))
    round_.specs = [together([jobs[at] for at in order[first:end]]) for first, end in ends]


def together(jobs: Sequence[JobSpec]) -> JobSpec:
    """One job stays what it is."""
    if len(jobs) == 1:
        return jobs[0]
    inputs = [job.input for job in jobs]
    given = struct.pack(f">B{len(jobs)}H", len(jobs), *map(len, inputs)) + b"".join(inputs)
    answer = sum(job.answer_bytes for job in jobs)
    return JobSpec(given, jobs[0].contexts, answer, sum(job.price_kop for job in jobs),
                   max(job.heap_bytes for job in jobs) + len(given) + 2 * answer,
                   tuple(Item(len(job.input), job.answer_bytes, job.price_kop, job.heap_bytes) for job in jobs))


def inputs_of(span: JobSpec) -> bytes:
    """Those of its jobs, one after the other."""
    return span.input[HEAD_BYTES + EACH_BYTES * len(span.items):] if span.items else span.input


def items_of(span: JobSpec) -> list[JobSpec]:
    """The jobs of a span."""
    if not span.items:
        return [span]
    starts = accumulate((item.input_bytes for item in span.items), initial=HEAD_BYTES + EACH_BYTES * len(span.items))
    return [JobSpec(span.input[at:at + item.input_bytes], span.contexts, *item[1:])
            for at, item in zip(starts, span.items, strict=False)]


def answers_of(span: JobSpec, answer: bytes) -> list[bytes]:
    """The answers to the jobs of a span."""
    if not span.items:
        return [answer]
    ends = pairwise(accumulate((item.answer_bytes for item in span.items), initial=0))
    return [answer[first:end] for first, end in ends]


def answers_to(round_: Round, answers: Sequence[bytes | None]) -> tuple[bytes | None, ...]:
    """What the solver of a round is told, given the answers to what somebody has come to of what is leased: one for
    each job that it yielded."""
    order = round_.order
    answers = (*answers, *[None] * (len(round_.specs) - len(answers)))
    if not order:
        return answers
    found: list[bytes | None] = [None] * len(order)
    places = iter(order)
    for spec, answer in zip(round_.specs, answers, strict=True):
        parts = [None] * max(1, len(spec.items)) if answer is None else answers_of(spec, answer)
        for part in parts:
            found[next(places)] = part
    return tuple(found)
