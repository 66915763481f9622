"""The registry: whole after any crash, and refused when it is not what was written."""

import json
import os
import secrets
import select
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest

from lamplighter.firmware.wire import device_of
from lamplighter.gateway.adapters import files
from lamplighter.gateway.adapters.registry import (
    FILE,
    PREVIOUS,
    RESERVED,
    AtomicStorage,
    EnrolmentError,
    Registry,
    RegistryError,
    no_log,
)
from lamplighter.gateway.core.policy import Policy
from tests.power import Power

KEYS = [bytes([number]) * 32 for number in range(1, 6)]


def of(owner, keys):
    """Keys as the devices of one owner."""
    return [(key, owner) for key in keys]


def test_what_is_enrolled_is_there_after_opening_again(tmp_path):
    """Devices, operators and the gateway's secrets outlive the process, in the order of their enrolment."""
    first = Registry.open(tmp_path)
    first.enrol(of("alice", KEYS[:3]), 1000)
    first.enrol(of("alice", KEYS[2:3]) + of("bob", KEYS[3:]), 2000)   # a known one stays as it is
    first.add_operator("city", "long-password")
    again = Registry.open(tmp_path)
    assert [(device.key, device.owner, device.enrolled_at) for device in again.devices()] == [
        (key, "alice" if key in KEYS[:3] else "bob", 1000 if key in KEYS[:3] else 2000) for key in KEYS]
    assert [(device.name, device.node) for device in again.devices()] == [device_of(key) for key in KEYS]
    assert again.gateway == first.gateway
    assert again.gateway.client_id("gw1") == first.gateway.client_id("gw1")
    assert again.owners() == ["alice", "bob"]
    assert [(account.user, account.password) for account in again.operators()] == [("city", "long-password")]


@pytest.mark.parametrize("eager", [False, True])
def test_a_power_cut_at_every_sync(tmp_path, eager):
    """All that was acknowledged is there, in a file that is whole; so are the secrets of the first start."""
    (tmp_path / "disk").mkdir()
    images, told = [], [0]

    def cut():
        images.append((power.image(tmp_path / f"image{len(images)}", eager) / "gateway", told[-1]))

    with Power(tmp_path / "disk") as power:
        power.before = cut
        registry = Registry.open(power.folder / "gateway")
        for number, key in enumerate(KEYS):
            registry.enrol(of("alice", [key]), 0)
            told.append(number + 1)
        cut()
    assert len(images) > 10
    for image, devices in images:
        again = Registry.open(image)
        assert len(again.devices()) >= devices
        assert not devices or again.gateway == registry.gateway


def test_a_thousand_devices_are_one_write(tmp_path, monkeypatch):
    """A batch is enrolled in one replacement of the file."""
    registry, writes = Registry.open(tmp_path), []
    original = AtomicStorage.write
    monkeypatch.setattr(AtomicStorage, "write", lambda self, data: (writes.append(1), original(self, data)))
    assert len(registry.enrol([(secrets.token_bytes(32), "city") for _ in range(1000)], 0)) == 1000
    assert len(writes) == 1


def test_devices_are_made_once_from_what_has_not_changed(tmp_path):
    """They are asked for at every seal and look, and change when a person does something."""
    registry = Registry.open(tmp_path)
    registry.enrol(of("alice", KEYS[:2]), 0)
    first, second = registry.devices()
    assert all(again is one for again, one in zip(registry.devices(), (first, second), strict=True))
    assert all(again is one for again, one in zip(registry.follow(no_log, 0), (first, second), strict=True))
    registry.revoke(first.node)
    assert [device.revoked for device in registry.devices()] == [True, False]


def test_a_person_finds_each_device_in_a_line(tmp_path):
    """The file is read with a pager and searched with grep."""
    registry = Registry.open(tmp_path)
    registry.enrol(of("alice", KEYS[:3]), 0)
    lines = (tmp_path / FILE).read_text().splitlines()
    for device in registry.devices():
        line, = (line for line in lines if device.node in line)
        assert device.key.hex() in line and '"alice"' in line


def test_five_hundred_owners_are_one_write(tmp_path, monkeypatch):
    """However many people there are."""
    registry, writes = Registry.open(tmp_path), []
    original = AtomicStorage.write
    monkeypatch.setattr(AtomicStorage, "write", lambda self, data: (writes.append(1), original(self, data)))
    registry.enrol([(secrets.token_bytes(32), f"owner-{number}") for number in range(500)], 0)
    assert (len(writes), len(registry.owners())) == (1, 500)
    registry.enrol([(device.key, device.owner) for device in registry.devices()], 0)
    assert len(writes) == 1   # nothing was new


@pytest.mark.parametrize(("pairs", "code", "said"), [
    (of("bob", KEYS[:1]), "owned_by", "belongs to alice"), (of("alice", KEYS[1:2]), "revoked", "is revoked"),
    (of("bob", KEYS[1:2]), "revoked", "is revoked"),
    (of("alice", KEYS[3:]) + of("bob", KEYS[4:]), "owned_by", "alice"),
    (of("Not An Owner", KEYS[:1]), "bad_owner", "Not An Owner"),
])
def test_enrolling_changes_no_owner_and_lets_nobody_in_again(tmp_path, pairs, code, said):
    """Refused by name, with what can be done; of a request with one such device nothing is written."""
    registry = Registry.open(tmp_path)
    registry.enrol(of("alice", KEYS[:3]), 0)
    registry.revoke(device_of(KEYS[1])[1])
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(EnrolmentError, match=said) as refused:
        registry.enrol(of("chloe", KEYS[3:4]) + pairs if pairs[0][0] != KEYS[3] else pairs, 0)
    assert refused.value.code == code and (tmp_path / FILE).read_bytes() == before
    assert refused.value.hint and refused.value.at == (len(pairs) - 1 if pairs[0][0] == KEYS[3] else 1)


def test_revoked_devices_cannot_sign_in(tmp_path):
    """They have no account any more; the record stays."""
    registry = Registry.open(tmp_path)
    devices = registry.enrol(of("alice", KEYS), 0)
    registry.add_operator("city")
    registry.add_operator("town")
    registry.revoke(devices[1].node)
    users = [account.user for account in registry.accounts("gateway")]
    own = ["gateway", "city", "town", "probe"]
    assert users == [*own, *(device.node for device in devices if device is not devices[1])]
    assert [device.revoked for device in registry.devices()] == [False, True, False, False, False]


def test_what_does_not_fit_is_refused_and_changes_nothing(tmp_path):
    """Too many devices, unknown nodes and unusable names are one sentence each."""
    registry = Registry.open(tmp_path)
    registry.enrol(of("alice", KEYS), 0)
    before = (tmp_path / FILE).read_bytes()
    many = [(secrets.token_bytes(32), "alice") for _ in range(Policy().max_nodes)]
    for refused in (lambda: registry.enrol(many, 0),
                    lambda: registry.enrol(of("Not An Owner", KEYS), 0), lambda: registry.revoke("f" * 16),
                    lambda: registry.add_operator("no spaces"), lambda: registry.add_operator("city", "short")):
        with pytest.raises(RegistryError):
            refused()
    assert (tmp_path / FILE).read_bytes() == before


def test_one_device_too_many_is_refused_by_name(tmp_path):
    """The bound is the one that the registry was opened with, revoked devices count, and known ones need no room."""
    registry = Registry.open(tmp_path, 3)
    registry.enrol(of("alice", KEYS[:3]), 0)
    registry.revoke(registry.devices()[0].node)
    with pytest.raises(EnrolmentError, match="at most 3 devices") as refused:
        registry.enrol(of("alice", KEYS[1:4]), 0)
    assert refused.value.code == "too_many_devices" and len(registry.devices()) == 3
    assert len(registry.enrol(of("alice", KEYS[1:3]), 0)) == 2


def test_every_damage_is_noticed(tmp_path):
    """Any flipped byte, any cut, an emptied and a removed file are refused, naming the file and the older copy."""
    registry = Registry.open(tmp_path)
    registry.enrol(of("alice", KEYS[:1]), 0)
    path = tmp_path / FILE
    sound = path.read_bytes()
    tables = AtomicStorage(path).read()
    damaged = [sound[:cut] for cut in range(0, len(sound) - 1, 7)]
    damaged += [sound[:at] + bytes([sound[at] ^ 1 << at % 7]) + sound[at + 1:] for at in range(len(sound))]
    damaged += [b"[]", b"null", b"[" * 100_000, b'{"tables": NaN}', b'{"tables": {}, "tables": {}}', b"\xff" * 10]
    for text in damaged:
        path.write_bytes(text)
        try:
            assert AtomicStorage(path).read() == tables  # a space that became another is no damage
        except RegistryError as error:
            assert str(path) in str(error) and PREVIOUS in str(error)
        else:
            assert text.split() == sound.split()
    path.unlink()
    with pytest.raises(RegistryError, match="is missing"):
        Registry.open(tmp_path)


def test_a_document_that_is_not_of_its_kind_is_refused(tmp_path):
    """An edit by hand is taken without its checksum line, but not with a key that belongs to another node."""
    Registry.open(tmp_path).enrol(of("alice", KEYS[:2]), 0)
    whole = json.loads((tmp_path / FILE).read_text())
    del whole["checksum"]
    whole["tables"]["devices"]["1"]["owner"] = "bob"
    (tmp_path / FILE).write_text(json.dumps(whole))
    assert Registry.open(tmp_path).owners() == ["alice", "bob"]
    for field, value in (("key", KEYS[4].hex()), ("key", 7), ("node", None), ("enrolled_at", "x")):
        spoilt = json.loads(json.dumps(whole))
        spoilt["tables"]["devices"]["2"][field] = value
        (tmp_path / FILE).write_text(json.dumps(spoilt))
        with pytest.raises(RegistryError, match="not of its kind"):
            Registry.open(tmp_path)


def test_the_copy_before_is_kept(tmp_path):
    """After each change the file of before the change lies beside it."""
    registry = Registry.open(tmp_path)
    before = (tmp_path / FILE).read_bytes()
    registry.enrol(of("alice", KEYS), 0)
    assert (tmp_path / PREVIOUS).read_bytes() == before
    assert (tmp_path / FILE).stat().st_mode & 0o777 == (tmp_path / PREVIOUS).stat().st_mode & 0o777 == 0o600


def test_a_full_disk_leaves_the_old_registry(tmp_path, monkeypatch):
    """A write that fails is one sentence, and what was there stays readable."""
    registry = Registry.open(tmp_path)
    registry.enrol(of("alice", KEYS[:2]), 0)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "write", full)
        with pytest.raises(RegistryError, match="No space left on device"):
            registry.enrol(of("alice", KEYS[2:]), 0)
    assert len(Registry.open(tmp_path).devices()) == 2


def enrol_for_ever(folder, tell):
    """What the killed process does: enrols three devices at a time and tells how many there are."""
    try:
        registry = Registry.open(folder)
        while True:
            os.write(tell, b"%d\n" % len(registry.devices()))
            registry.enrol([(secrets.token_bytes(32), "alice") for _ in range(3)], 0)
    finally:
        os._exit(1)


def test_kill_nine_while_writing_loses_nothing_that_was_confirmed(tmp_path):
    """Killed fifty times in the middle of writes, the registry opens each time with all that was reported written."""
    for turn in range(50):
        hear, tell = os.pipe()
        child = os.fork()
        if not child:
            enrol_for_ever(tmp_path, tell)
        os.close(tell)
        with os.fdopen(hear) as heard:
            for _ in range(1 + turn % 5):
                heard.readline()
            select.select([], [], [], turn % 10 / 2000)  # reaches each step of a write, none of which is announced
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            told = [int(line) for line in heard.read().splitlines(keepends=True) if line.endswith("\n")]
        found = len(Registry.open(tmp_path).devices())
        assert not told or found in (told[-1], told[-1] + 3)
        assert found % 3 == 0


NODES = [device_of(key)[1] for key in KEYS]
NAMES = [device_of(key)[0] for key in KEYS]


def test_the_log_refuses_too(tmp_path):
    """Who is revoked there, or somebody else's, is that also for a registry that has lost the device."""
    registry = Registry.open(tmp_path)
    for facts, code in ((("alice", True), "revoked"), (("bob", False), "owned_by")):
        with pytest.raises(EnrolmentError) as refused:
            registry.enrol(of("alice", KEYS[:1]), 0, lambda device, facts=facts: facts)
        assert refused.value.code == code and registry.devices() == []
    assert registry.enrol(of("alice", KEYS[:1]), 0, lambda device: ("alice", False))


def test_a_transfer_is_asked_for_once(tmp_path):
    """It waits for the end of its epoch; the same again changes nothing, to whom it belongs is no transfer."""
    registry = Registry.open(tmp_path)
    registry.enrol(of("alice", KEYS[:2]), 0)
    asked = registry.transfer(NODES[0], "bob", 5)
    assert (asked.owner, asked.next_owner, asked.asked) == ("alice", "bob", 5)
    assert registry.transfer(NODES[0], "bob", 7) == asked
    assert registry.transfer(NODES[1], "alice", 5).next_owner == ""
    assert [registry.moves(epoch) for epoch in (5, 6)] == [[], [(NAMES[0], "bob")]]


@pytest.mark.parametrize(("node", "owner", "code"), [
    (NODES[0], "alice", "moving"), (NODES[0], "chloe", "moving"), (NODES[0], "No One", "bad_owner"),
    (NODES[4], "bob", "unknown_node"),
])
def test_a_transfer_that_cannot_be_is_refused(tmp_path, node, owner, code):
    """While a device is on its way to one owner it goes to no other; nothing is written."""
    registry = Registry.open(tmp_path)
    registry.enrol(of("alice", KEYS[:1]), 0)
    registry.transfer(NODES[0], "bob", 5)
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(EnrolmentError) as refused:
        registry.transfer(node, owner, 6)
    assert refused.value.code == code and refused.value.hint and (tmp_path / FILE).read_bytes() == before


def test_what_the_log_says_becomes_true(tmp_path):
    """A transfer is over when the log names the next owner, a restoration when it lets the device in."""
    registry = Registry.open(tmp_path)
    registry.enrol(of("alice", KEYS[:2]), 0)
    registry.transfer(NODES[0], "bob")
    registry.revoke(NODES[1])
    registry.restore(NODES[1])
    said = {NAMES[0]: ("alice", False), NAMES[1]: ("alice", True)}
    first, second = registry.follow(said.__getitem__, 3)
    assert (first.owner, first.next_owner, first.asked) == ("alice", "bob", 3)   # of the epoch that is read in
    assert second.revoked and second.restore
    said = {NAMES[0]: ("bob", False), NAMES[1]: ("alice", False)}
    first, second = registry.follow(said.__getitem__, 4)
    assert (first.owner, first.next_owner, first.asked) == ("bob", "", -1)
    assert not second.revoked and not second.restore and registry.devices() == [first, second]


def test_what_the_log_has_not_heard_stays(tmp_path, monkeypatch):
    """A revocation that is on its way to it; and where nothing is new nothing is written."""
    registry = Registry.open(tmp_path)
    registry.enrol(of("alice", KEYS[:1]), 0)
    registry.revoke(NODES[0])
    before = (tmp_path / FILE).stat()
    assert registry.follow(lambda device: ("alice", False), 0)[0].revoked
    assert registry.follow(lambda device: ("", False), 0)[0].owner == "alice"
    assert (tmp_path / FILE).stat() == before


def test_an_old_copy_undoes_nothing(tmp_path):
    """The log knows who was revoked since and whose a device is by now."""
    registry = Registry.open(tmp_path)
    registry.enrol(of("alice", KEYS[:1]), 0)
    (device,) = registry.follow(lambda device: ("bob", True), 9)
    assert (device.owner, device.revoked) == ("bob", True)


def test_a_restoration_is_asked_for_once(tmp_path):
    """Who takes part already stays so; a revocation that comes later counts."""
    registry = Registry.open(tmp_path)
    registry.enrol(of("alice", KEYS[:1]), 0)
    assert not registry.restore(NODES[0]).restore
    registry.revoke(NODES[0])
    assert registry.restore(NODES[0]).restore and registry.restore(NODES[0]).revoked
    registry.revoke(NODES[0])
    assert registry.devices()[0].revoked and not registry.devices()[0].restore
    with pytest.raises(EnrolmentError, match="No device"):
        registry.restore(NODES[1])


def test_two_processes_add_devices(tmp_path):
    """Each finds the rows of the other, and its own have numbers of their own."""
    first, second = Registry.open(tmp_path), Registry.open(tmp_path)
    for at, registry in enumerate((first, second, first, second)):
        registry.enrol(of("alice", KEYS[at:at + 1]), 0)
    assert [device.node for device in first.devices()] == NODES[:4]


def test_rows_of_before_are_read(tmp_path):
    """A registry that knows of no transfers and restorations has none under way."""
    registry = Registry.open(tmp_path)
    registry.enrol(of("alice", KEYS[:1]), 7)
    storage = AtomicStorage(tmp_path / FILE)
    tables = storage.read()
    for row in tables["devices"].values():
        for key in ("next_owner", "asked", "restore"):
            del row[key]
    storage.write(tables)
    (device,) = Registry.open(tmp_path).devices()
    assert (device.owner, device.next_owner, device.asked, device.restore) == ("alice", "", -1, False)


def test_root_leaves_the_file_to_the_gateway(tmp_path, monkeypatch):
    """Who commands as root in the folder of a service must not lock that out of its own registry."""
    registry = Registry.open(tmp_path)
    (device,) = registry.enrol(of("alice", KEYS[:1]), 0)
    given, owner, stat = [], SimpleNamespace(st_uid=4_711, st_gid=4_712), Path.stat
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda descriptor, *who: given.append(who))
    monkeypatch.setattr(Path, "stat", lambda path, **how: owner if path == tmp_path else stat(path, **how))
    registry.transfer(device.node, "bob")
    assert given == [(4_711, 4_712)]


@pytest.mark.parametrize("name", RESERVED)
def test_names_that_mean_something_else_are_no_operators(tmp_path, name):
    """Whoever was shown as who asked would not be an operator."""
    with pytest.raises(RegistryError, match="choose another name"):
        Registry.open(tmp_path).add_operator(name)
