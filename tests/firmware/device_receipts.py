# The chain of receipts, over reboots.
import hashlib

from lamplighter.firmware import reserve, wire
from lamplighter.firmware.receipts import begin
from lamplighter.gateway.protocol import frames

LEASE = wire.Lease(1, b"n" * 16, b"j" * 16, b"k" * 16, 5, 1000, 2000, 1, (), b"", False)


REAL = reserve.write


def after():
    # After each test.
    reserve.write = REAL


def chained(saved, writes):
    # A chain; what it writes is kept in `writes`.
    reserve.write = lambda path, data: writes.append(data)
    chain = begin(saved, "")
    if chain.state:
        reserve.rise(chain, 0, 0)  # the gateway knows of none
    return chain


def make(chain, count):
    return [chain.receipt((b"N" * 8, b"D" * 16), LEASE, b"answer", 10) for _ in range(count)]


def test_each_receipt_names_the_one_before():
    chain = chained(b"", [])
    receipts = make(chain, 100)
    prev = bytes(32)
    for i in range(100):
        receipt = frames.decode_receipt(receipts[i])
        assert (receipt.boot, receipt.seq, receipt.prev, receipt.epoch) == (1, i + 1, prev, 5)
        assert receipt.seal == wire.seal_of(b"D" * 16, LEASE.nonce, b"answer")
        prev = hashlib.sha256(receipts[i]).digest()


def test_flash_is_written_once_in_64_receipts():
    writes = []
    chain = chained(b"", writes)
    make(chain, 640)
    assert 10 <= len(writes) <= 12


def test_a_reboot_raises_boot_and_repeats_no_number():
    writes = []
    numbers = set()
    for boot in range(1, 6):
        chain = chained(writes[-1] if writes else b"", writes)
        assert chain.boot == boot
        for body in make(chain, 50 * boot):
            seq = frames.decode_receipt(body).seq
            assert seq not in numbers
            numbers.add(seq)


def test_a_torn_state_is_not_read():
    writes = []
    make(chained(b"", writes), 3)
    for bad in (writes[-1][:-1], writes[-1] + b"x", b"\xff" + writes[-1][1:]):
        assert chained(bad, writes).boot == 1


def test_lost_numbers_are_said_to_be_and_not_written_before_the_gateway_knows_better():
    writes = []
    chained(b"", writes)
    good = writes.pop()
    for saved, state in ((b"", "lost"), (good[:-1], "damaged"), (b"x" * 44, "damaged"), (good, "")):
        chain = begin(saved, "")
        assert (chain.state, len(writes)) == (state, 0 if state else 1)


def test_numbers_rise_above_those_that_are_known_and_are_in_flash_first():
    writes = []
    for known, mine, higher in (((7, 70), (1, 0), (8, 70)), ((7, 70), (9, 5), (9, 70)), ((7, 3), (7, 9), (8, 9))):
        chain = chained(b"", writes)
        chain.boot, chain.seq = mine
        reserve.rise(chain, *known)
        assert (chain.boot, chain.seq) == higher
        again = chained(writes[-1], writes)
        assert again.boot == higher[0] + 1 and again.seq >= higher[1] + 64


def test_what_is_said_counts_up():
    chain = chained(b"", [])
    chain.conn = 3
    assert [chain.at(), chain.at()] == [(1, 3, 1), (2, 3, 1)]
    other = begin(b"", "")
    assert 0 <= other.once <= wire.LAST
