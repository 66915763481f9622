"""Read a log from its published files and check everything in it, trusting nobody: not even its gateway.

Memory grows with the leaves and the devices, not with the receipts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from lamplighter.firmware.wire import RECEIPT_BYTES
from lamplighter.gateway.ledger import merkle, note, tiles
from lamplighter.gateway.ledger.book import Book
from lamplighter.gateway.ledger.leaves import LedgerError, Seal, decode_leaf
from lamplighter.gateway.ledger.names import GENESIS, bundle_path, genesis_words
from lamplighter.gateway.ledger.settle import RECORD_BYTES, Record, settle
from lamplighter.gateway.protocol.frames import decode_receipt
from lamplighter.gateway.protocol.numbers import Numbers
from lamplighter.gateway.protocol.verdicts import VERDICTS

MISMATCH, INCOMPLETE, TWO_HISTORIES = 1, 2, 3

_NONCES_AT_ONCE = 1_000_000


class UntrueError(Exception):
    """A file is wrong (``code`` MISMATCH), missing (INCOMPLETE) or of another history (TWO_HISTORIES)."""

    def __init__(self, code: int, file: str, what: str) -> None:
        super().__init__(f"{file} {what}")
        self.code, self.file = code, file


class Found(NamedTuple):
    """A record, its position in the bundle, the seal of the bundle and the number of that leaf."""

    leaf: int
    seal: Seal
    position: int
    record: Record


class Line(NamedTuple):
    """What one device earned for one owner in one epoch; ``receipts`` counts all, ``paid`` those that pay.

    ``device`` is its 16 bytes, ``owner`` is ``''`` where none was registered.
    """

    epoch: int
    owner: str
    device: bytes
    receipts: int
    paid: int
    credits: int


class PublishedLog:
    """A log whose tree, signature and genesis are true; ``replay`` then checks what its leaves claim.

    ``seals`` (with the numbers of their leaves) and ``lines`` are complete once ``replay`` has run to its end.
    """

    def __init__(self, folder: Path, tell: Callable[[UntrueError], object] | None = None) -> None:
        """Read all leaves. Raises UntrueError.

        With ``tell`` files that the leaves are not read from do not raise: it hears of each that fails.
        """
        self.folder = folder
        self._tell = tell or _raise
        self._unlike: list[int] = []
        """Files of entries that differ from their hashes: one of both is wrong."""
        self.entries: list[bytes] = []
        self.seals: list[tuple[int, Seal]] = []
        self.lines: list[Line] = []
        signed = self._read(tiles.CHECKPOINT)
        self.checkpoint = _asked(tiles.CHECKPOINT, note.parse, signed)
        self._check_tree()
        self.book = _asked(self._home(0), Book, self.entries[0])
        _asked(tiles.CHECKPOINT, note.check, signed, self.book.genesis.key)
        if self.checkpoint.origin != self.book.origin:
            raise UntrueError(MISMATCH, tiles.CHECKPOINT, f"is of another log than {self.book.origin}")
        with self._beside():
            if self._read(GENESIS) != json.dumps(genesis_words(self.book), indent=2).encode() + b"\n":
                raise UntrueError(MISMATCH, GENESIS, "does not say what the genesis leaf says")

    def replay(self) -> Iterator[Found]:
        """Follow all leaves and settle every epoch again; gives each record. Raises UntrueError on the way."""
        numbers = Numbers()
        for at, entry in enumerate(self.entries[1:], 1):
            leaf = _asked(f"leaf {at} in {self._home(at)}", self.book.follow, entry)
            if not isinstance(leaf, Seal):
                continue
            self.seals.append((at, leaf))
            with _of(leaf):
                yield from self._settle(at, leaf, numbers)
        self._check_nonces()

    def check_bundles(self) -> Iterator[None]:
        """That every bundle hashes to its name, one at a step; ``tell`` hears of each that does not."""
        for at, entry in enumerate(self.entries):
            leaf = _asked(f"leaf {at} in {self._home(at)}", decode_leaf, entry)
            if isinstance(leaf, Seal):
                with self._beside(), _of(leaf):
                    self._measure(leaf)
                yield

    def check_since(self, file: Path) -> None:
        """That this log only appends to the one of an older checkpoint. Raises UntrueError."""
        try:
            signed = file.read_bytes()
        except OSError as error:
            raise UntrueError(INCOMPLETE, str(file), f"cannot be read: {error.strerror}") from None
        old = _asked(str(file), note.parse, signed)
        if old.origin != self.checkpoint.origin:
            raise UntrueError(TWO_HISTORIES, str(file), f"is of another log, {old.origin}")
        _asked(str(file), note.check, signed, self.book.genesis.key)
        _, size, root = self.checkpoint
        if old.size > size:
            raise UntrueError(TWO_HISTORIES, tiles.CHECKPOINT, f"has {size} leaves where {file} has {old.size}")
        proof = merkle.consistency_proof([merkle.leaf_hash(entry) for entry in self.entries], old.size)
        if not merkle.consistent(old.root, old.size, root, size, proof):
            raise UntrueError(TWO_HISTORIES, tiles.CHECKPOINT, f"does not continue {file}: both are signed")

    def proof_of(self, leaf: int) -> list[bytes]:
        """The inclusion proof of a leaf, after checking it against the signed root. Raises UntrueError."""
        hashes = [merkle.leaf_hash(entry) for entry in self.entries]
        proof = merkle.inclusion_proof(hashes, leaf)
        if not merkle.includes(self.checkpoint.root, len(hashes), leaf, hashes[leaf], proof):
            raise UntrueError(MISMATCH, tiles.CHECKPOINT, f"does not include leaf {leaf}")
        return proof

    def _read(self, name: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            there = "" if self.folder.is_dir() else f": there is no folder {self.folder}"
            raise UntrueError(INCOMPLETE, name, "is missing" + there) from None
        except OSError as error:
            raise UntrueError(INCOMPLETE, name, f"cannot be read: {error.strerror}") from None

    def _read_tile(self, level: int | None, index: int, width: int) -> tuple[str, bytes]:
        """A tile and its name; the full one where the partial one has been dropped since."""
        name, full = tiles.tile_path(level, index, width), tiles.tile_path(level, index)
        if not (self.folder / name).exists() and (self.folder / full).exists():
            name = full
        return name, self._read(name)

    def _home(self, leaf: int) -> str:
        """The file in which an entry lies."""
        index = leaf // tiles.WIDTH
        return tiles.tile_path(None, index, min(tiles.WIDTH, self.checkpoint.size - index * tiles.WIDTH))

    def _check_tree(self) -> None:
        """Entries, every tile above them and the root of the checkpoint fit each other."""
        edge = tiles.Edge()
        for index, width in tiles.spans(self.checkpoint.size):
            name, data = self._read_tile(None, index, width)
            found = _asked(name, tiles.decode_entries, data, width)
            self._check_tile(None, index, found)
            for entry in found:
                for level, at, hashes in edge.append(merkle.leaf_hash(entry)):
                    self._check_tile(level, at, hashes)
            self.entries += found
        for level, at, hashes in edge.partial():
            self._check_tile(level, at, hashes)
        if edge.root() != self.checkpoint.root:
            if self._unlike:
                file = self._home(self._unlike[0] * tiles.WIDTH)
                raise UntrueError(MISMATCH, file, "does not hold what was signed")
            raise UntrueError(MISMATCH, tiles.CHECKPOINT, "names another root than the entries hash to")

    @contextmanager
    def _beside(self) -> Iterator[None]:
        """What fails here keeps nobody from reading on."""
        try:
            yield
        except UntrueError as failed:
            self._tell(failed)

    def _check_tile(self, level: int | None, index: int, items: list[bytes]) -> None:
        """The tile, and narrower ones from before that are still there, hold exactly these items."""
        with self._beside():
            self._compare_tile(level, index, items)
        for path in (self.folder / (tiles.tile_path(level, index) + ".p")).glob("*"):
            if path.name.isdecimal() and int(path.name) < len(items):
                older = tiles.tile_path(level, index, int(path.name))
                with self._beside():
                    if self._read(older) != _joined(level, items[: int(path.name)]):
                        raise UntrueError(MISMATCH, older, "does not fit the wider tile that came after it")

    def _compare_tile(self, level: int | None, index: int, items: list[bytes]) -> None:
        name, data = self._read_tile(level, index, len(items))
        expected = _joined(level, items)
        wider = len(items) < tiles.WIDTH and name == tiles.tile_path(level, index)
        if (data[: len(expected)] if wider else data) != expected:
            wrong = "holds more than its entries" if level is None else "does not hash what lies below it"
            self._unlike += [index] if level == 0 else []
            raise UntrueError(MISMATCH, name, wrong)

    def _settle(self, at: int, seal: Seal, numbers: Numbers) -> Iterator[Found]:
        """Settle a bundle again and compare it with its seal."""
        name, length = bundle_path(seal.bundle), self._measure(seal)
        totals: dict[tuple[str, bytes], list[int]] = {}
        for position, record in enumerate(settle(self._records(name), self.book.net, self.book.owners, numbers)):
            receipt = record.receipt
            if record.verdict != record.given:
                number = f"{receipt.device.hex()[:16]}:{receipt.boot}:{receipt.seq}"
                raise LedgerError(f"pays {number}, where the rules say {record.verdict}")
            total = totals.setdefault((record.owner, receipt.device), [0, 0, 0])
            total[0] += 1
            total[1] += record.verdict == "ok"
            total[2] += record.credits
            yield Found(at, seal, position, record)
        receipts, _, credits = (sum(column) for column in zip(*totals.values(), strict=True)) if totals else (0, 0, 0)
        if receipts != seal.receipts or receipts * RECORD_BYTES != length:
            raise LedgerError(f"holds {receipts} different receipts, its seal says {seal.receipts}")
        if credits != seal.credits:
            raise LedgerError(f"pays {credits} credits, its seal says {seal.credits}")
        self.lines += [Line(seal.epoch, *names, *total) for names, total in sorted(totals.items())]

    def _measure(self, seal: Seal) -> int:
        """Bytes of a bundle that hashes to its name."""
        with (self.folder / bundle_path(seal.bundle)).open("rb") as file:
            if hashlib.file_digest(file, "sha256").digest() != seal.bundle:
                raise LedgerError("does not hash to its name")
            return file.tell()

    def _records(self, name: str) -> Iterator[bytes]:
        with (self.folder / name).open("rb") as file:
            while record := file.read(RECORD_BYTES):
                yield record

    def _check_nonces(self) -> None:
        """No nonce paid twice over all epochs; of many receipts, a share at a time."""
        ok = VERDICTS.index("ok")
        shares = 1 + sum(line.paid for line in self.lines) // _NONCES_AT_ONCE
        for share in range(shares):
            seen: set[bytes] = set()
            for _, seal in self.seals:
                for record in self._records(bundle_path(seal.bundle)):
                    if record[-1] != ok:
                        continue
                    nonce = decode_receipt(record[:RECEIPT_BYTES]).nonce
                    if int.from_bytes(nonce[:4], "big") % shares != share:
                        continue
                    if nonce in seen:
                        what = f"of epoch {seal.epoch} pays the nonce {nonce.hex()} a second time"
                        raise UntrueError(MISMATCH, bundle_path(seal.bundle), what)
                    seen.add(nonce)


@contextmanager
def _of(seal: Seal) -> Iterator[None]:
    """What fails here is the bundle of a seal."""
    name = bundle_path(seal.bundle)
    try:
        yield
    except LedgerError as error:
        raise UntrueError(MISMATCH, name, f"of epoch {seal.epoch} {error}") from None
    except FileNotFoundError:
        raise UntrueError(INCOMPLETE, name, f"of epoch {seal.epoch} is missing") from None
    except OSError as error:
        raise UntrueError(INCOMPLETE, name, f"cannot be read: {error.strerror}") from None


def _joined(level: int | None, items: list[bytes]) -> bytes:
    """What a tile holds."""
    return tiles.encode_entries(items) if level is None else b"".join(items)


def _raise(failed: UntrueError) -> NoReturn:
    raise failed


def _asked(file: str, question: Callable[..., Any], *given: object) -> Any:
    """The answer of a function of the ledger, or the failure of ``file``."""
    try:
        return question(*given)
    except LedgerError as error:
        raise UntrueError(MISMATCH, file, str(error)) from None
