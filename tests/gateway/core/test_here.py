"""What the gateway computes itself: which rounds and jobs, how many at once, and that nobody is paid for it."""

from __future__ import annotations

import json

import pytest

from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import events as e
from lamplighter.gateway.core.entities import STILL_MS, KindFacts
from lamplighter.gateway.core.here import pays
from lamplighter.gateway.core.machine import Machine
from lamplighter.gateway.core.policy import Policy
from lamplighter.gateway.core.snapshot import AnswerRow, Snapshot, TaskRow
from lamplighter.gateway.core.tasks import status
from tests.gateway.city import KINDS, NET, City

JOB_US = 200
"""What one job of the city takes the gateway: 10 credits, each 20 us of plain Python."""


@pytest.fixture
def dear(make_city):
    """A city with two devices where a lease costs as much as 50 jobs."""
    city = make_city(lease_us=50 * JOB_US, copies=2)
    city.device("anna-1", "anna")
    city.device("ben-1", "ben")
    return city


def asked(said: list[f.Effect]) -> list[f.Recompute]:
    return [effect for effect in said if isinstance(effect, f.Recompute)]


def finish(city: City, said: list[f.Effect]) -> list[f.Effect]:
    """The gateway's computer answers until nothing is asked of it; all that follows."""
    told, waiting = list(said), asked(said)
    while waiting:
        said = city.recompute(waiting.pop(0))
        told += said
        waiting += asked(said)
    return told


@pytest.mark.parametrize(("leases", "kop", "each_ns", "permille", "right"), [
    (1, 1_400, 1_000, 1_000, True), (1, 1_399, 1_000, 1_000, False), (1, 70, 20_000, 1_000, True),
    (1, 1_400, 1_000, 999, False), (5, 7_000, 1_000, 1_000, True), (0, 0, 1_000, 1_000, True),
])
def test_devices_compute_what_costs_more_than_their_leases(leases, kop, each_ns, permille, right):
    """In each copy; where it is the same, devices do."""
    policy = Policy(copies=2, lease_us=700, lease_permille=permille)
    assert pays(policy, leases, kop, each_ns) is right


def test_what_is_cheaper_than_its_leases_is_computed_here(dear, of):
    """Nothing is leased, nobody is paid, the answers are as good as recomputed ones, and all of it says why."""
    said = finish(dear, dear.task(jobs=3))
    kept, = of(f.KeepRound, dear.out)
    assert kept.here == "cost" and not of(f.KeepLease, dear.out) and not of(f.KeepVerdict, dear.out)
    assert [(x.audited, x.here) for x in of(f.KeepAnswer, said)] == [(True, "cost")]   # in one request
    advance, = of(f.AdvanceSolver, said)
    assert list(advance.answers) == [dear.right(dear.job(at).input) for at in range(3)]
    shown = status(dear.of())
    assert (shown["where"], shown["here"], shown["recomputed"], shown["copies"]) == ("auto", 3, 3, 0)
    assert shown["here_why"] == "leases would cost the gateway about as much as the work"
    said = dear.tell(e.TaskSolved("t", b"{}"))
    assert json.loads(of(f.PublishResult, said)[0].result)["provenance"]["here"] == 3


def test_what_costs_more_than_its_leases_is_leased(dear, of):
    """As ever; and whatever it costs where the task says so."""
    dear.task(jobs=[dear.job(price=5_000)])
    assert len(dear.leases()) == 1 and of(f.KeepRound, dear.out)[0].here == ""
    dear.task("sent", where="fleet")
    assert len(dear.leases()) == 2 and status(dear.of("sent"))["where"] == "fleet"


def test_a_task_may_ask_for_it(dear, of):
    """Then no device gets any of it, however much it is."""
    finish(dear, dear.task(jobs=[dear.job(at, price=50_000) for at in range(3)], where="here"))
    assert not of(f.KeepLease, dear.out) and of(f.KeepTask, dear.out)[0].where == "here"
    assert [x.here for x in of(f.KeepAnswer, dear.out)] == ["asked"] * 3
    assert status(dear.of())["here_why"] == "its task says so"


def test_an_empty_round_costs_nobody_anything(dear, of):
    """It is nobody's."""
    dear.task(jobs=0)
    assert of(f.KeepRound, dear.out)[0].here == "" and of(f.AdvanceSolver, dear.out)


def test_where_nobody_is_only_what_can_never_pay_is_computed_here(make_city, of):
    """As if as many jobs went under one lease as there can be: the rest waits for devices, as it always has."""
    city = make_city(lease_us=50 * JOB_US, copies=2)
    city.task("small", jobs=99)
    city.task("large", jobs=100)
    assert [x.here for x in of(f.KeepRound, city.out)] == ["cost", ""]


def test_machine_code_makes_the_gateway_cheaper(make_city):
    """Of kernels that have any: then fewer rounds are worth a lease."""
    for native, of_kind, here in ((True, True, True), (True, False, False), (False, True, False)):
        city = make_city(lease_us=JOB_US)
        city.kinds = {KINDS[0]: KindFacts(1, b"kernel", native=of_kind)}
        city.machine = Machine(city.policy, b"secret", city.kinds, 1, NET, native)
        city.state = city.machine.state
        city.device("anna-1")
        assert bool(asked(city.task(jobs=[city.job(price=20)]))) == here


def test_few_jobs_are_under_way_at_once(make_city):
    """A round of thousands asks for no more than that, and for the next when one is done, tasks in turn."""
    city = make_city(here_ms=1, max_here=4)   # five jobs in a request
    said = city.task("one", jobs=5_000, where="here")
    assert [(x.index, len(x.job.items)) for x in asked(said)] == [(at, 5) for at in range(4)]
    assert not asked(city.task("two", jobs=40, where="here")) and not asked(city.wait(300))
    first = asked(said)
    city.machine.hurries()
    city.wait(300)
    assert not city.machine.hurries()
    order = [asked(city.recompute(one))[0].task for one in first]
    assert sorted(order) == ["one", "one", "two", "two"] and order[0] != order[1]
    assert city.machine.hurries()   # its computer waits for the commit


def test_what_is_over_makes_room_for_others(make_city):
    """However it ended."""
    city = make_city(here_ms=1, max_here=2)
    for name in ("cancelled", "late", "broken", "last"):
        city.submit(name, where="here", deadline_ms=10_000 if name == "late" else 86_400_000)
    late = asked(city.round("late", jobs=50))
    city.round("cancelled", jobs=50)
    city.round("broken", jobs=50)
    city.round("last", jobs=5)
    city.recompute(late[0])
    city.tell(e.TaskCancelled("cancelled"))
    city.now += 10_000
    said = city.wait()
    given, = [x for x in said if isinstance(x, f.GiveUp)]
    assert given.answers[:5] == tuple(city.right(city.job(at).input) for at in range(5))
    assert given.answers[5:] == (None,) * 45
    broken = next(x for x in asked(city.out) if x.task == "broken")
    said = city.recompute(broken, None)
    assert city.of("broken").state == "failed" and "on the gateway itself" in city.of("broken").result.decode()
    assert "last" in {x.task for x in asked(city.out)}
    finish(city, [x for x in asked(city.out) if x.task == "last"])
    assert city.of("last").done_jobs == 5 and not city.state.here and not city.state.asked_here


def test_who_waits_for_the_gateway_is_told(make_city):
    """Not that there are no devices."""
    city = make_city(max_here=1)
    city.task("one", where="here")
    city.task("two", where="here")
    city.wait(STILL_MS + 1)
    assert status(city.of("two"))["waits_for"] == "the gateway, which computes other tasks first"
    assert status(city.of("two"))["here_why"] == "its task says so"


def test_what_no_device_can_hold_is_computed_here(pair, of):
    """And only that; a task that is for devices waits, and says for what."""
    jobs = [pair.job(0, heap=200_000), pair.job(1), pair.job(2, heap=200_000)]
    pair.task(jobs=jobs)
    pair.task("sent", jobs=jobs, where="fleet")
    while leases := pair.leases():
        pair.answer(leases[0])
    finish(pair, pair.wait(300))
    assert sorted((x.task, x.index, x.here) for x in of(f.KeepAnswer, pair.out) if x.here) == [
        ("t", 0, "misfit"), ("t", 2, "misfit")]
    assert [x.task for x in of(f.AdvanceSolver, pair.out)] == ["t"] and pair.of("sent").done_jobs == 1
    assert (status(pair.of())["here"], status(pair.of())["here_why"]) == (2, "no device can hold it")
    pair.wait(STILL_MS + 300)
    assert status(pair.of("sent"))["waits_for"] == "2 devices: heap 97 KB of 196 KB needed"


def test_what_fits_into_no_message_is_computed_here(pair, of):
    """Nor into that of a device which is away now, but was there."""
    pair.device("cleo-1", "cleo", message=100, room=1)
    contexts = tuple(at.to_bytes(16) for at in range(1_100))
    pair.task(jobs=[pair.job(0, contexts=contexts)])
    assert asked(pair.wait(300))


def test_a_device_that_is_away_is_waited_for(pair):
    """It could hold the job when it was there."""
    pair.device("big-1", "cleo", heap=300_000)
    pair.status("big-1", "lost")
    pair.task(jobs=[pair.job(0, heap=200_000)])
    assert not asked(pair.wait(300))
    pair.tell(e.NodeRevoked("big-1"))
    assert asked(pair.wait(300))


def test_one_whose_kernels_are_compiled_is_waited_for(pair):
    """Until they are there nobody knows; where there is none of this kind, it cannot have the job."""
    pair.enrol("new-1", "cleo")
    pair.born("new-1", arch=9)
    for name in ("anna-1", "ben-1"):
        pair.tell(e.NodeRevoked(name))
    pair.task()
    assert not asked(pair.wait(300))
    pair.tell(e.KernelsCompiled(9, {}))
    assert asked(pair.wait(300))


def test_who_was_not_heard_of_since_a_start_may_come_back(pair):
    """For as long as devices take to come back; and where none was heard of at all, nobody knows what they hold."""
    pair.enrol("big-1", "cleo")
    pair.task(jobs=[pair.job(0, heap=200_000)])
    assert not asked(pair.wait(300))
    pair.now = pair.state.began_ms + pair.policy.return_ms
    assert asked(pair.wait())


def test_without_any_device_a_job_waits_for_one(city):
    """What it needs says nothing then."""
    city.enrol("anna-1")
    city.task(jobs=[city.job(0, heap=200_000)])
    city.now += city.policy.return_ms
    assert not asked(city.wait())


def test_a_misfit_behind_others_is_found(pair):
    """Among those that wait, some at a time; what the gateway is at already is passed over."""
    pair.task(jobs=[pair.job(at, heap=200_000 * (at % 3 == 0)) for at in range(12)])
    pair.work()
    finish(pair, pair.wait(300))
    assert pair.of().here == {"misfit": 4} and not pair.state.live


def test_both_reasons_are_told(make_city):
    """With the numbers of each: a round may be computed here, and one job of another."""
    city = make_city(lease_us=50 * JOB_US)
    city.device("anna-1")
    finish(city, city.task(expected=2))
    city.round(number=1, jobs=[city.job(0, price=9_000, heap=200_000)], expected=2)
    finish(city, city.wait(300))
    shown = status(city.of())
    assert (shown["here"], shown["here_why"]) == (
        2, "1: leases would cost the gateway about as much as the work; 1: no device can hold it")
    city.tell(e.TaskSolved("t", b"{}", 2))
    assert status(city.of()) | {"here": 2} == status(city.of())


def test_a_round_that_comes_again_is_computed_where_it_was(pair, of):
    """Whatever it would be decided now: here what was begun here, and by devices what they had begun."""
    pair.task(jobs=3, where="here")
    pair.tell(e.SolverLost("t"))
    again, = of(f.RecallRound, pair.round(jobs=3))
    pair.known = {0: ([AnswerRow(0, b"answered", True)], [])}
    pair.recall(again, here="asked")
    assert [x.index for x in asked(pair.out)][-2:] == [1, 2] and not pair.leases()
    pair.tell(e.SolverLost("t"))
    pair.round(jobs=3)
    assert len(pair.leases()) == 2


@pytest.mark.parametrize(("where", "here"), [
    ("auto", {"cost": 5, "misfit": 2}), ("here", {"asked": 5, "misfit": 2})])
def test_what_was_computed_here_outlives_the_process(city, where, here):
    """As does where the task wants to be computed."""
    row = TaskRow("t", KINDS[0], b"{}", 0, 86_400_000, 0, 0, "", b"", where=where, here=7, misfits=2)
    city.restore(Snapshot(tasks=[row]))
    assert (city.of().where, city.of().here) == (where, here)
    shown = status(city.of())["here"]
    over = row._replace(task="over", state="done", here=0, misfits=0, totals=json.dumps(
        {"round": 0, "jobs": [7, 7], "progress": 1000, "copies": 0, "audited": 7, "devices": {}, "here": here}))
    city.restart()
    city.restore(Snapshot(tasks=[over]))
    assert status(city.of("over"))["here"] == shown == 7
