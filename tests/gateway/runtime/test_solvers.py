"""Generators of tasks in workers: where they are, what becomes of them, what the core is told."""

import asyncio
import json
import threading
from collections import deque
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from lamplighter.firmware.wire import MAX_BLOB, MAX_CONTEXTS
from lamplighter.gateway.api.requests import Ref, RequestError
from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import events as e
from lamplighter.gateway.core.spans import together
from lamplighter.gateway.runtime.child import pack, unpack
from lamplighter.gateway.runtime.kinds import info_of
from lamplighter.gateway.runtime.lanes import TIMES, WorkerDied, open_lanes
from lamplighter.gateway.runtime.rounds import digest_of
from lamplighter.gateway.runtime.solvers import MAX_CHECKS, MAX_DEATHS, QUICK_BYTES, KindBroke, Solvers
from lamplighter.tasks.api import (
    JOB_ANSWER,
    JOB_INPUT,
    Context,
    DeadlinePassed,
    DemoInput,
    Job,
    Kind,
    Result,
    TaskError,
)
from tests.gateway.workers import InlineWorker


class Model(BaseModel):
    """Input of the toy kind."""

    model_config = ConfigDict(extra="forbid")
    n: int = 1


def kind_of(solve, prepare=lambda model: model.n, check=None, files=lambda data: {}):
    return Kind("toy", 1, "toy", Model, Path(__file__), prepare, solve, lambda s, r: {}, str, files,
                lambda p: DemoInput({}, "", False), check)


class Bench:
    """Solvers of one kind, and a queue of what they say. ``workers`` are all that were made; ``fate(what)`` is asked
    before each request of what may become of the worker: it raises WorkerDied, or gives a message to answer with."""

    def __init__(self, kind):
        self.fate, self.workers, self.failed = lambda what: None, [], []
        self.solvers = Solvers({"toy": info_of(kind)}, open_lanes(self._worker, 60), self._put,
                               self.failed.append)
        self.solvers._lanes.quick.limit_s = 60
        self.said, self._news = deque(), asyncio.Event()
        self._kind = kind

    def _worker(self):
        self.workers.append(InlineWorker({"toy": self._kind}, lambda request: self.fate(unpack(request).head)))
        return self.workers[-1]

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

    async def checked(self, spec, answer, task="t"):
        self.solvers.check(f.CheckAnswer(task, 0, 0, 0, spec, answer))
        said = await self.next()
        assert said == e.AnswerChecked(task, 0, 0, 0, answer, said.possible)
        return said.possible


def body_of(**given):
    return json.dumps({"kind": "toy", "input": given}).encode()


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
        specs = tuple(e.JobSpec(bytes([i]), (name,), 2, 2, 100) for i in range(2))
        assert first == e.RoundYielded("t", 0, specs, digest=digest_of(specs))
        second = await b.advanced(0, [b"ab", b"cd"])
        specs = (e.JobSpec(b"abcd", (), 3, 1, 50),)
        assert second == e.RoundYielded("t", 1, specs, digest=digest_of(specs))
        solved = await b.advanced(1, [b"xyz"])
        assert (solved.task, solved.rounds) == ("t", 2)
        assert json.loads(solved.result) == {"summary": "found", "data": {"last": "xyz"}}
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
    Job(b"x" * (JOB_INPUT + 1), 1, 1, 1), Job(b"", 0, 1, 1), Job(b"", JOB_ANSWER + 1, 1, 1), Job(b"", 1, 0, 1),
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
    largest = Job(b"x" * JOB_INPUT, JOB_ANSWER, 1, 1,
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
    """The check gets what the solution yielded; what nobody runs is not asked about."""
    seen = []
    def check(spec, job, answer):
        seen.append((spec, job.input, [c.data for c in job.contexts], job.answer_bytes, answer))
        return answer != b"no"
    async def work(b):
        spec = (await b.begun(n=2)).jobs[1]
        assert await b.checked(spec, b"ok") and not await b.checked(spec, b"no")
        assert seen[0] == (2, b"\x01", [b"shared"], 2, b"ok")
        b.solvers.check(f.CheckAnswer("unknown", 0, 0, 0, spec, b"no"))
        assert await b.checked(spec, b"ok") and not b.said
    bench(kind_of(two_rounds, check=check), work)


@pytest.mark.parametrize(("answer", "possible", "asked"), [
    (b"okok", True, (0, 1, 0)), (b"okno", False, (0, 1, 0)), (b"nook", False, (0, 0))])
def test_of_a_span_a_check_sees_each_job(bench, answer, possible, asked):
    """With its own answer, until one is impossible; the span is possible if all are. What is asked about next is not
    mixed up with it."""
    seen = []
    def check(spec, job, answer):
        seen.append((job.input, job.answer_bytes, job.ops, job.heap_bytes, [c.data for c in job.contexts]))
        return answer != b"no"
    async def work(b):
        jobs = (await b.begun(n=2)).jobs
        span = together(jobs)
        b.solvers.check(f.CheckAnswer("t", 0, 0, 0, span, answer))
        b.solvers.check(f.CheckAnswer("t", 0, 1, 0, jobs[0], b"ok"))
        assert [(await b.next()).possible for _ in range(2)] == [possible, True]
        assert seen == [(bytes([n]), 2, 2_000, 100, [b"shared"]) for n in asked]
    bench(kind_of(two_rounds, check=check), work)


def test_spans_are_asked_about_as_many_jobs_at_a_time(bench):
    """A worker is asked about a bounded number of jobs, however they are leased."""
    asks = []
    async def work(b):
        span = together((await b.begun(n=2)).jobs)
        b.fate = lambda head: asks.append(head["jobs"]) if head["do"] == "check" else None
        for number in range(MAX_CHECKS // 2 + 1):
            b.solvers.check(f.CheckAnswer("t", 0, number, 0, span, b"okok"))
        assert all([(await b.next()).possible for _ in range(MAX_CHECKS // 2 + 1)])
        assert asks == [[2] * (MAX_CHECKS // 2), [2]]
    bench(kind_of(two_rounds, check=lambda spec, job, answer: True), work)


def test_a_document_is_prepared_once(bench):
    """A task is validated when it is submitted, and its solver is started on what was made of it."""
    made = []
    async def work(b):
        await b.solvers.prepare("toy", json.dumps({"id": "t", "kind": "toy", "input": {"n": 2}}).encode())
        assert len((await b.begun(n=2)).jobs) == 2 and made == [2]
        assert len((await b.begun("other", n=2)).jobs) == 2 and made == [2, 2]
    bench(kind_of(two_rounds, prepare=lambda model: made.append(model.n) or model.n), work)


def test_answers_that_wait_are_asked_about_together(bench):
    """One message holds as many as there are, up to a bound."""
    asks = []
    async def work(b):
        spec = (await b.begun(n=1)).jobs[0]
        b.fate = lambda head: asks.append(len(head["jobs"])) if head["do"] == "check" else None
        for number in range(MAX_CHECKS + 3):
            b.solvers.check(f.CheckAnswer("t", 0, number, 0, spec, b"%d" % (number % 2)))
        said = [await b.next() for _ in range(MAX_CHECKS + 3)]
        assert [(one.index, one.possible) for one in said] == [(n, n % 2 == 1) for n in range(MAX_CHECKS + 3)]
        assert asks == [MAX_CHECKS, 3]
    bench(kind_of(two_rounds, check=lambda spec, job, answer: answer == b"1"), work)


def test_a_check_that_raises_casts_doubt(bench, caplog):
    """Its bug cannot take the gateway with it: the answer is recomputed instead."""
    def check(spec, job, answer):
        raise IndexError("short")
    async def work(b):
        spec = (await b.begun(n=1)).jobs[0]
        assert await b.checked(spec, b"") is False and len(caplog.records) == 1
    bench(kind_of(two_rounds, check=check), work)


def test_a_check_that_ends_its_worker_is_not_asked_again(bench, caplog):
    """Its answer is recomputed, and the task goes on without the check, also once its generator has come back."""
    def fate(head):
        if head["do"] == "check":
            raise WorkerDied
    async def work(b):
        spec = (await b.begun(n=1)).jobs[0]
        b.fate = fate
        b.solvers.check(f.CheckAnswer("t", 0, 0, 0, spec, b"ok"))
        assert await b.next() == e.SolverLost("t") and (await b.next()).possible is False
        await b.begun(n=1)
        assert await b.checked(spec, b"ok") is True and len(caplog.records) == 1
    bench(kind_of(two_rounds, check=lambda spec, job, answer: True), work)


def test_a_task_that_ends_during_its_preparation_leaves_nothing(bench, caplog):
    """What a worker is doing for it is called off: no event, no generator, no traceback; the next has its turn."""
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
        assert b.workers[0].interrupted >= 1
        gate.set()
        assert (await b.begun("u", n=1)).task == "u"
        assert not b.said and b.solvers.context(Context(b"shared").name) == b"shared"
        b.solvers.stop("u")
        assert b.solvers.context(Context(b"shared").name) is None and not caplog.records
    bench(kind_of(two_rounds, prepare), work)


def test_a_task_that_is_over_leaves_its_worker(bench):
    """Its generator is forgotten there too, but not one of the same name that has begun since."""
    done = []
    async def work(b):
        b.fate = lambda head: done.append(head["do"])
        await b.begun(n=1)
        b.solvers.stop("t")
        await b.begun("u", n=1)
        b.solvers.stop("u")
        await b.begun("u", n=2)
        assert done == ["kinds", "start", "stop", "start", "start"]
        assert (await b.advanced(0, [b"ab", b"cd"], "u")).round == 1
    bench(kind_of(two_rounds), work)


def test_what_a_worker_did_is_lost_with_it(bench):
    """All generators in it are wanted anew; contexts stay, and steps that were on their way are forgotten."""
    async def work(b):
        await b.begun(n=2)
        await b.begun("u", n=1)
        b.workers[0].kill()
        assert {await b.advanced(0, [b"x"], "u"), await b.next()} == {e.SolverLost("t"), e.SolverLost("u")}
        b.solvers.advance(f.AdvanceSolver("t", 0, (b"ab", b"cd")))
        assert b.solvers.context(Context(b"shared").name) == b"shared"
        assert (await b.begun(n=2)).round == 0 and len(b.workers) == 2
        assert (await b.advanced(0, [b"ab", b"cd"])).round == 1 and not b.said
    bench(kind_of(two_rounds), work)


def test_over_one_thing_workers_end_by_chance_a_few_times(bench):
    """Then its task is to blame; over different things they may end as often as they like."""
    def fate(head):
        if head["do"] in fatal:
            raise WorkerDied
    async def work(b):
        b.fate = fate
        for what in range(2 * MAX_DEATHS):
            fatal[:] = [("start", "last")[what % 2]]
            said = await b.begun(n=1)
            if fatal == ["last"]:
                assert said.round == 0
                b.solvers.give_up(f.GiveUp("t", 0, (b"a",)))
                said = await b.next()
            assert said == e.SolverLost("t")
        fatal[:] = ["start"]
        for _ in range(2):   # it goes well in between
            assert await b.begun(n=1) == await b.begun(n=1) == e.SolverLost("t")
            fatal.clear()
            assert (await b.begun(n=1)).round == 0
            fatal[:] = ["start"]
        fatal[:] = ["advance"]
        for _ in range(MAX_DEATHS):
            await b.begun(n=1)
            said = await b.advanced(0, [b"ab"])
        assert (said.code, said.fault) == ("worker_died", "kind") and "round 0" in said.message
    fatal = []
    bench(kind_of(two_rounds), work)


def test_what_is_called_off_for_nothing_begins_anew(bench):
    """A worker may have been told to leave off just when it went on to something else."""
    async def work(b):
        await b.begun(n=1)
        b.fate = lambda head: pack({"is": "stopped"})
        for _ in range(2 * MAX_DEATHS):
            assert await b.advanced(0, [b"x"]) == e.SolverLost("t")
            b.fate = lambda head: None
            await b.begun(n=1)
            b.fate = lambda head: pack({"is": "stopped"})
    bench(kind_of(two_rounds), work)


@pytest.mark.parametrize(("answer", "code"), [({"is": "overfull"}, "too_much_memory"), (None, "too_slow")])
def test_what_is_too_much_for_the_quick_lane_goes_on_in_the_other(bench, answer, code):
    """There it may take its time; beyond that the task fails, and says what to do."""
    async def work(b):
        quick, long = b.solvers._lanes
        hang = threading.Event()
        b.fate = lambda head: (pack(answer) if answer else hang.wait() and None) if head["do"] == "advance" else None
        await b.begun(n=1)
        if not answer:
            quick.limit_s = 0.01
            b.workers[0].interrupt = hang.set
            b.fate = lambda head: hang.wait() and pack({"is": "stopped"}) if head["do"] == "advance" else None
        assert await b.advanced(0, [b"ab"]) == e.SolverLost("t")
        assert (await b.begun(n=1)).round == 0 and len(b.workers) == 2
        hang.clear()
        if not answer:
            long.limit_s = 0.01
            b.workers[1].interrupt = hang.set
        said = await b.advanced(0, [b"ab"])
        assert (said.code, said.fault) == (code, "operator") and "smaller" in said.message
    bench(kind_of(two_rounds), work)


def test_a_worker_that_does_not_leave_off_is_killed(bench, monkeypatch):
    """A kind may hold on to its processor whatever it is told."""
    monkeypatch.setattr("lamplighter.gateway.runtime.lanes.GRACE_S", 0.01)
    async def work(b):
        hang = threading.Event()
        await b.begun("u", n=1)
        await b.begun(n=1)
        b.solvers._lanes.quick.limit_s = 0.01
        def kill():
            b.workers[0].killed = 1
            hang.set()
        b.workers[0].kill = kill
        b.fate = lambda head: hang.wait() and None if head["do"] == "advance" else None
        said = [await b.advanced(0, [b"ab"]), await b.next()]
        assert said == [e.SolverLost("u"), e.SolverLost("t")] and b.workers[0].interrupted == TIMES
    bench(kind_of(two_rounds), work)


def test_long_documents_have_a_worker_of_their_own(bench):
    """What follows from a short one never waits for a long one."""
    gate = threading.Event()
    async def work(b):
        b.fate = lambda head: gate.wait(60) and None if head["do"] == "prepare" else None
        long = asyncio.create_task(b.solvers.prepare("toy", body_of(n=1) + b" " * QUICK_BYTES))
        assert (await b.begun(n=1)).round == 0 and not long.done()
        gate.set()
        await long
        assert len(b.workers) == 2
    bench(kind_of(two_rounds), work)


def test_tasks_come_before_requests(bench):
    """However many documents wait to be looked at."""
    done, gate = [], threading.Event()
    async def work(b):
        await b.begun(n=1)
        b.fate = lambda head: done.append(head["do"]) or (gate.wait(60) and None)
        asked = [asyncio.create_task(b.solvers.prepare("toy", body_of(n=1))) for _ in range(3)]
        while not done:   # noqa: ASYNC110
            await asyncio.sleep(0)
        b.solvers.advance(f.AdvanceSolver("t", 0, (b"ab",)))
        gate.set()
        await b.next()
        await asyncio.gather(*asked)
        assert done == ["prepare", "advance", "prepare", "prepare"]
    bench(kind_of(two_rounds), work)


def test_validation_and_price_run_in_a_worker(bench):
    """A dry run gives the first round's jobs, prepares beside the loop and keeps nothing."""
    threads = []
    def prepare(model):
        threads.append(threading.current_thread().name)
        if model.n == 9:
            raise KeyError("junction")
        return model.n
    async def work(b):
        await b.solvers.prepare("toy", body_of(n=3))
        assert [job.price_kop for job in await b.solvers.first_round("toy", body_of(n=3))] == [2, 2, 2]
        assert threads[0].startswith("worker") and b.solvers.context(Context(b"shared").name) is None
        with pytest.raises(TaskError) as caught:
            await b.solvers.prepare("toi", body_of())
        assert (caught.value.code, caught.value.path) == ("unknown_kind", "/kind")
        with pytest.raises(KindBroke, match="junction"):
            await b.solvers.prepare("toy", body_of(n=9))
    bench(kind_of(two_rounds, prepare), work)


def test_files_of_an_answer_are_made_by_a_worker(bench):
    """Of what was published; a failure has none, and what the kind raises is told."""
    def told(**more):
        return json.dumps({"kind": "toy", "ok": True, "result": {"summary": "s", "data": {"n": 3}}, **more}).encode()

    async def work(b):
        assert await b.solvers.files(told()) == {"a.csv": b"n\n3\n", "b.svg": b""}
        assert await b.solvers.files(told(ok=False)) == {}
        with pytest.raises(KindBroke, match="KeyError"):
            await b.solvers.files(told(result={"data": {}}))
    bench(kind_of(two_rounds, files=lambda data: {"a.csv": b"n\n%d\n" % data["n"], "b.svg": b""}), work)


def test_requests_outlive_a_worker(bench):
    """One that ended is replaced and asked again; after a few the request is refused by name."""
    deaths = []
    def fate(head):
        if head["do"] == "prepare" and len(deaths) < most:
            deaths.append(head)
            raise WorkerDied
    async def work(b):
        b.fate = fate
        await b.solvers.prepare("toy", body_of(n=1))
        assert len(b.workers) == MAX_DEATHS == len(deaths) + 1
        deaths.clear()
        b.fate = lambda head: fate(head) or deaths.clear()
        with pytest.raises(TaskError) as caught:
            await b.solvers.prepare("toy", body_of(n=1))
        assert caught.value.code == "worker_died"
    most = MAX_DEATHS - 1
    bench(kind_of(two_rounds), work)


def test_a_long_request_is_read_in_a_worker(bench):
    """Its input stays there; what is wrong with it is told as it would be on the loop."""
    async def work(b):
        request = {"id": "t", "kind": "toy", "input": {"n": 1}, "cid": "7", "reply_to": "anna"}
        read = await b.solvers.read("anna", "task.submit", json.dumps(request).encode(), False)
        assert (read.params["input"], read.params["id"], read.cid, read.reply_to) == ({}, "t", "7", "anna")
        assert json.loads(read.body) == {"id": "t", "kind": "toy", "input": {"n": 1}}
        with pytest.raises(RequestError) as caught:
            await b.solvers.read("anna", "task.submit", b'{"id": "t", "ind": 1, "reply_to": "anna"}', True)
        assert (caught.value.code, caught.value.path) == ("unknown_field", "/ind")
        assert caught.value.ref == Ref("anna", "", "t")
    bench(kind_of(two_rounds), work)


def test_a_kind_that_knows_the_answer_has_no_first_round(bench):
    """A solution that returns without jobs costs nothing."""
    def solve(n):
        return Result("s", {})
        yield
    async def work(b):
        assert list(await b.solvers.first_round("toy", body_of())) == []
        assert isinstance(await b.begun(), e.TaskSolved)
    bench(kind_of(solve), work)
