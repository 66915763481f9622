# Fetching and keeping kernels and contexts.
import binascii

from firmware import wire
from firmware.blobs import Blobs
from gateway.core import frames


def feed(blobs, data, size=1000, needed=()):
    # Serves chunks until nothing more is asked for.
    name = wire.blob_name(data)
    while blobs.fetching == name:
        want = blobs.want(0)
        if not want:
            return
        asked, offset = frames.decode_want(want)
        assert asked == name
        blobs.chunk(frames.encode_chunk(name, len(data), offset, data[offset:offset + size]), needed)


def fetched(blobs, data, kernel=False, size=1000, needed=()):
    blobs.fetch(wire.blob_name(data), kernel)
    feed(blobs, data, size, needed)
    return blobs.get(wire.blob_name(data))


def test_a_context_comes_in_pieces_of_any_size():
    for size in (1, 7, 100, 1000):
        assert fetched(Blobs(9999, None), bytes(range(250)) * 4, False, size) == bytes(range(250)) * 4


def test_a_kernel_is_loaded_and_the_loaded_thing_is_kept():
    assert fetched(Blobs(9999, lambda data: ("loaded", data)), b"kernel", True) == ("loaded", b"kernel")


def test_a_fetch_goes_on_where_it_stopped():
    blobs = Blobs(9999, None)
    data = b"x" * 100
    name = wire.blob_name(data)
    blobs.fetch(name, False)
    blobs.want(0)
    assert blobs.chunk(frames.encode_chunk(name, 100, 0, data[:60]), ())
    assert not blobs.overdue(999)
    assert blobs.overdue(1001)
    assert frames.decode_want(blobs.want(1001)) == (name, 60)
    assert not blobs.overdue(1001 + 1999)  # waits twice as long the next time


def test_chunks_nobody_asked_for_change_nothing():
    blobs = Blobs(9999, None)
    assert not blobs.chunk(frames.encode_chunk(b"n" * 16, 10, 0, b"x"), ())
    blobs.fetch(b"m" * 16, False)
    assert not blobs.chunk(frames.encode_chunk(b"n" * 16, 10, 0, b"x"), ())
    assert not blobs.chunk(frames.encode_chunk(b"m" * 16, 10, 5, b"x"), ())
    assert blobs.chunk(frames.encode_chunk(b"m" * 16, 10, 0, b"x"), ())
    assert not blobs.chunk(frames.encode_chunk(b"m" * 16, 11, 1, b"x"), ())


def test_a_wrong_whole_is_never_used_and_asked_for_again_a_few_times():
    loaded = []
    blobs = Blobs(9999, loaded.append)
    name = wire.blob_name(b"the real one")
    blobs.fetch(name, True)
    tries = 0
    while blobs.want(0):
        blobs.chunk(frames.encode_chunk(name, 4, 0, b"fake"), ())
        tries += 1
    assert (tries, loaded, blobs.get(name)) == (4, [], None)


def test_a_kernel_that_does_not_load_is_given_up_at_once():
    def load(data):
        raise SyntaxError("broken")

    blobs = Blobs(9999, load)
    assert fetched(blobs, b"kernel", True) is None
    assert blobs.want(0) is None


def test_the_least_recently_used_goes_first_but_never_one_in_need():
    blobs = Blobs(1000, None)
    names = []
    for byte in b"abc":
        data = bytes([byte]) * 200
        assert fetched(blobs, data) == data
        names.append(wire.blob_name(data))
    blobs.get(names[0])
    assert fetched(blobs, b"d" * 300, False, 1000, (names[1],)) == b"d" * 300
    assert blobs.get(names[0]) and blobs.get(names[1]) and not blobs.get(names[2])


def test_what_does_not_fit_is_refused_and_nothing_is_lost():
    blobs = Blobs(1000, None)
    kept = b"k" * 400
    fetched(blobs, kept)
    for data, needed in ((b"x" * 501, ()), (b"x" * 400, (wire.blob_name(kept),))):
        try:
            fetched(blobs, data, False, 1000, needed)
            raise AssertionError("taken")
        except MemoryError:
            pass
    assert blobs.get(wire.blob_name(kept)) == kept


def test_the_bid_names_what_is_held():
    blobs = Blobs(1000, None)
    fetched(blobs, b"a context")
    assert blobs.prefixes() == [binascii.hexlify(wire.blob_name(b"a context")[:4]).decode()]
