"""Where the tree lies in files: C2SP ``tlog-tiles`` (https://c2sp.org/tlog-tiles).

A tile holds 256 hashes; the tile of level L+1 holds the roots of the tiles of level L. The tile at the right
end of a level may be narrower and then has its width in its name. Entries lie in files of 256 beside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lamplighter.gateway.ledger import merkle
from lamplighter.gateway.ledger.leaves import LedgerError

WIDTH = 256
CHECKPOINT = "checkpoint"


def tile_path(level: int | None, index: int, width: int = WIDTH) -> str:
    """Path of a tile under the log's folder; ``level`` None names the entries that the tile of level 0 hashes."""
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03d}")
    kind = "entries" if level is None else str(level)
    return f"tile/{kind}/{'/'.join(groups)}" + (f".p/{width}" if width < WIDTH else "")


def spans(count: int) -> Iterator[tuple[int, int]]:
    """(index, width) of each tile that holds ``count`` items in a row."""
    for index in range(count // WIDTH):
        yield index, WIDTH
    if count % WIDTH:
        yield count // WIDTH, count % WIDTH


def belongs(size: int, path: str) -> bool:
    """Whether a file under ``tile/`` is one that the tree of ``size`` leaves keeps.

    Partial tiles of smaller trees belong to it until their tile is full.
    """
    named = re.fullmatch(r"tile/(entries|[0-9])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([0-9]{1,3}))?", path)
    if not named:
        return False
    full, rest = divmod(size >> (0 if named[1] == "entries" else 8 * int(named[1])), WIDTH)
    index = int(re.sub("[x/]", "", named[2]))
    return index == full and int(named[3]) <= rest if named[3] else index < full


def encode_entries(entries: Sequence[bytes]) -> bytes:
    """Entries as they lie in a file: each after its length, u16 big-endian."""
    return b"".join([len(entry).to_bytes(2, "big") + entry for entry in entries])


def decode_entries(data: bytes, width: int) -> list[bytes]:
    """The first ``width`` entries of a file. Raises LedgerError if they are not there or a full stop is missing."""
    entries = []
    at = 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if end > len(data):
            raise LedgerError("ends in the middle of an entry")
        entries.append(data[at + 2 : end])
        at = end
    if len(entries) < width:
        raise LedgerError(f"holds {len(entries)} entries instead of {width}")
    return entries[:width]


class Edge:
    """The right edge of a growing tree: all that is needed to append to it and to know its root.

    A compact range in base 256: at most 255 hashes a level, whatever the size of the tree.
    """

    def __init__(self) -> None:
        self.size = 0
        self._levels: list[list[bytes]] = [[]]

    def copy(self) -> Edge:
        """An edge that grows on its own."""
        twin = Edge()
        twin.size = self.size
        twin._levels = [list(level) for level in self._levels]
        return twin

    def append(self, leaf: bytes) -> list[tuple[int, int, list[bytes]]]:
        """Add a leaf hash; gives the tiles that it filled as (level, index, hashes)."""
        self.size += 1
        full: list[tuple[int, int, list[bytes]]] = []
        level, node = 0, leaf
        while True:
            if level == len(self._levels):
                self._levels.append([])
            self._levels[level].append(node)
            if len(self._levels[level]) < WIDTH:
                return full
            tile, self._levels[level] = self._levels[level], []
            full.append((level, (self.size >> 8 * (level + 1)) - 1, tile))
            level, node = level + 1, merkle.root(tile)

    def partial(self) -> list[tuple[int, int, list[bytes]]]:
        """The tiles that are not full yet, as (level, index, hashes)."""
        return [(level, self.size >> 8 * (level + 1), list(tile)) for level, tile in enumerate(self._levels) if tile]

    def root(self) -> bytes:
        """The root of the tree so far."""
        right: list[bytes] = []
        for tile in self._levels:
            if tile or right:
                right = [merkle.root(tile + right)]
        return merkle.root(right)
