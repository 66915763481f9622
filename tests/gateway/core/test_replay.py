"""Rounds again, from the journal: what a proven liar took part in is recomputed, however long ago it was."""

import pytest

from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import events as e
from lamplighter.gateway.core.entities import FENCE_BITS
from lamplighter.gateway.core.lifecycle import Phase
from lamplighter.gateway.core.snapshot import AnswerRow, LeaseRow, Snapshot, StandingRow
from lamplighter.gateway.core.tasks import status


def rows(city, said, of, answer=b""):
    """The rows of the two copies of a job, as the journal has them once they are paid."""
    return [LeaseRow(x.lease, x.task, x.round, x.index, x.fence, x.node, x.owner, x.nonce, x.price_kop, "done", "ok",
                     1, 9, answer) for x in of(f.KeepLease, said)]


@pytest.fixture
def second(pair, of):
    """A task in its second round; the first, of one job, was accepted without a recomputation, maybe wrongly.

    ``second(answer)`` says what both devices answered; both hold a lease of the second round when it returns.
    """
    def begin(answer):
        pair.task()
        pair.answer(pair.lease(), answer)
        pair.answer(pair.lease(), answer)
        pair.known[0] = ([AnswerRow(0, answer, False)], rows(pair, pair.out, of))
        pair.round(number=1, jobs=3)
        pair.known[1] = ([], [])
        return pair
    return begin


FOUND = e.WorkFound((("t", 0, 0),))


def test_a_proven_lie_has_all_work_looked_for(pair, of):
    """The journal is asked for everything else that the liar did."""
    pair.task()
    pair.answer(pair.lease())
    said = pair.recompute(of(f.Recompute, pair.answer(pair.lease(), pair.LIE))[0])
    assert of(f.FindWork, said) == [f.FindWork("ben-1")]


def test_right_work_of_a_past_round_stays(second, of):
    """The solver is driven to that round again, the job is recomputed, and everything goes on as it was."""
    answer = b"\0" * 8
    pair = second(answer)
    held = [lease.nonce for lease in pair.leases()]
    assert of(f.StartSolver, pair.tell(FOUND)) == [f.StartSolver("t", "toy.sum", b"{}")]
    said = pair.round()
    assert of(f.RecallRound, said) == [f.RecallRound("t", 0, 1, True)]
    said = pair.recompute(of(f.Recompute, said)[0], answer)
    assert of(f.KeepAnswer, said) == [f.KeepAnswer("t", 0, 0, answer, True)]
    assert not of(f.KeepVerdict, said) and not of(f.KeepSetback, said)
    assert of(f.AdvanceSolver, said) == [f.AdvanceSolver("t", 0, (answer,))]
    pair.round(number=1, jobs=3)
    assert [lease.nonce for lease in pair.leases()] == held and pair.of().rounds == 2
    assert pair.of().audited == 1


@pytest.mark.parametrize("round_", [0, 1])
def test_work_for_another_life_of_an_id_is_passed_over(second, of, round_):
    """What was found of a task that was cancelled meanwhile may name a job that the next of its name has not."""
    pair = second(b"\0" * 8)
    pair.tell(e.WorkFound((("t", round_, 9),)))
    said = [*pair.round(), *pair.round(number=1, jobs=3)]
    assert not of(f.Recompute, said) and pair.of().rounds == 2


def test_what_is_recalled_for_another_life_of_an_id_is_passed_over(pair, of):
    """The journal was asked before the task of this name was cancelled and submitted anew."""
    pair.submit()
    pair.tell(e.TaskCancelled("t"))
    pair.submit()
    pair.tell(e.RoundYielded("t", 0, (pair.job(),), life=1))
    pair.tell(e.SolverLost("t", 1))
    assert of(f.RecallRound, pair.tell(e.RoundYielded("t", 0, (pair.job(),), life=1)))
    assert pair.recall(f.RecallRound("t", 0, 1, False), run=0) == []
    assert of(f.SendLease, pair.recall(f.RecallRound("t", 0, 1, False), run=1))


def test_a_wrong_answer_of_a_past_round_is_replaced(second, of):
    """Its copies lose their pay; what followed is void: leases are called back, the next round is begun anew."""
    pair = second(pair_lie := b"a lie...")
    old = pair.leases()
    assert pair.pending("anna-1") == pair.pending("ben-1") == 10
    pair.tell(FOUND)
    said = pair.recompute(of(f.Recompute, pair.round())[0])
    right = pair.right(b"job 0")
    assert pair_lie != right and of(f.KeepAnswer, said) == [f.KeepAnswer("t", 0, 0, right, True)]
    assert of(f.KeepSetback, said) == [f.KeepSetback("t", 0, 1, "an accepted answer was wrong")]
    assert status(pair.of())["setback"] == "an accepted answer was wrong"
    assert {x.nonce for x in of(f.SendCancel, said)} == {lease.nonce for lease in old} and not pair.leases()
    assert [x.verdict for x in of(f.KeepVerdict, said)] == ["minority"] * 2
    assert pair.pending("anna-1") == pair.pending("ben-1") == 0
    assert of(f.AdvanceSolver, said) == [f.AdvanceSolver("t", 0, (right,))]
    pair.device("carla-1", "carla", room=1)
    said = pair.round(number=1, jobs=3)
    assert of(f.KeepRound, said) == [f.KeepRound("t", 1, 1, pair.state.next_lease - 1, 3, 2, *pair.made())]
    lease = pair.lease("carla-1")
    assert lease.fence == (1 << FENCE_BITS) + 1 and lease.job not in {one.job for one in old}


def test_what_the_solver_said_before_is_ignored(second, of):
    """A round or a result that was on its way when the solver was started anew."""
    pair = second(b"\0" * 8)
    pair.tell(FOUND)
    assert pair.tell(e.TaskSolved("t", b"{}")) == []
    assert pair.tell(e.RoundYielded("t", 2, (pair.job(),))) == []
    del pair.known[0]
    asked, = of(f.RecallRound, pair.round())
    assert pair.round(number=1) == [] and pair.tell(e.TaskSolved("t", b"{}")) == []
    pair.known[0] = ([AnswerRow(0, b"\0" * 8, False)], [])
    assert of(f.Recompute, pair.recall(asked))
    assert pair.round(number=1) == []


def test_a_recomputation_of_a_void_round_is_ignored(second, of):
    """A place of which another job has come is not settled by the old one."""
    pair = second(b"a lie...")
    pair.tell(FOUND)
    pair.recompute(of(f.Recompute, pair.round())[0])
    pair.round(number=1)
    pair.of().round.jobs[0].move(Phase.AUDIT, "")
    assert pair.tell(e.Recomputed("t", 1, 0, 0, b"of run 0")) == []
    assert of(f.KeepAnswer, pair.tell(e.Recomputed("t", 1, 0, 1, b"of run 1")))


def test_work_of_the_open_round_is_checked_at_once(pair, of):
    """No replay is needed for it; what is being recomputed already is not asked for twice."""
    pair.task(jobs=3)
    pair.agreed("anna-1", "ben-1", "anna-1", "ben-1")
    done = next(job for job in pair.of().round.jobs if job.answer)
    found = e.WorkFound((("t", 0, done.index),))
    assert [x.index for x in of(f.Recompute, pair.tell(found))] == [done.index]
    assert pair.tell(found) == [] and pair.tell(e.WorkFound((("gone", 0, 0),))) == []


def test_a_check_that_a_replay_interrupts_comes_again(second, of):
    """A job of the open round whose recomputation was under way is recomputed when its round has come again."""
    pair = second(b"\0" * 8)
    pair.agreed("anna-1", "ben-1", "anna-1", "ben-1")
    done = next(job for job in pair.of().round.jobs if job.answer)
    pair.tell(e.WorkFound((("t", 1, done.index),)))
    pair.tell(FOUND)
    pair.recompute(of(f.Recompute, pair.round())[0], b"\0" * 8)
    pair.known[1] = ([AnswerRow(done.index, done.answer, False)], [])
    assert [x.index for x in of(f.Recompute, pair.round(number=1, jobs=3))] == [done.index]


def test_suspicion_during_a_recall_asks_for_the_leases_too(pair, of):
    """Answers alone do not say whose copies lose their pay."""
    pair.submit()
    pair.of().rounds = 1
    asked, = of(f.RecallRound, pair.round())
    assert not asked.leases
    assert pair.tell(FOUND) == []
    pair.known[0] = ([AnswerRow(0, b"\0" * 8, False)], [])
    said = pair.recall(asked)
    assert of(f.RecallRound, said) == [f.RecallRound("t", 0, 1, True)] and len(of(f.Recompute, said)) == 1


@pytest.mark.parametrize(("found", "ends"), [(e.WorkFound(()), True), (FOUND, False)])
def test_no_task_ends_while_a_liars_work_is_looked_for(second, of, found, ends):
    """Its result waits, and is published when nothing has to be checked again, else it is made anew."""
    pair = second(b"\0" * 8)
    pair.work()
    pair.state.find_work("anna-1")
    assert not of(f.PublishResult, pair.tell(e.TaskSolved("t", b"{}", 2)))
    said = pair.tell(found)
    assert bool(of(f.PublishResult, said)) == ends == (not of(f.StartSolver, said))


def test_a_restart_goes_on_with_the_check(make_city, of):
    """Of devices in quarantine the journal is asked again: what the last life began may not be done."""
    city = make_city()
    for name in ("anna-1", "ben-1"):
        city.enrol(name)
    standing = [StandingRow("anna-1", 0, 1, 500, 0), StandingRow("ben-1", 0, 1, 9_000, 0)]
    said = city.restore(Snapshot(standing=standing))
    assert of(f.FindWork, said) == [f.FindWork("ben-1")]


def test_what_the_journal_says_of_another_round_is_ignored(pair):
    """A task that is gone, a round that is not the present one, a round that nobody asked for."""
    pair.task()
    for task, round_ in (("gone", 0), ("t", 1), ("t", 0)):
        assert pair.tell(e.RoundRecalled(task, round_, 0, (AnswerRow(0, b"\0" * 8, True),), (), True)) == []
    assert pair.of().round.jobs[0].answer is None


def test_a_lease_that_ended_while_the_journal_was_read_is_over(make_city, of):
    """The row says that it is open; it is not, and nothing remembers it: its job gets a new lease and fence."""
    city = make_city(remembered_leases=0)
    city.submit()
    city.of().rounds = 1
    asked, = of(f.RecallRound, city.round())
    city.known[0] = ([], [LeaseRow(1, "t", 0, 0, 4, "anna-1", "anna", b"n" * 16, 10, "", "", 0, 0, b"")])
    city.recall(asked)
    city.device("anna-1", "anna")
    assert city.lease().fence == 5


def test_fences_only_rise(make_city, of):
    """In whatever order the journal names the leases of a job, the next one is above them all."""
    city = make_city()
    city.submit()
    city.of().rounds = 1
    asked, = of(f.RecallRound, city.round())
    city.known[0] = ([], [LeaseRow(number, "t", 0, 0, fence, "anna-1", "anna", bytes([number]) * 16, 10, "expired",
                                   "", 0, 0, b"") for number, fence in ((1, 9), (2, 4))])
    city.recall(asked)
    city.device("anna-1", "anna")
    assert city.lease().fence == 10


def test_work_that_was_recomputed_meanwhile_is_not_suspected(second, of):
    """The journal was asked before it knew; when the round has come again there is nothing to do."""
    pair = second(b"\0" * 8)
    pair.known[0] = ([AnswerRow(0, b"\0" * 8, True)], pair.known[0][1])
    pair.tell(FOUND)
    said = pair.round()
    assert not of(f.Recompute, said) and of(f.AdvanceSolver, said) == [f.AdvanceSolver("t", 0, (b"\0" * 8,))]


def test_a_replay_leaves_other_tasks_alone(second, of):
    """Their leases keep their jobs."""
    pair = second(b"\0" * 8)
    pair.device("carla-1", "carla", room=1)
    pair.work()
    pair.task("u")
    others = [lease for lease in pair.state.leases.values() if lease.job.task.name == "u"]
    jobs = [lease.job for lease in others]
    pair.tell(FOUND)
    assert jobs and [lease.job for lease in others] == jobs


def test_a_lost_solver_is_started_anew_and_comes_back(second, of):
    """The journal's answers lead it to the round that it was in, whose leases have gone on meanwhile."""
    pair = second(b"\0" * 8)
    held = [lease.nonce for lease in pair.leases()]
    assert of(f.StartSolver, pair.tell(e.SolverLost("t"))) == [f.StartSolver("t", "toy.sum", b"{}")]
    assert of(f.RecallRound, pair.round()) == [f.RecallRound("t", 0, 1, False)]
    pair.round(number=1, jobs=3)
    assert [lease.nonce for lease in pair.leases()] == held and pair.of().rounds == 2
    assert pair.state.counters["replays"] == 1


def test_a_lost_solver_of_a_task_that_is_over_is_not_missed(pair):
    """Nor is one of a task that nobody knows."""
    pair.task()
    pair.tell(e.TaskCancelled("t"))
    assert pair.tell(e.SolverLost("t")) == pair.tell(e.SolverLost("u")) == []


def test_a_solver_that_is_lost_over_its_last_word_is_asked_for_it_again(pair, of):
    """Once it has come back to the round in which the deadline found it."""
    pair.task(deadline_ms=10_000)
    assert of(f.GiveUp, pair.wait(10_000))
    assert of(f.StartSolver, pair.tell(e.SolverLost("t"))) and not of(f.GiveUp, pair.wait(1_000))
    pair.known[0] = ([], [])
    pair.round()
    assert of(f.GiveUp, pair.wait(1_000)) == [f.GiveUp("t", 0, (None,))]


@pytest.mark.parametrize(("made", "why"), [
    ({"version": 2}, "version 1 of its kind is installed, the journal is of 2"),
    ({"version": 0, "kernel": b"", "digest": b""},
     "version 1 of its kind is installed, the journal is of one unknown"),
    ({"kernel": b"older"}, "its kind has another kernel than it had"),
    ({"digest": b"other"}, "its kind splits it into other jobs than it had"),
])
def test_a_round_that_is_another_now_is_begun_anew(pair, of, made, why):
    """No answer, no copy and no lease of the old one counts for it; who follows the task is told why."""
    pair.task(jobs=4)
    pair.agreed("anna-1", "ben-1", "anna-1", "ben-1")   # one is accepted, two wait for their second copies
    answered = [AnswerRow(job.index, job.answer, False) for job in pair.of().round.jobs if job.answer]
    copies = [lease.number for lease in pair.state.leases.values() if lease.verdict == "pending" and lease.seq]
    held = pair.leases()
    pair.known[0] = (answered, [])
    pair.tell(e.SolverLost("t"))
    del pair.known[0]
    asked, = of(f.RecallRound, pair.round(jobs=4))
    pair.known[0] = (answered, [])
    said = pair.recall(asked, made=pair.made()._replace(**made))
    assert answered and copies and of(f.KeepSetback, said) == [f.KeepSetback("t", -1, 1, pair.of().setback)]
    assert pair.of().setback
    assert {x.nonce for x in of(f.SendCancel, said)} == {lease.nonce for lease in held}
    assert of(f.KeepVerdict, said) == [f.KeepVerdict(copy, "cancelled", 0) for copy in copies]
    assert [(x.round, x.run) for x in of(f.KeepRound, said)] == [(0, 1)]
    assert {job.answer for job in pair.of().round.jobs} == {None} and not of(f.AdvanceSolver, said)
    assert [x.detail for x in of(f.PublishEvent, said) if x.what == "set_back"] == [{"round": 0, "why": why}]
    assert all(lease.fence == (1 << FENCE_BITS) + 1 for lease in pair.leases()) and len(pair.leases()) == 2
    pair.work()
    assert pair.of().round.number == 0 and not pair.of().round.jobs


def test_a_result_of_a_round_that_is_void_is_let_go(pair, of):
    """Its device would send it for as long as the task runs."""
    pair.task()
    lease = pair.lease()
    pair.known[0] = ([], [])
    pair.tell(e.SolverLost("t"))
    del pair.known[0]
    asked, = of(f.RecallRound, pair.round())
    assert pair.answer(lease, seq=7) == []
    pair.recall(asked, made=pair.made(digest=b"other"))
    assert of(f.SendAck, pair.answer(lease, seq=7)) == [f.SendAck(lease.node, 7, "lease_unknown")]


def test_rounds_before_the_one_that_is_another_stay(second, of):
    """Where the kind itself is the same."""
    pair = second(b"\0" * 8)
    pair.tell(e.SolverLost("t"))
    assert of(f.AdvanceSolver, pair.round()) == [f.AdvanceSolver("t", 0, (b"\0" * 8,))]
    del pair.known[1]
    asked, = of(f.RecallRound, pair.round(number=1, jobs=3))
    assert of(f.KeepSetback, pair.recall(asked, made=pair.made(digest=b"other"))) == [
        f.KeepSetback("t", 0, 1, "its kind splits it into other jobs than it had")]


def test_a_solver_that_needs_fewer_rounds_now_ends_its_task(second, of):
    """The rounds that it does not ask for are void; what it says follows from those that it had."""
    pair = second(b"\0" * 8)
    held = {lease.nonce for lease in pair.leases()}
    pair.tell(e.SolverLost("t"))
    pair.round()
    said = pair.tell(e.TaskSolved("t", b"{}"))
    assert of(f.KeepSetback, said) == [
        f.KeepSetback("t", 0, 1, "its kind asks for fewer rounds than it did")] and of(f.PublishResult, said)
    assert {x.nonce for x in of(f.SendCancel, said)} == held
