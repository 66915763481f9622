"""The log as plain files that any web server can publish, written so that a crash leaves the old log or the new.

Everything that a checkpoint covers is on the disk, synced, before the checkpoint replaces the one before: what a
torn append leaves behind is covered by no checkpoint and is written again. Beside the signing key, outside of
the public folder, ``*.state`` remembers the last sealed tree, the receipt numbers that were used and what each device
has earned; it is how a log that was cut back or replaced is noticed at start, and it is made again from the bundles
when it is missing.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import os
import struct
import tempfile
from collections.abc import Callable, Iterable, Iterator, Set
from itertools import islice
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lamplighter.gateway.adapters.files import make_folder, sync_folder, write_atomically
from lamplighter.gateway.ledger import merkle, note, tiles
from lamplighter.gateway.ledger.book import Book
from lamplighter.gateway.ledger.leaves import (
    Fact,
    Genesis,
    Leaf,
    LedgerError,
    Registration,
    Seal,
    decode_leaf,
    encode_leaf,
)
from lamplighter.gateway.ledger.names import GENESIS, bundle_path, genesis_words
from lamplighter.gateway.ledger.settle import RECORD_BYTES, Record, encode_record, settle
from lamplighter.gateway.protocol.frames import PROOF_BYTES
from lamplighter.gateway.protocol.numbers import Numbers
from lamplighter.gateway.publiclog.keyfile import load_key, make_key, seal_key

_RUN = 4096
_STATE_1 = struct.Struct(">Q32s")
_STATE = struct.Struct(">12sQ32sI")
_STATE_2 = b"lamp/state/2"
_EARNED = struct.Struct(">32s16sQ")


class PublicLog:
    """The gateway's log: opened once, appended to, never rewritten. Not for two processes at a time.

    ``net`` is the network's id (8 bytes), ``size`` and ``root`` the tree's, ``checkpoint`` its signed text.
    """

    def __init__(self, folder: Path, key_path: Path, key: Ed25519PrivateKey) -> None:
        """Use ``open``."""
        self.folder = folder
        self._key = key
        self._state_path = key_path.with_suffix(".state")
        self._edge = tiles.Edge()
        self._tail: list[bytes] = []
        self._numbers = Numbers()
        self._settled: dict[tuple[str, bytes], int] = {}
        self._book: Book
        self.checkpoint = ""
        self._torn = False

    @classmethod
    def open(cls, folder: Path, signing_key_path: Path, site: str) -> PublicLog:
        """Open the log in ``folder``, or start one; the key is made on the first start.

        Raises LedgerError, with one sentence that names the file, if the log is damaged, was cut back, belongs
        to another key or site, or has lost its key; OSError if the disk does not let us read or write.
        """
        key = load_key(signing_key_path)
        started = (folder / tiles.CHECKPOINT).exists()
        if key is None and started:
            raise LedgerError(f"{signing_key_path} is missing, and {folder} cannot be continued without it")
        log = cls(folder, signing_key_path, key or make_key(signing_key_path))
        genesis = Genesis(site, log._key.public_key().public_bytes_raw())
        if started:
            log._load(genesis)
        else:
            log._start(genesis)
        seal_key(signing_key_path, log._key)
        return log

    @property
    def net(self) -> bytes:
        """The id of the network: what every receipt for this log carries."""
        return self._book.net

    @property
    def size(self) -> int:
        """Leaves in the tree."""
        return self._edge.size

    @property
    def root(self) -> bytes:
        """Root of the tree, 32 bytes."""
        return self._edge.root()

    @property
    def last(self) -> Seal | None:
        """The newest seal."""
        return self._book.seal

    @property
    def registered(self) -> Set[bytes]:
        """The devices that are registered (16 bytes each), revoked ones too."""
        return self._book.owners.keys()

    @property
    def settled(self) -> dict[tuple[str, str], int]:
        """All that was ever paid, in credits, by owner and device (the 16 hex digits that name it in topics)."""
        return {(owner, device.hex()[:16]): credits for (owner, device), credits in self._settled.items()}

    @property
    def numbers(self) -> Numbers:
        """The numbers of all receipts that are sealed, to be used on their own."""
        return self._numbers.copy()

    def owner(self, device: bytes) -> str | None:
        """Who is paid for a device (its 16 bytes), None if it is not registered."""
        return self._book.owners.get(device)

    def revoked(self, device: bytes) -> bool:
        """Whether a device (its 16 bytes) is revoked."""
        return device in self._book.revoked

    def epochs(self) -> list[Seal]:
        """All seals, oldest first, read from the files."""
        leaves = map(decode_leaf, self._entries(self.size))
        return [leaf for leaf in leaves if isinstance(leaf, Seal)]

    def register(self, device: bytes, owner: str) -> None:
        """``owner`` is paid for ``device`` from here on; nothing happens if that is so already."""
        self.register_all([(device, owner)])

    def register_all(self, pairs: Iterable[tuple[bytes, str]]) -> None:
        """Many (device, owner) in one append, as ``enter`` does it."""
        self.enter(Registration(device, owner) for device, owner in pairs)

    def enter(self, facts: Iterable[Fact]) -> None:
        """Facts in one append, but those that are no news.

        Raises LedgerError if an owner is no identifier or a device not registered; then none is kept.
        """
        draft, news = self._book.copy(), list[Leaf]()
        for fact in facts:
            if not draft.says(fact):
                draft.follow(encode_leaf(fact))   # what may not come here is not written
                news.append(fact)
        if news:
            self._append(news)

    def seal(self, epoch: int, rows: Iterable[tuple[bytes, int, str]],
             tell: Callable[[Record], object] = lambda _: None) -> Seal:
        """Settle an epoch and append its seal; rows are (receipt with MAC, price in credits, verdict), in any order.

        ``tell`` hears of each record what settlement says of it.

        Sealing an epoch again gives the seal that is there. Raises LedgerError if it was sealed with other
        receipts or a later epoch is sealed already, or if a row is no judged receipt; then nothing is changed.
        """
        records = _in_order((encode_record(*row) for row in rows), self._state_path.parent)
        if self.last and epoch <= self.last.epoch:
            return self._sealed_before(epoch, records)
        numbers, settled = self._numbers.copy(), self._settled.copy()
        draft = self.folder / "bundle" / ".draft"
        make_folder(draft.parent)
        digest, receipts, credits = hashlib.sha256(), 0, 0
        with draft.open("wb") as file:
            for record in settle(records, self.net, self._book.owners, numbers):
                file.write(record.data)
                digest.update(record.data)
                receipts += 1
                credits += record.credits
                _count(settled, record)
                tell(record)
            file.flush()
            os.fsync(file.fileno())
        seal = Seal(epoch, digest.digest(), receipts, credits, self._book.seal_hash)
        draft.replace(self.folder / bundle_path(seal.bundle))
        sync_folder(draft.parent)
        self._append([seal])
        self._numbers, self._settled = numbers, settled
        self._save_state()
        return seal

    def _sealed_before(self, epoch: int, records: Iterator[bytes]) -> Seal:
        seal = next((seal for seal in self.epochs() if seal.epoch == epoch), None)
        if seal is None:
            raise LedgerError(f"epoch {epoch} cannot be sealed: a later one is sealed already")
        # The receipts and prices must be those of the bundle; verdicts may have been lowered by settling.
        known = (record[:-1] for record in self._records(seal))
        given = (record[:-1] for record in records)
        before = b""
        for record in given:
            if record[:PROOF_BYTES] != before[:PROOF_BYTES] and record != next(known, None):
                raise LedgerError(f"epoch {epoch} is sealed already, with other receipts")
            before = record
        if next(known, None) is not None:
            raise LedgerError(f"epoch {epoch} is sealed already, with other receipts")
        return seal

    def _start(self, genesis: Genesis) -> None:
        """Write the first leaf. It depends on key and site only, so a torn first start is simply done again."""
        written = {path.name for path in (self.folder / "tile").rglob("*") if path.is_file()}
        if written - {"1", "1.new"} or self._state_path.exists():
            raise LedgerError(f"{self.folder / tiles.CHECKPOINT} is missing, but a log was begun here: restore it")
        self._book = Book(encode_leaf(genesis))
        self._write(GENESIS, json.dumps(genesis_words(self._book), indent=2).encode() + b"\n")
        self._append([genesis])

    def _load(self, genesis: Genesis) -> None:
        """Read the log back, check it against its checkpoint and what was remembered, mend what was torn."""
        signed = (self.folder / tiles.CHECKPOINT).read_bytes()
        try:
            size, root = note.check(signed, genesis.key)[1:]
        except LedgerError as error:
            raise LedgerError(f"{self.folder / tiles.CHECKPOINT} {error}: restore it") from None
        remembered, remembered_root, counted = self._read_state()
        for entry in self._entries(size):
            self._edge.append(merkle.leaf_hash(entry))
            self._tail = [*self._tail, entry] if self.size % tiles.WIDTH else []
            if self.size == remembered and self.root != remembered_root:
                raise LedgerError(f"{self.folder} is not the log that was sealed here before: restore it")
        if self.root != root or self.size < remembered:
            raise LedgerError(f"{self.folder} was changed or cut back since it was written: restore it")
        self.checkpoint = signed.decode()
        self._replay(genesis, counted)
        self._mend()

    def _replay(self, genesis: Genesis, counted: int) -> None:
        """Fold the leaves, and settle again the epochs that ``*.state`` has not counted yet."""
        entries = self._entries(self.size)
        self._book = Book(next(entries))
        if self._book.genesis != genesis:
            raise LedgerError(f"{self.folder} is the log of the site {self._book.genesis.site}, not {genesis.site}")
        forgotten = False
        for at, entry in enumerate(entries, 1):
            leaf = self._book.follow(entry)
            if isinstance(leaf, Seal) and at >= counted:
                forgotten = True
                for record in settle(self._records(leaf), self.net, self._book.owners, self._numbers):
                    _count(self._settled, record)
        if forgotten:
            self._save_state()

    def _entries(self, size: int) -> Iterator[bytes]:
        """The leaves of the tree of ``size``. Raises LedgerError naming the file that fails."""
        for index, width in tiles.spans(size):
            path = self.folder / tiles.tile_path(None, index, width)
            try:
                yield from tiles.decode_entries(path.read_bytes(), width)
            except (LedgerError, FileNotFoundError) as error:
                raise LedgerError(f"{path} {error if isinstance(error, LedgerError) else 'is missing'}") from None

    def _records(self, seal: Seal) -> Iterator[bytes]:
        """The records of a sealed bundle, if its hash is its name."""
        path = self.folder / bundle_path(seal.bundle)
        if not path.exists():
            raise LedgerError(f"{path} is missing: restore it")
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").digest() != seal.bundle:
                raise LedgerError(f"{path} was changed: its name is not its hash. Restore it")
            file.seek(0)
            while record := file.read(RECORD_BYTES):
                yield record

    def _append(self, leaves: list[Leaf]) -> None:
        """Add leaves: tiles first, then the checkpoint that covers them, then tidy up."""
        entries = [encode_leaf(leaf) for leaf in leaves]
        if self._torn:
            self._mend()
        self._torn = True
        edge, tail = self._edge.copy(), list(self._tail)
        files: dict[str, bytes] = {}
        for entry in entries:
            tail.append(entry)
            for level, index, hashes in edge.append(merkle.leaf_hash(entry)):
                files[tiles.tile_path(level, index)] = b"".join(hashes)
                if level == 0:
                    files[tiles.tile_path(None, index)] = tiles.encode_entries(tail)
                    tail = []
        full = list(files)
        for level, index, hashes in edge.partial():
            files[tiles.tile_path(level, index, len(hashes))] = b"".join(hashes)
        if tail:
            files[tiles.tile_path(None, edge.size // tiles.WIDTH, len(tail))] = tiles.encode_entries(tail)
        for name, data in files.items():
            self._write(name, data)
        checkpoint = note.sign(note.Checkpoint(self._book.origin, edge.size, edge.root()), self._key)
        self._write(tiles.CHECKPOINT, checkpoint.encode())
        for entry in entries[0 if self.size else 1 :]:
            self._book.follow(entry)
        self._edge, self._tail, self.checkpoint = edge, tail, checkpoint
        self._torn = False
        self._drop_partial(full)

    def _write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        make_folder(path.parent)
        write_atomically(path, data, mode=0o644)

    def _mend(self) -> None:
        """Remove what an append that failed left behind: later readers would take it for a part of the log."""
        if (self.folder / tiles.CHECKPOINT).read_bytes() != self.checkpoint.encode():
            raise LedgerError(f"{self.folder} was written by an append that failed: open the log again")
        inside = len(str(self.folder)) + 1
        for folder, _, names in os.walk(self.folder / "tile"):
            for path in (f"{folder}/{name}" for name in names):   # strings, for there are hundreds
                if not tiles.belongs(self.size, path[inside:]):
                    Path(path).unlink()
        self._torn = False

    def _drop_partial(self, full: Iterable[str]) -> None:
        """Readers of an older checkpoint find in a full tile all that its partial ones held."""
        for name in full:
            partial = self.folder / f"{name}.p"
            for path in partial.glob("*"):
                path.unlink()
            if partial.exists():
                partial.rmdir()

    def _save_state(self) -> None:
        numbers = self._numbers.encode()
        data = _STATE.pack(_STATE_2, self.size, self.root, len(numbers)) + numbers + b"".join(
            _EARNED.pack(owner.encode(), device, credits)
            for (owner, device), credits in sorted(self._settled.items()))
        write_atomically(self._state_path, data + hashlib.sha256(data).digest())

    def _read_state(self) -> tuple[int, bytes, int]:
        """(size, root) at the last seal, zeros if there was none, and the size up to which pay is counted.

        Raises LedgerError if it is damaged.
        """
        try:
            raw = self._state_path.read_bytes()
        except FileNotFoundError:
            return 0, b"", 0
        data, digest = raw[:-32], raw[-32:]
        if hashlib.sha256(data).digest() != digest or len(data) < _STATE_1.size:
            raise LedgerError(f"{self._state_path} is damaged: delete it, and it is made again from the bundles")
        if not data.startswith(_STATE_2):   # of a version that did not count pay: it is in the bundles
            return *_STATE_1.unpack_from(data), 0
        _, size, root, count = _STATE.unpack_from(data)
        self._numbers = Numbers.decode(data[_STATE.size : _STATE.size + count])
        for owner, device, credits in _EARNED.iter_unpack(data[_STATE.size + count :]):
            self._settled[owner.rstrip(b"\0").decode(), device] = credits
        return size, root, size


def _count(settled: dict[tuple[str, bytes], int], record: Record) -> None:
    if record.credits:
        whose = record.owner, record.receipt.device
        settled[whose] = settled.get(whose, 0) + record.credits


def _in_order(records: Iterator[bytes], scratch: Path) -> Iterator[bytes]:
    """The records in ascending order, in a few MB of memory however many they are: sorted runs, then merged."""
    with tempfile.TemporaryFile(dir=scratch) as file:
        runs = []
        while run := sorted(islice(records, _RUN)):
            runs.append((file.tell(), len(run)))
            file.write(b"".join(run))
        file.flush()
        yield from heapq.merge(*(_run(file.fileno(), start, count) for start, count in runs))


def _run(fd: int, start: int, count: int) -> Iterator[bytes]:
    end = start + count * RECORD_BYTES
    for at in range(start, end, 64 * RECORD_BYTES):
        block = os.pread(fd, min(64 * RECORD_BYTES, end - at), at)
        for i in range(0, len(block), RECORD_BYTES):
            yield block[i : i + RECORD_BYTES]
