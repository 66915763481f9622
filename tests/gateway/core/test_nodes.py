"""What devices say of themselves."""

import pytest

from lamplighter.gateway.api.views import node_view
from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import events as e


def born(name, boot=1, arch=0):
    return e.NodeBorn(name, "board", arch, "0.1", 100_000, 100, boot, 16_384)


@pytest.mark.parametrize("event", [
    born("nobody"), e.NodeBid("nobody", 1, 1, 1, (), "mains", None), e.NodeStatusChanged("nobody", "ready", 1),
])
def test_strangers_are_counted(city, event):
    """A device that is not enrolled changes nothing."""
    assert city.tell(event) == [] and not city.state.nodes
    assert city.state.counters["misbehaved_unknown_node"] == 1


def test_enrolled_devices_are_bounded(make_city):
    """The registry cannot make the core grow without end."""
    city = make_city(max_nodes=2)
    for name in "abc":
        city.enrol(name)
    assert list(city.state.nodes) == ["a", "b"]


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
    assert node_view(pair.node("anna-1"), pair.now)["state"] == "revoked"
    pair.enrol("anna-1", "anna")
    pair.task(jobs=4)
    assert node_view(pair.node("anna-1"), pair.now)["state"] == "lost" and not pair.leases("anna-1")
    pair.device("anna-1", "anna")
    assert pair.leases("anna-1")
    assert sum(pair.state.workers.values()) == 2   # who works on which kind is counted once


def test_kernels_are_compiled_once_for_each_instruction_set(city, of):
    """Many boards of one kind lead to one compilation."""
    for name in "ab":
        city.enrol(name)
    said = city.tell(born("a", arch=3)) + city.tell(born("b", arch=3))
    assert of(f.CompileKernels, said) == [f.CompileKernels(3)]


def test_claimed_instruction_sets_are_bounded(city, of):
    """A device that claims a new instruction set with each birth makes the gateway compile and keep little."""
    city.enrol("a")
    for arch in range(100):
        city.tell(born("a", boot=arch, arch=arch))
    assert len(of(f.CompileKernels, city.out)) == 16
    for arch in range(16):
        city.tell(e.KernelsCompiled(arch, {}))
    assert len(city.state.kernels) <= 1


def test_a_will_of_an_older_boot_is_ignored(city):
    """The broker's word on a connection that the device has long replaced ends no lease."""
    city.device("anna-1", boot=5)
    city.task()
    assert city.tell(e.NodeStatusChanged("anna-1", "lost", 4)) == []
    assert city.leases() and city.state.counters["wills_ignored"] == 1


def test_a_lost_device_needs_a_new_bid(city):
    """A device that comes back gets work when it says again what it wants."""
    city.device("anna-1")
    city.tell(e.NodeStatusChanged("anna-1", "lost", 1))
    city.tell(e.NodeStatusChanged("anna-1", "ready", 1))
    city.task()
    assert not city.leases()
    city.bid("anna-1")
    assert city.leases()


def test_birth_again_in_the_same_boot_changes_nothing(city):
    """A reconnection is no reboot: leases go on."""
    city.device("anna-1")
    city.task()
    lease = city.lease()
    city.tell(born("anna-1"))
    assert city.leases() == [lease]


def test_a_reboot_forgets_what_was_learnt(city):
    """Other firmware may be faster, and other heap may be free."""
    city.device("anna-1", room=1)
    city.task(jobs=3)
    city.now += 500
    city.answer(city.lease())
    city.refuse(city.lease(), "no_heap")
    assert city.node("anna-1").pace and city.node("anna-1").no_heap
    city.tell(born("anna-1", boot=2))
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
