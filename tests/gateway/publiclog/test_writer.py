import errno
import hashlib
import os
import shutil
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lamplighter.gateway.adapters import files
from lamplighter.gateway.ledger import note
from lamplighter.gateway.ledger.leaves import (
    Genesis,
    LedgerError,
    Registration,
    Restoration,
    Revocation,
    decode_leaf,
    encode_leaf,
    net_of,
)
from lamplighter.gateway.publiclog import auditor, writer
from lamplighter.gateway.publiclog.writer import PublicLog
from tests.power import Power

A, B = b"A" * 16, b"B" * 16


class Crash(BaseException):
    """The power goes: nothing after this runs."""


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows_of(prove, log, epoch, count=5):
    return [(prove(log.net, A, epoch * 100 + i), 10 + i, "ok" if i else "late") for i in range(count)]


def test_first_start(open_log):
    """A new log is its genesis leaf, whose hash starts with the network's id, under a signed checkpoint."""
    log = open_log()
    genesis = decode_leaf(next(log._entries(1)))
    assert isinstance(genesis, Genesis) and genesis.site == "demo"
    assert log.net == net_of(encode_leaf(genesis)) and len(log.net) == 8
    assert note.check(log.checkpoint.encode(), genesis.key)[1:] == (log.size, log.root) == (1, log.root)
    assert auditor.verify(log.folder).code == 0


def test_opens_again_as_it_was(open_log, small_log):
    """After a restart network, tree, owners, seals and checkpoint are the same, and no file has changed."""
    before = contents(small_log.folder)
    log = open_log()
    for name in ("net", "size", "root", "checkpoint", "last"):
        assert getattr(log, name) == getattr(small_log, name)
    assert log.owner(A) == "anna"
    assert contents(log.folder) == before
    assert [seal.epoch for seal in log.epochs()] == [0, 1, 5]


def test_registering_again_changes_nothing(small_log):
    """A known device with its owner adds no leaf; another owner does."""
    size = small_log.size
    small_log.register(A, "anna")
    small_log.register_all([(A, "anna"), (B, "ben")])
    assert small_log.size == size
    small_log.register(A, "ben")
    assert (small_log.size, small_log.owner(A)) == (size + 1, "ben")


def test_a_bad_owner_changes_nothing(small_log):
    """If one of many owners is no identifier, none is registered and the log goes on."""
    before = contents(small_log.folder)
    with pytest.raises(LedgerError, match="identifier"):
        small_log.register_all([(b"C" * 16, "carla"), (b"D" * 16, "Not An Owner")])
    assert contents(small_log.folder) == before
    small_log.register(b"C" * 16, "carla")
    assert auditor.verify(small_log.folder).code == 0


def test_rows_in_any_order(open_log, prove, tmp_path):
    """Two logs with one key seal the same receipts to the same files, in whatever order they come."""
    first = open_log("first")
    shutil.copy(tmp_path / "first.pem", tmp_path / "second.pem")
    second = open_log("second")
    for log, step in ((first, 1), (second, -1)):
        log.register(A, "anna")
        log.seal(0, rows_of(prove, log, 0, 40)[::step])
    assert contents(first.folder) == contents(second.folder)


def test_sealing_again(small_log, prove):
    """The same epoch with the same receipts gives the same seal; with others, or an older epoch, an error."""
    before = contents(small_log.folder)
    rows = [(prove(small_log.net, B, 1), 100, "minority"), (prove(small_log.net, A, 1), 100, "ok")]
    assert small_log.seal(0, rows) == small_log.epochs()[0]
    for other in (rows[:1], [*rows, (prove(small_log.net, A, 9), 1, "ok")], [(rows[0][0], 99, "minority"), rows[1]]):
        with pytest.raises(LedgerError, match="other receipts"):
            small_log.seal(0, other)
    with pytest.raises(LedgerError, match="later one"):
        small_log.seal(3, rows)
    assert contents(small_log.folder) == before


def test_a_row_that_is_none(small_log, prove):
    """An unjudged receipt stops the seal and changes nothing that is published."""
    before = contents(small_log.folder)
    with pytest.raises(LedgerError, match="pending"):
        small_log.seal(6, [(prove(small_log.net, A, 6), 1, "pending")])
    assert auditor.verify(small_log.folder).code == 0
    assert {name: data for name, data in contents(small_log.folder).items() if name in before} == before


def test_a_number_pays_once_over_restarts(open_log, small_log, prove):
    """A number that was used in an earlier epoch does not pay, after a restart and without the state file too."""
    again = prove(small_log.net, A, 1, nonce=b"another nonce 16")
    (small_log.folder.parent / "public.state").unlink()
    for epoch, log in ((6, small_log), (7, open_log()), (8, open_log())):
        assert log.seal(epoch, [(again, 100, "ok")]).credits == 0
    assert auditor.verify(small_log.folder).code == 0


def test_many_leaves(open_log):
    """Over tile borders the log stays true, and partial tiles go when they are full."""
    log = open_log()
    for start in range(0, 520, 40):
        log.register_all([(i.to_bytes(16, "big"), f"owner-{i % 3}") for i in range(start, start + 40)])
        assert open_log().root == log.root
    assert log.size == 521
    assert not (log.folder / "tile/0/000.p").exists() and (log.folder / "tile/0/000").stat().st_size == 256 * 32
    assert (log.folder / "tile/1/000.p/2").stat().st_size == 64
    assert auditor.verify(log.folder).code == 0


def test_many_receipts_in_runs(open_log, prove, monkeypatch):
    """An epoch of more receipts than are sorted at once is sealed in order."""
    monkeypatch.setattr(writer, "_RUN", 16)
    log = open_log()
    log.register(A, "anna")
    seal = log.seal(0, rows_of(prove, log, 0, 100)[::-1])
    assert (seal.receipts, seal.credits) == (100, sum(range(11, 110)))
    assert auditor.verify(log.folder).code == 0


def steps_of(prove, log):
    """A day's work: every kind of write, over a tile border."""
    log.register_all([(i.to_bytes(16, "big"), "anna") for i in range(253)] + [(A, "anna")])
    log.seal(0, rows_of(prove, log, 0))
    log.register(B, "ben")
    log.seal(1, rows_of(prove, log, 1))


def crash_at(monkeypatch, nth, error):
    """Make the nth durable system call of the adapter fail; gives how many there were. Nothing waits for a disk."""
    count = [0]

    def failing(call):
        def wrapped(*args, **kwargs):
            count[0] += 1
            if count[0] == nth:
                raise error
            return call(*args, **kwargs)

        return wrapped

    monkeypatch.setattr(os, "fsync", failing(lambda fd: None))
    for module, name in ((os, "open"), (os, "write")):
        monkeypatch.setattr(module, name, failing(getattr(module, name)))
    monkeypatch.setattr(files.Path, "replace", failing(files.Path.replace))
    return count


def calls_without_a_crash(open_log, prove, monkeypatch, tmp_path, key):
    (tmp_path / "whole.pem").write_bytes(key)
    with monkeypatch.context() as patched:
        count = crash_at(patched, 0, Crash())
        steps_of(prove, open_log("whole"))
        return count[0]


@pytest.fixture
def pem(tmp_path):
    key = writer.make_key(tmp_path / "any.pem")
    assert isinstance(key, Ed25519PrivateKey)
    return (tmp_path / "any.pem").read_bytes()


EVERY_FOURTH_OR_ALL = pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.soak)])


@EVERY_FOURTH_OR_ALL
def test_a_crash_at_every_write(open_log, prove, monkeypatch, tmp_path, pem, step):
    """After a crash at any durable call the log opens, is true, and the same work gives the same bytes."""
    calls = calls_without_a_crash(open_log, prove, monkeypatch, tmp_path, pem)
    whole = contents(tmp_path / "whole")
    assert calls > 60
    for nth in range(1, calls + 1, step):
        (tmp_path / "torn.pem").write_bytes(pem)
        with monkeypatch.context() as patched:
            crash_at(patched, nth, Crash())
            with pytest.raises(Crash):
                steps_of(prove, open_log("torn"))
            crash_at(patched, 0, None)
            log = open_log("torn")
            assert auditor.verify(log.folder).code == 0
            steps_of(prove, log)
        assert {n: d for n, d in contents(log.folder).items() if not n.endswith(".new")} == whole, nth
        assert (tmp_path / "torn.state").read_bytes() == (tmp_path / "whole.state").read_bytes()
        shutil.rmtree(log.folder)
        (tmp_path / "torn.state").unlink()


@EVERY_FOURTH_OR_ALL
def test_a_full_disk_at_every_write(open_log, prove, monkeypatch, tmp_path, pem, step):
    """After a failed write the open log goes on with other leaves or asks to be opened again; it never forks."""
    calls = calls_without_a_crash(open_log, prove, monkeypatch, tmp_path, pem)
    for nth in range(2, calls + 1, step):
        (tmp_path / "full.pem").write_bytes(pem)
        log = None
        with monkeypatch.context() as patched:
            crash_at(patched, nth, OSError(errno.ENOSPC, "No space left on device"))
            with suppress(OSError):  # tempfile knows another way when its first one fails
                steps_of(prove, log := open_log("full"))
        signed = (tmp_path / "full/checkpoint").read_bytes() if (tmp_path / "full/checkpoint").exists() else None
        (tmp_path / "old").write_bytes(signed or b"")
        try:
            (log or open_log("full")).register(b"E" * 16, "emma")
        except LedgerError as error:
            assert "open the log again" in str(error)
            open_log("full").register(b"E" * 16, "emma")
        open_log("full")
        assert auditor.verify(tmp_path / "full", tmp_path / "old" if signed else None).code == 0, nth
        shutil.rmtree(tmp_path / "full")
        (tmp_path / "full.state").unlink(missing_ok=True)


@pytest.mark.parametrize("eager", [False, True])
def test_a_power_cut_at_every_sync(prove, tmp_path, eager):
    """What is left then is true and has all that was acknowledged, whether or not names were written on their own."""
    (tmp_path / "disk").mkdir()
    images, told = [], [0]

    def cut():
        images.append((power.image(tmp_path / f"image{len(images)}", eager) / "gateway", told[-1]))

    with Power(tmp_path / "disk") as power:
        power.before = cut
        log = PublicLog.open(power.folder / "gateway" / "public", power.folder / "gateway" / "log.key", "demo")
        for step in (lambda: log.register(A, "anna"), lambda: log.seal(0, rows_of(prove, log, 0)),
                     lambda: log.register_all([(i.to_bytes(16, "big"), "ben") for i in range(255)]),
                     lambda: log.seal(1, rows_of(prove, log, 1))):
            told.append(log.size)
            step()
        told.append(log.size)
        cut()
    assert len(images) > 40
    for image, size in images:
        again = PublicLog.open(image / "public", image / "log.key", "demo")
        assert again.size >= size and auditor.verify(again.folder).code == 0
        assert not size or again.net == log.net


def test_what_a_torn_append_left_is_removed(open_log, small_log):
    """A tile beyond the checkpoint goes at start: later it would be taken for an older part of the log."""
    stray = small_log.folder / f"tile/0/000.p/{small_log.size + 2}"
    stray.write_bytes(bytes(32 * (small_log.size + 2)))
    log = open_log()
    assert not stray.exists()
    log.register_all([(bytes((i,)) * 16, "carla") for i in range(5)])
    assert auditor.verify(log.folder).code == 0


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda d: (d / "public/checkpoint").unlink(), "checkpoint is missing"),
        (lambda d: (d / "public.pem").unlink(), r"public\.pem is missing"),
        (lambda d: shutil.rmtree(d / "public"), "checkpoint is missing"),
        (lambda d: (d / "public.state").write_bytes(b"x" * 80), r"public\.state is damaged"),
        (lambda d: (d / "public.pem").write_bytes(b"no key"), "public.pem is damaged"),
        (lambda d: (d / "public/tile/entries/000.p/6").unlink(), "000.p/6 is missing"),
        (lambda d: (d / "public/tile/entries/000.p/6").write_bytes(b"\0\1"), "middle"),
        (lambda d: (d / "public/checkpoint").write_bytes(b"nonsense"), "checkpoint is not a signed note"),
    ],
)
def test_refuses_to_guess(open_log, small_log, tmp_path, damage, says):
    """Whatever is lost or damaged, the log does not open, and one sentence says which file."""
    damage(tmp_path)
    with pytest.raises(LedgerError, match=says):
        open_log()


def test_a_changed_entry_stops_the_start(open_log, small_log):
    """An owner changed in the files is found by the root of the checkpoint."""
    path = small_log.folder / "tile/entries/000.p/6"
    path.write_bytes(path.read_bytes().replace(b"anna", b"emma"))
    with pytest.raises(LedgerError, match="not the log that was sealed"):
        open_log()


def test_a_log_that_was_cut_back(open_log, prove, tmp_path):
    """An older copy of the whole folder, true in itself, is not continued: it would make two histories."""
    log = open_log()
    log.register(A, "anna")
    shutil.copytree(log.folder, tmp_path / "older")
    log.seal(0, rows_of(prove, log, 0))
    shutil.rmtree(log.folder)
    (tmp_path / "older").rename(log.folder)
    with pytest.raises(LedgerError, match="cut back"):
        open_log()


def test_another_site(small_log, tmp_path):
    """The log of one site is not continued under the name of another."""
    with pytest.raises(LedgerError, match="demo"):
        PublicLog.open(small_log.folder, tmp_path / "public.pem", "elsewhere")


def test_a_bundle_lost_before_it_was_counted(open_log, small_log, tmp_path):
    """Without the state file the bundles are read again, and a missing or changed one is named."""
    (tmp_path / "public.state").unlink()
    path = small_log.folder / "bundle" / small_log.epochs()[1].bundle.hex()
    data = path.read_bytes()
    path.write_bytes(data[:-2] + b"\x01\x01")
    with pytest.raises(LedgerError, match="not its hash"):
        open_log()
    path.unlink()
    with pytest.raises(LedgerError, match="is missing"):
        open_log()


def test_what_was_earned_is_known(open_log, small_log, tmp_path):
    """By owner and device, as the auditor finds it: after a restart, without the state, with one that lacks it."""
    found = auditor.verify(small_log.folder).data
    earned = {(row["owner"], row["device"]): row["credits"] for row in found["devices"] if row["credits"]}
    assert small_log.settled == open_log().settled == earned
    state = small_log.folder.parent / "public.state"
    whole = state.read_bytes()
    state.unlink()
    assert open_log().settled == earned and state.read_bytes() == whole
    old = whole[12:52] + small_log.numbers.encode()
    state.write_bytes(old + hashlib.sha256(old).digest())
    again = open_log()
    assert again.settled == earned and again.numbers.encode() == small_log.numbers.encode()


def test_a_device_that_changes_hands_leaves_its_pay_behind(small_log, prove):
    """What it earns from then on is its new owner's."""
    before = small_log.settled["anna", A.hex()[:16]]
    small_log.register(A, "ben")
    small_log.seal(9, [(prove(small_log.net, A, 999), 7, "ok")])
    assert (small_log.settled["anna", A.hex()[:16]], small_log.settled["ben", A.hex()[:16]]) == (before, 7)


def test_only_news_is_entered(open_log):
    """Of devices that are registered; what may not come there leaves the log as it was, also to a reader."""
    log = open_log()
    log.enter([Registration(A, "anna"), Revocation(A), Registration(A, "anna"), Revocation(A)])
    assert (log.size, log.owner(A), log.revoked(A)) == (3, "anna", True)
    log.enter([Restoration(A)])
    log.enter([Restoration(A), Registration(A, "anna")])
    assert (log.size, log.revoked(A)) == (4, False)
    with pytest.raises(LedgerError, match="not registered"):
        log.enter([Registration(A, "ben"), Revocation(B)])
    assert (log.size, log.owner(A)) == (4, "anna")
    assert (open_log().size, open_log().revoked(A)) == (4, False)
