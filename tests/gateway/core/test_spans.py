"""Spans: how a round is cut into them, and that its solver does not notice."""

import json

import pytest

from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import events as e
from lamplighter.gateway.core.entities import Job, KindFacts, Round
from lamplighter.gateway.core.lifecycle import Why
from lamplighter.gateway.core.snapshot import AnswerRow
from lamplighter.gateway.core.spans import answers_of, cut, cuts_for, inputs_of, items_of, together
from lamplighter.gateway.core.tasks import status
from lamplighter.gateway.core.whynot import why_not
from tests.gateway.city import ANSWER_BYTES, KINDS

NEW = ("floor", "span")
ONE, TWO = (b"1" * 16,), (b"2" * 16,)


def jobs_of(count, price=10, size=4, answer=ANSWER_BYTES, contexts=(), heap=1_000):
    """Jobs whose input begins with their number."""
    return [e.JobSpec(bytes((at % 256,)) + bytes(size - 1), contexts, answer, price, heap) for at in range(count)]


def spans_of(jobs, cuts):
    """What is leased of a round of ``jobs``."""
    made = Round(0, yielded=jobs)
    cut(made, cuts)
    return made.specs


def answer_of(city, lease):
    """The right one to each job of a span."""
    spec = city.state.leases[lease.nonce].job.spec
    return b"".join(city.right(b"".join((job.input, *job.contexts))) for job in items_of(spec))


@pytest.fixture
def city(make_city):
    """One where a span is to take a second, to the end of a round."""
    return make_city(span_ms=1_000, span_least_ms=1_000)


@pytest.fixture
def street(city):
    """Two devices of 100 kop/s of which half is spare, and a task that is still preparing."""
    for name in ("anna-1", "ben-1"):
        city.device(name, name, can=NEW, room=1)
    city.submit()
    return city


def cuts(city, jobs):
    return list(cuts_for(city.state, city.of(), jobs))


def test_a_span_takes_what_the_devices_do_in_a_second(street):
    """There are 50 kop of a device's time in that; jobs enough that each device gets more than one span."""
    assert cuts(street, jobs_of(200)) == [5] * 40


def test_what_was_seen_counts_more_than_what_was_said(street):
    """Twice as fast as they bid."""
    for node in street.state.nodes.values():
        node.pace[KINDS[0]] = 10_000
    assert cuts(street, jobs_of(200)) == [10] * 20


@pytest.mark.parametrize(("arch", "native", "most"), [(4 << 10, True, 100), (4 << 10, False, 5), (6, True, 5)])
def test_machine_code_is_faster_than_what_devices_bid(city, arch, native, most):
    """Where a board has it and the kernel becomes some; as long as neither has been seen."""
    city.kinds[KINDS[0]] = KindFacts(1, native=native)
    city.device("anna-1", can=NEW, arch=arch)
    city.submit()
    assert cuts(city, jobs_of(250, price=10) + jobs_of(250, price=10)) == [most] * (500 // most)


def test_the_last_spans_of_a_round_are_short(make_city):
    """What is left is enough for two more for each device, as long as that is worth a lease: here 200 ms are one job.
    Where there are other tasks a round has only its share of the devices."""
    city = make_city(span_ms=1_000, span_least_ms=200, spans_per_node=2)
    for name in ("anna-1", "ben-1"):
        city.device(name, name, can=NEW, room=1)
    city.submit()
    assert cuts(city, jobs_of(32)) == [5, 5, 5, 4, 3, 2, 2, 1, 1, 1, 1, 1, 1]
    assert spans_of(jobs_of(3), bytes((2, 1)))[-1] == jobs_of(3)[-1]   # a span of one is that job
    assert cuts(city, jobs_of(4)) == []
    city.submit("other")
    assert cuts(city, jobs_of(32)) == [5, 5, 5, 5, 5, 3, 2, 1, 1]


def test_the_spans_of_a_group_are_alike(street):
    """Six jobs in two spans are three each, where five would be the most."""
    jobs = [*jobs_of(194), *jobs_of(6, contexts=ONE)]
    assert cuts(street, jobs)[-2:] == [3, 3]


def test_only_jobs_with_the_same_contexts_go_together(street):
    """Wherever they stand in the round."""
    one, two = jobs_of(100, contexts=ONE), jobs_of(100, contexts=TWO)
    mixed = [job for pair in zip(one, two, strict=True) for job in pair]
    found = cuts_for(street.state, street.of(), mixed)
    assert list(found) == [5] * 40
    spans = spans_of(mixed, found)
    assert [spec.contexts for spec in spans] == [ONE] * 20 + [TWO] * 20
    assert items_of(spans[0]) == one[:5]


def test_a_job_that_is_left_over_stays_what_it_is():
    """It is leased like any other, and needs nothing of what makes a span."""
    jobs = jobs_of(3)
    assert [items_of(spec) for spec in spans_of(jobs, bytes((2, 1)))] == [jobs[:2], jobs[2:]]
    assert spans_of(jobs, bytes((2, 1)))[1] is jobs[2] and spans_of(jobs, b"") is jobs


@pytest.mark.parametrize(("jobs", "most"), [
    (jobs_of(200, size=4_000), 3), (jobs_of(200, price=1, answer=1_000), 7), (jobs_of(200, price=0), 200),
    (jobs_of(200, heap=8_000, size=1_000, answer=500), 3), (jobs_of(200, price=1_000), 1)])
def test_a_span_fits_the_devices(city, jobs, most):
    """Its input and its answer fit a frame, its working set the heap; a long job is leased by itself."""
    for name in ("anna-1", "ben-1"):
        city.device(name, name, can=NEW, heap=16_000 if jobs[0].heap_bytes > 1_000 else 100_000)
    city.submit()
    assert max(cuts(city, jobs) or [1]) == most


def test_a_span_fits_a_message_of_most_devices(city):
    """Three in four: the smallest of four does not count."""
    for number in range(4):
        city.device(f"anna-{number}", can=NEW, message=2_200 if number else 512)
    city.submit()
    found = cuts_for(city.state, city.of(), jobs_of(200, size=400))
    assert max(found) == 5
    big = Job(city.of(), 0, 0, spans_of(jobs_of(200, size=400), found)[0])
    assert why_not(city.state, city.node("anna-0"), big) is Why.MESSAGE
    assert why_not(city.state, city.node("anna-1"), big) is None


def test_firmware_that_does_not_know_spans_gets_none(street):
    """Nor does its answer to one have to fit: what it says is no reason to ask."""
    street.device("old-1", "cleo")
    street.round(jobs=jobs_of(200))
    span = street.of().round.jobs[9]
    assert why_not(street.state, street.node("old-1"), span) is Why.NO_SPANS
    street.device("small-1", "dora", can=NEW, message=190)
    assert why_not(street.state, street.node("small-1"), span) is Why.MESSAGE


def test_where_half_of_the_devices_know_no_spans_there_are_none(street):
    """Each job is a lease, as it always was."""
    street.device("old-1", "cleo")
    street.device("old-2", "dora")
    assert cuts(street, jobs_of(200)) == []
    street.tell(e.NodeRevoked("old-1"))
    assert cuts(street, jobs_of(200)) == [5] * 40


def test_nobody_is_there(city):
    """Then nothing is known of what a span may be, nor is it of a round without jobs."""
    city.submit()
    assert cuts(city, jobs_of(200)) == []
    city.device("anna-1", can=NEW)
    assert cuts(city, []) == []


def test_a_solver_is_told_the_answer_to_each_job(street, of):
    """In the order in which it asked, however they were leased; they cost what they always did."""
    mixed = [job for pair in zip(jobs_of(20, contexts=ONE), jobs_of(20, contexts=TWO), strict=True) for job in pair]
    kept, = of(f.KeepRound, street.round(jobs=mixed))
    assert kept.jobs == sum(kept.cuts) == 40 > len(kept.cuts)
    while leases := street.leases():
        lease = leases[0]
        assert lease.span and lease.budget_kop == 10 * len(street.state.leases[lease.nonce].job.spec.items)
        said = street.answer(lease, answer_of(street, lease))
    advance, = of(f.AdvanceSolver, said)
    assert list(advance.answers) == [street.right(job.input + job.contexts[0]) for job in mixed]


def test_at_a_deadline_a_solver_is_told_what_there_is(street, of):
    """None for each job of a span that has no answer."""
    street.submit("late", deadline_ms=5_000)
    street.round("late", jobs=jobs_of(24))
    while not any(job.answer for job in street.of("late").round.jobs):
        lease = street.leases()[0]
        street.answer(lease, b"a" * 8 * len(street.state.leases[lease.nonce].job.spec.items))
    street.now += 5_000
    given, = of(f.GiveUp, street.tell(e.Ticked()))
    assert given.answers == (b"a" * 8,) * 5 + (None,) * 19


def test_a_round_that_comes_again_is_cut_as_it_was(street, of):
    """Whatever devices are there now, and however fast they are."""
    kept, = of(f.KeepRound, street.round(jobs=jobs_of(200)))
    street.tell(e.SolverLost("t"))
    for node in street.state.nodes.values():
        node.pace[KINDS[0]] = 1
    asked, = of(f.RecallRound, street.round(jobs=jobs_of(200)))
    assert asked.jobs == 200
    street.recall(asked, cuts=kept.cuts)
    assert [len(job.spec.items) for job in street.of().round.jobs] == [5] * 40


def test_what_is_counted_are_jobs(street, of):
    """However they are leased: in a status, a rate, an answer's provenance, and when a solver begins anew."""
    kept, = of(f.KeepRound, street.round(jobs=jobs_of(200)))
    while street.of().done_jobs < 100:
        lease = street.leases()[0]
        street.answer(lease, answer_of(street, lease))
    street.wait(1_000)
    shown = status(street.of())
    assert (shown["jobs_done"], shown["jobs_total"]) == (100, 200) and shown["copies"] < 60
    assert shown["jobs_per_s"] == street.of().rate // 1_000 > 50 and shown["progress"] == 500
    assert street.state.counters["jobs"] == 100 and shown["recomputed"] % 5 == 0
    street.tell(e.SolverLost("t"))
    assert [status(street.of())[name] for name in ("jobs_done", "jobs_total")] == [100, 200]
    asked, = of(f.RecallRound, street.round(jobs=jobs_of(200)))
    assert [status(street.of())[name] for name in ("jobs_done", "jobs_total")] == [100, 200]
    street.known[0] = [AnswerRow(x.index, x.answer, x.audited) for x in of(f.KeepAnswer, street.out)], []
    street.recall(asked, cuts=kept.cuts)
    assert [status(street.of())[name] for name in ("jobs_done", "jobs_total")] == [100, 200]


def test_an_answer_says_how_many_jobs_it_took(street, of):
    """Not how many spans; and so does what is kept of its task."""
    street.round(jobs=jobs_of(200))
    while leases := street.leases():
        street.answer(leases[0], answer_of(street, leases[0]))
    street.tell(e.TaskSolved("t", b"{}", 1))
    end, = of(f.KeepTaskEnd, street.out)
    assert json.loads(end.result[end.result.index(b'"provenance": ') + 14:-1])["jobs"] == 200
    assert json.loads(end.totals)["jobs"] == [200, 200]


def test_one_job_needs_no_cutting():
    """It is what it was."""
    job, = jobs_of(1)
    assert items_of(job) == [job] and answers_of(job, b"answer") == [b"answer"]


def test_a_device_has_the_time_that_it_reckons_with(city):
    """By the speed that it bids: it declines what would take longer, however fast it has been seen."""
    city.device("anna-1", can=NEW, room=2)
    city.submit()
    city.node("anna-1").pace[KINDS[0]] = 190
    city.round(jobs=jobs_of(400, price=40))
    first, second = city.leases()
    assert first.report_by_ms > first.budget_kop * 20 > 10_000
    assert second.report_by_ms > (first.budget_kop + second.budget_kop) * 20


def test_a_job_that_finds_no_other_stays_what_it_is(street):
    """It is a lease as it always was, also for firmware that knows no spans."""
    alone, = jobs_of(1, contexts=TWO)
    street.round(jobs=[*jobs_of(200, contexts=ONE), alone])
    last = street.of().round.jobs[-1]
    assert last.spec == alone and answers_of(last.spec, b"answer") == [b"answer"]
    street.device("old-1", "cleo")
    assert why_not(street.state, street.node("old-1"), last) in (None, Why.FULL)


def test_what_is_in_a_span_comes_out_of_it():
    """Jobs and inputs as they went in; a job that is leased by itself is its own."""
    jobs = [e.JobSpec(bytes([n]) * n, (b"c" * 16,), n + 1, 10 * n, 100 + n) for n in range(3)]
    span = together(jobs)
    assert items_of(span) == jobs and inputs_of(span) == b"\1\2\2"
    assert items_of(jobs[2]) == [jobs[2]] and inputs_of(jobs[2]) == b"\2\2"
