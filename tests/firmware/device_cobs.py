# Framing and stop-and-wait over a line that does what lines do. The million bytes are in test_cobs.py, on CPython.
import struct

from lamplighter.firmware.cobs import ACK, HELLO, QOS, RETAIN, Pipe, decode, encode

PATIENCE = 100


class Random:
    # Lehmer's generator: the same bytes on both interpreters.
    def __init__(self, seed):
        self.state = seed * 2 + 1

    def below(self, n):
        self.state = self.state * 48271 % 2147483647
        return self.state % n

    def data(self, size):
        # Full of zeros, which is what COBS is about.
        return bytes([max(0, self.below(300) - 44) for _ in range(size)])

    def harmed(self, data, permille):
        # Bytes lost, put in, or with a bit changed; `permille` of them.
        out = bytearray()
        for byte in data:
            if self.below(1000) < permille:
                how = self.below(3)
                if how == 0:
                    continue
                byte ^= 1 << self.below(8)
                if how == 1:
                    out.append(self.below(256))
            out.append(byte)
        return bytes(out)


def stuffed(data):
    # COBS after the paper, byte by byte: shares nothing with the code under test.
    out = bytearray(1)
    code = 0
    for byte in data:
        if byte:
            out.append(byte)
        else:
            out[code] = len(out) - code
            code = len(out)
            out.append(0)
    out[code] = len(out) - code
    return bytes(out)


def crc(data):
    # CRC-32 of IEEE 802.3, bit by bit.
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xEDB88320 if value & 1 else 0)
    return struct.pack(">I", value ^ 0xFFFFFFFF)


def opened(limit=2000):
    # Two ends of a line, within a session.
    ends = Pipe(limit, PATIENCE), Pipe(limit, PATIENCE)
    for end in ends:
        end.start(0)
    return ends


def carry(ends, random, permille, until):
    # Lets bytes go to and fro, harmed, until `until()`; returns what each end heard.
    heard = ([], [])
    now = 0
    while not until(heard):
        assert now < 10000000, "the line has come to a halt"
        now += 10
        for i in (0, 1):
            assert ends[i].tick(now)
            data = random.harmed(ends[i].out, permille)
            ends[i].out = b""
            cut = random.below(len(data) + 1)
            for piece in (data[:cut], data[cut:]):
                heard[1 - i].extend([(head, bytes(part)) for head, part in ends[1 - i].feed(piece, now)])
    return heard


def test_a_frame_is_what_the_paper_and_the_standard_say():
    assert crc(b"123456789") == b"\xcb\xf4\x39\x26"
    assert stuffed(b"\x11\x22\x00\x33") == b"\x03\x11\x22\x02\x33"
    random = Random(1)
    for size in (0, 1, 2, 3, 4, 5, 7, 9, 100, 231, 232):
        part = random.data(size)
        body = bytes((3, 7)) + part
        made = encode(3, 7, part)
        assert made == b"\0" + stuffed(body + crc(body)) + b"\0"
        assert decode(made[1:-1]) == (3, 7, part)
        assert len(made) <= 241  # with an ACK of 9 within a ring of 256 bytes


def test_anything_else_is_no_frame():
    random = Random(2)
    whole = encode(1, 2, random.data(50))[1:-1]
    for i in range(len(whole)):
        assert decode(whole[:i]) is None
        assert decode(whole[:i] + bytes((whole[i] ^ 1 << i % 8,)) + whole[i + 1:]) is None
        assert decode(whole[:i] + whole[i + 1:]) is None
        assert decode(whole[:i] + b"\x05" + whole[i:]) is None
    assert decode(b"") is None
    assert decode(bytes(239)) is None
    assert decode(b"\x01" * 240) is None
    long = bytes((1, 2)) + bytes(233)
    assert decode(stuffed(long + crc(long))) is None


def test_messages_of_any_length_come_whole_and_in_order():
    random = Random(3)
    sent = [(1 | QOS, random.data(size)) for size in (0, 1, 231, 232, 233, 464, 465, 2000)]
    ends = opened()
    for head, payload in sent:
        ends[0].send(head, payload, 0)
        ends[1].send(head | RETAIN, payload, 0)
    heard = carry(ends, random, 0, lambda heard: len(heard[0]) + len(heard[1]) == 2 * len(sent))
    assert heard[1] == sent
    assert heard[0] == [(head | RETAIN, payload) for head, payload in sent]
    assert not ends[0].bad and not ends[1].bad


def test_a_harmful_line_only_takes_longer():
    random = Random(4)
    sent = [(3 | QOS, random.data(random.below(700))) for _ in range(20)]
    ends = opened()
    for head, payload in sent:
        ends[0].send(head, payload, 0)
        ends[1].send(head, payload, 0)
    heard = carry(ends, random, 3, lambda heard: not ends[0].waiting and not ends[1].waiting)
    assert heard[0] == sent and heard[1] == sent
    assert ends[0].bad > 5 and ends[1].bad > 5


def test_after_garbage_the_next_frame_is_read():
    random = Random(5)
    pipe = Pipe(2000, PATIENCE)
    hello = encode(HELLO, 0, b"here")
    for _ in range(50):
        noise = random.data(random.below(600))
        heard = list(pipe.feed(noise, 0)) + list(pipe.feed(hello, 0))
        assert heard == [(HELLO, b"here")]


def test_nothing_that_comes_makes_it_grow():
    pipe = Pipe(300, PATIENCE)
    pipe.start(0)
    list(pipe.feed(b"\x05" * 5000, 0))
    assert len(pipe._buf) <= 240
    for seq in range(1, 6):  # 5 parts of 100 bytes: over the limit
        list(pipe.feed(encode(0x40 | 5, seq, bytes(100)), 0))
        assert len(pipe._into) == 300
    assert list(pipe.feed(encode(5, 6, b"end"), 0)) == [] and pipe.skipped == 1
    for _ in range(500):
        list(pipe.feed(encode(5, 6, b"end"), 0))  # nobody takes our ACKs
    assert len(pipe.out) < 1024 + 250
    assert list(pipe.feed(encode(5, 7, b"next"), 0)) == [(5, b"next")]


def test_a_repeated_part_is_acknowledged_and_taken_once():
    pipe = Pipe(300, PATIENCE)
    pipe.start(0)
    assert list(pipe.feed(encode(5, 1, b"a"), 0)) == [(5, b"a")]
    pipe.out = b""
    assert list(pipe.feed(encode(5, 1, b"a"), 0)) == []
    assert pipe.out == encode(ACK, 1, b"")
    assert list(pipe.feed(encode(5, 3, b"c"), 0)) == []
    assert pipe.out == encode(ACK, 1, b"")  # a gap is not acknowledged


def test_a_silent_peer_is_given_up_after_a_bounded_number_of_tries():
    pipe = Pipe(300, PATIENCE)
    pipe.start(0)
    pipe.send(1, b"x", 0)
    now = frames = 0
    while pipe.tick(now):
        frames += len(pipe.out) > 0
        pipe.out = b""
        now += 10
    assert frames == 10 and 5000 < now < 7000


def test_outside_a_session_only_hellos_count():
    pipe = Pipe(300, PATIENCE)
    stream = encode(5, 1, b"a") + encode(ACK, 1, b"") + encode(HELLO, 0, b"h")
    assert list(pipe.feed(stream, 0)) == [(ACK, b""), (ACK, b""), (HELLO, b"h")]
    assert not pipe.out
    pipe.send(1, b"x", 0)
    assert not pipe.out and pipe.tick(100000)
    pipe.start(0)
    assert pipe.out == encode(1, 1, b"x")


def test_a_session_opened_in_the_middle_of_a_read_holds_for_the_rest_of_it():
    pipe = Pipe(300, PATIENCE)
    heard = []
    for item in pipe.feed(encode(HELLO, 0, b"h") + encode(5, 1, b"a"), 0):
        if item[0] == HELLO:
            pipe.start(0)
        heard.append(item)
    assert heard == [(HELLO, b"h"), (5, b"a")]


def noise(size, seed, permille):
    # (frames sent, frames taken) of a stream of about `size` bytes, harmed. Asserts that what is taken was sent, and
    # that a frame which came without harm is taken at once, whatever was before it.
    random = Random(seed)
    pipe = Pipe(2000, PATIENCE)
    harmed = {}  # the last frames that came with harm: without its last zero a frame is still good, but later
    number = taken = done = 0
    while done < size:
        number += 1
        part = struct.pack(">I", number) + random.data(random.below(200))
        frame = encode(HELLO, 0, part)
        came = random.harmed(frame, permille)
        done += len(came)
        if came != frame:
            harmed[number] = part
            harmed.pop(number - 20, None)
        cut = random.below(len(came) + 1)
        heard = list(pipe.feed(came[:cut], 0)) + list(pipe.feed(came[cut:], 0))
        if came == frame:
            assert heard and heard.pop() == (HELLO, part), "out of step after the harm was over"
            taken += 1
        for _, late in heard:
            assert harmed.pop(struct.unpack(">I", late[:4])[0]) == late, "a frame that nobody sent"
            taken += 1
    return number, taken


def test_noise_makes_no_frame_and_costs_none_beside_it():
    sent, taken = noise(20000, 6, 5)
    assert sent // 4 < taken < sent
