import hashlib
import shutil

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lamplighter.gateway.ledger import merkle
from lamplighter.gateway.ledger.leaves import Seal
from lamplighter.gateway.ledger.settle import encode_record
from lamplighter.gateway.publiclog import reader
from lamplighter.gateway.publiclog.reader import INCOMPLETE, MISMATCH, TWO_HISTORIES, PublishedLog, UntrueError

A, B = b"A" * 16, b"B" * 16


def checked(folder):
    log = PublishedLog(folder)
    return log, list(log.replay())


def test_reads_what_was_sealed(small_log):
    """All records come back with their places, and the lines add them up by epoch, owner and device."""
    log, found = checked(small_log.folder)
    assert [(f.seal.epoch, f.position, f.record.verdict, f.record.credits) for f in found] == [
        (0, 0, "ok", 100), (0, 1, "minority", 0), (1, 0, "ok", 30)
    ]
    assert log.lines == [(0, "anna", A, 1, 1, 100), (0, "ben", B, 1, 0, 0), (1, "ben", B, 1, 1, 30)]
    assert [seal for _, seal in log.seals] == small_log.epochs()


def test_proofs_of_every_leaf(small_log):
    """Each leaf has an inclusion proof that anyone can check against the signed root."""
    log, _ = checked(small_log.folder)
    for at, entry in enumerate(log.entries):
        leaf = merkle.leaf_hash(entry)
        assert merkle.includes(log.checkpoint.root, log.checkpoint.size, at, leaf, log.proof_of(at))


def test_a_reader_who_is_behind(open_log, tmp_path):
    """A checkpoint whose partial tiles were dropped is read from the full ones."""
    log = open_log()
    log.register_all([(i.to_bytes(16, "big"), "anna") for i in range(200)])
    (tmp_path / "behind").write_text(log.checkpoint)
    log.register_all([(i.to_bytes(16, "big"), "anna") for i in range(200, 300)])
    shutil.copy(tmp_path / "behind", log.folder / "checkpoint")
    assert len(checked(log.folder)[0].entries) == 201


def forge(log, epoch, records, **claims):
    """What a gateway could sign that does not keep the rules: any records, any claims about them."""
    data = b"".join(records)
    seal = {
        "bundle": hashlib.sha256(data).digest(), "receipts": len(records),
        "credits": sum(int.from_bytes(r[158:162], "big") for r in records if r[162] == 1),
        "previous": log._book.seal_hash,
    }
    (log.folder / "bundle").mkdir(exist_ok=True)
    (log.folder / "bundle" / seal["bundle"].hex()).write_bytes(data)
    log._append([Seal(epoch, **(seal | claims))])


@pytest.mark.parametrize(
    ("rows", "claims", "says"),
    [
        ([(A, 1, 10, {})], {}, "the rules say duplicate"),
        ([(A, 7, 10, {"nonce": b"n" * 16}), (A, 8, 10, {"nonce": b"n" * 16})], {}, "the rules say duplicate"),
        ([(b"S" * 16, 1, 10, {})], {}, "the rules say key_revoked"),
        ([(A, 7, 10, {}), (A, 7, 10, {})], {}, "holds 1 different receipts"),
        ([(A, 8, 10, {}), (A, 7, 10, {})], {}, "order"),
        ([(A, 7, 10, {})], {"credits": 11}, "pays 10 credits, its seal says 11"),
        ([(A, 7, 10, {})], {"receipts": 2}, "its seal says 2"),
    ],
)
def test_a_gateway_that_cheats(small_log, prove, rows, claims, says):
    """What breaks the rules is found though the gateway signed it: pay twice, strangers, wrong sums, wrong order."""
    records = [
        encode_record(prove(small_log.net, device, seq, **more), price, "ok") for device, seq, price, more in rows
    ]
    forge(small_log, 9, records, **claims)
    with pytest.raises(UntrueError, match=says) as raised:
        checked(small_log.folder)
    assert raised.value.code == MISMATCH and raised.value.file.startswith("bundle/")


def test_receipts_of_another_network(small_log, prove):
    """A receipt that was earned in another network does not pay here."""
    forge(small_log, 9, [encode_record(prove(b"elsewher", A, 7), 10, "ok")])
    with pytest.raises(UntrueError, match="lease_unknown"):
        checked(small_log.folder)


@pytest.mark.parametrize("at_once", [1_000_000, 1])
def test_a_nonce_that_pays_in_two_epochs(small_log, prove, monkeypatch, at_once):
    """The same lease under another number is found over epochs, also when nonces are looked at in shares."""
    monkeypatch.setattr(reader, "_NONCES_AT_ONCE", at_once)
    used = hashlib.sha256(A + b"\1" + (1).to_bytes(4, "big")).digest()[:16]
    forge(small_log, 9, [encode_record(prove(small_log.net, A, 8, nonce=used), 10, "ok")])
    with pytest.raises(UntrueError, match="a second time"):
        checked(small_log.folder)


@pytest.mark.parametrize(("epoch", "claims"), [(5, {}), (4, {}), (9, {"previous": bytes(32)})])
def test_seals_out_of_line(small_log, prove, epoch, claims):
    """An epoch sealed twice, an older epoch, and a seal that leaves out another are found."""
    with pytest.raises(ValueError, match="seals epoch"):
        forge(small_log, epoch, [encode_record(prove(small_log.net, A, 8), 10, "ok")], **claims)
    with pytest.raises(UntrueError, match=r"leaf 6 in tile/entries/000\.p/7 seals epoch"):
        checked(small_log.folder)


def failure_since(log, file):
    with pytest.raises(UntrueError) as raised:
        log.check_since(file)
    return raised.value.code, str(raised.value)


def test_since_an_older_checkpoint(small_log, prove, tmp_path):
    """A log that grew continues each checkpoint that was kept of it."""
    kept = tmp_path / "kept"
    kept.write_text(small_log.checkpoint)
    PublishedLog(small_log.folder).check_since(kept)
    small_log.seal(6, [(prove(small_log.net, A, 9), 5, "ok")])
    PublishedLog(small_log.folder).check_since(kept)


def test_two_histories(open_log, small_log, prove, tmp_path):
    """A log that was begun again, or cut back, after a checkpoint of it was kept is two histories."""
    shutil.copytree(small_log.folder, tmp_path / "cut")
    small_log.seal(6, [(prove(small_log.net, A, 9), 5, "ok")])
    kept = tmp_path / "kept"
    kept.write_text(small_log.checkpoint)
    code, says = failure_since(PublishedLog(tmp_path / "cut"), kept)
    assert code == TWO_HISTORIES and "6 leaves where" in says
    (tmp_path / "again.pem").write_bytes((tmp_path / "public.pem").read_bytes())
    again = open_log("again")
    again.register_all([(bytes((i,)) * 16, "carla") for i in range(9)])
    assert again.net == small_log.net
    code, says = failure_since(PublishedLog(again.folder), kept)
    assert code == TWO_HISTORIES and "does not continue" in says
    code, says = failure_since(PublishedLog(open_log("other").folder), kept)
    assert code == TWO_HISTORIES and "another log" in says


def test_since_what_is_none(small_log, tmp_path):
    """A missing file is incomplete; noise, and a checkpoint that our key did not sign, are mismatches."""
    log = PublishedLog(small_log.folder)
    assert failure_since(log, tmp_path / "none")[0] == INCOMPLETE
    (tmp_path / "noise").write_bytes(b"\xff\x00")
    assert failure_since(log, tmp_path / "noise")[0] == MISMATCH
    stranger = Ed25519PrivateKey.from_private_bytes(bytes(32))
    forged = reader.note.sign(log.checkpoint._replace(root=bytes(32)), stranger)
    (tmp_path / "forged").write_text(forged)
    assert failure_since(log, tmp_path / "forged")[0] == MISMATCH


def test_signed_by_another_key(small_log):
    """The same tree under the signature of a key that is not in the genesis leaf is refused."""
    stranger = Ed25519PrivateKey.from_private_bytes(bytes(32))
    log = PublishedLog(small_log.folder)
    (small_log.folder / "checkpoint").write_text(reader.note.sign(log.checkpoint, stranger))
    with pytest.raises(UntrueError, match="checkpoint is not signed by the key"):
        PublishedLog(small_log.folder)


def test_no_log_at_all(tmp_path):
    """An empty folder, a file and nothing are incomplete logs."""
    (tmp_path / "file").write_bytes(b"")
    for name in ("", "file", "none"):
        with pytest.raises(UntrueError, match="checkpoint is missing") as raised:
            PublishedLog(tmp_path / name)
        assert raised.value.code == INCOMPLETE
