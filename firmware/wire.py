# What travels between device and gateway, version 1: topics, message layouts, and the device's half of the
# codec. The gateway's half (gateway/protocol/frames.py) inverts each function on the same layouts; it is apart
# because a board must not spend heap on what it never sends. Fixed big-endian structs for what devices work
# with, JSON for what people may want to read. Decoders check the length first and allocate nothing that the
# sender sizes.
import binascii
import hashlib
import json
import struct
import sys
from collections import namedtuple

from .mac import MAC_BYTES

VERSION = 1

# Frame kinds: the second byte of every struct.
LEASE = 1
RECEIPT = 2
REFUSAL = 3
ACK = 4
BATCH = 5
CHUNK = 6
WANT = 7
CANCEL = 8
ACCEPT = 9
FLOOR = 10
SPAN = 11

# Why a device declines a lease. No failure: it costs no standing.
NO_HEAP = 1      # the working set does not fit now
NO_KERNEL = 2    # the kernel could not be had or does not import
TOO_SLOW = 3     # it would not finish in time
TOO_HOT = 4
ON_BATTERY = 5
BUSY = 6         # holds as many leases as it will
BAD_MAC = 7
EXPIRED = 8      # the report clock ran out before it could start
FAILED = 9       # the kernel raised

MAX_FRAME = 16384     # bytes of a lease with its input, of a result with its answer
MAX_INPUT = 15360     # bytes of input in a lease
MAX_ANSWER = 7680     # bytes of an answer
MAX_CONTEXTS = 8
MAX_BATCH = 64        # frames in one message
MAX_MESSAGE = 65536   # bytes of one message
MAX_JSON = 1024       # bytes of a birth, bid or status
MAX_BLOB = 65536      # bytes of a kernel or a context
MAX_CHUNK = 4096      # bytes of a blob in one message

LEASE_FORMAT = ">BBI16s16s16sIIIIB"
RECEIPT_FORMAT = ">BB8s16sIIII16s16s32sI32s"
CHUNK_FORMAT = ">BB16sII"
FLOOR_FORMAT = ">BBIII"
LEASE_BYTES = 71
RECEIPT_BYTES = 142
CHUNK_BYTES = 26
FLOOR_BYTES = 14
LAST = 0x3FFFFFFF     # the number of a will: nothing comes after it on its connection; numbers end here
MAC_TAIL = b', "mac": "'

# fence rises with every attempt at a job; nonce names this attempt; clocks run from arrival; span: the input is that
# of several jobs.
Lease = namedtuple("Lease", ("fence", "nonce", "job", "kernel", "epoch", "ack_by_ms", "report_by_ms",
                             "budget_kop", "contexts", "input", "span"))


# The peer sent something that version 1 does not allow. `reason` is a word for counters, never the content.
if sys.implementation.name == "micropython":
    WireError = ValueError  # a class is half a KB, and a board counts them all as one
else:

    class WireError(ValueError):
        def __init__(self, reason):
            super().__init__(reason)
            self.reason = reason


def check_head(frame, kind, least, most):
    if not least <= len(frame) <= most:
        raise WireError("length")
    if kind_of(frame) != kind:
        raise WireError("kind")


def kind_of(frame):
    # The kind of a frame; says nothing about the rest of it.
    if len(frame) < 2:
        raise WireError("length")
    if frame[0] != VERSION:
        raise WireError("version")
    return frame[1]


def signed(body, mac):
    return body + mac(body)


def opened(frame, mac):
    body = frame[:-MAC_BYTES]
    if not mac.matches(body, frame[-MAC_BYTES:]):
        raise WireError("bad_mac")
    return body


def decode_lease(frame, mac):
    check_head(frame, SPAN if kind_of(frame) == SPAN else LEASE, LEASE_BYTES + MAC_BYTES, MAX_FRAME)
    body = opened(frame, mac)
    f = struct.unpack(LEASE_FORMAT, body[:LEASE_BYTES])
    start = LEASE_BYTES + 16 * f[10]
    if f[10] > MAX_CONTEXTS or start > len(body) or len(body) - start > MAX_INPUT:
        raise WireError("length")
    contexts = ()
    for i in range(LEASE_BYTES, start, 16):
        contexts += (bytes(body[i:i + 16]),)
    return Lease(*(f[2:10] + (contexts, bytes(body[start:]), f[1] == SPAN)))


def encode_receipt(net, device, boot, seq, epoch, flags, job, nonce, seal, busy_us, prev):
    return struct.pack(RECEIPT_FORMAT, VERSION, RECEIPT, net, device, boot, seq, epoch, flags, job, nonce, seal,
                       busy_us, prev)


def encode_result(receipt, answer, mac):
    # `receipt` is the encoded receipt: its bytes are hashed into the device's chain, so they are made once.
    return receipt + mac(receipt) + answer


def seal_of(device, nonce, answer):
    # Binds an answer to the device and the lease, so that nobody can copy another's answer.
    return hashlib.sha256(b"lamp/result/1\0" + device + nonce + hashlib.sha256(answer).digest()).digest()


def encode_refusal(nonce, code, mac):
    return signed(struct.pack(">BB16sB", VERSION, REFUSAL, nonce, code), mac)


def encode_nonce(kind, nonce, mac):
    # A cancel (gateway to device) or an accept (device to gateway): both only name a lease.
    return signed(bytes((VERSION, kind)) + nonce, mac)


def decode_nonce(kind, frame, mac):
    check_head(frame, kind, 18 + MAC_BYTES, 18 + MAC_BYTES)
    return bytes(opened(frame, mac)[2:])


def decode_ack(frame, mac):
    # Its pairs one after the other: what gives memory back should not need any that grows with it.
    check_head(frame, ACK, 3 + MAC_BYTES, 3 + 255 * 5 + MAC_BYTES)
    body = opened(frame, mac)
    if len(body) != 3 + 5 * body[2]:
        raise WireError("length")
    for i in range(3, len(body), 5):
        yield struct.unpack(">IB", body[i:i + 5])


def decode_chunk(frame):
    check_head(frame, CHUNK, CHUNK_BYTES + 1, CHUNK_BYTES + MAX_CHUNK)
    f = struct.unpack(CHUNK_FORMAT, frame[:CHUNK_BYTES])
    data = memoryview(frame)[CHUNK_BYTES:]  # a board has no room for another copy
    if f[3] > MAX_BLOB or f[4] + len(data) > f[3]:
        raise WireError("length")
    return f[2], f[3], f[4], data


def encode_want(name, offset, mac):
    return signed(struct.pack(">BB16sI", VERSION, WANT, name, offset), mac)


def decode_floor(frame, mac):
    # (once, boot, seq): whoever's birth said `once` has used numbers up to these.
    check_head(frame, FLOOR, FLOOR_BYTES + MAC_BYTES, FLOOR_BYTES + MAC_BYTES)
    return struct.unpack(FLOOR_FORMAT, opened(frame, mac))[2:]


def batch(frames):
    # The parts of a message of `frames`. One frame travels bare: a batch of one would only cost bytes.
    if len(frames) == 1:
        return frames
    parts = [bytes((VERSION, BATCH))]
    for frame in frames:
        parts.append(bytes((len(frame) >> 8, len(frame) & 255)))
        parts.append(frame)
    return parts


def encode_batch(frames):
    return b"".join(batch(frames))


def frames_of(message):
    # The frames of a message: itself, or those of a batch. Batches do not nest.
    if len(message) > MAX_MESSAGE:
        raise WireError("length")
    if kind_of(message) != BATCH:
        return (message,)
    frames = []
    at = 2
    while at < len(message):
        if at + 2 > len(message) or len(frames) == MAX_BATCH:
            raise WireError("length")
        end = at + 2 + (message[at] << 8 | message[at + 1])
        if end > len(message) or end - at < 4:
            raise WireError("length")
        frames.append(message[at + 2:end])
        at = end
    return frames


def blob_name(data):
    return hashlib.sha256(data).digest()[:16]


def device_of(key):
    # (16 bytes for structs, 16 hex digits for topics) of an enrolment key.
    full = hashlib.sha256(key).digest()
    return full[:16], binascii.hexlify(full[:8]).decode()


# Topics. {R} is lamplighter/v1/{site}; identifiers are [a-z0-9-]{1,32}.

NODE_UP = ("status", "birth", "bid", "result", "want")   # node to gateway
NODE_DOWN = ("lease", "ack", "blob")                     # gateway to node


def is_identifier(word):
    return 1 <= len(word) <= 32 and not word.strip("abcdefghijklmnopqrstuvwxyz0123456789-")


def root(site):
    return "lamplighter/v1/" + site


def node_topic(site, node, leaf):
    return f"{root(site)}/node/{node}/{leaf}"


# JSON messages of a node: hints for placement and displays, none changes a verdict or a credit. The first member has
# the name of the topic and the number of the message: with boot and connection it rises. The last is a MAC.

def encode_json(leaf, at, rest, mac):
    # at: (number, connection of this boot, boot); rest: further members, as text.
    text = ('{"%s": %d, "conn": %d, "boot": %d, "v": 1, %s' % ((leaf,) + at + (rest,))).encode()
    return b"".join((text, MAC_TAIL, binascii.hexlify(mac(text)), b'"}'))


def encode_status(at, state, mac):
    return encode_json("status", at, '"state": "%s"' % state, mac)


def encode_birth(at, board, arch, firmware, heap, speed, message, once, can, state, mac, why=None):
    # arch: sys.implementation._mpy; heap: bytes free at start; speed: kop/s; message: bytes it takes in one message;
    # once: a random number of this start; can: words for what it understands; state: what became of its numbers in
    # flash, "" where they are well; why: it restarted itself before this boot, None when it did not.
    rest = '"board": %s, "arch": %d, "fw": "%s", "heap": %d, "speed": %d, "message": %d, "once": %d, "can": %s' % (
        json.dumps(board), arch, firmware, heap, speed, message, once, json.dumps(can))
    if state:
        rest += ', "state": "%s"' % state
    if why:
        rest += ', "why": "%s"' % why
    return encode_json("birth", at, rest, mac)


def encode_bid(at, spare, heap, room, blobs, power, temp, mac, why=None):
    # spare: permille of time measured idle; room: leases it is willing to hold at once; temp: deg C or None;
    # why: the room is 0, None when it is not.
    return encode_json("bid", at, '"spare": %d, "heap": %d, "room": %d, "blobs": %s, "power": "%s", "temp": %s%s' % (
        spare, heap, room, json.dumps(blobs), power, json.dumps(temp), ', "why": "%s"' % why if why else ""), mac)
