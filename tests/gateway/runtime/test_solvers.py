"""Generators of tasks beside the loop."""

import asyncio
import json
import threading
from collections import deque

import pytest
from pydantic import BaseModel, ConfigDict

from lamplighter.firmware.wire import MAX_ANSWER, MAX_BLOB, MAX_CONTEXTS, MAX_INPUT
from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import events as e
from lamplighter.gateway.runtime.solvers import Solvers
from lamplighter.tasks.api import Context, DeadlinePassed, DemoInput, Job, Kind, Result, TaskError


class Model(BaseModel):
    """Input of the toy kind."""

    model_config = ConfigDict(extra="forbid")
    n: int = 1


def kind_of(solve, prepare=lambda model: model.n, check=None):
    return Kind("toy", 1, "toy", Model, "kernel.py", prepare, solve, lambda s, r: {}, str, lambda d: {},
                lambda p: DemoInput({}, "", False), check)


class Bench:
    """Solvers of one kind, and a queue of what they say."""

    def __init__(self, kind):
        self.solvers = Solvers({"toy": kind}, self._put)
        self.said, self._news = deque(), asyncio.Event()

    def _put(self, event):
        self.said.append(event)
        self._news.set()

    async def next(self):
        while not self.said:
            self._news.clear()
            await self._news.wait()
        return self.said.popleft()

    def start(self, task="t", **given):
        body = json.dumps({"id": task, "kind": "toy", "input": given}).encode()
        self.solvers.start(f.StartSolver(task, "toy", body))

    async def begun(self, task="t", **given):
        self.start(task, **given)
        return await self.next()

    async def advanced(self, round_, answers, task="t"):
        self.solvers.advance(f.AdvanceSolver(task, round_, tuple(answers)))
        return await self.next()


@pytest.fixture
def bench():
    """bench(kind, work) runs ``await work(Bench)`` within a bound and closes the solvers."""
    def run(kind, work):
        async def main():
            made = Bench(kind)
            try:
                async with asyncio.timeout(300):
                    await work(made)
            finally:
                made.solvers.close()
        asyncio.run(main())
    return run


def two_rounds(n):
    """Round 0 has n jobs, round 1 one job on their answers."""
    shared = Context(b"shared")
    answers = yield [Job(bytes([i]), 2, 1_500, 100, (shared,)) for i in range(n)]
    (last,) = yield [Job(b"".join(answers), 3, 999, 50)]
    return Result("found", {"last": last.decode()})


def test_rounds_come_and_go(bench):
    """Each round's jobs become an event, the answers go back in, the result ends it."""
    async def work(b):
        first = await b.begun(n=2)
        name = Context(b"shared").name
        assert first == e.RoundYielded("t", 0, tuple(e.JobSpec(bytes([i]), (name,), 2, 2, 100) for i in range(2)))
        second = await b.advanced(0, [b"ab", b"cd"])
        assert second == e.RoundYielded("t", 1, (e.JobSpec(b"abcd", (), 3, 1, 50),))
        solved = await b.advanced(1, [b"xyz"])
        assert solved.task == "t" and json.loads(solved.result) == {"summary": "found", "data": {"last": "xyz"}}
    bench(kind_of(two_rounds), work)


def with_a_last_word(n):
    """Says what it can of one round."""
    try:
        answers = yield [Job(bytes([i]), 2, 1_500, 100) for i in range(n)]
    except DeadlinePassed as late:
        known = [answer for answer in late.answers if answer]
        return Result("half", {"known": len(known)}, f"{n - len(known)} of {n} jobs are missing")
    return Result("whole", {"known": len(answers)})


@pytest.mark.parametrize(("round_", "answers", "known"), [(0, (b"ab", None), 1), (-1, (), 0)])
def test_a_deadline_leaves_a_partial_answer(bench, round_, answers, known):
    """The generator gets the verified answers there are and says what is missing."""
    async def work(b):
        await b.begun(n=2)
        b.solvers.give_up(f.GiveUp("t", round_, answers))
        solved = await b.next()
        assert json.loads(solved.result) == {"summary": "half", "data": {"known": known},
                                             "partial": f"{2 - known} of 2 jobs are missing"}
    bench(kind_of(with_a_last_word), work)


def test_a_deadline_without_a_last_word_fails_the_task(bench):
    """A kind that does not catch it has nothing to say; one that asks for more work is broken."""
    def greedy(n):
        try:
            yield from two_rounds(n)
        except DeadlinePassed:
            yield [Job(b"more", 1, 1, 1)]
        return Result("", {})

    async def work(b):
        await b.begun(n=2)
        b.solvers.give_up(f.GiveUp("t", 0, (b"ab", None)))
        broke = await b.next()
        assert (broke.code, broke.fault) == wanted
        assert wanted[1] == "kind" or "1 of the round's 2 jobs" in broke.message

    wanted = ("deadline", "nobody")
    bench(kind_of(two_rounds), work)
    wanted = ("kind_failed", "kind")
    bench(kind_of(greedy), work)


@pytest.mark.parametrize(("given", "code"), [({"m": 1}, "unknown_field"), ({"n": "many"}, "bad_value")])
def test_an_invalid_input_is_the_operators(bench, given, code):
    """A task whose input does not validate any more (another version of the kind) breaks as the operator's."""
    async def work(b):
        broke = await b.begun(**given)
        assert (broke.task, broke.code, broke.fault) == ("t", code, "operator")
    bench(kind_of(two_rounds), work)


def test_a_task_error_in_a_solution_is_the_operators(bench):
    """What a kind finds impossible is the request's fault."""
    def solve(n):
        raise TaskError("no_road", "there is no road", "add one", "/roads")
        yield
    async def work(b):
        assert await b.begun() == e.TaskBroke("t", "no_road", "there is no road", "operator")
    bench(kind_of(solve), work)


@pytest.mark.parametrize("where", ["prepare", "first", "later", "result"])
def test_a_bug_of_a_kind_breaks_its_task_only(bench, where, caplog):
    """Whatever a kind raises, or returns that is no JSON, fails its own task, is logged, and the others go on."""
    def prepare(model):
        if where == "prepare" and model.n == 7:
            raise KeyError("junction")
        return model.n

    def solve(n):
        if where == "first" and n == 7:
            raise KeyError("junction")
        yield [Job(b"x", 1, 1, 1)]
        if where == "later" and n == 7:
            raise KeyError("junction")
        return Result("s", {"x": float("nan") if n == 7 else 1.0})

    async def work(b):
        said = await b.begun(n=7)
        if isinstance(said, e.RoundYielded):
            said = await b.advanced(0, [b"y"])
        assert (said.task, said.code, said.fault) == ("t", "kind_failed", "kind")
        assert ("junction" in said.message) == (where != "result") and len(caplog.records) == 1
        assert isinstance(await b.begun("u", n=1), e.RoundYielded)
        assert isinstance(await b.advanced(0, [b"y"], "u"), e.TaskSolved)
    bench(kind_of(solve, prepare), work)


@pytest.mark.parametrize("job", [
    Job(b"x" * (MAX_INPUT + 1), 1, 1, 1), Job(b"", 0, 1, 1), Job(b"", MAX_ANSWER + 1, 1, 1), Job(b"", 1, 0, 1),
    Job(b"", 1, 1, 1, tuple(Context(bytes([i])) for i in range(MAX_CONTEXTS + 1))),
    Job(b"", 1, 1, 1, (Context(b"x" * (MAX_BLOB + 1)),)),
], ids=["input", "no answer", "answer", "no ops", "contexts", "context"])
def test_jobs_that_cannot_travel_are_a_bug_of_the_kind(bench, job):
    """A job beyond the bounds of the wire fails its task instead of a device."""
    def solve(n):
        yield [job]
    async def work(b):
        broke = await b.begun()
        assert (broke.code, broke.fault) == ("kind_failed", "kind") and "out of bounds" in broke.message
    bench(kind_of(solve), work)


def test_jobs_at_the_bounds_travel(bench):
    """The largest job is leased like any other."""
    largest = Job(b"x" * MAX_INPUT, MAX_ANSWER, 1, 1,
                  tuple(Context(bytes([i]) * MAX_BLOB) for i in range(MAX_CONTEXTS)))
    def solve(n):
        yield [largest]
    async def work(b):
        assert len((await b.begun()).jobs[0].contexts) == MAX_CONTEXTS
    bench(kind_of(solve), work)


def test_rounds_without_jobs_are_answered_at_once(bench):
    """An empty round is no round for the core: numbers stay without gaps."""
    def solve(n):
        assert (yield []) == ()
        first = yield [Job(b"a", 1, 1, 1)]
        assert (yield []) == ()
        assert (yield []) == ()
        yield [Job(b"b", 1, 1, 1)]
        return Result("s", {"first": first[0].decode()})
    async def work(b):
        assert (await b.begun()).round == 0
        assert (await b.advanced(0, [b"y"])).round == 1
        assert isinstance(await b.advanced(1, [b"z"]), e.TaskSolved)
    bench(kind_of(solve), work)


def test_contexts_are_there_while_their_task_is(bench):
    """Devices can fetch what a running task's jobs name; afterwards nobody keeps it."""
    async def work(b):
        await b.begun(n=2)
        name = Context(b"shared").name
        assert b.solvers.context(name) == b"shared" and b.solvers.context(b"?" * 16) is None
        b.solvers.stop("t")
        assert b.solvers.context(name) is None
    bench(kind_of(two_rounds), work)


def test_a_kinds_check_sees_spec_job_and_answer(bench):
    """The check gets what the solution yielded; without one, or without the task, every answer is possible."""
    seen = []
    def check(spec, job, answer):
        seen.append((spec, job.input, [c.data for c in job.contexts], answer))
        return answer != b"no"
    async def work(b):
        spec = (await b.begun(n=2)).jobs[1]
        assert b.solvers.check("t", spec, b"ok") and not b.solvers.check("t", spec, b"no")
        assert seen[0] == (2, b"\x01", [b"shared"], b"ok")
        assert b.solvers.check("unknown", spec, b"no")
    bench(kind_of(two_rounds, check=check), work)


def test_a_check_that_raises_casts_doubt(bench, caplog):
    """Its bug cannot take the gateway with it: the answer is recomputed instead."""
    def check(spec, job, answer):
        raise IndexError("short")
    async def work(b):
        spec = (await b.begun(n=1)).jobs[0]
        assert b.solvers.check("t", spec, b"") is False and len(caplog.records) == 1
    bench(kind_of(two_rounds, check=check), work)


def test_a_task_that_ends_during_its_preparation_leaves_nothing(bench, caplog):
    """Cancelled while the thread is at it: no event, no generator, no traceback."""
    gate, inside = threading.Event(), threading.Event()
    def prepare(model):
        if model.n == 7:
            inside.set()
            gate.wait(10)
        return model.n
    async def work(b):
        b.start("t", n=7)
        await asyncio.to_thread(inside.wait, 10)
        b.solvers.advance(f.AdvanceSolver("t", 0, ()))     # released just before the task was cancelled
        b.solvers.stop("t")
        gate.set()
        assert (await b.begun("u", n=1)).task == "u"
        assert not b.said and b.solvers.context(Context(b"shared").name) == b"shared"
        b.solvers.stop("u")
        assert b.solvers.context(Context(b"shared").name) is None and not caplog.records
    bench(kind_of(two_rounds, prepare), work)


def test_validation_and_price_run_in_the_thread(bench):
    """A dry run gives the first round's jobs, prepares beside the loop and keeps nothing."""
    threads = []
    def prepare(model):
        threads.append(threading.current_thread().name)
        return model.n
    async def work(b):
        spec = await b.solvers.prepare("toy", {"n": 3})
        assert len(await b.solvers.first_round("toy", spec)) == 3
        assert threads[0].startswith("solver") and b.solvers.context(Context(b"shared").name) is None
        with pytest.raises(TaskError):
            await b.solvers.prepare("toi", {})
    bench(kind_of(two_rounds, prepare), work)


def test_a_kind_that_knows_the_answer_has_no_first_round(bench):
    """A solution that returns without jobs costs nothing."""
    def solve(n):
        return Result("s", {})
        yield
    async def work(b):
        assert list(await b.solvers.first_round("toy", 1)) == []
        assert isinstance(await b.begun(), e.TaskSolved)
    bench(kind_of(solve), work)
