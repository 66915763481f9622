"""What devices say of themselves."""

import pytest

from lamplighter.gateway.api.views import node_view
from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import events as e
from lamplighter.gateway.core.lifecycle import Why
from lamplighter.gateway.core.nodes import BACKOFF_MS
from lamplighter.gateway.core.snapshot import Snapshot, StandingRow
from lamplighter.gateway.core.whynot import waiting_jobs, why_idle

AT = e.At(1, 1, 1)


@pytest.mark.parametrize("event", [
    e.NodeBorn("nobody", AT, "board", 0, "0.1", 1, 1, 1, 1, ()), e.NodeBid("nobody", AT, 1, 1, 1, (), "mains", None),
    e.NodeStatusChanged("nobody", AT, "ready"),
])
def test_strangers_are_counted(city, event):
    """A device that is not enrolled changes nothing."""
    assert city.tell(event) == [] and not city.state.nodes
    assert city.state.counters["misbehaved_unknown_node"] == 1


def test_a_device_can_change_hands(pair):
    """Enrolling again names another owner, who is paid from the next lease on."""
    pair.enrol("anna-1", "chloe")
    pair.task(jobs=1)
    pair.work()
    owners = {x.node: x.owner for x in pair.out if isinstance(x, f.KeepLease)}
    assert owners == {"anna-1": "chloe", "ben-1": "ben"}


def test_a_restored_device_comes_back(pair):
    """It is nowhere until it has signed in again: what it was before it was revoked is not believed."""
    pair.tell(e.NodeRevoked("anna-1"))
    assert node_view(pair.state, pair.node("anna-1"))["state"] == "revoked"
    pair.enrol("anna-1", "anna")
    pair.task(jobs=4)
    assert node_view(pair.state, pair.node("anna-1"))["state"] == "lost" and not pair.leases("anna-1")
    pair.device("anna-1", "anna")
    assert pair.leases("anna-1")
    assert sum(pair.state.workers.values()) == 2   # who works on which kind is counted once


def test_kernels_are_compiled_once_for_each_instruction_set(city, of):
    """Many boards of one kind lead to one compilation."""
    for name in "ab":
        city.enrol(name)
    said = city.born("a", arch=3) + city.born("b", arch=3)
    assert of(f.CompileKernels, said) == [f.CompileKernels(3)]


def test_claimed_instruction_sets_are_bounded(city, of):
    """A device that claims a new one with each birth has kernels compiled once a minute, and one set of them kept."""
    city.enrol("a")
    for arch in range(100):
        city.born("a", 1 + arch, arch=arch)
    assert of(f.CompileKernels, city.out) == [f.CompileKernels(0)]
    city.tell(e.KernelsCompiled(0, {}))
    assert not city.state.kernels and not of(f.CompileKernels, city.wait(city.policy.compile_ms - 1))
    assert of(f.CompileKernels, city.wait(1)) == [f.CompileKernels(99)]
    city.tell(e.KernelsCompiled(99, {}))
    assert list(city.state.kernels) == [99]


@pytest.mark.parametrize("late", [True, False])
def test_a_device_that_starts_again_keeps_the_kernels_for_it(city, of, late):
    """Also when it is the only one of its kind, and kernels become ready before it is born again: those for another
    kind of board, or (``late``) its own."""
    for name in "ab":
        city.enrol(name)
    city.born("a", arch=3)
    city.born("b", arch=4)
    city.tell(e.KernelsCompiled(4 if late else 3, {}))
    city.tell(e.NodeStatusChanged("a", e.At(2, 1, 1), "ready"))
    city.tell(e.KernelsCompiled(3 if late else 4, {}))
    assert not of(f.CompileKernels, city.born("a", 2, arch=3)) and set(city.state.kernels) == {3, 4}


def test_a_city_of_new_boards_is_compiled_for_in_turn(make_city, of):
    """Of many instruction sets at once few are compiled for at a time; none waits for another birth."""
    city = make_city(max_compiling=2)
    for arch in range(5):
        city.enrol(f"n{arch}")
        city.born(f"n{arch}", arch=arch)
    assert len(of(f.CompileKernels, city.out)) == 2
    for arch in range(5):
        city.tell(e.KernelsCompiled(arch, {}))
    assert [asked.arch for asked in of(f.CompileKernels, city.out)] == [0, 1, 2, 3, 4]


def test_a_back_off_ends_by_itself(city):
    """A device that declined gets its next lease when its time is over, though it says nothing more."""
    city.device("anna-1", room=1)
    city.task()
    city.refuse(city.lease(), "no_kernel")
    city.wait(BACKOFF_MS["no_kernel"] - 1)
    assert not city.leases()
    city.wait(1)
    assert city.leases()


def test_a_quarantine_ends_by_itself(city):
    """Over a restart too, and for a device that is enrolled only after it."""
    city.device("anna-1", room=1)
    city.task()
    city.answer(city.lease(), sealed=False)
    row = StandingRow("anna-1", 0, 1, city.node("anna-1").quarantined_until, 0)
    for enrolled in ("before", "after"):
        city.restart()
        if enrolled == "before":
            city.enrol("anna-1")
        city.restore(Snapshot(standing=[row]))
        city.device("anna-1", room=1)
        city.tell(e.WorkFound(()))
        city.task()
        city.wait(100)
        assert not city.leases()
    city.now = row.quarantined_until
    city.wait()
    assert city.leases()


def test_what_lost_leases_taught_is_forgotten_in_time(city):
    """A device that looks too slow for every deadline since it lost leases is tried again, though nobody can prove
    it faster meanwhile."""
    city.device("anna-1", room=1)
    city.submit(deadline_ms=120_000)
    city.round(jobs=[city.job(0, price=1)])
    city.wait(city.policy.ack_by_ms)
    city.bid("anna-1", room=1)
    city.tell(e.TaskCancelled("t"))
    taught = city.node("anna-1").pace["toy.sum"]
    city.submit("u", deadline_ms=120_000)
    city.round("u", jobs=[city.job(0, price=100)])
    assert not city.leases() and why_idle(city.state, city.node("anna-1"), waiting_jobs(city.state)) is Why.DEADLINE
    for _ in range(600):
        if city.leases():
            break
        city.wait(100)
    assert city.leases() and city.node("anna-1").pace["toy.sum"] < taught
    city.answer(city.lease())
    while city.node("anna-1").mends_at:
        city.wait(city.policy.declined_ms)
    assert not city.state.timers


def test_a_device_at_work_keeps_its_pace(city):
    """What it takes is being measured anyway; only one that has no lease forgets."""
    city.device("anna-1", room=1)
    city.submit()
    city.round(jobs=[city.job(0, price=1), city.job(1)])
    city.wait(city.policy.ack_by_ms)
    city.bid("anna-1", room=1)
    taught = city.node("anna-1").pace["toy.sum"]
    lease = city.lease()
    city.tell(e.LeaseAccepted("anna-1", lease.nonce))
    city.wait(city.policy.declined_ms)
    assert city.lease() == lease and city.node("anna-1").pace["toy.sum"] == taught


@pytest.mark.parametrize("at", [e.At(4, 9, 9), e.At(5, 1, 9), e.At(5, 2, 0)])
def test_a_stale_will_is_ignored(city, at):
    """The broker's word on a start or a connection that the device has long replaced ends no lease."""
    city.device("anna-1", boot=5)
    city.status("anna-1", "ready", 5, 2)
    city.bid("anna-1")
    city.task()
    assert city.tell(e.NodeStatusChanged("anna-1", at, "lost")) == []
    assert city.leases() and city.state.counters["stale_status"] == 1


def test_a_replay_of_anything_changes_nothing(pair, of):
    """What devices have ever said, said again by somebody else after everything: no lease ends, no state changes."""
    heard = []

    def hear(*events):
        for event in events:
            heard.append(event)
            pair.tell(event)

    name = "anna-1"
    for boot, conn in ((1, 2), (1, 3), (2, 1), (2, 2)):
        hear(e.NodeStatusChanged(name, pair.at(name, boot, conn), "ready"),
             e.NodeBorn(name, pair.at(name, boot, conn), "board", 0, "0.1", 90_000, 90, 9_000, boot, ("floor",)))
        for room in (3, 0, 1):
            hear(e.NodeBid(name, pair.at(name, boot, conn), 500, 90_000, room, (), "mains", None))
    pair.task(jobs=9)
    will = e.NodeStatusChanged(name, e.At(2, 1, 1 << 20), "lost")
    before, leases = node_view(pair.state, pair.node(name)), pair.leases()
    assert len(of(f.SendLease, pair.out)) > 1
    for event in [will, *heard]:
        assert not [x for x in pair.tell(event) if not isinstance(x, f.SendFloor)]
    assert (node_view(pair.state, pair.node(name)), pair.leases()) == (before, leases)
    assert pair.state.counters["stale_bid"] == 12


def test_a_connection_that_is_heard_of_ends_what_an_older_one_says(city):
    """A bid of a newer connection makes the will of the one before it stale, in whatever order they come."""
    city.device("anna-1")
    city.task()
    city.tell(e.NodeBid("anna-1", e.At(1, 2, 90), 500, 100_000, 4, (), "mains", None))
    assert city.tell(e.NodeStatusChanged("anna-1", e.At(1, 1, 1 << 20), "lost")) == [] and city.leases()


def test_a_birth_may_come_after_the_bid(city):
    """Topics have no order among them: a device whose birth comes last gets work by it."""
    city.device("ben-1")
    city.enrol("anna-1")
    city.status("anna-1", "ready")
    city.bid("anna-1")
    city.task(jobs=8)
    assert city.born("anna-1") and city.leases("anna-1")


def test_a_lost_device_needs_a_new_bid(city):
    """A device that comes back gets work when it says again what it wants."""
    city.device("anna-1")
    city.status("anna-1", "lost")
    city.status("anna-1", "ready", 1, 2)
    city.task()
    assert not city.leases()
    city.bid("anna-1")
    assert city.leases()


def test_birth_again_in_the_same_boot_changes_nothing(city):
    """A reconnection is no reboot: leases go on."""
    city.device("anna-1")
    city.task()
    lease = city.lease()
    city.born("anna-1", 1, 2)
    assert city.leases() == [lease]


def test_a_reboot_forgets_what_was_learnt(city):
    """Other firmware may be faster, and other heap may be free."""
    city.device("anna-1", room=1)
    city.task(jobs=3)
    city.now += 500
    city.answer(city.lease())
    city.refuse(city.lease(), "no_heap")
    assert city.node("anna-1").pace and city.node("anna-1").no_heap
    city.born("anna-1", 2)
    assert not city.node("anna-1").pace and not city.node("anna-1").no_heap


def test_stale_and_foreign_refusals_are_counted(pair):
    """Only the holder of an open lease can decline it."""
    pair.task(jobs=1)
    lease = pair.lease()
    other = ({"anna-1", "ben-1"} - {lease.node}).pop()
    for node, nonce in ((other, lease.nonce), (lease.node, b"?" * 16)):
        assert pair.tell(e.LeaseRefused(node, nonce, 6)) == []
    assert pair.state.counters["refusals_stale"] == 2 and pair.lease() == lease


def test_foreign_acceptances_change_nothing(pair):
    """Nobody can keep another's lease alive."""
    pair.task(jobs=1)
    lease = pair.lease()
    other = ({"anna-1", "ben-1"} - {lease.node}).pop()
    pair.tell(e.LeaseAccepted(other, lease.nonce))
    pair.wait(pair.policy.ack_by_ms)
    assert lease not in pair.leases()


@pytest.fixture
def blobs(pair):
    """A pair of which one device holds the only lease, with one context; and the names that it says."""
    pair.submit()
    pair.round(jobs=[pair.job(contexts=(b"c" * 16,))])
    return pair, pair.lease().node, pair.lease().kernel, b"c" * 16


def test_the_holder_of_a_lease_gets_its_kernel_and_contexts(blobs):
    """A device fetches what its lease names, from any offset."""
    city, node, kernel, context = blobs
    assert city.tell(e.BlobWanted(node, kernel, 0)) == [f.SendChunk(node, kernel, 0)]
    assert city.tell(e.BlobWanted(node, context, 512)) == [f.SendChunk(node, context, 512)]


def test_nobody_else_gets_a_blob(blobs):
    """Without a lease that names it, a request for a blob is counted and answered with nothing."""
    city, node, kernel, context = blobs
    other = ({"anna-1", "ben-1"} - {node}).pop()
    wanted = [(other, kernel), (other, context), (node, b"?" * 16), ("nobody", kernel),
              (node, city.kernel_of("toy.mix")), (node, city.kernel_of("toy.sum", 9))]
    assert [city.tell(e.BlobWanted(who, name, 0)) for who, name in wanted] == [[]] * len(wanted)
    assert city.state.counters["wants_ignored"] == len(wanted)


def test_a_blob_is_not_sent_after_the_lease(blobs):
    """When the lease is over, so is the right to its blobs."""
    city, node, kernel, _ = blobs
    city.answer(city.lease())
    assert city.tell(e.BlobWanted(node, kernel, 0)) == []


def test_revoking_a_stranger_changes_nothing(city):
    """A device that is not enrolled has nothing that could be taken from it."""
    assert city.tell(e.NodeRevoked("nobody")) == [] and not city.state.nodes


def test_a_device_that_lost_its_numbers_is_told_them(city, of):
    """Whatever it calls its start: its birth is answered with what is known, and taken when it is above that."""
    city.device("anna-1", boot=7, room=1)
    city.task(jobs=2)
    city.answer(city.lease(), seq=70, boot=7)
    city.status("anna-1", "lost")
    said = city.born("anna-1", 1, 1, once=99, state="lost")
    assert said == [f.SendFloor("anna-1", 99, 7, 70)]
    city.bid("anna-1")
    assert not city.leases()
    city.device("anna-1", boot=8)
    assert city.leases("anna-1") and not of(f.SendFloor, city.out[city.out.index(said[0]) + 1:])


def test_a_device_without_numbers_gets_no_work(city):
    """One that says so and yet claims to be ready has no birth that counts."""
    city.enrol("anna-1")
    city.status("anna-1", "ready")
    city.tell(e.KernelsCompiled(0, {kind: city.kernel_of(kind, 0) for kind in city.KINDS}))
    assert city.born("anna-1", state="damaged", once=5) == [f.SendFloor("anna-1", 5, 1, 0)]
    city.bid("anna-1")
    city.task()
    assert not city.leases() and city.state.counters["births_below"] == 1


def test_an_older_count_of_starts_is_found_out(city):
    """Flash restored from a copy: the device is told at its birth, and at each bid in case that was lost."""
    city.device("anna-1", boot=7)
    city.status("anna-1", "lost")
    floor = f.SendFloor("anna-1", 3, 7, 0)
    assert city.born("anna-1", 3, 1) == [floor]
    assert city.tell(e.NodeBid("anna-1", e.At(3, 1, 4), 500, 9_000, 1, (), "mains", None)) == [floor]
    city.device("anna-1", boot=8)
    assert city.tell(e.NodeBid("anna-1", e.At(3, 1, 5), 500, 9_000, 1, (), "mains", None)) == []


def test_two_starts_of_one_number_get_no_work_until_it_rises(city):
    """A copy of the flash from before this start counts it again: its birth has another random number."""
    city.device("anna-1", boot=7)
    assert city.born("anna-1", 7, 2, once=98, state="lost") == [f.SendFloor("anna-1", 98, 7, 0)]
    assert city.born("anna-1", 7, 2, once=99) == [f.SendFloor("anna-1", 99, 7, 0)]
    city.status("anna-1", "ready", 7, 2)
    assert city.bid("anna-1") == [f.SendFloor("anna-1", 99, 7, 0)]
    city.task()
    assert not city.leases()
    city.device("anna-1", boot=8)
    assert city.leases()


def test_a_start_that_only_a_will_has_told_of_may_be_another(city):
    """Of a later connection than the birth names: a copy of the flash counts this start again, and is told."""
    city.enrol("anna-1")
    city.status("anna-1", "lost", 7, 2)
    assert city.born("anna-1", 7, 1, once=99) == [f.SendFloor("anna-1", 99, 7, 0)]


def test_a_connection_that_is_silent_shuts_nobody_out(city):
    """What an earlier start of the same number said came again, from a later connection than the device is at: while
    something is heard from there, an older birth is a replay; after a minute of nothing its device is to rise."""
    city.device("anna-1", boot=7)
    city.tell(e.NodeBid("anna-1", e.At(7, 3, 9), 500, 9_000, 1, (), "mains", None))
    assert city.born("anna-1", 7, 2, once=7) == []
    city.now += 60_001
    assert city.born("anna-1", 7, 2, once=7) == [f.SendFloor("anna-1", 7, 7, 0)]
    city.device("anna-1", boot=8)
    assert city.state.nodes["anna-1"].online


def test_who_cannot_be_told_is_told_nothing(city, of):
    """A birth that does not name floors among what the device can gets none."""
    city.enrol("anna-1")
    assert city.born("anna-1", state="lost", can=()) == []
    assert not of(f.SendFloor, city.tell(e.NodeBid("anna-1", e.At(0, 1, 1), 500, 9_000, 1, (), "mains", None)))


def test_what_newer_firmware_says_is_counted(city):
    """It changes nothing and is no fault."""
    assert city.tell(e.DeviceIsNewer("anna-1", "bid_key", 3)) == []
    assert city.state.counters["unknown_bid_key"] == 3
