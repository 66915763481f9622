"""Which receipts pay: one pure function, run by the gateway when it seals and by everyone who audits.

A record is a receipt with its MAC (158 bytes), the price of its job (u32, in credits: one for 1,000 normalised
operations) and the code of its verdict (u8). The bundle of an epoch is its records in ascending order of their bytes,
which is by device, boot and seq: one set of records has one spelling, in whatever order the receipts came.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from lamplighter.firmware.wire import RECEIPT_BYTES, WireError
from lamplighter.gateway.ledger.leaves import LedgerError
from lamplighter.gateway.protocol.frames import PROOF_BYTES, decode_receipt
from lamplighter.gateway.protocol.numbers import Numbers, number_of
from lamplighter.gateway.protocol.verdicts import VERDICT_MOVES, VERDICTS, Verdict
from lamplighter.gateway.protocol.words import move

_TAIL = struct.Struct(">IB")
RECORD_BYTES = PROOF_BYTES + _TAIL.size


class Record(NamedTuple):
    """A record after settlement: ``given`` is the verdict it came with, ``verdict`` the one that counts.

    ``receipt`` is a ``frames.Receipt``; ``owner`` is ``''`` for a device that is not registered.
    """

    data: bytes
    receipt: Any
    price_kop: int
    given: Verdict
    verdict: Verdict
    owner: str

    @property
    def credits(self) -> int:
        """What it pays, in credits."""
        return self.price_kop if self.verdict is Verdict.OK else 0


def encode_record(proof: bytes, price_kop: int, verdict: str) -> bytes:
    """A receipt with its MAC, a price and a judged verdict. Raises LedgerError."""
    if len(proof) != PROOF_BYTES or verdict not in VERDICTS[1:] or not 0 <= price_kop < 1 << 32:
        raise LedgerError(f"no record: {len(proof)} bytes of proof, price {price_kop}, verdict {verdict!r}")
    return proof + _TAIL.pack(price_kop, VERDICTS.index(verdict))


def settle(
    records: Iterable[bytes], net: bytes, owners: Mapping[bytes, str], numbers: Numbers
) -> Iterator[Record]:
    """The records of one epoch as they are sealed, from records in ascending order.

    ``owners`` maps the 16 bytes of a device to who is paid for it; ``numbers`` holds those of earlier epochs and
    is added to. Of records with equal receipts only the first is kept. ``ok`` pays, unless the receipt is for
    another network (``lease_unknown``), its device is not registered (``key_revoked``), or its number or nonce
    has paid before (``duplicate``): a device cannot earn twice by reusing a number, nor stop a seal by it.
    Settling what was settled changes nothing. Raises LedgerError on a malformed record and on wrong order.
    """
    nonces: set[bytes] = set()
    before = b""
    for data in records:
        if data < before:
            raise LedgerError("is not in the order of device, boot and seq")
        if data[:PROOF_BYTES] == before[:PROOF_BYTES]:
            continue
        before = data
        receipt, price, given = _opened(data)
        owner = owners.get(receipt.device, "")
        free = numbers.use(receipt.device, number_of(receipt.boot, receipt.seq))
        verdict = given
        if given is Verdict.OK:
            if receipt.net != net:
                verdict = Verdict.LEASE_UNKNOWN
            elif not owner:
                verdict = Verdict.KEY_REVOKED
            elif not free or receipt.nonce in nonces:
                verdict = Verdict.DUPLICATE
            else:
                nonces.add(receipt.nonce)
        if verdict is not given:
            data = encode_record(data[:PROOF_BYTES], price, move(VERDICT_MOVES, given, verdict))
        yield Record(data, receipt, price, given, verdict, owner)


def _opened(data: bytes) -> tuple[Any, int, Verdict]:
    """(receipt, price, verdict) of a record. Raises LedgerError."""
    if len(data) != RECORD_BYTES:
        raise LedgerError(f"holds a record of {len(data)} bytes instead of {RECORD_BYTES}")
    price, code = _TAIL.unpack_from(data, PROOF_BYTES)
    if not 0 < code < len(VERDICTS):
        raise LedgerError(f"holds a record with the unknown verdict {code}")
    try:
        return decode_receipt(data[:RECEIPT_BYTES]), price, VERDICTS[code]
    except WireError as error:
        raise LedgerError(f"holds a receipt with a wrong {error.reason}") from None
