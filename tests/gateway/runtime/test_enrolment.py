"""One way in, out and over: registry, log, core, broker, in that order, whatever fails in between."""

import asyncio

import pytest

from lamplighter.firmware.wire import device_of
from lamplighter.gateway.adapters.registry import Registry
from lamplighter.gateway.api.requests import RequestError
from lamplighter.gateway.core import events as e
from lamplighter.gateway.runtime.enrolment import Enrolment

KEYS = [bytes([n]) * 32 for n in range(4)]
NODES = [device_of(key)[1] for key in KEYS]
NAMES = [device_of(key)[0] for key in KEYS]
NODE, NAME = NODES[0], NAMES[0]


class Bench:
    """An enrolment on a real registry; ``did`` says what happened elsewhere, ``fails`` at which step it breaks.

    The bench is also the log: ``owners`` and ``out`` are what it says, ``ended`` is the epoch that is over.
    """

    def __init__(self, folder):
        self.registry = Registry.open(folder)
        self.did, self.fails = [], ""
        self.owners, self.out, self.ended = {}, set(), -1
        self.start()

    def start(self):
        self.enrolment = Enrolment(self.registry, self, self, self.tell, lambda: 1_700)

    def again(self):
        """A crash, and the next start: what the core is told."""
        self.fails, self.did = "", []
        self.seal()
        self.start()
        return self.run(self.enrolment.begin())

    def seal(self):
        self.owners.update(self.registry.moves(self.ended + 1))

    def step(self, name, about):
        if self.fails == name:
            raise OSError("the power is off")
        self.did.append((name, about))

    async def register(self, devices):
        self.step("log", [(device.node, device.owner) for device in devices])
        for device in devices:
            self.owners.setdefault(device.name, device.owner)
            if device.revoked:
                (self.out.discard if device.restore else self.out.add)(device.name)

    def says(self, name):
        return self.owners.get(name, ""), name in self.out

    def epoch(self):
        return self.ended + 1

    async def tell(self, events):
        self.step("core", list(events))

    async def change_accounts(self, add=(), remove=()):
        self.step("broker", ([account.user for account in add], list(remove)))

    def run(self, work):
        return asyncio.run(asyncio.wait_for(work, 300))

    def enrol(self, *pairs):
        self.run(self.enrolment.enrol(pairs))
        self.did.clear()

    def refused(self, work):
        with pytest.raises(RequestError) as refused:
            self.run(work)
        assert self.did == [] and refused.value.hint
        return refused.value.code, refused.value.path


@pytest.fixture
def bench(tmp_path):
    """A fresh one, its registry closed at the end."""
    made = Bench(tmp_path)
    yield made
    made.registry.close()


def test_a_device_is_known_everywhere_in_one_order(bench):
    """In the registry first, at the broker last: who can connect is who is paid."""
    bench.run(bench.enrolment.enrol([(KEYS[0], "anna"), (KEYS[1], "ben")]))
    assert bench.did == [
        ("log", [(NODES[0], "anna"), (NODES[1], "ben")]),
        ("core", [e.NodeEnrolled(NODES[0], NAMES[0], "anna"), e.NodeEnrolled(NODES[1], NAMES[1], "ben")]),
        ("broker", ([NODES[0], NODES[1]], [])),
    ]
    assert list(bench.enrolment.keys) == NODES[:2]


def test_enrolling_again_is_no_change(bench):
    """The same device for the same owner: nobody hears of it."""
    bench.enrol((KEYS[0], "anna"))
    bench.run(bench.enrolment.enrol([(KEYS[0], "anna")]))
    assert bench.did == [("log", [(NODE, "anna")]), ("core", [])]


def test_who_is_revoked_stays_out(bench):
    """No keys, no account, and enrolling again gives neither back: it is refused by name and reaches nobody."""
    bench.enrol((KEYS[0], "anna"))
    bench.run(bench.enrolment.revoke(NODE))
    assert bench.did[1:] == [("core", [e.NodeEnrolled(NODE, NAME, "anna"), e.NodeRevoked(NODE)]),
                             ("broker", ([], [NODE]))]
    assert bench.enrolment.keys == {} and bench.out == {NAME}
    bench.did.clear()
    assert bench.refused(bench.enrolment.enrol([(KEYS[1], "anna"), (KEYS[0], "ben")])) == ("revoked", "/nodes/1")
    assert bench.enrolment.keys == {}


def test_another_owner_is_refused(bench):
    """A device does not change hands by being enrolled again, and what it earned stays with who earned it."""
    bench.enrol((KEYS[0], "anna"))
    assert bench.refused(bench.enrolment.enrol([(KEYS[0], "ben")])) == ("owned_by", "/nodes/0")


def test_who_is_restored_takes_part_again(bench):
    """The log lets it in, then the core, then the broker; asked again nothing happens."""
    bench.enrol((KEYS[0], "anna"))
    bench.run(bench.enrolment.revoke(NODE))
    bench.did.clear()
    device = bench.run(bench.enrolment.restore(NODE))
    assert not device.revoked and bench.out == set() and list(bench.enrolment.keys) == [NODE]
    assert bench.did[1:] == [("core", [e.NodeEnrolled(NODE, NAME, "anna")]), ("broker", ([NODE], []))]
    bench.did.clear()
    bench.run(bench.enrolment.restore(NODE))
    assert bench.did[1:] == [("core", [])]
    bench.did.clear()
    assert bench.refused(bench.enrolment.restore("f" * 16)) == ("unknown_node", "/node")


def test_a_device_changes_hands_when_its_epoch_is_sealed(bench):
    """Until then the core takes both owners for one; the device notices nothing of it."""
    bench.enrol((KEYS[0], "anna"))
    device = bench.run(bench.enrolment.transfer(NODE, "ben"))
    assert (device.owner, device.next_owner, device.asked) == ("anna", "ben", 0)
    assert bench.did[1:] == [("core", [e.NodeEnrolled(NODE, NAME, "anna", "ben")])]
    bench.did.clear()
    bench.seal()
    bench.run(bench.enrolment.look())
    assert bench.did[1:] == [("core", [])]   # its epoch is not over
    bench.ended, bench.did = 0, []
    bench.seal()
    bench.run(bench.enrolment.look())
    assert bench.did[1:] == [("core", [e.NodeEnrolled(NODE, NAME, "ben")])]
    assert bench.registry.devices()[0].owner == "ben" and list(bench.enrolment.keys) == [NODE]


def test_a_revocation_is_not_undone_by_an_enrolment_under_way(bench):
    """They take turns: whoever was revoked last has no account, though others were being enrolled with it."""
    async def both():
        await bench.enrolment.enrol([(KEYS[0], "anna")])
        bench.did.clear()
        await asyncio.gather(bench.enrolment.enrol([(KEYS[0], "anna"), (KEYS[1], "ben")]),
                             bench.enrolment.revoke(NODE))
    bench.run(both())
    assert [name for name, _ in bench.did] == ["log", "core", "broker", "log", "core", "broker"]
    assert bench.did[-1] == ("broker", ([], [NODE])) and list(bench.enrolment.keys) == [NODES[1]]


@pytest.mark.parametrize("step", ["log", "core", "broker"])
def test_a_start_completes_what_was_cut_short(bench, step):
    """A crash between any two steps leaves the device in the registry: the next start tells the rest."""
    bench.fails = step
    with pytest.raises(OSError, match="power"):
        bench.run(bench.enrolment.enrol([(KEYS[0], "anna")]))
    assert bench.again() == [e.NodeEnrolled(NODE, NAME, "anna")]
    assert bench.did == [("log", [(NODE, "anna")])] and list(bench.enrolment.keys) == [NODE]


@pytest.mark.parametrize("step", ["log", "core", "broker"])
def test_what_was_cut_short_is_done_when_it_is_asked_again(bench, step):
    """Without a start too: who was not told is told."""
    bench.fails = step
    with pytest.raises(OSError, match="power"):
        bench.run(bench.enrolment.enrol([(KEYS[0], "anna")]))
    bench.fails, bench.did = "", []
    bench.run(bench.enrolment.enrol([(KEYS[0], "anna")]))
    assert bench.did[1:] == [("core", [e.NodeEnrolled(NODE, NAME, "anna")]), ("broker", ([NODE], []))]


@pytest.mark.parametrize("step", ["log", "core", "broker"])
def test_a_start_completes_a_revocation_and_a_restoration(bench, step):
    """Whatever was cut short: log and core have it, and the broker the account, or not."""
    bench.enrol((KEYS[0], "anna"))
    bench.fails = step
    with pytest.raises(OSError, match="power"):
        bench.run(bench.enrolment.revoke(NODE))
    assert bench.again() == [e.NodeEnrolled(NODE, NAME, "anna"), e.NodeRevoked(NODE)]
    assert bench.out == {NAME} and NODE not in {account.user for account in bench.registry.accounts("gw")}
    bench.fails = step
    with pytest.raises(OSError, match="power"):
        bench.run(bench.enrolment.restore(NODE))
    assert bench.again() == [e.NodeEnrolled(NODE, NAME, "anna")] and bench.out == set()
    let_in = ("broker", ([NODE], [])) in bench.did   # else the broker began with the account
    assert let_in == (step == "log") and NODE in {account.user for account in bench.registry.accounts("gw")}


@pytest.mark.parametrize("step", ["log", "core"])
def test_a_start_completes_a_transfer(bench, step):
    """Asked for before the crash; and cut short after the seal, between the log and the core."""
    bench.enrol((KEYS[0], "anna"))
    bench.fails = step
    with pytest.raises(OSError, match="power"):
        bench.run(bench.enrolment.transfer(NODE, "ben"))
    assert bench.again() == [e.NodeEnrolled(NODE, NAME, "anna", "ben")]
    bench.ended, bench.fails = 0, step
    bench.seal()
    with pytest.raises(OSError, match="power"):
        bench.run(bench.enrolment.look())
    assert bench.again() == [e.NodeEnrolled(NODE, NAME, "ben")] and bench.registry.devices()[0].owner == "ben"


def test_what_was_asked_while_no_gateway_ran_is_of_the_epoch_that_it_finds(bench, tmp_path):
    """A start takes it up: the transfer waits for the end of that epoch, the restoration for nothing."""
    bench.enrol((KEYS[0], "anna"), (KEYS[1], "anna"))
    bench.run(bench.enrolment.revoke(NODES[1]))
    beside = Registry.open(tmp_path)
    beside.transfer(NODE, "ben")
    beside.restore(NODES[1])
    bench.ended = 6
    assert bench.again() == [e.NodeEnrolled(NODE, NAME, "anna", "ben"), e.NodeEnrolled(NODES[1], NAMES[1], "anna")]
    assert bench.registry.devices()[0].asked == 7 and ("broker", ([NODES[1]], [])) in bench.did


def test_what_somebody_wrote_beside_a_running_gateway_is_taken_up(bench, tmp_path):
    """At the end of an epoch at the latest: it asks the registry what is new."""
    bench.enrol((KEYS[0], "anna"))
    Registry.open(tmp_path).transfer(NODE, "ben")
    bench.run(bench.enrolment.look())
    assert bench.did[1:] == [("core", [e.NodeEnrolled(NODE, NAME, "anna", "ben")])]
    assert bench.registry.devices()[0].asked == 0


def test_an_old_copy_of_the_registry_lets_nobody_in(bench):
    """A start finds in the log who was revoked and handed over since, and takes the account away again."""
    bench.enrol((KEYS[0], "anna"))
    bench.out.add(NAME)
    bench.owners[NAME] = "ben"
    assert bench.again() == [e.NodeEnrolled(NODE, NAME, "ben"), e.NodeRevoked(NODE)]
    assert bench.did[-1] == ("broker", ([], [NODE])) and bench.enrolment.keys == {}


def test_a_start_tells_who_is_out(bench):
    """The core hears of all devices, and of which are revoked."""
    bench.registry.enrol([(key, "anna") for key in KEYS[:2]], 0)
    bench.registry.revoke(NODE)
    assert bench.run(bench.enrolment.begin()) == [
        e.NodeEnrolled(NODE, NAME, "anna"), e.NodeRevoked(NODE), e.NodeEnrolled(NODES[1], NAMES[1], "anna")]
    assert list(bench.enrolment.keys) == [NODES[1]]
    assert bench.again() and bench.did[-1][0] == "log"   # to the broker the next start has nothing to say


def test_what_the_registry_refuses_reaches_nobody(bench):
    """The sender hears why; log, core and broker hear nothing."""
    assert bench.refused(bench.enrolment.enrol([(KEYS[0], "Not An Owner")])) == ("bad_owner", "/nodes/0")
    assert bench.refused(bench.enrolment.revoke("f" * 16)) == ("unknown_node", "/node")
    assert bench.refused(bench.enrolment.transfer("f" * 16, "ben")) == ("unknown_node", "/node")


def test_a_registry_that_is_full_is_heard(bench):
    """It points at the first device that there is no room for; nothing is written."""
    bench.registry.most = 1
    pairs = [(KEYS[0], "anna"), (KEYS[0], "anna"), (KEYS[1], "ben")]
    assert bench.refused(bench.enrolment.enrol(pairs)) == ("too_many_devices", "/nodes/2")
    assert bench.registry.devices() == bench.did == []


def test_a_registry_that_cannot_be_read_is_heard(bench, tmp_path):
    """Its own sentence says what to do; nobody else hears of the device."""
    (tmp_path / "registry.json").write_text("{")
    with pytest.raises(RequestError, match=r"registry\.previous\.json") as refused:
        bench.run(bench.enrolment.enrol([(KEYS[0], "anna")]))
    assert refused.value.code == "registry" and bench.did == []
