"""The life of a task and what operators are told of it."""

import gc
import json
from collections import Counter

import pytest

from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import events as e
from lamplighter.gateway.core.entities import STILL_MS, Job, Lease
from lamplighter.gateway.core.lifecycle import Why
from lamplighter.gateway.core.snapshot import AnswerRow
from lamplighter.gateway.core.tasks import status


def test_submission_is_kept_before_it_is_answered(city, of):
    """A new task is a journal row, then a reply, an event and a solver that starts."""
    said = city.submit(body=b"body")
    kinds = [type(effect) for effect in said]
    assert kinds == [f.KeepTask, f.Reply, f.PublishEvent, f.StartSolver, f.PublishStatus]
    assert of(f.Reply, said)[0] == f.Reply("ref-t", {"task": "t", "kind": "toy.sum", "state": "preparing"})


def test_submission_is_idempotent(city, of):
    """The same request again gets the same reply and changes nothing."""
    city.submit(body=b"body")
    said = city.submit(body=b"body")
    assert [type(effect) for effect in said] == [f.Reply] and said[0].error is None


def test_an_id_is_used_once(city):
    """Another request under a known id is refused and the first one stays."""
    city.submit(body=b"body")
    (reply,) = city.submit(body=b"other")
    assert reply.error[0] == "id_reused"
    assert city.of().body == b"body"


def test_unfinished_tasks_are_bounded(make_city, of):
    """Beyond max_tasks a submission is refused; when one ends there is room again."""
    city = make_city(max_tasks=2)
    city.submit("a")
    city.submit("b")
    (reply,) = city.submit("c")
    assert reply.error[0] == "too_many_tasks" and "c" not in city.state.tasks
    city.tell(e.TaskCancelled("a"))
    assert of(f.Reply, city.submit("c"))[0].error is None


def test_rounds_follow_each_other(pair, of):
    """When all answers of a round are accepted the solver gets them in job order, and the next round is placed."""
    pair.task(jobs=3)
    pair.work()
    (advance,) = of(f.AdvanceSolver, pair.out)
    assert advance == f.AdvanceSolver("t", 0, tuple(pair.right(pair.job(i).input) for i in range(3)))
    assert of(f.SendLease, pair.round(number=1, jobs=1))
    pair.work()
    assert [effect.round for effect in of(f.AdvanceSolver, pair.out)] == [0, 1]
    assert pair.of().done_jobs == 4


@pytest.mark.parametrize("number", [0, 2])
def test_a_round_out_of_turn_changes_nothing(pair, number):
    """A repeated round and one that skips are ignored."""
    pair.task(jobs=1)
    assert pair.round(number=number, jobs=2) == []


def test_a_solved_task_publishes_result_and_provenance(pair, of):
    """The result carries the answer as the solver wrote it, who computed it, and by which version of its kind."""
    pair.task(jobs=2)
    pair.work()
    said = pair.tell(e.TaskSolved("t", b'{"summary": "s", "data": {}}'))
    assert of(f.KeepTaskEnd, said)[0].state == "done" and of(f.StopSolver, said)
    told = json.loads(of(f.PublishResult, said)[0].result)
    assert (told["v"], told["task"], told["kind"], told["ok"]) == (1, "t", "toy.sum", True)
    assert told["result"] == {"summary": "s", "data": {}}
    assert told["provenance"] == {"kind_version": 1, "kernel": b"kernel of toy.sum".hex(), "jobs": 2,
                                  "copies": 4, "recomputed": 0, "here": 0, "here_why": "", "epoch": 0,
                                      "devices": {"anna-1": 2, "ben-1": 2}}


@pytest.mark.parametrize("fault", ["operator", "kind"])
def test_a_solver_that_raises_fails_its_task(pair, of, fault):
    """The published error says whose fault it was."""
    pair.submit()
    said = pair.tell(e.TaskBroke("t", "code", "message", fault))
    told = json.loads(of(f.PublishResult, said)[0].result)
    assert told["ok"] is False and told["error"] == {"code": "code", "message": "message", "fault": fault}
    assert pair.of().state == "failed"


def test_what_ended_stays_ended(pair):
    """Nothing that a solver still says of a finished task changes it."""
    pair.task()
    pair.tell(e.TaskCancelled("t"))
    later = (e.TaskSolved("t", b"{}"), e.TaskBroke("t", "c", "m", "kind"), e.RoundYielded("t", 1, (pair.job(),)),
             e.Recomputed("t", 0, 0, 0, b"x"))
    assert [pair.tell(event) for event in later] == [[], [], [], []]


def test_cancelling_calls_devices_back(pair, of):
    """Open leases are cancelled on the devices, ended in the journal, and the result says cancelled."""
    pair.task(jobs=2)
    held = {lease.nonce for lease in pair.leases()}
    said = pair.tell(e.TaskCancelled("t", "ref"))
    assert {effect.nonce for effect in of(f.SendCancel, said)} == held and len(held) == 2
    assert [effect.ended for effect in of(f.KeepEnd, said)] == ["cancelled"] * 2
    assert json.loads(of(f.PublishResult, said)[0].result)["error"]["code"] == "cancelled"
    assert of(f.Reply, said) == [f.Reply("ref", {"task": "t", "state": "cancelled"})]


def test_a_cancelled_id_has_another_life(pair, of):
    """Submitted again, with whatever body, it begins anew: under higher fences, with what was published cleared."""
    pair.task(jobs=1)
    first, events = pair.leases()[0], pair.of().events + 1
    pair.tell(e.TaskCancelled("t"))
    said = pair.submit(body=b"other")
    assert of(f.KeepTask, said)[0].life == 1 and of(f.Reply, said)[0].error is None
    assert of(f.PublishResult, said) == [f.PublishResult("t", b"")]
    assert pair.of().events == events + 1
    assert of(f.StartSolver, said) == [f.StartSolver("t", "toy.sum", b"other", 1)]
    assert pair.tell(e.RoundYielded("t", 0, (pair.job(),), life=1)) and pair.leases()[0].fence > first.fence
    assert status(pair.of())["setbacks"] == 0


def test_only_what_was_cancelled_makes_room_for_its_id(pair):
    """An id whose answer is there stays with it."""
    pair.task(jobs=1)
    pair.work()
    pair.tell(e.TaskSolved("t", b"{}"))
    assert pair.submit(body=b"other")[0].error[0] == "id_reused"


@pytest.mark.parametrize("late", [
    e.RoundYielded("t", 0, ()), e.TaskSolved("t", b"{}", 0), e.TaskBroke("t", "c", "m", "kind"), e.SolverLost("t")])
def test_what_the_solver_of_another_life_says_changes_nothing(pair, late):
    """It was said before the task was cancelled and submitted anew."""
    pair.submit()
    pair.tell(e.TaskCancelled("t"))
    pair.submit()
    assert pair.tell(late) == []


def test_cancelling_judges_what_was_not_judged(pair, of):
    """A recorded copy that waited for its partner is judged cancelled, and not paid."""
    pair.task(jobs=1)
    pair.answer(pair.leases()[0])
    said = pair.tell(e.TaskCancelled("t"))
    assert [effect.verdict for effect in of(f.KeepVerdict, said)] == ["cancelled"]
    assert pair.pending("anna-1") == 0


def test_cancelled_devices_get_other_work(pair, of):
    """Room that a cancelled task leaves is given to the next one in the same call."""
    pair.task("a", jobs=2)
    pair.task("b", jobs=2)
    said = pair.tell(e.TaskCancelled("a"))
    assert {pair.state.leases[lease.nonce].job.task.name for lease in of(f.SendLease, said)} == {"b"}


def test_cancelling_twice_and_nothing(city):
    """A second cancel is answered like the first; an unknown task is an error."""
    city.submit()
    city.tell(e.TaskCancelled("t"))
    assert city.tell(e.TaskCancelled("t", 1)) == [f.Reply(1, {"task": "t", "state": "cancelled"})]
    (reply,) = city.tell(e.TaskCancelled("u", 1))
    assert reply.error[0] == "unknown_task"


def test_a_deadline_fails_the_task(pair, of):
    """A task whose solver stays silent after the deadline fails, through nobody's fault."""
    pair.task(deadline_ms=5_000)
    pair.wait(5_000)
    assert not pair.of().over
    said = pair.wait(pair.policy.give_up_ms)
    told = json.loads(of(f.PublishResult, said)[0].result)
    assert told["error"]["code"] == "deadline" and told["error"]["fault"] == "nobody"
    assert not pair.leases()


def test_at_the_deadline_the_solver_has_the_last_word(pair, of):
    """Devices are called back, and the solver gets the accepted answers of the round, None for the others."""
    pair.task(jobs=3, deadline_ms=3_000)
    pair.agreed("anna-1", "ben-1", "anna-1", "ben-1")
    done = [job.answer for job in pair.of().round.jobs]
    said = pair.wait(3_000)
    assert of(f.GiveUp, said) == [f.GiveUp("t", 0, tuple(done))] and None in done and set(done) != {None}
    assert of(f.SendCancel, said) and not pair.leases()
    assert not of(f.GiveUp, pair.wait(5_000))
    said = pair.tell(e.TaskSolved("t", b'{"summary": "half", "data": {}, "partial": "two jobs"}'))
    assert pair.of().state == "done" and json.loads(of(f.PublishResult, said)[0].result)["result"]["partial"]


def test_nothing_is_asked_after_the_deadline(pair, of):
    """A round or a recomputation that comes after it changes nothing."""
    pair.submit(deadline_ms=5_000)
    (asked,) = of(f.GiveUp, pair.wait(5_000))
    assert asked.answers == ()
    assert not of(f.SendLease, pair.round())
    assert not pair.tell(e.Recomputed("t", 0, 0, 0, b"12345678"))
    pair.tell(e.TaskBroke("t", "deadline", "nothing was done", "nobody"))
    assert pair.of().state == "failed"


def test_a_replay_comes_before_the_deadline(pair, of):
    """After a restart the recorded answers are taken up first, however late it is."""
    pair.submit(deadline_ms=5_000)
    pair.of().rounds = 1
    pair.known = {0: ([AnswerRow(0, b"12345678", False)], [])}
    assert not of(f.GiveUp, pair.wait(5_000))
    pair.round(jobs=2)
    assert of(f.GiveUp, pair.wait(1_000)) == [f.GiveUp("t", 0, (b"12345678", None))]


def test_finished_tasks_are_bounded(make_city, of):
    """The oldest finished task leaves the list, and its retained messages the broker."""
    city = make_city(max_finished=2)
    for name in "abc":
        city.submit(name)
        said = city.tell(e.TaskBroke(name, "c", "m", "kind"))
    assert list(city.state.tasks) == ["b", "c"]
    assert f.PublishStatus("a", {}) in said and f.PublishResult("a", b"") in said


def test_event_numbers_only_rise(pair, of):
    """The transitions of a task are numbered in order, also over a restart."""
    pair.task()
    pair.work()
    pair.tell(e.TaskSolved("t", b"{}"))
    told = of(f.PublishEvent, pair.out)
    assert [effect.what for effect in told] == ["submitted", "round", "done"]
    pair.restart()
    pair.submit("t")
    numbers = [effect.seq for effect in of(f.PublishEvent, pair.out)]
    assert numbers == sorted(set(numbers))


def test_status_counts_jobs_and_rate(pair, of):
    """The status says how many jobs are done, how fast, and how long the rest will take."""
    pair.task(jobs=8)
    while pair.of().done_jobs < 4:
        pair.answer(pair.leases()[0])
    pair.now += 2_000
    status = of(f.PublishStatus, pair.wait())[0].status
    assert (status["jobs_done"], status["jobs_total"], status["jobs_per_s"], status["eta_s"]) == (4, 8, 2, 3)


def test_what_is_left_is_of_all_rounds(pair, of):
    """Rounds that are still expected count as jobs and as seconds, until the task is over."""
    pair.task(jobs=8, expected=3)
    while pair.of().done_jobs < 4:
        pair.answer(pair.leases()[0])
    pair.now += 2_000
    status = of(f.PublishStatus, pair.wait())[0].status
    assert (status["jobs_done"], status["jobs_total"], status["rounds"], status["eta_s"]) == (4, 24, 3, 11)
    pair.work()
    pair.tell(e.TaskSolved("t", b"{}"))
    status = of(f.PublishStatus, pair.out)[-1].status
    assert (status["jobs_done"], status["jobs_total"], status["eta_s"]) == (8, 8, 0)


def test_the_rate_of_a_task_at_rest_falls_to_nothing(pair, of):
    """Where nothing is done any more nothing is shown to be, and once that is said it is not said again."""
    pair.task(jobs=8)
    while pair.of().done_jobs < 7:
        pair.answer(pair.leases()[0])
    shown = [of(f.PublishStatus, pair.wait(1_000)) for _ in range(12)]
    rates = [said.status["jobs_per_s"] for statuses in shown for said in statuses]
    assert rates[0] > 0 and rates == sorted(rates, reverse=True) and rates[-1] == 0
    assert not shown[-1]
    pair.work()
    pair.tell(e.TaskSolved("t", b"{}"))
    assert of(f.PublishStatus, pair.out)[-1].status["jobs_per_s"] == 0


def test_progress_never_falls(pair):
    """A kind that says how many rounds it expects is not at its end with the first; further rounds do not hurt."""
    shown = []
    pair.task(jobs=2, expected=3)
    for number in (1, 2, 3, 4):
        shown.append(status(pair.of())["progress"])
        while pair.of().round.open_jobs == 2:
            pair.answer(pair.leases()[0])
        shown.append(status(pair.of())["progress"])
        pair.work()
        pair.round(number=number, jobs=2, expected=3)
    assert shown == [0, 166, 333, 500, 666, 833, 999, 999]
    pair.tell(e.TaskCancelled("t"))
    assert status(pair.of())["progress"] == 999


def test_a_task_that_is_done_has_come_to_its_end(pair):
    """However many rounds were expected."""
    pair.task(jobs=1, expected=9)
    pair.work()
    pair.tell(e.TaskSolved("t", b"{}"))
    assert status(pair.of())["progress"] == 1_000


def test_statuses_are_not_published_for_every_result(pair, of):
    """Within a quarter of a second one status serves all changes."""
    pair.task(jobs=4)
    pair.wait(300)
    pair.work()
    assert not of(f.PublishStatus, pair.wait(100))
    assert len(of(f.PublishStatus, pair.wait(150))) == 1
    assert not of(f.PublishStatus, pair.wait(300))


@pytest.mark.parametrize(("device", "expected"), [
    (None, "devices: none is connected"),
    ({"room": 0}, f"1 device: {Why.NO_ROOM.meaning}"),
    ({"heap": 12_300}, "1 device: heap 12 KB of 40 KB needed"),
])
def test_a_task_says_what_it_waits_for(city, of, device, expected):
    """While nothing moves, the status says in words what is missing."""
    if device is not None:
        city.device("anna-1", **device)
    city.submit()
    city.round(jobs=[city.job(heap=40_960)])
    assert of(f.PublishStatus, city.wait(300))[-1].status["waits_for"] == expected


def test_a_task_counts_what_keeps_each_device(city, of):
    """The most frequent reason first; the revoked do not count."""
    city.device("anna-1", "anna", room=1)
    city.task()
    city.answer(city.lease())
    city.device("anna-2", "anna")
    city.device("anna-3", "anna")
    for name in ("liar-1", "gone-1", "small-1", "tiny-1", "new-1"):
        city.device(name, room=0)
    city.node("liar-1").quarantined_until = city.now + 60_000
    city.bid("liar-1")
    city.tell(e.NodeRevoked("gone-1"))
    for name, heap in (("small-1", 999), ("tiny-1", 10)):
        city.bid(name, heap=heap)
    city.status("new-1", "lost")
    city.of().worked_until -= STILL_MS   # as if it were a while ago
    assert of(f.PublishStatus, city.wait(300))[-1].status["waits_for"] == (
        "3 devices: the owner has a copy, 2: heap 0 KB of 1 KB needed, "
        "1: proven wrong: no leases for a while, 1: not connected")


def test_a_task_that_moves_waits_for_nothing(city):
    """Neither while a lease of it is open, nor shortly after: before it waits it is the turn of others."""
    city.device("anna-1", "anna", room=1)
    city.task()
    city.wait(300)
    assert city.leases() and status(city.of())["waits_for"] == ""
    city.refuse(city.lease(), "no_heap")
    refused, shown = city.now, {}
    while city.now < refused + 2 * STILL_MS:
        city.wait(500)
        shown[city.now - refused] = status(city.of())["waits_for"]
    assert not any(words for ms, words in shown.items() if ms < STILL_MS - 500)
    assert all(words.startswith("1 device: ") for ms, words in shown.items() if ms > STILL_MS)
    city.device("ben-1", "ben", room=1)
    city.wait(300)
    assert city.leases() and status(city.of())["waits_for"] == ""


def test_a_task_that_is_about_to_move_says_so(make_city, of):
    """A device that may have a job that lies deep in a queue comes to it with the next ticks."""
    city = make_city(scan=1)
    city.submit()
    city.round(jobs=[city.job(i, heap=1 if i == 3 else 200_000) for i in range(9)])
    city.device("anna-1", room=1)
    city.of().round.fresh[0].spec = city.job(0, heap=1)   # just now it would fit
    assert "about to get it" in of(f.PublishStatus, city.wait(300))[-1].status["waits_for"]
    for _ in range(9):
        city.wait(300)
    assert city.leases()


@pytest.fixture
def alive():
    """alive() counts jobs and leases; none of them may wait for the collector, which the gateway lets come rarely."""
    gc.collect()
    gc.disable()
    yield lambda: Counter(type(thing) for thing in gc.get_objects() if isinstance(thing, Job | Lease))
    gc.enable()


def test_a_task_holds_one_round_however_many_it_has(make_city, alive):
    """After each round nothing is left of it but the leases that are remembered, with their jobs."""
    city = make_city(remembered_leases=40)
    for name in ("anna-1", "ben-1", "carla-1"):
        city.device(name, room=8)
    city.submit()
    city._said = lambda said: city.sent.update({x.nonce: x for x in said if isinstance(x, f.SendLease)}) or said
    seq = 0
    for number in range(20):
        city.round(number=number, jobs=20)
        while leases := city.leases():
            for lease in leases:
                seq += 1
                city.answer(lease, seq=seq)
        city.wait(10_000)
        assert city.of().done_jobs == 20 * (number + 1) and not city.of().round.jobs
        left = alive()
        assert left[Lease] == len(city.state.leases) <= 40 and left[Job] <= 40
    assert not city.state.timers
