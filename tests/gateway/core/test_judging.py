"""Results: recorded, compared, judged; and the gateway's own recomputation where there is doubt."""

from collections import Counter

import pytest

from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import events as e
from lamplighter.gateway.core.judging import DAY_MS, RENUMBERED_MS, quarantine_ms


def verdicts(effects):
    return [effect.verdict for effect in effects if isinstance(effect, f.KeepVerdict)]


def test_a_result_is_kept_before_it_is_acknowledged(pair):
    """The receipt is a journal row first; the acknowledgement says that the verdict is pending."""
    pair.task()
    said = [x for x in pair.answer(pair.lease(), seq=7) if isinstance(x, f.KeepReceipt | f.SendAck)]
    assert said[0] == f.KeepReceipt(1, "done", 1, 7, b"proof", pair.right(pair.job().input))
    assert said[1].verdict == "pending" and said[1].seq == 7


def test_the_second_copy_waits_for_the_first(pair, of):
    """A job is out once at a time; its second copy leaves with the record of the first, to another owner."""
    pair.task(jobs=1)
    first = pair.lease()
    said = pair.answer(first)
    (second,) = of(f.SendLease, said)
    assert (first.job, first.input) == (second.job, second.input)
    assert first.nonce != second.nonce and second.fence == first.fence + 1
    assert {first.node, second.node} == {"anna-1", "ben-1"}


def test_the_second_copy_never_goes_to_the_same_owner(city, of):
    """All devices of an owner count as one."""
    for name in ("anna-1", "anna-2", "anna-3"):
        city.device(name, "anna")
    city.task()
    assert not of(f.SendLease, city.answer(city.lease()))
    assert of(f.SendLease, city.device("ben-1", "ben"))


def test_equal_answers_are_accepted_and_paid(pair, of):
    """Two equal answers of two owners: the answer is kept, both are judged ok, both gain standing and credits."""
    pair.task()
    pair.answer(pair.lease())
    said = pair.answer(pair.lease())
    assert of(f.KeepAnswer, said) == [f.KeepAnswer("t", 0, 0, pair.right(pair.job().input), False)]
    assert verdicts(said) == ["ok", "ok"]
    assert [(node.score, pair.pending(node.name)) for node in pair.state.nodes.values()] == [(1, 10), (1, 10)]
    assert of(f.SendAck, said)[0].verdict == "ok"


def test_the_price_is_the_lease_s_not_the_receipt_s(pair):
    """What a device claims of its time changes nothing of its pay."""
    pair.task()
    pair.answer(pair.lease(), busy_us=2**32 - 1)
    pair.answer(pair.lease(), busy_us=0)
    assert [pair.pending(name) for name in pair.state.nodes] == [10, 10]


def test_a_drawn_share_is_recomputed(make_city, of):
    """The gateway recomputes about the share of jobs that the policy asks for, even where copies agree."""
    city = make_city(audit_permille=300, probation_audit_permille=300)
    city.device("anna-1")
    city.device("ben-1")
    city.task(jobs=200)
    city.work()
    asked = of(f.Recompute, city.out)
    assert 40 <= len(asked) <= 80
    assert not of(f.AdvanceSolver, city.out)
    for one in asked:
        city.recompute(one)
    assert of(f.AdvanceSolver, city.out) and city.of().audited == len(asked)


def test_the_gateway_itself_is_the_second_copy_of_a_drawn_job(make_city, of):
    """It is recomputed as soon as the first copy is in, while others go on; no device computes it a second time."""
    city = make_city(audit_permille=300, probation_audit_permille=300)
    city.device("anna-1")
    city.device("ben-1")
    city.task(jobs=40)
    asked = set()
    while leases := city.leases():
        said = city.answer(leases[0])
        asked |= {one.index for one in of(f.Recompute, said)}
        assert [one.job.input for one in of(f.Recompute, said)] in ([], [leases[0].input])
    copies = Counter(lease.index for lease in of(f.KeepLease, city.out))
    assert 5 < len(asked) < 20 and copies == {index: 1 if index in asked else 2 for index in range(40)}


def test_devices_on_probation_are_audited_more(make_city, of):
    """Whatever took part: until a device was right often enough its work is recomputed at the higher rate."""
    city = make_city(probation_audit_permille=1_000, probation_score=3)
    city.device("anna-1")
    city.device("ben-1")
    for number in range(12):
        city.task(f"t{number}")
        before = {name: node.score for name, node in city.state.nodes.items()}
        drawn = len(of(f.Recompute, city.out))
        city.work(f"t{number}")
        took_part = {lease.node for lease in of(f.KeepLease, city.out) if lease.task == f"t{number}"}
        asked = of(f.Recompute, city.out)[drawn:]
        assert bool(asked) == any(before[name] < 3 for name in took_part)
        for one in asked:
            city.recompute(one)
    assert not asked


def test_the_audit_decides_against_copies_that_agree(make_city, of):
    """Two owners who agree on a lie are both proven wrong by the recomputation."""
    city = make_city(probation_audit_permille=1_000)
    city.device("anna-1")
    city.device("ben-1")
    first = city.leases
    city.task()
    city.state.nodes[first()[0].node].score = city.policy.probation_score   # the other is on probation
    city.answer(first()[0], city.LIE)
    (asked,) = of(f.Recompute, city.answer(first()[0], city.LIE))
    said = city.recompute(asked)
    assert verdicts(said) == ["minority", "minority"]
    assert of(f.KeepAnswer, said)[0] == f.KeepAnswer("t", 0, 0, city.right(city.job().input), True)


def test_disagreement_is_settled_by_recomputation(pair, of):
    """Where copies differ nobody is judged until the gateway has run the job itself."""
    pair.task()
    pair.answer(pair.lease())
    said = pair.answer(pair.lease(), pair.LIE)
    (asked,) = of(f.Recompute, said)
    assert verdicts(said) == [] and (asked.round, asked.index, asked.job) == (0, 0, pair.job())
    said = pair.recompute(asked)
    assert sorted(verdicts(said)) == ["minority", "ok"]
    assert of(f.AdvanceSolver, said)[0].answers == (pair.right(pair.job().input),)


def test_a_liar_loses_standing_and_waits(pair, of):
    """The wrong device loses a third of its score, gets no work, and gets some again when the quarantine is over."""
    liar = pair.node("ben-1")
    liar.score = 30
    pair.task(jobs=1)
    pair.answer(pair.lease())
    pair.recompute(of(f.Recompute, pair.answer(pair.lease(), pair.LIE))[0])
    assert (liar.score, liar.lies, pair.pending(liar.name)) == (20, 1, 0)
    assert f.KeepStanding("ben-1", 20, 1, pair.now + pair.policy.quarantine_ms, 1, 1, 1) in pair.out
    pair.task("u", jobs=4)
    assert not pair.leases("ben-1")
    pair.now += pair.policy.quarantine_ms
    pair.bid("ben-1", room=1)
    assert pair.leases("ben-1")


def test_quarantine_doubles_up_to_a_day(pair):
    """Each further proof of a lie doubles the wait."""
    liar = pair.node("ben-1")
    waits = []
    for liar.lies in (0, 1, 2, 3, 40):
        waits.append(quarantine_ms(pair.state, liar))
    assert waits == [0, 60_000, 120_000, 240_000, DAY_MS]


@pytest.fixture
def caught(make_city, of):
    """caught(first): two jobs on two devices of two owners, who give ``first`` for job 0 in
    agreement; about job 1 anna lies, and the gateway finds out. Returns the city and what it said to that."""
    def go(first):
        city = make_city()
        city.device("anna-1", room=2)
        city.device("ben-1", room=2)
        city.task(jobs=2)
        while leases := city.leases():
            lease = leases[0]
            lies = city.LIE if lease.node == "anna-1" else None
            city.answer(lease, first if lease.input == city.job(0).input else lies)
        (asked,) = of(f.Recompute, city.out)
        assert asked.index == 1
        return city, city.recompute(asked)
    return go


def test_a_liars_accepted_work_is_checked_again(caught, of):
    """What a proven liar took part in without a recomputation is recomputed before the round may end."""
    city, said = caught(None)
    (again,) = of(f.Recompute, said)
    assert again.index == 0 and not of(f.AdvanceSolver, said)
    said = city.recompute(again)
    assert verdicts(said) == [] and of(f.AdvanceSolver, said)
    assert [city.pending(name) for name in city.state.nodes] == [10, 20]


def test_a_correction_replaces_answer_and_verdicts(caught, of):
    """Accepted lies of two owners are corrected when one of them is caught elsewhere in the round."""
    city, said = caught(b"all lie.")
    assert [city.pending(name) for name in city.state.nodes] == [10, 20]
    said = city.recompute(of(f.Recompute, said)[0])
    assert of(f.KeepAnswer, said) == [f.KeepAnswer("t", 0, 0, city.right(city.job(0).input), True)]
    assert verdicts(said) == ["minority", "minority"]
    assert of(f.AdvanceSolver, said)[0].answers == tuple(city.right(city.job(i).input) for i in range(2))
    assert [city.pending(name) for name in city.state.nodes] == [0, 10]


def test_a_lone_owner_is_recomputed(city, of):
    """Where no second owner comes in time the gateway takes the place of the second copy."""
    city.device("anna-1")
    city.task()
    city.answer(city.lease())
    assert not of(f.Recompute, city.wait(city.policy.quorum_wait_ms - 1))
    (asked,) = of(f.Recompute, city.wait(1))
    assert verdicts(city.recompute(asked)) == ["ok"]
    assert city.pending("anna-1") == 10


@pytest.fixture
def checked(pair, of):
    """checked(possible) has a kind with a check say its word on the first copy of task t; it was asked once."""
    pair.kinds["toy.sum"] = pair.kinds["toy.sum"]._replace(checks=True)
    pair.restart()
    for name, owner in (("anna-1", "anna"), ("ben-1", "ben")):
        pair.device(name, owner, room=1)

    def say(possible, **other):
        asked, = of(f.CheckAnswer, pair.out)
        about = {"task": "t", "round": 0, "index": 0, "run": 0, "answer": asked.answer, **other}
        return pair.tell(e.AnswerChecked(possible=possible, **about))
    return say


def test_a_check_holds_nobody_up(pair, of, checked):
    """While the kind is asked about the first copy the second is made; once it has said yes nothing is left to do."""
    pair.task()
    said = pair.answer(pair.lease())
    asked, lease = of(f.CheckAnswer, said)[0], of(f.SendLease, said)[0]
    assert asked == f.CheckAnswer("t", 0, 0, 0, pair.job(0), pair.right(lease.input))
    assert checked(True) == []
    said = pair.answer(lease)
    assert verdicts(said) == ["ok", "ok"] and not of(f.CheckAnswer, said)


@pytest.mark.parametrize("possible", [True, False])
def test_copies_that_agree_wait_for_the_word_of_their_kind(pair, of, checked, possible):
    """Nothing is accepted that the kind may still call impossible; if it does the job is recomputed."""
    pair.task()
    pair.answer(pair.lease())
    said = pair.answer(pair.lease())
    assert not verdicts(said) and pair.wait(1_000) is not None and pair.of().waits == ""
    assert checked(possible, run=1) == checked(possible, answer=b"another!") == checked(possible, index=1) == []
    said = checked(possible)
    assert (verdicts(said) == ["ok", "ok"]) == possible and bool(of(f.Recompute, said)) != possible


def test_an_impossible_answer_is_recomputed(pair, of, checked):
    """A lone copy that the kind's own check refuses is settled without a second one, if none is out yet."""
    pair.status("ben-1", "lost")
    pair.task()
    pair.answer(pair.lease("anna-1"), pair.LIE)
    said = checked(False)
    assert not of(f.SendLease, said)
    assert verdicts(pair.recompute(of(f.Recompute, said)[0])) == ["minority"]


@pytest.mark.parametrize("answer", [None, b"short", b"a lie..."])
def test_an_impossible_answer_is_recomputed_once_its_second_copy_is_in(pair, of, checked, answer):
    """Whatever the second copy is, a lie of a friend's or nothing of use: the gateway's answer decides."""
    pair.task()
    liar = pair.lease()
    pair.answer(liar, pair.LIE)
    assert not of(f.Recompute, checked(False))
    lease = pair.lease()
    said = pair.answer(lease, answer) if answer else pair.refuse(lease, "busy")
    assert len(of(f.Recompute, said)) == 1 and not of(f.SendLease, said)
    said = pair.recompute(of(f.Recompute, said)[0])
    assert "ok" not in verdicts(said) and pair.node(liar.node).lies == 1


def test_a_possible_lone_copy_goes_on_waiting(pair, of, checked):
    """The kind's yes changes nothing for a job that waits for another owner."""
    pair.status("ben-1", "lost")
    pair.task()
    pair.answer(pair.lease("anna-1"))
    assert checked(True) == []
    assert of(f.Recompute, pair.wait(pair.policy.quorum_wait_ms))


@pytest.mark.parametrize(("given", "verdict"), [
    ({"answer": b"short"}, "wrong_size"), ({"answer": b"far too long"}, "wrong_size"),
    ({"sealed": False}, "bad_seal"),
])
def test_a_malformed_answer_costs_standing(pair, of, given, verdict):
    """A wrong size or seal is recorded, judged at once, unpaid, and the job goes to somebody else."""
    pair.task()
    lease = pair.lease()
    said = pair.answer(lease, **given)
    assert verdicts(said) == [verdict] and of(f.SendAck, said)[0].verdict == verdict
    assert pair.node(lease.node).lies == 1 and pair.lease().node != lease.node
    assert of(f.KeepReceipt, said)


def test_a_late_result_is_recorded_and_not_paid(pair, of):
    """The result of an expired lease is kept as late; the job is long with another."""
    pair.task()
    lease = pair.lease()
    pair.wait(pair.policy.ack_by_ms)
    said = pair.answer(lease)
    assert of(f.KeepReceipt, said)[0].ended == "late"
    assert verdicts(said) == ["late"] and of(f.SendAck, said)[0].verdict == "late"
    assert not of(f.KeepAnswer, said) and pair.pending(lease.node) == 0


def test_a_result_for_a_cancelled_task_is_cancelled(pair):
    """What comes in after the cancel is acknowledged as such."""
    pair.task()
    lease = pair.lease()
    pair.tell(e.TaskCancelled("t"))
    assert verdicts(pair.answer(lease)) == ["cancelled"]


def test_a_duplicate_is_acknowledged_and_not_kept(pair):
    """A result that comes again is only acknowledged again, with what is known of it by now."""
    pair.task()
    lease = pair.lease()
    pair.answer(lease, seq=5)
    assert pair.answer(lease, seq=5) == [f.SendAck(lease.node, 5, "pending")]
    pair.answer(pair.lease(), seq=6)
    assert pair.answer(lease, seq=5) == [f.SendAck(lease.node, 5, "ok")]
    assert pair.state.counters["results_duplicate"] == 2


def test_a_second_answer_to_one_lease_is_a_duplicate(pair):
    """Another receipt for a lease that has one changes nothing."""
    pair.task()
    lease = pair.lease()
    pair.answer(lease, seq=5)
    assert pair.answer(lease, pair.LIE, seq=6) == [f.SendAck(lease.node, 6, "duplicate")]


def test_an_unknown_nonce_keeps_nothing(pair):
    """A result for a lease that was never given is acknowledged as such, so that the device may forget it."""
    pair.task()
    said = pair.answer(pair.lease(), seq=9, nonce=b"?" * 16)
    assert said == [f.SendAck("anna-1", 9, "lease_unknown")]


def test_another_devices_lease_is_unknown(pair):
    """A device cannot answer in another's place."""
    pair.task()
    lease = pair.lease()
    other = ({"anna-1", "ben-1"} - {lease.node}).pop()
    assert pair.answer(lease, node=other, seq=3) == [f.SendAck(other, 3, "lease_unknown")]
    assert pair.lease() == lease


@pytest.mark.parametrize("wrong", [{"job": b"j" * 16}, {"device": b"d" * 16}])
def test_a_receipt_that_contradicts_its_lease_is_not_recorded(pair, wrong):
    """Job and device of the receipt must be those of the lease."""
    pair.task()
    lease = pair.lease()
    assert pair.answer(lease, seq=4, **wrong) == [f.SendAck(lease.node, 4, "lease_unknown")]
    assert pair.state.counters["misbehaved_receipt"] == 1 and pair.lease() == lease


def test_strangers_and_revoked_devices_change_nothing(pair):
    """A result of a device that is not enrolled, or no longer, is counted and nothing else."""
    pair.task()
    lease = pair.lease()
    pair.tell(e.NodeRevoked(lease.node))
    assert pair.answer(lease) == []
    assert pair.answer(lease, node="nobody") == []
    assert pair.state.counters["misbehaved_unknown_node"] == 2


def test_a_kernel_that_raises_here_too_fails_the_task(pair, of):
    """When even the gateway cannot run a job the kind is broken, and says so."""
    pair.task()
    pair.answer(pair.lease())
    (asked,) = of(f.Recompute, pair.answer(pair.lease(), pair.LIE))
    pair.recompute(asked, None)
    assert pair.of().state == "failed" and b"kernel_failed" in pair.of().result


def test_a_recomputation_that_nobody_waits_for_is_ignored(pair):
    """An answer of the gateway for another round, or for a job that is not in doubt, changes nothing."""
    pair.task()
    assert pair.tell(e.Recomputed("t", 0, 0, 0, b"x" * 8)) == []
    assert pair.tell(e.Recomputed("t", 3, 0, 0, b"x" * 8)) == []
    assert pair.tell(e.Recomputed("u", 0, 0, 0, None)) == []


def test_ended_leases_are_remembered_within_a_bound(make_city):
    """Old leases are forgotten; a duplicate of theirs is an unknown lease."""
    city = make_city(remembered_leases=4)
    city.device("anna-1", room=1)
    city.device("ben-1", room=1)
    city.task(jobs=6)
    first = city.leases("anna-1")[0]
    city.answer(first, seq=77)
    city.work()
    assert len(city.state.leases) == 4
    assert city.answer(first, seq=77) == [f.SendAck("anna-1", 77, "lease_unknown")]


def test_what_a_liar_agreed_on_is_recomputed(pair, of):
    """While it is in quarantine no copy of its is believed, whoever agrees."""
    pair.task()
    pair.answer(pair.lease())
    pair.state.nodes["anna-1"].quarantined_until = pair.now + 1
    said = pair.answer(pair.lease())
    assert len(of(f.Recompute, said)) == 1 and not of(f.KeepAnswer, said)


def test_a_verdict_of_an_epoch_that_has_ended_stands(pair, of):
    """What was judged ok there is settled so: a later correction takes standing, not pay."""
    pair.task(jobs=2)
    held = pair.leases()
    pair.refuse(held[1], "failed")
    pair.answer(held[0], pair.LIE, seq=1)
    pair.wait(1_000)
    pair.bid("ben-1", room=1)
    pair.answer(next(x for x in pair.leases("ben-1") if x.job == held[0].job), pair.LIE, seq=1)
    assert pair.pending("anna-1") == pair.pending("ben-1") == 10
    pair.tell(e.EpochEnded())
    job = next(job for job in pair.of().round.jobs if job.answer)
    asked, = of(f.Recompute, pair.tell(e.WorkFound((("t", 0, job.index),))))
    said = pair.recompute(asked)
    assert not of(f.KeepVerdict, said) and pair.pending("anna-1") == pair.pending("ben-1") == 10
    assert pair.state.counters["corrections_too_late"] == 2 and pair.node("anna-1").lies == 1


def test_a_number_counts_once(pair, of):
    """A second receipt with a used number is a duplicate at once, also where its lease has ended meanwhile."""
    pair.task(jobs=3)
    pair.answer(pair.lease("anna-1"), seq=7)
    lease = pair.lease("anna-1")
    said = pair.answer(lease, seq=7)
    assert not of(f.KeepReceipt, said) and of(f.SendAck, said) == [f.SendAck("anna-1", 7, "duplicate")]
    assert of(f.KeepEnd, said)[0].ended == "failed"
    assert pair.answer(lease, seq=7) == [f.SendAck("anna-1", 7, "duplicate")]
    assert of(f.KeepReceipt, pair.answer(lease, seq=8))[0].ended == "late"
    assert not pair.leases("anna-1") and pair.state.counters["results_renumbered"] == 2


def test_a_receipt_for_another_network_is_none(pair, of):
    """As settlement would say."""
    pair.task()
    said = pair.answer(pair.lease("anna-1"), net=b"elsewher")
    assert said == [f.SendAck("anna-1", 1, "lease_unknown")] and pair.leases("anna-1")


def test_who_used_a_number_again_is_looked_at_when_its_back_off_has_passed(pair):
    """It need not say anything: the next lease comes by the clock."""
    pair.task(jobs=4)
    pair.answer(pair.lease("anna-1"), seq=5)
    pair.answer(pair.lease("anna-1"), seq=5)
    pair.wait(RENUMBERED_MS - 1)
    assert not pair.leases("anna-1") and "anna-1" not in pair.state.hungry
    pair.wait(1)
    assert pair.leases("anna-1")
