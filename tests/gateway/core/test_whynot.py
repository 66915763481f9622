"""What may run where: every reason, and that who asks is told what placement does."""

import pytest

from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import events as e
from lamplighter.gateway.core.entities import Job
from lamplighter.gateway.core.lifecycle import Why
from lamplighter.gateway.core.whynot import hypothetical, waiting_jobs, why_idle, why_not


def reason(city, name="anna-1", **spec):
    """Why a device may not have a new job of the task ``t``."""
    return why_not(city.state, city.node(name), Job(city.of(), 0, 99, city.job(99, **spec)))


@pytest.fixture
def idle(city):
    """One idle device, and a task that is still preparing."""
    city.device("anna-1", room=1)
    city.submit()
    return city


def test_nothing_speaks_against_an_idle_device(idle):
    """It may have a job that fits."""
    assert reason(idle) is None


@pytest.mark.parametrize("state", ["lost", "sleeping", "updating"])
def test_who_is_not_there_gets_nothing(idle, state):
    """By its own word or the broker's."""
    idle.status("anna-1", state)
    assert reason(idle) is Why.AWAY


def test_who_has_not_bid_gets_nothing(idle):
    """After a reboot the gateway waits for the next offer."""
    idle.born("anna-1", 2)
    assert reason(idle) is Why.NO_BID


def test_who_has_no_room_gets_nothing(idle):
    """Whether it offers none, or it is taken, or the policy gives no more."""
    idle.bid("anna-1", room=0)
    assert reason(idle) is Why.NO_ROOM
    idle.bid("anna-1", room=1)
    idle.round()
    assert reason(idle) is Why.FULL


def test_nobody_gets_more_than_the_policy_gives(make_city):
    """Whatever room there is."""
    city = make_city(max_open=1)
    city.device("anna-1", room=9)
    city.task(jobs=2)
    assert reason(city) is Why.FULL


def test_the_revoked_are_named_so(idle):
    """Also when a last word of theirs was on its way while the keys were taken away."""
    idle.tell(e.NodeRevoked("anna-1"))
    assert reason(idle) is Why.REVOKED
    idle.status("anna-1", "ready")
    idle.bid("anna-1")
    assert reason(idle) is Why.REVOKED


def test_a_liar_and_a_decliner_wait(idle):
    """Each for its time, the liar first."""
    node = idle.node("anna-1")
    node.backoff_until = idle.now + 10
    assert reason(idle) is Why.BACKOFF
    node.quarantined_until = idle.now + 10
    assert reason(idle) is Why.QUARANTINE


def test_who_is_muted_gets_nothing(idle):
    """Its answers would not be read; when it has been silent for long enough it gets work without a word of it."""
    idle.now += 5_000
    idle.tell(e.NodeMuted("anna-1", 4_000))
    assert reason(idle) is Why.MUTED
    idle.round()
    idle.now += 3_000
    idle.tell(e.NodeMuted("anna-1", 4_000))
    idle.wait(3_999)
    assert not idle.leases() and idle.state.counters["nodes_muted"] == 1
    idle.wait(1)
    assert idle.leases()


def test_a_new_instruction_set_waits_for_its_kernels(idle):
    """And where one kind has none for it, its jobs go elsewhere."""
    idle.born("anna-1", arch=9)
    assert reason(idle) is Why.NO_KERNELS
    idle.tell(e.KernelsCompiled(9, {"toy.mix": b"k" * 16}))
    assert reason(idle) is Why.NO_KERNEL


def test_a_job_must_fit(idle):
    """Its working set the heap, its lease a message, its time the deadline."""
    assert reason(idle, heap=100_001) is Why.HEAP
    idle.born("anna-1", message=100)
    assert reason(idle, contexts=(b"c" * 16,)) is Why.MESSAGE
    idle.born("anna-1")
    assert reason(idle, price=86_400_000) is Why.DEADLINE


def test_a_declined_size_is_believed_for_a_while(idle):
    """And smaller jobs go on."""
    idle.round()
    idle.refuse(idle.lease(), "no_heap")
    assert reason(idle) is Why.NO_HEAP and reason(idle, heap=999) is None
    idle.now += idle.policy.declined_ms
    idle.tell(e.LeaseAccepted("anna-1", b"?" * 16))
    assert reason(idle) is None


def test_an_owner_has_one_copy(pair):
    """Nor does a device that changed hands get its own job again."""
    pair.task()
    lease = pair.lease()
    pair.answer(lease)
    job = pair.of().round.jobs[0]
    assert why_not(pair.state, pair.node(lease.node), job) is Why.OWNER
    pair.node(lease.node).owner = "chloe"
    assert why_not(pair.state, pair.node(lease.node), job) is Why.OWNER


def test_who_lost_a_job_comes_after_others(pair):
    """As long as there are others that want work."""
    pair.task()
    job = pair.of().round.jobs[0]
    job.refused["anna-1"] = pair.now + 10
    pair.device("chloe-1")
    assert why_not(pair.state, pair.node("anna-1"), job) in (Why.DECLINED, Why.FULL)
    pair.tell(e.TaskCancelled("t"))
    assert why_not(pair.state, pair.node("anna-1"), job) is Why.DECLINED
    job.refused["anna-1"] = pair.now
    assert why_not(pair.state, pair.node("anna-1"), job) is None


def test_nobody_gets_more_than_it_can_work_off_soon(city):
    """One lease a device always gets."""
    city.device("slow-1", room=4, speed=1)
    city.submit()
    assert reason(city, "slow-1") is None
    city.round()
    assert reason(city, "slow-1") is Why.BACKLOG


def test_a_hypothetical_job_is_the_most_demanding(idle):
    """In heap, price and message; without jobs it asks for nothing."""
    specs = [idle.job(0, heap=5, price=1), idle.job(1, heap=1, price=7), idle.job(2, contexts=(b"c" * 16,))]
    job = hypothetical(idle.state, "toy.sum", specs)
    assert (job.spec.heap_bytes, job.spec.price_kop, job.spec.contexts) == (1_000, 10, (b"c" * 16,))
    assert why_not(idle.state, idle.node("anna-1"), job) is None
    assert why_not(idle.state, idle.node("anna-1"), hypothetical(idle.state, "toy.sum", [])) is None


def test_a_device_says_what_keeps_it_from_what_waits(city):
    """Its own reason first, then that of the first job that waits; none when it may have one, or nothing waits."""
    city.device("anna-1", room=1, heap=10)
    assert why_idle(city.state, city.node("anna-1"), waiting_jobs(city.state)) is None
    city.submit()
    city.round(jobs=[city.job(0, heap=50), city.job(1, heap=60)])
    assert why_idle(city.state, city.node("anna-1"), waiting_jobs(city.state)) is Why.HEAP
    city.task("small", jobs=0)
    city.round("small", 1, [city.job(0, heap=1), city.job(1, heap=1)])
    city.device("ben-1", room=0)
    assert why_idle(city.state, city.node("ben-1"), waiting_jobs(city.state)) is Why.NO_ROOM


def test_committed_copies_wait_too(city, of):
    """A device of the owner that has the copy is told so; what the gateway has taken meanwhile does not wait."""
    city.device("anna-1", "anna", room=1)
    city.task()
    city.answer(city.lease())
    city.device("anna-2", "anna")
    assert why_idle(city.state, city.node("anna-2"), waiting_jobs(city.state)) is Why.OWNER
    assert of(f.Recompute, city.wait(city.policy.quorum_wait_ms))
    assert not waiting_jobs(city.state)
