# Messages over a serial line that loses, changes and invents bytes; the board and the bridge on its host both use
# this. A frame is `head u8 | seq u8 | part | CRC-32 u32` (IEEE 802.3), COBS-encoded (Cheshire and Baker, Consistent
# Overhead Byte Stuffing, IEEE/ACM Transactions on Networking 7(2), 1999) between two zero bytes, so that after
# garbage the next frame is read again. Messages travel in parts, one part on its way at a time (stop-and-wait):
# a board's receive ring is small, and a part sent before the last one was taken would overrun it.
import binascii
import struct

from .ports import ticks_diff

# Codes in the low four bits of `head`; below them a place in wire.NODE_UP + wire.NODE_DOWN.
HELLO = 14   # opens and closes sessions; not numbered, not acknowledged
ACK = 15     # `seq` has arrived
QOS = 0x10
RETAIN = 0x20
_MORE = 0x40  # the message goes on in the next frame

_PART = 232   # bytes of a message in one frame: frame and one ACK fit into a UART's usual ring of 256
_BLOCK = 239  # bytes of the longest frame between its zeros
_OUT = 1024   # bytes that may wait to be written; more are lost, as on the line
_TRIES = 10   # then the other side is taken to be gone


def encode(head, seq, part):
    # Valid for frames under 255 bytes: none has a run without zero that needs more than one code byte.
    frame = bytes((head, seq)) + part
    frame += struct.pack(">I", binascii.crc32(frame))
    return b"\0" + b"".join([bytes((len(run) + 1,)) + run for run in frame.split(b"\0")]) + b"\0"


def decode(block):
    # (head, seq, part) of what stood between two zeros; None if that was no frame.
    if not 7 <= len(block) <= _BLOCK:
        return None
    frame = b""
    at = 0
    while at < len(block):
        end = at + block[at]
        if not at < end <= len(block):
            return None
        frame += block[at + 1:end]
        at = end
        if at < len(block):
            frame += b"\0"
    body = frame[:-4]
    if struct.pack(">I", binascii.crc32(body)) != frame[-4:]:
        return None
    return body[0], body[1], body[2:]


class Pipe:
    # One end of a line. limit: bytes of a message it takes; patience: ms until a part without ACK is sent again,
    # doubling with every second try.
    def __init__(self, limit, patience):
        self._into = bytearray(limit)  # a message as it comes
        self._patience = patience
        self._buf = b""
        self.out = b""       # bytes to be written; the owner empties it
        self.bad = 0         # blocks that were no frame
        self.skipped = 0     # messages over the limit
        self.close()

    def close(self):
        # Ends the session: what was on its way is forgotten.
        self.open = False
        self.waiting = []    # (head, payload); the first is on its way
        self._at = 0         # bytes of it that have arrived there
        self._seq = 1        # number of the part on its way
        self._tries = 0
        self._sent = 0       # ticks_ms
        self._last = 0       # number of the last part taken
        self._got = 0        # bytes of a message that is not whole yet; -1 while one over the limit goes by

    def start(self, now):
        # Begins a session, closed before: both ends count from one.
        self.open = True
        self._post(now)

    def send(self, head, payload, now):
        # Queues a message; it leaves once the session is open and its turn has come.
        self.waiting.append((head, payload))
        if len(self.waiting) == 1:
            self._post(now)

    def hello(self, part):
        self._put(HELLO, 0, part)

    def tick(self, now):
        # A few times a second: repeats what was not acknowledged. False when that was done often enough.
        if self.open and self.waiting and ticks_diff(now, self._sent) > self._patience << self._tries // 2:
            self._tries += 1
            if self._tries == _TRIES:
                return False
            self._post(now)
        return True

    def feed(self, data, now):
        # Messages in `data`, each (head, payload), as they are completed; a payload is valid until the next. Hellos
        # are among them, and outside a session (ACK, b"") for every frame that belongs to one.
        blocks = (self._buf + data).split(b"\0")
        self._buf = blocks.pop()[:_BLOCK + 1]
        for block in blocks:
            frame = decode(block)
            if not frame:
                self.bad += len(block) > 0
            elif frame[0] == HELLO:
                yield HELLO, frame[2]
            elif not self.open:
                yield ACK, b""
            elif frame[0] == ACK:
                self._arrived(frame[1], now)
            elif self._taken(frame[0], frame[1], frame[2]):
                size = self._got
                self._got = 0
                if size < 0:
                    self.skipped += 1
                else:
                    yield frame[0], memoryview(self._into)[:size]

    def _taken(self, head, seq, part):
        # True when a message is complete. A part that came before is acknowledged again: that ACK was lost.
        if seq != self._last:
            if seq != self._last + 1 & 255:
                return False
            self._last = seq
            end = self._got + len(part)
            if self._got >= 0 and end <= len(self._into):
                self._into[self._got:end] = part
                self._got = end
            else:
                self._got = -1
            self._put(ACK, seq, b"")
            return not head & _MORE
        self._put(ACK, seq, b"")
        return False

    def _arrived(self, seq, now):
        if not self.waiting or seq != self._seq:
            return
        self._seq = seq + 1 & 255
        self._at += _PART
        self._tries = 0
        if self._at >= len(self.waiting[0][1]):
            self.waiting.pop(0)
            self._at = 0
        self._post(now)

    def _post(self, now):
        if self.open and self.waiting:
            head, payload = self.waiting[0]
            more = _MORE if self._at + _PART < len(payload) else 0
            self._sent = now
            self._put(head | more, self._seq, payload[self._at:self._at + _PART])

    def _put(self, head, seq, part):
        if len(self.out) < _OUT:
            self.out += encode(head, seq, part)
