import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.gateway.ledger import merkle, tiles
from lamplighter.gateway.ledger.leaves import LedgerError

EXAMPLES = settings(deadline=None, max_examples=60)


def test_paths_of_the_specification():
    """The examples of C2SP tlog-tiles come out."""
    assert tiles.tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tiles.tile_path(1, 0) == "tile/1/000"
    assert tiles.tile_path(0, 273, 112) == "tile/0/273.p/112"
    assert tiles.tile_path(None, 1, 5) == "tile/entries/001.p/5"


@EXAMPLES
@given(st.integers(0, 70_000))
def test_spans_cover_everything_once(count):
    """The tiles of a row lie side by side, full but for the last, and hold each item once."""
    spans = list(tiles.spans(count))
    assert [index for index, _ in spans] == list(range(len(spans)))
    assert all(width == tiles.WIDTH for _, width in spans[:-1])
    assert sum(width for _, width in spans) == count


@EXAMPLES
@given(st.lists(st.binary(max_size=90), max_size=20), st.data())
def test_entries_come_back(entries, data):
    """Entries are read as they were written, also the first few of a longer file."""
    width = data.draw(st.integers(0, len(entries)))
    assert tiles.decode_entries(tiles.encode_entries(entries), width) == entries[:width]


@EXAMPLES
@given(st.binary(max_size=400), st.integers(0, 8))
def test_entries_from_anything(data, width):
    """Whatever the bytes, entries are read or LedgerError is raised."""
    try:
        assert len(tiles.decode_entries(data, width)) == width
    except LedgerError:
        pass


def test_cut_entries():
    """A file that ends within an entry is refused."""
    data = tiles.encode_entries([b"one", b"two"])
    with pytest.raises(LedgerError, match="middle"):
        tiles.decode_entries(data[:-1], 1)


def test_edge_has_the_root_of_all_leaves():
    """The right edge knows the root at every size around one and two full tiles, and through level 2."""
    edge, hashes = tiles.Edge(), []
    for i in range(700):
        hashes.append(merkle.leaf_hash(i.to_bytes(4, "big")))
        edge.append(hashes[-1])
        if i % 37 == 0 or i % 256 in (254, 255, 0, 1):
            assert edge.root() == merkle.root(hashes)


def test_tiles_hold_the_tree():
    """At 65,536 + 300 leaves every tile of level L+1 holds the roots of the tiles of level L."""
    size = 65_536 + 300
    edge, stored, hashes = tiles.Edge(), {}, []
    for i in range(size):
        hashes.append(merkle.leaf_hash(i.to_bytes(4, "big")))
        for level, index, tile in edge.append(hashes[-1]):
            stored[level, index] = tile
    for level, index, tile in edge.partial():
        stored[level, index] = tile
    assert stored[0, 257] == hashes[65_792:]
    assert [merkle.root(stored[0, i]) for i in range(256)] == stored[1, 0]
    assert stored[1, 1] == [merkle.root(stored[0, 256])]
    assert stored[2, 0] == [merkle.root(stored[1, 0])]
    assert len(stored) == 258 + 2 + 1
    assert edge.root() == merkle.root(hashes)


def test_a_copy_grows_alone():
    """What is appended to a copy of an edge does not reach the edge."""
    edge = tiles.Edge()
    edge.append(merkle.leaf_hash(b"a"))
    root = edge.root()
    edge.copy().append(merkle.leaf_hash(b"b"))
    assert (edge.size, edge.root()) == (1, root)


@pytest.mark.parametrize(
    ("size", "path", "covered"),
    [
        (5, "tile/0/000.p/5", True),
        (5, "tile/0/000.p/6", False),
        (5, "tile/0/000", False),
        (256, "tile/entries/000", True),
        (256, "tile/1/000.p/1", True),
        (255, "tile/1/000.p/1", False),
        (600, "tile/0/001.p/9", False),
        (600, "tile/0/002.p/89", False),
        (5, "tile/0/000.p/5.new", False),
        (5, "tile/0/notes", False),
        (256_300, "tile/0/x001/001.p/44", True),
        (256_300, "tile/0/x001/001.p/45", False),
    ],
)
def test_files_that_belong(size, path, covered):
    """A tree keeps its full tiles and the partial ones on its edge, nothing beyond and nothing else."""
    assert tiles.belongs(size, path) is covered
