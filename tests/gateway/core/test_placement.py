"""Who gets which job, and what happens to leases that come to nothing."""

import pytest

from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import events as e
from lamplighter.gateway.core.lifecycle import Why
from lamplighter.gateway.core.nodes import BACKOFF_MS
from lamplighter.gateway.core.whynot import why_no_work
from lamplighter.gateway.protocol.verdicts import REFUSALS


def tasks_of(city, effects):
    """The tasks that these leases are for."""
    return [city.state.leases[effect.nonce].job.task.name for effect in effects if isinstance(effect, f.SendLease)]


def test_a_lease_carries_all_that_a_device_needs(city, of):
    """Kernel for its state, contexts, input, price and clocks; the report clock is generous."""
    city.device("anna-1", arch=7)
    city.submit()
    spec = city.job(3, price=50, contexts=(b"c" * 16,))
    (lease,) = of(f.SendLease, city.round(jobs=[spec]))
    assert (lease.kernel, lease.contexts, lease.input) == (city.kernel_of("toy.sum", 7), (b"c" * 16,), b"job 3")
    assert (lease.fence, lease.epoch, lease.budget_kop) == (1, 0, 50)
    assert lease.ack_by_ms == city.policy.ack_by_ms
    assert lease.report_by_ms == city.policy.report_floor_ms + 8 * 1_001   # 50 kop at 100 kop/s, half idle


def test_the_report_clock_has_a_ceiling(city, of):
    """However slow a device says it is, its lease ends some day."""
    city.device("anna-1", speed=1, spare=50)
    city.submit()
    (lease,) = of(f.SendLease, city.round(jobs=[city.job(price=1_000)]))
    assert lease.report_by_ms == city.policy.report_ceiling_ms


@pytest.mark.parametrize("room", [0, 1, 3])
def test_a_device_holds_what_it_bids_for(city, room):
    """Open leases never exceed the room of the bid."""
    city.device("anna-1", room=room)
    city.task(jobs=8)
    assert len(city.leases()) == room


def test_no_device_holds_more_than_the_policy_allows(make_city):
    """Whatever room a device bids, max_open is the limit."""
    city = make_city(max_open=2)
    city.device("anna-1", room=64)
    city.task(jobs=8)
    assert len(city.leases()) == 2


def test_a_device_gets_no_more_than_it_can_work_off_soon(city):
    """It gets leases until they are for more than a second of work; one it always gets."""
    city.device("anna-1", room=64)               # 10 kop take it 201 ms
    city.device("slow-1", room=64, speed=1)
    city.task(jobs=40)
    assert (len(city.leases("anna-1")), len(city.leases("slow-1"))) == (5, 1)


def test_a_long_job_is_not_put_off_for_short_ones(city):
    """Who has enough ahead looks at no job: those that take longest are not left for the end."""
    city.device("anna-1", room=8)
    city.submit()
    city.round(jobs=[city.job(0, price=90), city.job(1, price=90), city.job(2), city.job(3)])
    assert [lease.input for lease in city.leases()] == [b"job 0"]    # 90 kop take it 1.8 s
    city.now += 1_800
    city.answer(city.leases()[0])
    assert [lease.input for lease in city.leases()] == [b"job 1"]


def test_few_jobs_are_spread_over_all_devices(city, of):
    """When a round opens each device gets a job before one gets its second."""
    for number in range(6):
        city.device(f"node-{number}", room=8)
    city.task(jobs=9)
    assert sorted(len(city.leases(f"node-{number}")) for number in range(6)) == [1, 1, 1, 2, 2, 2]


def test_a_second_copy_goes_to_who_has_nothing_to_do(city):
    """Of those that may have it, and have nothing else, wherever the lot has the search begin."""
    for name in ("anna-1", "ben-1", "carl-1", "dora-1"):
        city.device(name, room=8)
    city.task(jobs=3)
    idle = next(name for name in city.state.nodes if not city.leases(name))
    first = city.leases()[0]
    city.answer(first)
    assert [lease.input for lease in city.leases(idle)] == [first.input]


@pytest.mark.parametrize("device", [{"heap": 999}, {"room": 0}, {"spare": 0, "speed": 0}])
def test_what_does_not_fit_is_not_given(city, device):
    """Heap, room and the deadline rule a device out."""
    city.device("anna-1", **device)
    city.task(deadline_ms=100_000)
    assert not city.leases()


def test_a_board_without_kernels_gets_nothing(city):
    """Nothing is leased before the kernels of an instruction set are compiled, or where none could be."""
    city.enrol("anna-1")
    city.status("anna-1", "ready")
    city.born("anna-1", arch=5)
    city.bid("anna-1")
    city.task()
    assert not city.leases()
    city.tell(e.KernelsCompiled(5, {"toy.mix": b"k" * 16}))
    assert not city.leases()
    city.tell(e.KernelsCompiled(5, {"toy.sum": b"k" * 16}))
    assert city.lease().kernel == b"k" * 16


def test_committed_copies_come_first(city):
    """Room goes to jobs that only lack their second copy before new ones are begun."""
    city.device("anna-1", room=1)
    city.task(jobs=9)
    first = city.lease()
    city.answer(first)
    city.device("ben-1", room=1)
    assert city.lease("ben-1").job == first.job


def test_a_device_that_changes_hands_is_not_its_own_second(city, of):
    """The second copy goes to another device as well as to another owner, of those before and after."""
    city.device("anna-1", "anna", room=1)
    city.task()
    city.answer(city.lease())
    city.enrol("anna-1", "ben")
    assert not of(f.SendLease, city.bid("anna-1"))
    assert not of(f.SendLease, city.device("ben-1", "ben"))
    assert not of(f.SendLease, city.device("anna-2", "anna"))
    assert of(f.SendLease, city.device("chloe-1", "chloe"))


@pytest.mark.parametrize("first", ["anna", "ben"])
def test_a_moving_device_checks_neither_of_its_owners(city, of, first):
    """Until it has changed hands both count as one, whichever of them did the first copy."""
    city.device("first-1", first, room=1)
    city.task()
    city.answer(city.lease())
    city.enrol("moves-1", "anna")
    city.tell(e.NodeEnrolled("moves-1", city.node("moves-1").device, "anna", "ben"))
    city.status("moves-1", "ready")
    city.born("moves-1")
    assert not of(f.SendLease, city.bid("moves-1"))
    assert of(f.SendLease, city.device("chloe-1", "chloe"))


def test_a_copy_of_a_moving_device_is_of_both_owners(city, of):
    """The next owner's devices do not check it either."""
    city.device("anna-1", "anna", room=1)
    city.tell(e.NodeEnrolled("anna-1", city.node("anna-1").device, "anna", "ben"))
    city.task()
    city.answer(city.lease())
    assert not of(f.SendLease, city.device("ben-1", "ben"))
    assert not of(f.SendLease, city.device("anna-2", "anna"))
    assert of(f.SendLease, city.device("chloe-1", "chloe"))


def test_a_lease_fits_the_devices_messages(city):
    """A job whose input is more than a device takes in one message is for another."""
    needs = 71 + 16 + 16 + len(b"job 0")     # lease, its MAC, one context, input
    for name, message in (("tiny-1", needs - 1), ("wide-1", needs)):
        city.device(name, room=1)
        city.born(name, message=message)
    city.submit()
    city.round(jobs=[city.job(0, contexts=(b"c" * 16,))])
    assert city.lease().node == "wide-1"


def test_higher_priority_is_served_first(city):
    """A more urgent task takes the room that comes free."""
    city.task("slow", jobs=4, priority=0)
    city.task("urgent", jobs=2, priority=5)
    assert tasks_of(city, city.device("anna-1", room=3)) == ["urgent", "urgent", "slow"]


def test_priority_goes_before_the_kernel_that_a_device_holds(city):
    """Urgent work of another kind is worth fetching a kernel for."""
    city.task("slow", jobs=4, kind="toy.sum")
    city.device("anna-1", room=1)
    city.task("other", jobs=4, kind="toy.mix")
    city.device("ben-1", room=1)
    assert tasks_of(city, city.answer(city.lease("anna-1"))) == ["slow"]
    city.task("urgent", jobs=4, kind="toy.mix", priority=5)
    assert tasks_of(city, city.answer(city.lease("anna-1"))) == ["urgent"]


def test_equals_take_turns(city):
    """Tasks of one priority and kind share the devices."""
    city.task("a", jobs=4)
    city.task("b", jobs=4)
    assert tasks_of(city, city.device("anna-1", room=4)) == ["a", "b", "a", "b"]


def test_a_node_stays_with_its_kind(city):
    """A device goes on with the kernel that it holds while kinds have their share of devices."""
    city.task("sum", jobs=40, kind="toy.sum")
    city.device("anna-1", room=1)
    city.task("mix", jobs=40, kind="toy.mix")
    city.device("ben-1", room=1)
    for _ in range(6):
        city.answer(city.lease("anna-1"))
        city.answer(city.lease("anna-1"))
        city.answer(city.lease("ben-1"))
    given = {name: set(tasks_of(city, [x for x in city.out if isinstance(x, f.SendLease) and x.node == name]))
             for name in ("anna-1", "ben-1")}
    assert given == {"anna-1": {"sum"}, "ben-1": {"mix"}}


def test_a_node_goes_over_when_its_share_demands(city):
    """A kind that all devices work on gives some of them up to a kind that has none."""
    for name in ("anna-1", "ben-1", "chloe-1", "dmitri-1"):
        city.device(name, room=1)
    city.task("sum", jobs=40, kind="toy.sum")
    city.task("mix", jobs=40, kind="toy.mix")
    for _ in range(4):
        for name in ("anna-1", "ben-1", "chloe-1", "dmitri-1"):
            city.answer(city.lease(name))
    assert sorted(node.kind for node in city.state.nodes.values()) == ["toy.mix"] * 2 + ["toy.sum"] * 2


@pytest.mark.parametrize("reason", [reason for reason in REFUSALS[1:] if reason != "failed"])
def test_declining_costs_nothing(pair, of, reason):
    """A refused lease is over as rejected, no standing is lost, and the job is with another at once."""
    pair.task()
    lease = pair.lease()
    said = pair.refuse(lease, reason)
    assert of(f.KeepEnd, said) == [f.KeepEnd(1, "rejected")] and not of(f.KeepStanding, said)
    assert pair.node(lease.node).lies == 0
    if reason in BACKOFF_MS or reason == "no_heap":
        assert pair.lease().node != lease.node and pair.lease().job == lease.job


@pytest.mark.parametrize("reason", sorted(BACKOFF_MS))
def test_a_device_that_declined_is_left_alone_for_a_while(city, reason):
    """Its next lease comes with its next bid after the back-off of its reason."""
    city.device("anna-1")
    city.task()
    city.refuse(city.lease(), reason)
    city.now += BACKOFF_MS[reason] - 1
    city.bid("anna-1")
    assert not city.leases()
    city.now += 1
    city.bid("anna-1")
    assert city.leases()


def test_a_job_too_large_for_a_device_is_not_offered_again(city):
    """What did not fit its heap is believed for ten seconds, for jobs of that size or more."""
    city.device("anna-1", room=1)
    city.submit()
    city.round(jobs=[city.job(0, heap=5_000), city.job(1, heap=4_000)])
    assert city.lease().input == b"job 0"
    city.refuse(city.lease(), "no_heap")
    assert city.lease().input == b"job 1"
    city.refuse(city.lease(), "no_heap")
    assert not city.leases()
    city.now += city.policy.declined_ms
    city.bid("anna-1", room=1)
    assert city.leases()


def test_a_device_that_declined_is_asked_again_when_nobody_else_is_there(city):
    """A job does not wait for somebody who may never come."""
    city.device("anna-1", room=1)
    city.task()
    city.refuse(city.lease(), "expired")
    assert city.lease().node == "anna-1"


def test_a_job_prefers_devices_that_did_not_decline_it(city):
    """Where others have room, the refuser comes after them."""
    for name in ("anna-1", "ben-1", "chloe-1", "dmitri-1"):
        city.device(name, room=1)
    for number in range(10):
        city.task(f"t{number}")
        lease = city.lease()
        city.refuse(lease, "expired")
        assert city.lease().node != lease.node
        city.tell(e.TaskCancelled(f"t{number}"))


def test_a_lease_without_a_sign_of_life_expires(city, of):
    """Without acceptance, refusal or result the lease ends with the acknowledge clock, not before."""
    city.device("anna-1", room=1)
    city.task()
    assert not of(f.KeepEnd, city.wait(city.policy.ack_by_ms - 1))
    assert of(f.KeepEnd, city.wait(1)) == [f.KeepEnd(1, "expired")]


def test_an_accepted_lease_has_until_its_report_clock(city, of):
    """A device that said it has the lease gets the whole time that it was told."""
    city.device("anna-1", room=1)
    city.task()
    lease = city.lease()
    city.tell(e.LeaseAccepted("anna-1", lease.nonce))
    city.wait(city.policy.ack_by_ms)
    assert city.leases() == [lease]
    assert not of(f.KeepEnd, city.wait(lease.report_by_ms - city.policy.ack_by_ms - 1))
    assert of(f.KeepEnd, city.wait(1))[0].ended == "expired"


@pytest.mark.parametrize("status", ["lost", "sleeping", "updating"])
def test_leases_of_a_device_that_left_are_given_again_at_once(pair, of, status):
    """The broker's word or its own ends all its leases, and others get the jobs in the same call."""
    pair.task(jobs=1)
    lease = pair.lease()
    said = pair.status(lease.node, status)
    assert of(f.KeepEnd, said) == [f.KeepEnd(1, "expired")]
    (again,) = of(f.SendLease, said)
    assert again.job == lease.job and again.node != lease.node and again.fence == 2


def test_leases_of_a_rebooted_device_are_given_again_at_once(pair, of):
    """A birth with another boot number says that what the device held is gone."""
    pair.task(jobs=1)
    lease = pair.lease()
    said = pair.born(lease.node, 2)
    (again,) = of(f.SendLease, said)
    assert again.job == lease.job and again.node != lease.node


def test_a_revoked_device_loses_its_leases(pair, of):
    """Whose keys are taken away has no work."""
    pair.task(jobs=1)
    lease = pair.lease()
    (again,) = of(f.SendLease, pair.tell(e.NodeRevoked(lease.node)))
    assert again.node != lease.node
    assert not of(f.SendLease, pair.bid(lease.node))


def test_a_job_that_keeps_expiring_is_recomputed(make_city, of):
    """After max_expired lost leases the gateway runs the job itself."""
    city = make_city(max_expired=2)
    city.device("anna-1", room=1)
    city.task()
    assert not of(f.Recompute, city.wait(city.policy.ack_by_ms))
    city.bid("anna-1", room=1)
    (asked,) = of(f.Recompute, city.wait(city.policy.ack_by_ms))
    assert of(f.AdvanceSolver, city.recompute(asked))


def test_a_kernel_that_keeps_raising_is_run_by_the_gateway(make_city, of):
    """After max_failed devices said that the kernel raised, the gateway tries; then the kind is at fault."""
    city = make_city(max_failed=2)
    city.device("anna-1", room=1)
    city.device("ben-1", room=1)
    city.task()
    assert not of(f.Recompute, city.refuse(city.lease(), "failed"))
    (asked,) = of(f.Recompute, city.refuse(city.lease(), "failed"))
    city.recompute(asked, None)
    assert b'"kernel_failed"' in city.of().result and b'"fault": "kind"' in city.of().result


def test_a_device_that_stands_still_gets_no_more(city, of):
    """It has let a lease pass in silence: the next one waits for its next bid, which says that it is there."""
    city.device("anna-1", room=1)
    city.task(jobs=2)
    assert city.leases() and not of(f.SendLease, city.wait(city.policy.ack_by_ms))
    assert why_no_work(city.state, city.node("anna-1")) is Why.NO_BID
    assert of(f.SendLease, city.bid("anna-1", room=1))


def test_declining_has_no_cap(make_city, of):
    """Devices that are merely busy never make the gateway run the job."""
    city = make_city(max_failed=2, max_expired=2)
    city.device("anna-1", room=1)
    city.task()
    for _ in range(20):
        city.now += 1_000
        city.bid("anna-1", room=1)
        city.refuse(city.lease(), "busy")
    assert not of(f.Recompute, city.out)


def test_pace_is_measured_by_the_gateway(city):
    """A device that takes longer than it bid for gets less ahead."""
    city.device("anna-1", room=64)
    city.task(jobs=60)
    assert len(city.leases()) == 5
    city.now += 9_000
    while city.node("anna-1").open and len(city.out) < 2_000 and city.node("anna-1").pace.get("toy.sum", 0) < 50_000:
        city.answer(city.leases()[0])
    assert len(city.leases()) <= 5
    assert city.node("anna-1").pace["toy.sum"] > 20_000    # microseconds per kop; its bid said 20,000


def test_scanning_is_bounded(make_city):
    """A device that can take few of the jobs is served within a bounded look at each queue."""
    city = make_city(scan=3)
    city.submit()
    city.round(jobs=[city.job(i, heap=50_000) for i in range(5)] + [city.job(9, heap=10)])
    city.device("anna-1", room=1, heap=1_000)
    assert not city.leases()
    city.bid("anna-1", room=1, heap=1_000)
    assert city.lease().input == b"job 9"


@pytest.mark.parametrize(("others", "at_once"), [(60, True), (400, False)])
def test_looking_for_a_device_is_bounded(city, of, others, at_once):
    """A second copy finds the one device that may have it among dozens; in a city it waits for that device's bid."""
    city.device("anna-1", room=1)
    city.submit()
    city.round(jobs=[city.job(heap=50_000)])
    for number in range(others):
        city.device(f"n{number}", room=1, heap=1_000)
    city.device("last-1", room=1)
    said = city.answer(city.lease("anna-1"))
    assert [lease.node for lease in of(f.SendLease, said)] == ["last-1"] * at_once
    city.bid("last-1", room=1)
    assert city.lease().node == "last-1"


def test_what_the_gateway_has_taken_is_not_leased_too(city, of):
    """A copy that waited too long for its second is being recomputed when another owner comes."""
    city.device("anna-1", "anna")
    city.task()
    city.answer(city.lease())
    (asked,) = of(f.Recompute, city.wait(city.policy.quorum_wait_ms))
    assert not of(f.SendLease, city.device("ben-1", "ben"))
    assert of(f.KeepAnswer, city.recompute(asked))


@pytest.fixture
def waiting(make_city):
    """The copy of a job by anna waits for ben, who is at another job for a long time."""
    city = make_city()
    city.device("anna-1", room=1)
    city.device("ben-1", room=1)
    city.task(jobs=2)
    city.answer(city.lease("anna-1"))
    city.bid("anna-1", room=0)
    return city


def test_a_copy_waits_for_an_owner_who_is_busy(waiting, of):
    """The gateway does not do the work of devices that only have not come to it yet."""
    assert not of(f.Recompute, waiting.wait(waiting.policy.quorum_wait_ms))
    done = waiting.lease("ben-1")
    waiting.answer(done)
    assert waiting.lease("ben-1").input != done.input


def test_a_copy_does_not_wait_for_one_that_will_get_nothing(waiting, of):
    """It holds a lease, but two starts have its number."""
    waiting.born("ben-1", once=99)
    assert of(f.Recompute, waiting.wait(waiting.policy.quorum_wait_ms))


def test_a_node_comes_to_every_task_however_many_there_are(make_city):
    """It looks at so many at a time, and goes on where it was: none is left out for good."""
    city = make_city(scan=2)
    for number in range(9):
        city.submit(f"t{number}")
        city.round(f"t{number}", jobs=[city.job(heap=1 if number == 8 else 200_000)])
    city.device("anna-1", room=1)
    for _ in range(9):
        city.wait(300)
    assert [lease.job.task.name for lease in city.node("anna-1").open.values()] == ["t8"]


def test_a_device_has_one_long_lease_ahead_while_many_wait(city):
    """While more jobs wait than there are devices; at the end of a round nobody has work that others could do."""
    for name in ("anna-1", "ben-1"):
        city.device(name, room=8, speed=1)
    city.submit()
    city.round(jobs=[city.job(index, price=10, heap=1) for index in range(6)])
    assert [len(city.leases(name)) for name in ("anna-1", "ben-1")] == [1, 1]
    city.wait(3_000)
    city.answer(city.leases("anna-1")[0])
    assert [len(city.leases(name)) for name in ("anna-1", "ben-1")] == [2, 1]
    city.wait(300)   # two fresh ones are left: as many as devices
    city.answer(city.leases("ben-1")[0])
    assert [len(city.leases(name)) for name in ("anna-1", "ben-1")] == [2, 1]


def test_tasks_whose_jobs_are_all_out_are_not_looked_at(pair):
    """Only what waits is, so what a lease costs does not grow with what runs."""
    pair.submit()
    pair.round(jobs=1)
    assert pair.of() in pair.state.live and pair.of() not in list(pair.state.turns)


def test_a_device_without_work_ahead_is_in_a_hurry(make_city):
    """A commit may wait for others only while every device that was given something has enough to do meanwhile."""
    city = make_city(backlog_ms=60_000)
    city.device("anna-1", room=2, speed=10, spare=1_000)
    city.submit()
    city.round(jobs=[city.job(index, price=10) for index in range(4)])
    assert city.machine.hurries() and not city.machine.hurries()
    city.now += 1_000
    city.answer(city.leases()[0])
    assert len(city.leases()) == 2 and not city.machine.hurries()
    city.tell(e.BrokerLost())
    city.tell(e.BrokerFound())
    assert city.machine.hurries()   # what is sent again
