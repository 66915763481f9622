"""A street of simulated devices, as it introduces itself to a gateway."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lamplighter.firmware.wire import device_of
from lamplighter.gateway.adapters.mqtt import LinkError
from lamplighter.gateway.api.client import Refused
from lamplighter.gateway.simulate.street import HOUSES, Street

CERTIFICATES = Path(__file__).parents[3] / "deploy/mosquitto/make-certificates"


@pytest.fixture
def enrol(tmp_path, monkeypatch):
    """enrol(count, owners, duties, url) gives a street that a stand-in for a gateway has enrolled."""
    streets = []

    def make(count, owners=0, duties=(300,), url="mqtt://operator:secret@broker:1884", known=(), join=""):
        asked = []
        for street in streets:
            os.close(street._locked)
        streets.clear()

        class Client:
            async def call(self, method, nodes=None):
                if method == "node.list":
                    return {"nodes": list(known)}
                asked.append((method, nodes))
                return {"site": "north", "net": "00ff", "nodes": [node["key"][:16] for node in nodes]}

        @asynccontextmanager
        async def client(url, site):
            yield Client()

        monkeypatch.setattr("lamplighter.gateway.simulate.street.Client", client)
        street = Street(url, "north", tmp_path / "street", 128 * 1024, None, join)
        asyncio.run(street.enrol(count, owners, duties))
        streets.append(street)
        street.asked = asked
        return street

    yield make
    for street in streets:
        os.close(street._locked)


def test_devices_are_enrolled_among_owners_in_turn(enrol):
    """Each device has a key of its own and one of the owners; all are enrolled in one request."""
    street = enrol(5, 2)
    ((method, nodes),) = street.asked
    assert method == "node.enrol" and len({node["key"] for node in nodes}) == 5
    assert [node["owner"] for node in nodes] == [HOUSES[0], HOUSES[1], HOUSES[0], HOUSES[1], HOUSES[0]]
    assert all(len(bytes.fromhex(node["key"])) == 32 for node in nodes) and len(street.nodes) == 5


@pytest.mark.parametrize(("count", "owners", "expected"), [(1, 0, 1), (2, 0, 2), (9, 0, 4), (30, 12, 12), (2, 5, 2)])
def test_there_are_at_least_two_owners(enrol, count, owners, expected):
    """Else no answer could be compared; beyond the names they are numbered. Who has no device is none."""
    street = enrol(count, owners)
    assert len(set(street.owners)) == expected
    assert street.owners[len(HOUSES):] == [f"owner-{i}" for i in range(len(HOUSES), expected)]


def test_devices_stay_who_they_are(enrol):
    """Keys and owners are kept for the next time, however many there are then; others cannot read them."""
    first = enrol(3).asked[0][1]
    more = enrol(9, 4).asked[0][1]
    fewer = enrol(2)
    assert more[:3] == first and fewer.asked[0][1] == first[:2]
    assert {node["owner"] for node in more} == set(HOUSES[:4])
    assert stat.S_IMODE(fewer.folder.stat().st_mode) == 0o700


def test_devices_are_whose_the_gateway_says(enrol):
    """One that was handed over since is enrolled for its new owner, and counted there."""
    key = enrol(2).asked[0][1][0]["key"]
    street = enrol(2, known=[{"node": device_of(bytes.fromhex(key))[1], "owner": "zoe", "state": "lost"}])
    assert [node["owner"] for node in street.asked[0][1]] == street.owners == ["zoe", HOUSES[1]]


def test_revoked_devices_are_named_with_the_way_out(enrol):
    """The file that they are in, and what lets them in again or takes them out."""
    keys = [node["key"] for node in enrol(3).asked[0][1]]
    node = device_of(bytes.fromhex(keys[1]))[1]
    with pytest.raises(Refused, match=rf"devices\.json: {node}\.") as refused:
        enrol(3, known=[{"node": node, "owner": "anna", "state": "revoked"}])
    assert f"node restore {node}" in refused.value.error["hint"]


def test_a_folder_is_for_one_street(enrol):
    """A second one on it is refused until the first has ended."""
    street = enrol(1)
    other = Street(street.url, "north", street.folder, street.heap)
    with pytest.raises(Refused, match="run on") as refused:
        asyncio.run(other.enrol(1, 0, (300,)))
    assert "--folder" in refused.value.error["hint"]
    enrol(1)


def test_each_device_is_told_where_to_connect(enrol):
    """Broker, site and network as the gateway says; the operator's password is not among it."""
    for config in enrol(2).fleet._configs:
        assert {**config, "key": ""} == {"broker": "broker", "port": 1884, "site": "north", "net": "00ff", "key": "",
                                         "duty": 300}


def test_a_broker_with_tls_is_verified(enrol, tmp_path, monkeypatch):
    """Devices get the name of the certificate that they have to check, wherever they run; without one there is
    nothing to be checked."""
    subprocess.run([CERTIFICATES, tmp_path, "broker"], check=True)
    monkeypatch.chdir(tmp_path)
    (config,) = enrol(1, url="mqtts://operator:secret@broker?ca=ca.pem").fleet._configs
    assert (config["port"], config["ca"]) == (8883, str(tmp_path / "ca.pem"))
    for options, said in (("", r"ca=FILE"), ("?ca=none.pem", "none.pem does not exist")):
        with pytest.raises(LinkError, match=said):
            enrol(1, url="mqtts://operator:secret@broker" + options)


def test_devices_may_have_a_listener_of_their_own(enrol, tmp_path):
    """As in deploy/: the gateway is asked on loopback, devices connect with TLS."""
    subprocess.run([CERTIFICATES, tmp_path, "pi.local"], check=True)
    (config,) = enrol(1, join=f"mqtts://pi.local:8884?ca={tmp_path / 'ca.pem'}").fleet._configs
    assert (config["broker"], config["port"], config["ca"]) == ("pi.local", 8884, str(tmp_path / "ca.pem"))


class Waiting:
    """What a street hears of its gateway, and tells."""

    def __init__(self, street, monkeypatch, *states):
        self.states, self.told = list(states), []
        monkeypatch.setattr("lamplighter.gateway.simulate.street.LOOK_S", 0)
        monkeypatch.setattr("lamplighter.gateway.simulate.street.PATIENCE_S", 0)
        monkeypatch.setattr(street, "_ask", self.ask)
        self.street = street

    async def ask(self, method):
        states = self.states.pop(0)
        if not states:
            raise LinkError("the gateway restarts")
        names = [device_of(bytes.fromhex(key))[1] for key in self.street._keys]
        self.street.nodes = names
        return {"nodes": [{"node": node, "state": state} for node, state in zip(names, states, strict=True)]}


def test_who_has_come_is_told(enrol, monkeypatch):
    """When all have; until then the gateway may be away for a while, and a device that was there counts."""
    waiting = Waiting(enrol(2), monkeypatch, ["ready", "unseen"], [], ["lost", "sleeping"])
    monkeypatch.setattr("lamplighter.gateway.simulate.street.PATIENCE_S", 600)
    asyncio.run(waiting.street.arrive(lambda *told: waiting.told.append(told)))
    assert waiting.told == [(2, "")]


@pytest.mark.parametrize(("listener", "cause", "step"), [
    ("allow_anonymous false\n", "refuses user", "--join mqtts://HOST:8883?ca=FILE"),
    ("", "No broker answers", "--join mqtts://HOST:8883?ca=FILE"),
    ("allow_anonymous true\n", "the gateway has not heard of it", "device.log")])
def test_what_keeps_devices_out_is_told_once(enrol, monkeypatch, start_mosquitto, free_port, listener, cause, step):
    """In one sentence with cause and next step, when none has come for some time; those that come later count."""
    join = start_mosquitto(listener) if listener else f"mqtt://127.0.0.1:{free_port}"
    waiting = Waiting(enrol(2, join=join), monkeypatch, ["lost", "unseen"], ["lost", "unseen"], ["ready", "ready"])
    asyncio.run(waiting.street.arrive(lambda *told: waiting.told.append(told)))
    (came, problem), last = waiting.told
    assert came == 0 and last == (2, "") and problem.count(". ") == 0
    assert cause in problem and step in problem


@pytest.mark.parametrize(("count", "expected"), [(1, [100]), (2, [100, 600]), (3, [100, 350, 600])])
def test_duties_are_spread(enrol, count, expected):
    """From the least to the most, evenly."""
    assert [config["duty"] for config in enrol(count, duties=range(100, 601)).fleet._configs] == expected
