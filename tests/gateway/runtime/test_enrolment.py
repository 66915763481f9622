"""One way in and out: registry, log, core, broker, in that order, whatever fails in between."""

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


class Bench:
    """An enrolment on a real registry; ``did`` says what happened elsewhere, ``fails`` at which step it breaks."""

    def __init__(self, folder):
        self.registry = Registry.open(folder)
        self.did, self.fails = [], ""
        self.enrolment = Enrolment(self.registry, self, self, self.tell, lambda: 1_700)

    def step(self, name, about):
        if self.fails == name:
            raise OSError("the power is off")
        self.did.append((name, about))

    async def register(self, devices):
        self.step("log", [(device.name, device.owner) for device in devices])

    async def tell(self, events):
        self.step("core", list(events))

    async def change_accounts(self, add=(), remove=()):
        self.step("broker", ([account.user for account in add], list(remove)))

    def run(self, work):
        return asyncio.run(asyncio.wait_for(work, 300))


@pytest.fixture
def bench(tmp_path):
    """A fresh one, its registry closed at the end."""
    made = Bench(tmp_path)
    yield made
    made.registry.close()


def test_a_device_is_known_everywhere_in_one_order(bench):
    """In the registry first, at the broker last: who can connect is who is paid."""
    made = bench.run(bench.enrolment.enrol([(KEYS[0], "anna"), (KEYS[1], "ben")]))
    assert [(device.node, device.owner) for device in made] == [(NODES[0], "anna"), (NODES[1], "ben")]
    assert bench.did == [
        ("log", [(NAMES[0], "anna"), (NAMES[1], "ben")]),
        ("core", [e.NodeEnrolled(NODES[0], NAMES[0], "anna"), e.NodeEnrolled(NODES[1], NAMES[1], "ben")]),
        ("broker", ([NODES[0], NODES[1]], [])),
    ]
    assert list(bench.enrolment.keys) == NODES[:2]


def test_enrolling_again_is_no_change(bench):
    """The same device for the same owner: every step is done again, and says the same."""
    bench.run(bench.enrolment.enrol([(KEYS[0], "anna")]))
    first, bench.did = bench.did, []
    bench.run(bench.enrolment.enrol([(KEYS[0], "anna")]))
    assert bench.did == first


def test_who_is_revoked_stays_out(bench):
    """No keys, no account, and enrolling again gives neither back: it is refused by name and reaches nobody."""
    bench.run(bench.enrolment.enrol([(KEYS[0], "anna")]))
    bench.did.clear()
    bench.run(bench.enrolment.revoke(NODES[0]))
    assert bench.did == [("core", [e.NodeRevoked(NODES[0])]), ("broker", ([], [NODES[0]]))]
    assert bench.enrolment.keys == {}
    bench.did.clear()
    with pytest.raises(RequestError, match="new key") as refused:
        bench.run(bench.enrolment.enrol([(KEYS[0], "anna"), (KEYS[1], "ben")]))
    assert refused.value.code == "revoked" and bench.did == [] and bench.enrolment.keys == {}


def test_another_owner_is_refused(bench):
    """A device does not change hands by being enrolled again, and what it earned stays with who earned it."""
    bench.run(bench.enrolment.enrol([(KEYS[0], "anna")]))
    bench.did.clear()
    with pytest.raises(RequestError, match="belongs to anna") as refused:
        bench.run(bench.enrolment.enrol([(KEYS[0], "ben")]))
    assert refused.value.code == "owned_by" and bench.did == []


def test_a_revocation_is_not_undone_by_an_enrolment_under_way(bench):
    """They take turns: whoever was revoked last has no account, though others were being enrolled with it."""
    async def both():
        await bench.enrolment.enrol([(KEYS[0], "anna")])
        bench.did.clear()
        await asyncio.gather(bench.enrolment.enrol([(KEYS[0], "anna"), (KEYS[1], "ben")]),
                             bench.enrolment.revoke(NODES[0]))
    bench.run(both())
    assert [name for name, _ in bench.did] == ["log", "core", "broker", "core", "broker"]
    assert bench.did[-1] == ("broker", ([], [NODES[0]])) and list(bench.enrolment.keys) == [NODES[1]]


@pytest.mark.parametrize("step", ["log", "core", "broker"])
def test_a_start_completes_what_was_cut_short(bench, step):
    """A crash between any two steps leaves the device in the registry: the next start tells the rest."""
    bench.fails = step
    with pytest.raises(OSError, match="power"):
        bench.run(bench.enrolment.enrol([(KEYS[0], "anna")]))
    bench.fails, bench.did = "", []
    again = Enrolment(bench.registry, bench, bench, bench.tell, lambda: 1_700)
    assert bench.run(again.begin()) == [e.NodeEnrolled(NODES[0], NAMES[0], "anna")]
    assert bench.did == [("log", [(NAMES[0], "anna")])] and list(again.keys) == [NODES[0]]


def test_a_start_tells_who_is_out(bench):
    """The core hears of all devices, and of which are revoked."""
    bench.registry.enrol([(key, "anna") for key in KEYS[:2]], 0)
    bench.registry.revoke(NODES[0])
    assert bench.run(bench.enrolment.begin()) == [
        e.NodeEnrolled(NODES[0], NAMES[0], "anna"), e.NodeRevoked(NODES[0]),
        e.NodeEnrolled(NODES[1], NAMES[1], "anna")]
    assert list(bench.enrolment.keys) == [NODES[1]]


def test_what_the_registry_refuses_reaches_nobody(bench):
    """The sender hears why; log, core and broker hear nothing."""
    with pytest.raises(RequestError, match="owner") as refused:
        bench.run(bench.enrolment.enrol([(KEYS[0], "Not An Owner")]))
    assert refused.value.code == "registry" and bench.did == []
    with pytest.raises(RequestError, match="No device"):
        bench.run(bench.enrolment.revoke("f" * 16))
    assert bench.did == []


def test_a_device_too_many_is_refused_by_name(bench):
    """Neither the log nor the core nor the broker hears of it: nothing is enrolled that the core does not take."""
    bench.registry.most = 1
    bench.run(bench.enrolment.enrol([(KEYS[0], "anna")]))
    bench.did.clear()
    with pytest.raises(RequestError) as refused:
        bench.run(bench.enrolment.enrol([(KEYS[1], "anna")]))
    assert refused.value.code == "too_many_devices" and bench.did == [] and len(bench.registry.devices()) == 1
