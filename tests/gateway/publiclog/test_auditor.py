import json
import random

import pytest

from lamplighter.gateway.ledger.leaves import Restoration, Revocation
from lamplighter.gateway.protocol.verdicts import VERDICTS
from lamplighter.gateway.publiclog import auditor

A, B = b"A" * 16, b"B" * 16


def files_of(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_all_true(small_log):
    """A true log exits 0 with totals by owner and device that are the sums of what was judged ok."""
    outcome = auditor.verify(small_log.folder)
    data = outcome.data
    assert outcome.code == data["code"] == 0
    assert (data["owners"], data["credits"], data["paid"], data["receipts"]) == ({"anna": 100, "ben": 30}, 130, 2, 3)
    assert data["devices"] == [
        {"owner": "anna", "device": A.hex()[:16], "receipts": 1, "paid": 1, "credits": 100},
        {"owner": "ben", "device": B.hex()[:16], "receipts": 2, "paid": 1, "credits": 30},
    ]
    assert [epoch["epoch"] for epoch in data["epochs"]] == [0, 1, 5]
    assert (data["net"], data["root"], data["size"]) == (small_log.net.hex(), small_log.root.hex(), 6)
    assert "All true" in outcome.text and "anna" in outcome.text and "130 credits" in outcome.text


def test_outcomes_are_json(small_log):
    """Every outcome, true or not, can be written as JSON."""
    for outcome in (
        auditor.verify(small_log.folder), auditor.verify(small_log.folder / "none"),
        auditor.explain(small_log.folder, f"{A.hex()}:1:1"), auditor.explain(small_log.folder, "?"),
        auditor.statement(small_log.folder, "anna"), auditor.statement(small_log.folder, "nobody"),
    ):
        assert json.loads(json.dumps(outcome.data))["code"] == outcome.code


def test_every_byte_counts(small_log):
    """No byte of any published file can change: the audit fails and names the file or one that contradicts it."""
    flips = random.Random(1)
    for path in files_of(small_log.folder):
        data = path.read_bytes()
        for at in range(len(data)):
            bad = bytearray(data)
            bad[at] ^= 1 << flips.randrange(8)
            path.write_bytes(bad)
            outcome = auditor.verify(small_log.folder)
            assert outcome.code in (1, 2) and outcome.data["file"], (path, at)
        path.write_bytes(data)
    assert auditor.verify(small_log.folder).code == 0


def test_every_cut_and_addition_counts(small_log):
    """No published file can be cut anywhere or be added to."""
    for path in files_of(small_log.folder):
        data = path.read_bytes()
        for changed in [*(data[:end] for end in range(0, len(data), 7)), data[:-1], data + b"\0", data + data]:
            if changed != data:
                path.write_bytes(changed)
                assert auditor.verify(small_log.folder).code in (1, 2), (path, len(changed))
        path.write_bytes(data)


def test_every_missing_file_counts(small_log):
    """Without any file that the checkpoint stands on the log is incomplete, and the sentence names it."""
    current = {f"tile/entries/000.p/{small_log.size}", f"tile/0/000.p/{small_log.size}", "checkpoint", "genesis.json"}
    current |= {f"bundle/{seal.bundle.hex()}" for seal in small_log.epochs()}
    for name in current:
        path = small_log.folder / name
        data = path.read_bytes()
        path.unlink()
        outcome = auditor.verify(small_log.folder)
        assert (outcome.code, outcome.data["file"]) == (2, name) and outcome.text.count("\n") == 0
        path.write_bytes(data)


def test_larger_log(open_log, prove):
    """In a log of several tiles and many receipts, a byte changed anywhere is found."""
    log = open_log()
    log.register_all([(i.to_bytes(16, "big"), f"owner-{i % 9}") for i in range(600)])
    for epoch in range(3):
        log.seal(epoch, [
            (prove(log.net, (i % 600).to_bytes(16, "big"), epoch * 9 + i // 600), i, VERDICTS[1 + i % 14])
            for i in range(900)
        ])
    assert auditor.verify(log.folder).code == 0
    flips = random.Random(2)
    for path in files_of(log.folder):
        data = path.read_bytes()
        bad = bytearray(data)
        bad[flips.randrange(len(bad))] ^= 1 << flips.randrange(8)
        path.write_bytes(bad)
        assert auditor.verify(log.folder).code in (1, 2), path
        path.write_bytes(data)


def test_what_does_not_matter(small_log):
    """A file that no leaf stands for, such as a page of the publisher's, changes nothing."""
    (small_log.folder / "index.html").write_text("hello")
    (small_log.folder / "bundle" / "notes").write_text("hello")
    assert auditor.verify(small_log.folder).code == 0


def test_since(small_log, tmp_path):
    """A checkpoint that was kept elsewhere and is not continued exits 3."""
    kept = tmp_path / "kept"
    kept.write_text(small_log.checkpoint)
    assert auditor.verify(small_log.folder, kept).code == 0
    assert auditor.verify(small_log.folder, tmp_path / "none").code == 2
    small_log.register(b"C" * 16, "carla")
    later = tmp_path / "later"
    later.write_text(small_log.checkpoint)
    (small_log.folder / "checkpoint").write_bytes(kept.read_bytes())
    outcome = auditor.verify(small_log.folder, later)
    assert outcome.code == 3 and "7" in outcome.text


@pytest.mark.parametrize("device", [A.hex(), A.hex()[:16], A.hex().upper()])
def test_why_it_was_paid(small_log, device):
    """A paid receipt is explained by its price, owner, epoch and the proof of its seal."""
    outcome = auditor.explain(small_log.folder, f"{device}:1:1")
    (row,) = outcome.data["receipts"]
    assert outcome.code == 0
    assert (row["verdict"], row["price"], row["credits"], row["owner"], row["epoch"]) == ("ok", 100, 100, "anna", 0)
    assert "paid 100 credits to anna" in outcome.text and "inclusion proof of 3 hashes" in outcome.text


def test_a_device_is_named_by_its_first_digits(small_log, prove):
    """Not by its last."""
    small_log.register(name := b"the first half, ", "anna")
    small_log.seal(6, [(prove(small_log.net, name, 1), 5, "ok")])
    codes = [auditor.explain(small_log.folder, f"{half.hex()}:1:1").code for half in (name[:8], name[8:])]
    assert codes == [0, 2]


def test_why_it_was_not_paid(small_log):
    """An unpaid receipt is explained by its reason code in plain words."""
    outcome = auditor.explain(small_log.folder, f"{B.hex()}:1:1")
    assert outcome.code == 0 and outcome.data["receipts"][0]["credits"] == 0
    assert "not paid" in outcome.text and "minority: the answer differs" in outcome.text


def test_all_copies_of_a_job(small_log, prove):
    """A job id, or its first digits, gives the receipts of every copy."""
    job = b"one job, two cop"
    small_log.seal(6, [(prove(small_log.net, d, 9, job=job), 5, "ok") for d in (A, B)])
    for name in (job.hex(), job.hex()[:8], job.hex().upper()):
        outcome = auditor.explain(small_log.folder, name)
        assert [row["owner"] for row in outcome.data["receipts"]] == ["anna", "ben"]


@pytest.mark.parametrize("receipt", ["", "?", "abc", f"{A.hex()}:1", f"{A.hex()}:x:1", f"{A.hex()}:1:2", "0" * 32])
def test_no_such_receipt(small_log, receipt):
    """What cannot be read or is not there exits 2 with one sentence."""
    outcome = auditor.explain(small_log.folder, receipt)
    assert outcome.code == 2 and outcome.text.endswith(".")


def test_statement(small_log, prove):
    """An owner sees each epoch and device, and a sum that the lines add up to."""
    small_log.seal(6, [(prove(small_log.net, B, 9), 7, "ok"), (prove(small_log.net, A, 9), 5, "ok")])
    outcome = auditor.statement(small_log.folder, "ben")
    assert [(line["epoch"], line["device"], line["credits"]) for line in outcome.data["lines"]] == [
        (0, B.hex()[:16], 0), (1, B.hex()[:16], 30), (6, B.hex()[:16], 7)
    ]
    assert outcome.data["credits"] == 37 and "ben earned 37 credits" in outcome.text


def test_statement_follows_the_device(small_log, prove):
    """When a device changes hands, what it earned before stays with its former owner."""
    small_log.register(B, "anna")
    small_log.seal(6, [(prove(small_log.net, B, 9), 7, "ok")])
    assert auditor.statement(small_log.folder, "ben").data["credits"] == 30
    assert auditor.statement(small_log.folder, "anna").data["credits"] == 107


def test_statement_of_a_stranger(small_log):
    """An owner without devices is told so."""
    assert auditor.statement(small_log.folder, "carla").code == 2


def test_nothing_is_said_of_a_false_log(small_log):
    """Explanations and statements of a log that does not verify fail as the verification does."""
    path = small_log.folder / f"tile/0/000.p/{small_log.size}"
    path.write_bytes(bytes(path.stat().st_size))
    for outcome in (auditor.explain(small_log.folder, f"{A.hex()}:1:1"), auditor.statement(small_log.folder, "anna")):
        assert outcome == auditor.verify(small_log.folder) and outcome.code == 1


def test_every_verdict_has_a_reason():
    """Each verdict that a receipt can be sealed with is explained, and nothing else."""
    assert tuple(auditor.REASONS) == VERDICTS[1:]


def test_what_is_handed_over_pays_who_owned_it(open_log, prove):
    """Each epoch pays its owner: in the sums, in statements, and in the reason of each receipt."""
    log = open_log()
    log.register_all([(A, "anna"), (b"C" * 16, "ben")])
    for epoch, owner in enumerate(("anna", "ben", "anna")):
        log.register(A, owner)
        log.seal(epoch, [(prove(log.net, A, epoch + 1), 10 ** epoch, "ok")])
    log.register(A, "ben")
    assert auditor.verify(log.folder).data["owners"] == {"anna": 101, "ben": 10}
    for owner, lines in (("anna", [(0, 1), (2, 100)]), ("ben", [(1, 10)])):
        told = auditor.statement(log.folder, owner).data
        assert [(line["epoch"], line["credits"]) for line in told["lines"]] == lines
        assert told["credits"] == sum(credits for _, credits in lines)
    for seq, owner in ((1, "anna"), (2, "ben"), (3, "anna")):
        (row,) = auditor.explain(log.folder, f"{A.hex()}:1:{seq}").data["receipts"]
        assert row["owner"] == owner and f"to {owner}" in row["text"]


def test_who_is_revoked_is_told(open_log, prove):
    """Until it is restored; what it had earned is paid all the same."""
    log = open_log()
    log.register(A, "anna")
    log.enter([Revocation(A)])
    log.seal(0, [(prove(log.net, A, 1), 10, "ok")])
    told = auditor.verify(log.folder)
    assert told.data["revoked"] == [A.hex()[:16]] and f"revoked: {A.hex()[:16]}" in told.text
    assert told.data["owners"] == {"anna": 10}
    log.enter([Restoration(A)])
    assert auditor.verify(log.folder).data["revoked"] == []
