# Fetching and keeping kernels and contexts.
import binascii

from lamplighter.firmware import fetch, wire
from lamplighter.firmware.blobs import Blobs
from lamplighter.firmware.fetch import Fetch
from lamplighter.firmware.mac import Mac
from lamplighter.gateway.protocol import frames

MAC = Mac(b"k" * 32)
REAL = fetch.create


def after():
    # After each test.
    fetch.create = REAL


class File:
    # In place of a file in flash.
    def __init__(self):
        self.data = b""
        self.closed = False

    def create(self, path):
        self.path = path
        return self

    def write(self, data):
        self.data += bytes(data)

    def close(self):
        self.closed = True


class Lease:
    def __init__(self, kernel, contexts):
        self.kernel = kernel
        self.contexts = contexts


def chunk(data, offset, size=1000):
    return frames.encode_chunk(wire.blob_name(data), len(data), offset, data[offset:offset + size])


def fetched(blobs, data, size=1000, file=None):
    # Serves chunks until nothing more is asked for.
    fetch.create = file.create if file else None
    one = Fetch(wire.blob_name(data), file and "kernel-1", blobs)
    while not one.done:
        name, offset = frames.decode_want(one.want(0, MAC), MAC)
        assert name == wire.blob_name(data)
        assert one.chunk(chunk(data, offset, size))
    return blobs.get(wire.blob_name(data))


def test_a_context_comes_in_pieces_of_any_size():
    for size in (1, 7, 100, 1000):
        assert fetched(Blobs(9999, []), bytes(range(250)) * 4, size) == bytes(range(250)) * 4


def test_a_kernel_goes_to_its_file():
    file = File()
    assert fetched(Blobs(9999, []), b"kernel" * 100, 250, file) is None
    assert (file.path, file.data, file.closed) == ("kernel-1", b"kernel" * 100, True)


def test_a_fetch_goes_on_where_it_stopped():
    data = b"x" * 100
    one = Fetch(wire.blob_name(data), None, Blobs(9999, []))
    one.want(0, MAC)
    assert one.chunk(chunk(data, 0, 60))
    assert not one.overdue(999)
    assert one.overdue(1001)
    assert frames.decode_want(one.want(1001, MAC), MAC) == (wire.blob_name(data), 60)
    assert not one.overdue(1001 + 1999)  # waits twice as long the next time


def test_without_an_answer_it_is_given_up_after_a_few_tries():
    one = Fetch(b"n" * 16, None, Blobs(9999, []))
    wants = 0
    now = 0
    while one.want(now, MAC):
        now += 100000
        wants += 1
        assert one.overdue(now)
    assert wants == 4


def test_chunks_nobody_asked_for_change_nothing():
    one = Fetch(b"m" * 16, None, Blobs(9999, []))
    assert not one.chunk(frames.encode_chunk(b"n" * 16, 10, 0, b"x"))
    assert not one.chunk(frames.encode_chunk(b"m" * 16, 10, 5, b"x"))
    assert one.chunk(frames.encode_chunk(b"m" * 16, 10, 0, b"x"))
    assert not one.chunk(frames.encode_chunk(b"m" * 16, 11, 1, b"x"))
    assert not one.done


def test_a_wrong_whole_is_not_held():
    blobs = Blobs(9999, [])
    one = Fetch(wire.blob_name(b"the real one"), None, blobs)
    assert one.chunk(frames.encode_chunk(one.name, 4, 0, b"fake"))
    assert one.done and blobs.get(one.name) is None


def test_the_least_recently_used_goes_first_but_never_one_in_need():
    leases = []
    blobs = Blobs(1000, leases)
    names = []
    for byte in b"abc":
        data = bytes([byte]) * 200
        assert fetched(blobs, data) == data
        names.append(wire.blob_name(data))
    blobs.get(names[0])
    leases.append([Lease(b"", (names[1],))])
    assert fetched(blobs, b"d" * 300) == b"d" * 300
    assert blobs.get(names[0]) and blobs.get(names[1]) and not blobs.get(names[2])


def test_what_does_not_fit_is_refused_and_nothing_is_lost():
    leases = []
    blobs = Blobs(1000, leases)
    kept = b"k" * 400
    fetched(blobs, kept)
    for data, needed in ((b"x" * 501, ()), (b"x" * 400, (wire.blob_name(kept),))):
        leases[:] = [[Lease(b"", needed)]]
        try:
            fetched(blobs, data)
            raise AssertionError("taken")
        except MemoryError:
            pass
    assert blobs.get(wire.blob_name(kept)) == kept


def test_the_bid_names_what_is_held():
    blobs = Blobs(1000, [])
    fetched(blobs, b"a context")
    assert blobs.prefixes() == [binascii.hexlify(wire.blob_name(b"a context")[:4]).decode()]
