"""Recompute every credit from the published files alone: offline, and without trust in the gateway.

``verify``, ``explain`` and ``statement`` give an ``Outcome``; its code is what the command exits with. Nothing is
said of a log that does not verify: each of the three checks all of it first.

What this proves: the log is the one that its key signed, nothing in it was changed, every total follows from the
receipts under the rules, and no number and no nonce paid twice. What it cannot prove yet: that a receipt was
made by its device, because its MAC uses a key that the gateway shares (see ``lamplighter.gateway.ledger``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from lamplighter.gateway.ledger.names import bundle_path
from lamplighter.gateway.publiclog.reader import INCOMPLETE, Found, PublishedLog, UntrueError

TRUE = 0

UNASSIGNED = "unassigned: no gateway of this version gives it"
REASONS = {
    "ok": "the answer was accepted, in time, from a registered device",
    "minority": "the answer differs from the one that was accepted",
    "canary": UNASSIGNED,
    "no_quorum": UNASSIGNED,
    "late": "the result came after its lease had ended",
    "lease_unknown": "the receipt names no lease of this network",
    "duplicate": "the number or the nonce of the receipt was used before",
    "key_revoked": "no owner was registered for the device when the epoch was sealed",
    "class_cap": UNASSIGNED,
    "owner_cap": UNASSIGNED,
    "unpriced": UNASSIGNED,
    "wrong_size": "the answer does not have the length that the kind declares",
    "bad_seal": "the seal in the receipt does not fit the answer that came with it",
    "cancelled": "the operator cancelled the task before the receipt was judged",
}
"""Each reason code in plain words."""


class Outcome(NamedTuple):
    """Exit code, the same as JSON-able words, and the text for people."""

    code: int
    data: dict[str, Any]
    text: str


def verify(folder: Path, since: Path | None = None) -> Outcome:
    """Check all of a log; ``since`` is a file with an older checkpoint of it that was kept elsewhere.

    Code 0: all true. 1: something does not fit. 2: a file is missing. 3: two histories.
    """
    try:
        log = PublishedLog(folder)
        if since:
            log.check_since(since)
        for _ in log.replay():
            pass
    except UntrueError as failed:
        return _failure(failed)
    return _verified(log)


def explain(folder: Path, receipt: str) -> Outcome:
    """Why receipts were paid or not: ``device:boot:seq``, or a job id (or 8 or more of its hex digits).

    Codes as of ``verify``; 2 too if no sealed epoch holds such a receipt.
    """
    wanted = _wanted(receipt.strip().lower())
    if wanted is None:
        return _nothing(f"{receipt!r} is neither device:boot:seq nor a job id in hex")
    try:
        log = PublishedLog(folder)
        rows = [_explained(log, found) for found in log.replay() if wanted(found.record.receipt)]
    except UntrueError as failed:
        return _failure(failed)
    if not rows:
        return _nothing(f"No sealed epoch holds {receipt}: it was never received, or is not judged yet")
    return Outcome(TRUE, {"code": TRUE, "receipts": rows}, "\n".join(row["text"] for row in rows))


def statement(folder: Path, owner: str) -> Outcome:
    """What an owner earned, by epoch and device. Codes as of ``verify``; 2 too if the owner has no device."""
    try:
        log = PublishedLog(folder)
        for _ in log.replay():
            pass
    except UntrueError as failed:
        return _failure(failed)
    lines = [line for line in log.lines if line.owner == owner]
    if not lines and owner not in log.book.owners.values():
        return _nothing(f"No device is registered to {owner!r}")
    credits = sum(line.credits for line in lines)
    text = [f"{owner} earned {credits:,} credits in network {log.book.net.hex()} (1 credit = 1,000 operations)."]
    text += [
        f"  epoch {line.epoch:<5} {_id(line.device)} {line.credits:>14,} credits for {line.paid:,} of "
        f"{line.receipts:,} receipts"
        for line in lines
    ]
    rows = [line._asdict() | {"device": _id(line.device)} for line in lines]
    return Outcome(TRUE, {"code": TRUE, "owner": owner, "credits": credits, "lines": rows}, "\n".join(text))


def _verified(log: PublishedLog) -> Outcome:
    owners = dict.fromkeys(sorted({*log.book.owners.values(), *(line.owner for line in log.lines)} - {""}), 0)
    totals: dict[tuple[str, bytes], list[int]] = {}
    for line in log.lines:
        if line.owner:
            owners[line.owner] += line.credits
        total = totals.setdefault((line.owner, line.device), [0, 0, 0])
        total[:] = [total[0] + line.receipts, total[1] + line.paid, total[2] + line.credits]
    devices = [
        {"owner": owner, "device": _id(device), "receipts": total[0], "paid": total[1], "credits": total[2]}
        for (owner, device), total in sorted(totals.items())
    ]
    epochs = [
        {"epoch": seal.epoch, "receipts": seal.receipts, "credits": seal.credits, "bundle": seal.bundle.hex()}
        for _, seal in log.seals
    ]
    receipts, paid, credits = (sum(total[i] for total in totals.values()) for i in range(3))
    data = {
        "code": TRUE, "net": log.book.net.hex(), "site": log.book.genesis.site, "origin": log.book.origin,
        "size": log.checkpoint.size, "root": log.checkpoint.root.hex(), "receipts": receipts, "paid": paid,
        "credits": credits, "owners": owners, "devices": devices, "epochs": epochs,
        "revoked": sorted(map(_id, log.book.revoked)),
    }
    text = [
        f"All true: {log.checkpoint.size} leaves, {len(epochs)} epochs, {paid:,} of {receipts:,} receipts paid, "
        f"{credits:,} credits.",
        f"Network {data['net']} ({data['site']}), root {data['root']}.",
    ]
    for owner, earned in owners.items():
        text.append(f"  {owner:<32} {earned:>14,} credits")
        text += [_device_text(row) for row in devices if row["owner"] == owner]
    text += [_device_text(row) + ", no owner" for row in devices if not row["owner"]]
    text += [f"  revoked: {device}" for device in data["revoked"]]
    return Outcome(TRUE, data, "\n".join(text))


def _device_text(row: dict[str, Any]) -> str:
    return f"    {row['device']:<30} {row['credits']:>14,} for {row['paid']:,} of {row['receipts']:,} receipts"


def _explained(log: PublishedLog, found: Found) -> dict[str, Any]:
    """One receipt in words, with the proof that the seal of its bundle is in the signed tree."""
    record, seal = found.record, found.seal
    receipt, device, proof = record.receipt, _id(record.receipt.device), log.proof_of(found.leaf)
    if record.verdict == "ok":
        outcome = f"paid {record.credits:,} credits to {record.owner}"
    else:
        outcome = f"not paid; the price was {record.price_kop:,} credits"
    text = (
        f"{device}:{receipt.boot}:{receipt.seq}, job {receipt.job.hex()}, epoch {seal.epoch}: {outcome}.\n"
        f"  Reason {record.verdict}: {REASONS[record.verdict]}.\n"
        f"  Record {found.position} of {bundle_path(seal.bundle)}, sealed by leaf {found.leaf} of "
        f"{log.checkpoint.size}; its inclusion proof of {len(proof)} hashes leads to the signed root."
    )
    return {
        "device": device, "boot": receipt.boot, "seq": receipt.seq, "job": receipt.job.hex(),
        "owner": record.owner, "verdict": record.verdict, "reason": REASONS[record.verdict],
        "price": record.price_kop, "credits": record.credits, "epoch": seal.epoch,
        "bundle": seal.bundle.hex(), "position": found.position, "leaf": found.leaf,
        "proof": [node.hex() for node in proof], "text": text,
    }


def _wanted(text: str) -> Callable[[Any], bool] | None:
    """What tells the receipts that are asked for; None if the question cannot be read."""
    if named := re.fullmatch(r"([0-9a-f]{16}|[0-9a-f]{32}):([0-9]{1,10}):([0-9]{1,10})", text):
        device, boot, seq = bytes.fromhex(named[1]), int(named[2]), int(named[3])
        return lambda r: bool(r.seq == seq and r.boot == boot and r.device.startswith(device))
    if re.fullmatch(r"[0-9a-f]{8,32}", text):
        return lambda r: bool(r.job.hex().startswith(text))
    return None


def _id(device: bytes) -> str:
    """The 16 hex digits that name a device in topics."""
    return device.hex()[:16]


def _failure(failed: UntrueError) -> Outcome:
    return Outcome(failed.code, {"code": failed.code, "file": failed.file, "problem": str(failed)}, f"{failed}.")


def _nothing(problem: str) -> Outcome:
    return Outcome(INCOMPLETE, {"code": INCOMPLETE, "problem": problem}, f"{problem}.")
