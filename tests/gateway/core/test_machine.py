"""The machine as a whole: order of effects, clocks, epochs, and what a restart brings back."""

import pytest

from lamplighter.gateway.api.views import node_view, statement, task_view
from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import events as e
from lamplighter.gateway.core.lifecycle import Phase, Where
from lamplighter.gateway.core.machine import LET_GO, SEEN, SLICE
from lamplighter.gateway.core.snapshot import (
    AnswerRow,
    LeaseRow,
    ShareRow,
    Snapshot,
    StandingRow,
    TaskRow,
)
from lamplighter.gateway.protocol.numbers import Numbers, number_of
from lamplighter.gateway.protocol.verdicts import Verdict
from lamplighter.gateway.protocol.words import IllegalMove

OPEN = TaskRow("t", "toy.sum", b"{}", 0, 86_400_000, 0, 0, "", b"")


def lease_row(city, number=1, index=0, node="anna-1", ended="", verdict="", seq=0, answer=b"", round_=0):
    """A lease of task t as the journal gives it back, with the nonce that it had."""
    return LeaseRow(number, "t", round_, index, number, node, node.split("-")[0], city.state.nonce(number), 10, ended,
                    verdict, 1 if seq else 0, seq, answer)


@pytest.fixture
def after(pair):
    """after(leases=..., ...) restarts a gateway with a pair of enrolled devices and restores that snapshot."""
    def restart(answers=(), **rows):
        known = {row.round: ([], []) for row in rows.get("leases", ())} | {round_: ([], []) for round_, *_ in answers}
        for row in rows.get("leases", ()):
            known[row.round][1].append(row)
        for round_, *row in answers:
            known[round_][0].append(AnswerRow(*row))
        rows.setdefault("tasks", [OPEN._replace(rounds=len(known))])
        rows.setdefault("next_lease", 10)
        pair.restart()
        pair.known = known
        pair.enrol("anna-1", "anna")
        pair.enrol("ben-1", "ben")
        return pair.restore(Snapshot(**rows))
    return restart


def test_a_job_that_was_being_recomputed_is_so_again(make_city, of):
    """The lot falls as it fell: after a restart, too, its copy does not wait for a second one."""
    city = make_city(probation_audit_permille=1_000)
    city.enrol("anna-1", "anna")
    city.known = {0: ([], [lease_row(city, ended="done", seq=1, answer=city.right(city.job().input))])}
    city.restore(Snapshot(tasks=[OPEN._replace(rounds=1)], leases=city.known[0][1], next_lease=10))
    (asked,) = of(f.Recompute, city.round())
    assert of(f.KeepAnswer, city.recompute(asked))[0].audited


def test_the_same_events_give_the_same_effects(make_city):
    """Two machines that are told the same say the same, to the byte."""
    told = []
    for city in (make_city(audit_permille=200), make_city(audit_permille=200)):
        city.device("anna-1")
        city.device("ben-1")
        city.task(jobs=20)
        for lease in city.leases()[:5]:
            city.refuse(lease, "busy")
        city.wait(10_000)
        city.bid("anna-1")
        city.bid("ben-1")
        city.work()
        told.append(city.out)
    assert told[0] == told[1] and len(told[0]) > 100


def test_the_clock_never_goes_back(city):
    """An event that seems to come from the past happens now."""
    city.device("anna-1")
    city.now -= 500
    city.task()
    assert city.state.now_ms == 1_000
    assert city.machine.next_due_ms <= 1_000 + city.policy.ack_by_ms


def test_ticks_are_wanted_for_the_next_clock(make_city):
    """While nothing is out a tick each quarter of a second is enough; a lease clock may ask for one sooner."""
    city = make_city(ack_by_ms=60)
    city.device("anna-1")
    city.wait()
    assert city.machine.next_due_ms == city.now + 250
    city.task()
    assert city.machine.next_due_ms == city.now + 60


def test_misbehaviour_is_counted_by_reason(city):
    """Bytes that nobody may send are a number, and nothing else."""
    assert city.tell(e.DeviceMisbehaved("anna-1", "bad_mac")) == []
    assert city.state.counters["misbehaved_bad_mac"] == 1


def test_a_bug_of_ours_raises_with_its_story(city):
    """When the core's own state is broken it says which lease, instead of going on."""
    city.device("anna-1")
    city.task()
    lease = city.state.leases[city.lease().nonce]
    lease.where = Where.OVER
    story = r"^lease 1 .* of task t round 0 job 0 .*: over -> over; its story: sent at \d+ by RoundYielded$"
    with pytest.raises(IllegalMove, match=story):
        city.machine.handle(e.NodeRevoked("anna-1"), city.now)
    lease.where = Where.SENT


def test_rows_hold_plain_words(pair, of):
    """SQLite takes a text at once, but looks long at what only is like one."""
    pair.task()
    pair.work()
    pair.task("u")
    pair.refuse(pair.lease(), "busy")
    pair.tell(e.TaskCancelled("u"))
    ends = [*of(f.KeepEnd, pair.out), *of(f.KeepReceipt, pair.out)]
    verdicts = of(f.KeepVerdict, pair.out)
    words = [x.ended for x in ends] + [x.verdict for x in verdicts] + [x.state for x in of(f.KeepTaskEnd, pair.out)]
    assert {"rejected", "done", "ok", "cancelled"} <= set(words) and {type(word) for word in words} == {str}


def test_an_epoch_ends_before_it_is_sealed(pair):
    """The new epoch is durable first; then the old one is sealed, and who asked is named."""
    assert pair.tell(e.EpochEnded("ref")) == [f.KeepEpoch(1), f.SealEpoch(0, "ref")]
    assert pair.tell(e.EpochSealed((0,), {})) == []


def test_verdicts_fall_into_the_epoch_in_which_they_are_given(pair, of):
    """A copy recorded before the end of an epoch and judged after it is paid in the next."""
    pair.task()
    pair.agreed("anna-1")
    pair.tell(e.EpochEnded())
    said = pair.agreed("ben-1")
    assert {effect.epoch for effect in of(f.KeepVerdict, said)} == {1}
    pair.task("u")
    assert {lease.epoch for lease in pair.leases()} == {1}


def test_an_unfinished_task_is_started_again(after, pair):
    """Its solver is replayed; nothing is leased until it yields."""
    assert after() == [f.StartSolver("t", "toy.sum", b"{}")]
    assert pair.state.next_lease == 10


def test_another_life_of_an_id_goes_on_as_that(after, of, pair):
    """After a restart too its solver speaks for that life only; of what was cancelled nothing is shown."""
    said = after(tasks=[OPEN._replace(run=4, life=3)])
    assert said == [f.PublishResult("t", b""), f.StartSolver("t", "toy.sum", b"{}", 3)]
    assert task_view(pair.of())["setbacks"] == 1 and pair.tell(e.RoundYielded("t", 0, ())) == []


def test_a_finished_task_is_shown_again(after, of, pair):
    """Status and result are published anew, and the id stays taken."""
    said = after(tasks=[OPEN._replace(state="done", result=b"{}")])
    assert not of(f.StartSolver, said)
    assert of(f.PublishResult, said) == [f.PublishResult("t", b"{}")]
    assert of(f.PublishStatus, said)[0].status["state"] == "done"
    (reply,) = pair.submit(body=b"other")
    assert reply.error[0] == "id_reused"


def test_recorded_answers_are_not_asked_again(after, pair, of):
    """A replayed round takes its answers from the journal; a round that has them all goes on at once."""
    after(answers=[(0, 0, b"kept", False), (0, 1, b"also", True), (1, 1, b"more", False)])
    assert of(f.AdvanceSolver, pair.round(jobs=2)) == [f.AdvanceSolver("t", 0, (b"kept", b"also"))]
    pair.device("anna-1", "anna")
    said = pair.round(number=1, jobs=2)
    assert [lease.input for lease in of(f.SendLease, said)] == [b"job 0"]


def test_open_leases_are_open_again(after, pair, of):
    """A device that worked through the restart hands in its result as if nothing had happened."""
    row = lease_row(pair)
    after(leases=[row])
    assert not of(f.SendLease, pair.round())
    assert pair.of().round.jobs[0].phase is Phase.OUT
    name = pair.of().round.jobs[0].name
    pair.sent[row.nonce] = f.SendLease("anna-1", 1, row.nonce, name, b"", 0, 1, 1, 10, (), b"job 0")
    said = pair.answer(pair.lease("anna-1"))
    assert of(f.KeepReceipt, said)[0].lease == 1 and of(f.SendAck, said)[0].verdict == "pending"


@pytest.mark.parametrize(("report_by", "left_ms"), [(0, 65_000), (970_000, 70_000)])
def test_report_clocks_go_on(after, pair, of, report_by, left_ms):
    """A device has the time that it was given, and at least as long as it takes to send again what got lost."""
    pair.now = 900_000
    after(leases=[lease_row(pair)._replace(report_by=report_by)])
    pair.device("ben-1", "ben", boot=2)
    pair.round()
    assert not of(f.KeepEnd, pair.wait(left_ms - 1))
    assert of(f.KeepEnd, pair.wait(1)) == [f.KeepEnd(1, "expired")]
    assert pair.lease("ben-1").fence == 2


def test_an_open_lease_is_sent_again_once(after, pair, of):
    """As soon as its round has come and its device says that it is there: nobody knows whether it had got it."""
    row = lease_row(pair)
    after(leases=[row], standing=[StandingRow("anna-1", 0, 0, 0, 1)])
    pair.round()
    said = pair.device("anna-1", "anna")
    again, = (lease for lease in of(f.SendLease, said) if lease.nonce == row.nonce)
    assert (again.fence, again.report_by_ms) == (1, pair.policy.return_ms) and pair.of().copies == 0
    assert not of(f.SendLease, pair.bid("anna-1", room=1))
    assert pair.answer(again)[0] == f.KeepReceipt(1, "done", 1, 1, b"proof", pair.right(b"job 0"))


def test_an_open_lease_is_sent_again_when_its_round_or_its_kernel_comes_last(after, pair, of):
    """Whatever is missing first: the round, or the kernel for the board."""
    after(leases=[lease_row(pair)])
    pair.enrol("anna-1", "anna")
    pair.status("anna-1", "ready")
    pair.born("anna-1")
    pair.bid("anna-1", room=1)
    pair.round()
    assert len(of(f.SendLease, pair.tell(e.KernelsCompiled(0, {"toy.sum": pair.kernel_of("toy.sum")})))) == 1
    pair.tell(e.WorkFound((("t", -1, 0),)))   # everything begins anew, with the lease as it is
    assert not of(f.SendLease, pair.round())


def test_a_birth_that_is_retained_is_no_reboot(after, pair, of):
    """The first message that a gateway hears of a device after a restart takes no lease from it."""
    after(leases=[lease_row(pair)], standing=[StandingRow("anna-1", 0, 0, 0, 3)])
    assert pair.born("anna-1", 3) == [f.CompileKernels(0), f.KeepStanding("anna-1", 0, 0, 0, 3, 1, 3)]
    assert pair.node("anna-1").open
    said = pair.born("anna-1", 4)
    assert of(f.KeepEnd, said) == [f.KeepEnd(1, "expired")]
    assert of(f.KeepStanding, said) == [f.KeepStanding("anna-1", 0, 0, 0, 4, 1, 4)]


def test_what_was_recorded_before_a_restart_is_a_replay_after_it(after, pair, of):
    """That a device was ready, its bid and its will of an older connection take no lease, and nobody gets a floor."""
    after(standing=[StandingRow("anna-1", 0, 0, 0, 3, 5, 77)])
    name = "anna-1"
    for conn in (1, 4):
        assert pair.status(name, "ready", 3, conn) == pair.born(name, 3, conn, once=77) == []
        assert pair.tell(e.NodeBid(name, e.At(3, conn, 900), 500, 9_000, 4, (), "mains", None)) == []
    assert pair.node(name).state == "unseen" and not pair.node(name).bid
    pair.status(name, "ready", 3, 6)
    pair.born(name, 3, 6, once=77)
    pair.tell(e.KernelsCompiled(0, {"toy.sum": pair.kernel_of("toy.sum")}))
    pair.bid(name)
    pair.round()
    assert pair.lease(name) and pair.status(name, "lost", 3, 5) == [] and pair.leases()
    assert of(f.SendFloor, pair.born(name, 3, 6, once=78)) == [f.SendFloor(name, 78, 3, 0)]


def test_a_life_that_only_the_log_knows_is_known(pair):
    """A device is taken to be in the newest life of which it has a receipt."""
    numbers = Numbers()
    numbers.use(b"chloe-1".ljust(16, b"."), number_of(5, 9))
    pair.tell(e.LogRead({("chloe", "chloe-1"): 7}, numbers))
    pair.enrol("chloe-1", "chloe")
    assert pair.node("chloe-1").boot == 5 and node_view(pair.state, pair.node("chloe-1"))["settled"] == 7


def test_no_lease_ends_by_its_clock_while_the_broker_is_away(pair, of):
    """Then devices have time to come back; who may not have got its lease is sent it again, nobody else is."""
    pair.task(jobs=2)
    accepted, sent = pair.lease("anna-1"), pair.lease("ben-1")
    pair.tell(e.LeaseAccepted("anna-1", accepted.nonce))
    pair.tell(e.BrokerLost())
    assert not of(f.KeepEnd, pair.wait(700_000))
    said = pair.tell(e.BrokerFound())
    assert [(x.nonce, x.report_by_ms) for x in of(f.SendLease, said)] == [(sent.nonce, pair.policy.return_ms)]
    assert not of(f.KeepEnd, pair.wait(pair.policy.return_ms - 1))
    assert len(of(f.KeepEnd, pair.wait(pair.policy.ack_by_ms))) == 2


def test_numbers_of_before_a_restart_are_used(after, pair, of):
    """A receipt whose number another had in the last life pays nothing, and its job goes to somebody else."""
    row, used = lease_row(pair), Numbers()
    used.use(b"", number_of(1, 9))
    after(leases=[row], standing=[StandingRow("anna-1", 0, 0, 0, 1, used=used.given(b""))])
    pair.round()
    name = pair.of().round.jobs[0].name
    pair.sent[row.nonce] = f.SendLease("anna-1", 1, row.nonce, name, b"", 0, 1, 1, 10, (), b"job 0")
    said = pair.answer(pair.lease("anna-1"), seq=9)
    assert said == [f.KeepEnd(1, "failed"), f.SendAck("anna-1", 9, "duplicate")]
    assert pair.state.counters["results_renumbered"] == 1


def test_what_a_seal_decided_is_known(pair, of):
    """What was pending is settled or lost; a receipt that settlement lowered is answered with its last verdict."""
    pair.task()
    first = pair.lease()
    pair.answer(first, seq=4)
    second = pair.lease()
    pair.answer(second, seq=4)
    pair.tell(e.EpochEnded())
    assert pair.pending("anna-1") == pair.pending("ben-1") == 10
    lowered = ((first.nonce, Verdict.DUPLICATE), (b"forgotten meanwhile", Verdict.DUPLICATE))
    assert pair.tell(e.EpochSealed((0,), {("ben", "ben-1"): 10}, lowered)) == []
    assert statement(pair.state, "anna") == {"anna-1": {"pending": 0, "settled": 0}}
    assert statement(pair.state, "ben") == {"ben-1": {"pending": 0, "settled": 10}}
    assert pair.answer(first, seq=4) == [f.SendAck("anna-1", 4, "duplicate")]
    assert pair.answer(second, seq=4) == [f.SendAck("ben-1", 4, "ok")]
    assert pair.state.counters["lowered_duplicate"] == 2


def test_a_result_before_its_round_is_replayed_waits(after, pair):
    """It is not acknowledged, so the device sends it again."""
    row = lease_row(pair)
    after(leases=[row])
    lease = f.SendLease("anna-1", 1, row.nonce, b"", b"", 0, 1, 1, 10, (), b"job 0")
    assert pair.answer(lease) == []
    assert pair.state.counters["results_early"] == 1


def test_a_receipt_without_verdict_is_a_first_copy(after, pair, of):
    """What was recorded before the crash counts: only the second copy is leased."""
    after(leases=[lease_row(pair, ended="done", seq=4, answer=pair.right(b"job 0"))])
    pair.round()
    pair.device("anna-1", "anna", boot=2)
    assert not pair.leases()
    pair.device("ben-1", "ben", boot=2)
    said = pair.answer(pair.lease("ben-1"), boot=2)
    assert [effect.verdict for effect in of(f.KeepVerdict, said)] == ["ok", "ok"]
    assert pair.pending("anna-1") == 10


def test_two_receipts_without_verdict_are_recomputed(after, pair, of):
    """A crash between the second receipt and its verdict is settled by the gateway."""
    after(leases=[lease_row(pair, ended="done", seq=4, answer=pair.right(b"job 0")),
                  lease_row(pair, 2, node="ben-1", ended="done", seq=4, answer=pair.LIE)])
    (asked,) = of(f.Recompute, pair.round())
    assert sorted(x.verdict for x in of(f.KeepVerdict, pair.recompute(asked))) == ["minority", "ok"]


def test_a_lease_of_an_unknown_device_is_over(after, pair, of):
    """A device that the registry lost cannot hold work."""
    said = after(leases=[lease_row(pair, node="gone-1")])
    assert f.KeepEnd(1, "expired") in said
    pair.device("ben-1", "ben", boot=2)
    assert of(f.SendLease, pair.round())


def test_standing_comes_back(after, pair):
    """Score, lies and credits are what they were; a liar's quarantine goes on, and is not begun again."""
    after(standing=[StandingRow("anna-1", 12, 0, 0, 1, pending_kop=500), StandingRow("ben-1", 3, 1, 9_000, 7),
                    StandingRow("gone", 1, 1, 0, 1)],
          epoch=4)
    assert (pair.node("anna-1").score, pair.pending("anna-1")) == (12, 500)
    assert pair.node("ben-1").quarantined_until == 9_000


def test_a_liar_that_the_registry_lost_is_no_newcomer(after, pair):
    """Enrolled again after the start, it is who it was."""
    after(standing=[StandingRow("gone-1", 2, 3, 9_000, 7)])
    pair.enrol("gone-1", "chloe")
    node = pair.node("gone-1")
    assert (node.score, node.lies, node.quarantined_until, node.boot) == (2, 3, 9_000, 7)
    assert not pair.state.strangers


def test_strangers_have_a_bound(make_city):
    """Of more than may be enrolled those stay that have most to answer for, or to get; the others are counted."""
    city = make_city(max_nodes=2)
    city.restore(Snapshot(standing=[
        StandingRow("liar", 0, 3, 0, 1), StandingRow("idle", 9, 0, 0, 1), StandingRow("new", 0, 0, 0, 1),
        StandingRow("owed", 0, 0, 0, 1, pending_kop=5)]))
    assert set(city.state.strangers) == {"owed", "liar"} and city.state.counters["strangers_forgotten"] == 2


def test_what_a_lost_device_had_earned_is_settled_with_its_epoch(after, pair):
    """Also where it is enrolled again while that is being sealed and the next has begun."""
    after(standing=[StandingRow("gone-1", 2, 0, 0, 7, pending_kop=500)], epoch=4)
    pair.tell(e.EpochEnded())
    pair.enrol("gone-1", "chloe")
    assert pair.node("gone-1").pending == {4: 500}
    pair.tell(e.EpochSealed((4,), {("chloe", "gone-1"): 500}, ()))
    assert pair.node("gone-1").pending == {}


def test_time_goes_on_over_a_restart(after, pair, of):
    """A deadline is that of the submission; the clock is where it was kept, whatever the computer's says."""
    after(tasks=[OPEN._replace(started_ms=1_000, deadline_ms=5_000)], clock_ms=3_000)
    assert (pair.now, pair.state.now_ms) == (1_000, 3_000)
    pair.now = 5_999
    assert not of(f.GiveUp, pair.wait())
    assert of(f.GiveUp, pair.wait(250))


def test_the_clock_is_kept_while_anything_depends_on_it(pair, of):
    """With a task open or a device in quarantine every five seconds, else never."""
    assert not of(f.KeepClock, pair.wait(60_000))
    pair.submit()
    assert of(f.KeepClock, pair.wait(250)) == [f.KeepClock(pair.now)]
    assert not of(f.KeepClock, pair.wait(4_999))
    assert of(f.KeepClock, pair.wait(250)) == [f.KeepClock(pair.now)]
    pair.tell(e.TaskCancelled("t"))
    assert not of(f.KeepClock, pair.wait(60_000))
    pair.node("ben-1").quarantined_until = pair.now + 10_000
    assert of(f.KeepClock, pair.wait(5_000)) and not of(f.KeepClock, pair.wait(5_000))


def test_lease_numbers_and_epochs_never_fall(after, pair):
    """After a restart nonces, fences and epochs go on from where they were."""
    after(next_lease=41, epoch=7, leases=[lease_row(pair, 40, ended="expired")])
    pair.device("anna-1", "anna", boot=2)
    pair.round()
    lease = pair.lease()
    assert (lease.epoch, lease.fence, lease.nonce) == (7, 41, pair.state.nonce(41))


def test_duplicates_are_known_over_a_restart(after, pair):
    """A result that was acknowledged in the last life is acknowledged again, with its verdict."""
    row = lease_row(pair, ended="done", verdict="ok", seq=4)
    after(leases=[row], answers=[(0, 0, b"kept", False)])
    lease = f.SendLease("anna-1", 1, row.nonce, b"", b"", 0, 1, 1, 10, (), b"job 0")
    assert pair.answer(lease, seq=4) == [f.SendAck("anna-1", 4, "ok")]


def test_a_tasks_counts_come_back(after, pair):
    """Copies, who took part and what was recomputed are of all its life, however much of it has been sealed."""
    after(tasks=[OPEN._replace(rounds=3, audited=7)],
          shares=[ShareRow("t", "anna-1", 5, 4), ShareRow("t", "gone", 2, 0)])
    assert (pair.of().copies, pair.of().devices, pair.of().audited) == (7, {"anna-1": 4}, 7)


def test_cancelling_while_a_task_is_replayed(after, pair, of):
    """Leases of rounds that are not replayed yet are called back, their receipts judged cancelled."""
    after(leases=[lease_row(pair), lease_row(pair, 2, 1, "ben-1", ended="done", seq=4, answer=b"x" * 8)])
    said = pair.tell(e.TaskCancelled("t"))
    assert len(of(f.SendCancel, said)) == 1
    assert of(f.KeepVerdict, said) == [f.KeepVerdict(2, "cancelled", 0)]
    assert pair.round() == []


def test_a_device_revoked_during_replay_leaves_its_job_ready(after, pair, of):
    """When the round comes, the job whose device is out is leased anew."""
    after(leases=[lease_row(pair)])
    pair.tell(e.NodeRevoked("anna-1"))
    pair.device("ben-1", "ben", boot=2)
    assert len(of(f.SendLease, pair.round())) == 1


def test_no_will_ends_what_an_earlier_life_leased(after, pair, of):
    """A gateway that has just started cannot tell it from a replay: a clock, or a new start of the device, can."""
    after(leases=[lease_row(pair)])
    pair.node("anna-1").boot = 1   # as the journal knows
    pair.status("anna-1", "ready", 1, 3)
    pair.status("anna-1", "lost", 1, 3)
    assert not of(f.KeepEnd, pair.out)
    pair.born("anna-1", 2)
    assert of(f.KeepEnd, pair.out) == [f.KeepEnd(1, "expired")]


def test_a_lease_of_a_task_that_is_gone_is_forgotten(after, pair):
    """Finished tasks are cleared from the list before the journal lets their leases go."""
    after(leases=[lease_row(pair, ended="expired")._replace(task="cleared")])
    assert not pair.state.leases


def test_a_device_that_the_registry_lost_is_not_paid(after, pair, of):
    """Its copy counts in the comparison and gets its verdict; there is nobody whose standing could rise."""
    after(leases=[lease_row(pair, node="gone-1", ended="done", seq=4, answer=pair.right(b"job 0"))])
    pair.round()
    pair.device("ben-1", "ben", boot=2)
    said = pair.answer(pair.lease("ben-1"), boot=2)
    assert [(x.lease, x.verdict) for x in of(f.KeepVerdict, said)] == [(1, "ok"), (10, "ok")]
    assert [x.node for x in of(f.KeepStanding, said)] == ["ben-1"] and pair.pending("ben-1") == 10


def test_a_lease_waits_for_its_round_before_it_expires(after, pair, of):
    """Until the round has come again nobody knows what its job was: its clock is looked at again later."""
    after(leases=[lease_row(pair)])
    assert not of(f.KeepEnd, pair.wait(pair.policy.return_ms))
    pair.round()
    assert not of(f.KeepEnd, pair.wait(pair.policy.ack_by_ms - 1))
    assert of(f.KeepEnd, pair.wait(1)) == [f.KeepEnd(1, "expired")]


def test_a_device_whose_result_came_too_early_is_waited_for(after, pair, of):
    """It will send it again, however long its round takes to come."""
    row = lease_row(pair)
    after(leases=[row])
    pair.wait(pair.policy.return_ms - 1)
    lease = f.SendLease("anna-1", 1, row.nonce, b"", b"", 0, 1, 1, 10, (), b"job 0")
    assert pair.answer(lease) == []
    pair.round()
    assert not of(f.KeepEnd, pair.wait(pair.policy.return_ms - 1))
    assert of(f.KeepEnd, pair.wait(pair.policy.ack_by_ms)) == [f.KeepEnd(1, "expired")]


def test_a_result_before_its_round_is_replayed_may_find_its_lease_over(after, pair):
    """The device was lost meanwhile; what it says now waits for the round like any other."""
    row = lease_row(pair, ended="expired")
    after(leases=[row])
    lease = f.SendLease("anna-1", 1, row.nonce, b"", b"", 0, 1, 1, 10, (), b"job 0")
    assert pair.answer(lease) == [] and not pair.node("anna-1").open


def test_leases_of_a_finished_task_are_forgotten_with_their_epoch(pair, of):
    """A result that comes then names no lease; one that was recorded is known for longer, as are those of others."""
    pair.task(jobs=3)
    first, second = pair.leases()
    pair.answer(first, seq=1)
    pair.tell(e.TaskCancelled("t"))
    pair.task("u")
    pair.refuse(lease := pair.leases()[0], "busy")
    pair.tell(e.EpochEnded())
    assert set(pair.state.ended) == {first.nonce, lease.nonce}
    assert of(f.SendAck, pair.answer(second, seq=1)) == [f.SendAck(second.node, 1, "lease_unknown")]


def test_a_replayed_round_without_jobs_goes_on_at_once(after, pair, of):
    """There is nothing that the journal could know of it."""
    after(tasks=[OPEN._replace(rounds=1)])
    said = pair.round(jobs=0)
    assert not of(f.RecallRound, said) and of(f.AdvanceSolver, said) == [f.AdvanceSolver("t", 0, ())]


def test_a_finished_task_shows_what_it_came_to(after, pair, of):
    """Jobs, copies and who took part are after a restart what they were at its end."""
    pair.task(jobs=2)
    pair.work()
    pair.round(number=1, jobs=1)
    pair.tell(e.TaskCancelled("t"))
    end = of(f.KeepTaskEnd, pair.out)[0]
    shown = task_view(pair.of())
    assert (shown["jobs_done"], shown["jobs_total"], shown["copies"], shown["round"]) == (2, 3, 5, 1)
    after(tasks=[OPEN._replace(state=end.state, result=end.result, totals=end.totals)])
    assert task_view(pair.of()) == {**shown, "submitted_at_ms": 0}


def test_a_task_of_a_version_that_kept_no_figures_is_shown(after, pair):
    """With none."""
    after(tasks=[OPEN._replace(state="done", result=b"{}")])
    assert task_view(pair.of())["jobs_total"] == 0


def test_a_task_that_is_replayed_shows_how_far_it_was(after, pair, of):
    """Its figures do not begin anew; what the journal gives back is no work, and no rate."""
    after(tasks=[OPEN._replace(rounds=2, round_jobs=4, all_jobs=6, answered=3, expected=4, setback="why")],
          answers=[(0, 0, b"a", False), (0, 1, b"b", False), (1, 0, b"c", False), (1, 1, b"d", False),
                   (1, 2, b"e", False)])
    far = {"jobs_done": 5, "jobs_total": 6, "progress": 437, "jobs_per_s": 0, "setback": "why"}

    def shown():
        return {key: value for key, value in task_view(pair.of()).items() if key in far}

    assert shown() == far
    pair.round(jobs=2, expected=4)
    pair.wait(1_000)
    assert shown() == far
    pair.round(number=1, jobs=4, expected=4)
    pair.wait(1_000)
    assert shown() == far | {"jobs_total": 6 + 2 * 4}   # two more rounds like this one
    assert of(f.StartSolver, pair.tell(e.WorkFound((("t", 0, 0),)))) and shown() == far


def test_one_event_ends_no_more_leases_than_it_may(make_city, of):
    """However many expire at once: the machine says that there is more, and goes on where it was."""
    city = make_city(max_open=64)
    for number in range(6):
        city.device(f"n{number}", room=64, speed=100_000)
    city.submit()
    city.round(jobs=6 * 64)
    assert sum(len(node.open) for node in city.state.nodes.values()) == 6 * 64 and not city.machine.busy
    city.now += city.policy.ack_by_ms
    ended = []
    while not ended or city.machine.busy:
        ended.append(len(of(f.KeepEnd, city.tell(e.Ticked()))))
    assert sum(ended) == 6 * 64 and max(ended) <= SLICE and len(ended) >= 3


def test_statuses_of_many_tasks_take_several_events(make_city, of):
    """Each task is looked at once for each time that statuses are published, and those that are over not any more."""
    city = make_city(max_tasks=100)
    for number in range(2 * SEEN + 1):
        city.submit(f"t{number}")
        city.state.tasks[f"t{number}"].dirty = True
    city.now += 1_000
    said = [city.tell(e.Ticked())]
    city.tell(e.TaskCancelled(f"t{2 * SEEN}"))
    while city.machine.busy:
        said.append(city.tell(e.Ticked()))
    told = [x.task for one in said for x in of(f.PublishStatus, one)]
    assert sorted(told) == sorted(f"t{number}" for number in range(2 * SEEN)) and len(said) == 3


def test_a_round_becomes_jobs_as_devices_come_to_them(city):
    """A million that wait cost what a few do, and count as what they are."""
    city.submit()
    city.round(jobs=1_000_000)
    assert len(city.of().round.jobs) < 200 and city.of().all_jobs == 1_000_000
    city.device("anna-1", room=64, speed=100_000)
    assert len(city.node("anna-1").open) == 64 and len(city.of().round.jobs) < 300
    said = city.tell(e.TaskCancelled("t"))
    assert sum(isinstance(effect, f.SendCancel) for effect in said) == 64


def test_jobs_of_a_past_round_are_let_go_some_at_a_time(make_city):
    """What they hold is free in the end; the machine says that there is more to do."""
    city = make_city(copies=1, max_open=64)
    city.device("anna-1", room=64, speed=1_000_000)
    city.submit()
    city.round(jobs=LET_GO + 64)
    while leases := city.leases():
        for lease in leases:
            city.answer(lease)
    while city.machine.busy:
        assert city.state.leftover
        city.tell(e.Ticked())
    assert not city.state.leftover
