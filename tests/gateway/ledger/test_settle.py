import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.gateway.ledger.leaves import LedgerError
from lamplighter.gateway.ledger.settle import RECORD_BYTES, encode_record, settle
from lamplighter.gateway.protocol.numbers import Numbers
from lamplighter.gateway.protocol.verdicts import VERDICTS

EXAMPLES = settings(deadline=None, max_examples=60)

NET = b"network1"
A, B, STRANGER = b"A" * 16, b"B" * 16, b"S" * 16
OWNERS = {A: "anna", B: "ben"}

# Few devices, numbers and nonces, so that receipts collide often.
ROWS = st.lists(
    st.tuples(
        st.sampled_from([NET, NET, NET, b"network2"]), st.sampled_from([A, B, STRANGER]), st.integers(0, 6),
        st.integers(1, 2), st.sampled_from([None, None, b"n" * 16]), st.integers(0, 2),
        st.sampled_from([0, 5, 2**32 - 1]), st.sampled_from(["ok", "ok", "ok", *VERDICTS[1:]]),
    ),
    max_size=25,
)


def records_of(prove, rows):
    return [
        encode_record(prove(net, device, seq, boot, nonce, busy_us=busy), price, verdict)
        for net, device, seq, boot, nonce, busy, price, verdict in rows
    ]


def settled(records, numbers=None):
    return list(settle(sorted(records), NET, OWNERS, numbers or Numbers()))


@EXAMPLES
@given(rows=ROWS, order=st.randoms())
def test_arrival_order_does_not_matter(prove, rows, order):
    """The same receipts in any order settle to the same bytes."""
    records = records_of(prove, rows)
    shuffled = list(records)
    order.shuffle(shuffled)
    assert settled(shuffled) == settled(records)


@EXAMPLES
@given(rows=ROWS)
def test_settling_again_changes_nothing(prove, rows):
    """A sealed bundle is a fixed point, which is what lets an auditor compare it byte by byte."""
    once = [record.data for record in settled(records_of(prove, rows))]
    again = list(settle(once, NET, OWNERS, Numbers()))
    assert [record.data for record in again] == once
    assert all(record.given == record.verdict for record in again)


@EXAMPLES
@given(epochs=st.lists(ROWS, max_size=4))
def test_what_pays_pays_once(prove, epochs):
    """Over epochs no number pays twice, in an epoch no nonce, and only judged-ok receipts of members pay."""
    numbers, paid = Numbers(), set()
    for rows in epochs:
        records, nonces = records_of(prove, rows), set()
        for record in settled(records, numbers):
            if record.verdict != "ok":
                assert record.credits == 0
                continue
            receipt = record.receipt
            number = receipt.device, receipt.boot, receipt.seq
            assert number not in paid and receipt.nonce not in nonces
            paid.add(number)
            nonces.add(receipt.nonce)
            assert receipt.net == NET and record.owner == OWNERS[receipt.device]
            assert encode_record(record.data[:158], record.price_kop, "ok") in records
            assert record.credits == record.price_kop


@EXAMPLES
@given(rows=ROWS)
def test_every_receipt_is_on_record(prove, rows):
    """No receipt is dropped: each different one has exactly one record, with its reason."""
    records = records_of(prove, rows)
    assert [record.data[:158] for record in settled(records)] == sorted({record[:158] for record in records})


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, "ok"),
        ({"net": b"network2"}, "lease_unknown"),
        ({"device": STRANGER}, "key_revoked"),
        ({"seq": 1}, "duplicate"),
        ({"nonce": b"used" * 4}, "duplicate"),
    ],
)
def test_what_lowers_ok(prove, change, verdict):
    """Another network, a stranger, a used number and a used nonce do not pay, whatever the gateway judged."""
    first = encode_record(prove(NET, A, 1, nonce=b"used" * 4, busy_us=0), 10, "ok")
    given = encode_record(prove(**({"net": NET, "device": A, "seq": 2} | change)), 10, "ok")
    found = {record.data[:158]: record.verdict for record in settled([first, given])}
    assert found[given[:158]] == verdict


def test_an_owner_pays_by_registration_alone(prove):
    """The owner of a record is the registered one at the time of sealing."""
    record = encode_record(prove(NET, A, 1), 10, "ok")
    assert next(settle([record], NET, {A: "carla"}, Numbers())).owner == "carla"


@pytest.mark.parametrize(
    "broken",
    [
        lambda data: data[:-1],
        lambda data: data[:-1] + bytes((0,)),
        lambda data: data[:-1] + bytes((len(VERDICTS),)),
        lambda data: b"\2" + data[1:],
        lambda data: data[:1] + b"\3" + data[2:],
    ],
)
def test_malformed_records(prove, broken):
    """A cut record, an unjudged or unknown verdict and a wrong head are refused."""
    data = encode_record(prove(NET, A, 1), 10, "ok")
    with pytest.raises(LedgerError):
        list(settle([broken(data)], NET, OWNERS, Numbers()))


def test_wrong_order(prove):
    """Records that do not ascend are refused: one set of records has one spelling."""
    records = sorted(encode_record(prove(NET, A, seq), 10, "ok") for seq in range(3))
    with pytest.raises(LedgerError, match="order"):
        list(settle(records[::-1], NET, OWNERS, Numbers()))


def test_record_layout(prove):
    """A record is the receipt with its MAC, a price u32 and the code of the verdict."""
    proof = prove(NET, A, 1)
    assert encode_record(proof, 258, "minority") == proof + b"\0\0\1\2" + b"\2"
    assert len(encode_record(proof, 0, "ok")) == RECORD_BYTES == 163


@pytest.mark.parametrize(("price", "verdict"), [(-1, "ok"), (2**32, "ok"), (1, "pending"), (1, "fine")])
def test_what_is_no_record(prove, price, verdict):
    """Prices beyond u32 and verdicts that are none are refused."""
    with pytest.raises(LedgerError):
        encode_record(prove(NET, A, 1), price, verdict)
