# What the device decides, without I/O: events in, messages to publish out. Time (ticks_ms) is an argument.
# A lease is held until it is answered, refused or cancelled; one runs at a time, the others wait in order.
import binascii

from . import wire
from .blobs import Blobs
from .ports import ticks_diff

_RESEND_MS = 5000    # a result without Ack is sent again after this, doubling up to
_RESEND_MAX = 60000
_GATHER_MS = 50      # how long a result may wait for others to share its message
_SOON_MS = 250       # least time between two bids
_BROKEN = 4          # then a blob is given up


class Agent:
    # who: (8 bytes of the network, 16 of the device); up, down: Macs of what we send and hear; chain: receipts.Chain;
    # cache: bytes of blobs held; room: leases held at once; message:
    # bytes in one message; bid_ms; speed: kop/s.
    def __init__(self, who, up, down, chain, cache, room, message, bid_ms, speed, power):
        self._who = who
        self.up = up
        self._down = down
        self.chain = chain
        self._room = room
        self._message = message
        self._bid_ms = bid_ms
        self._speed = speed
        self._power = power
        self._held = []       # [lease, ticks_ms of arrival, accept sent or not needed]
        self._blobs = Blobs(cache, self._held)
        self._fetch = None    # what is on its way here
        self._broken = 0      # wholes that came and were not it
        self.running = None   # the entry of _held that runs
        self._seen = []       # 30 bits of the nonces of the last leases
        self._outbox = []     # (seq, result frame) without Ack, oldest first
        self._resend = _RESEND_MS
        self._sent = 0        # ticks_ms when the outbox was last sent or acknowledged
        self._frames = []     # frames that wait for a message
        self._since = 0       # ticks_ms of the oldest of them
        self.out = []         # messages to publish: (leaf, payload, qos, retain); the caller empties it
        self._next_bid = 0    # ticks_ms
        self._last_bid = 0
        self._offered = room  # room in the last bid
        self.spare = 1000     # permille, set by the caller before `connected` and `tick`
        self.heap = 2 * cache  # bytes free, likewise
        self.temp = None
        self.bad = 0          # frames that were malformed, forged, or about something unknown

    # Events.

    def connected(self, greeting, now):
        # Says everything again, after `greeting`: the broker or the gateway may have forgotten us.
        self.out = greeting
        self._frames = []
        self._again(now)
        self._flush()
        if self._fetch:
            self._want(now)
        self._bid(now)

    def message(self, leaf, payload, now):
        # A message on our topic `leaf`: lease, ack or blob. Raises OSError when the connection must begin anew.
        try:
            frames = (payload,) if leaf == "blob" else wire.frames_of(payload)
        except wire.WireError:
            self.bad += 1
            return
        for frame in frames:
            try:
                if leaf == "blob":
                    self._chunk(frame, now)
                elif leaf == "ack":
                    self._acked(wire.decode_ack(frame, self._down), now)
                elif wire.kind_of(frame) == wire.CANCEL:
                    self._cancel(wire.decode_nonce(wire.CANCEL, frame, self._down))
                elif wire.kind_of(frame) == wire.FLOOR:
                    from .hello import rise

                    rise(self.chain, frame, self._down)
                else:
                    self._leased(wire.decode_lease(frame, self._down), now)
            except wire.WireError:
                self.bad += 1
        self._fetch_next(now, False)

    def next(self, now):
        # What to run now: (run, input, contexts), or None. The lease is then `running`.
        for entry in list(self._held):
            lease = entry[0]
            if ticks_diff(now, entry[1]) > lease.report_by_ms:
                self._refuse(entry, wire.EXPIRED, now)
                continue
            run = self._blobs.get(lease.kernel)
            contexts = list(map(self._blobs.get, lease.contexts))
            if run and None not in contexts:
                self.running = entry
                return run, lease.input, contexts
        return None

    def stopped(self, entry, now):
        # True when the lease in `entry` need not run on: cancelled, or its report clock ran out.
        return self.running is not entry or ticks_diff(now, entry[1]) > entry[0].report_by_ms

    def done(self, entry, answer, code, busy_us, now):
        # The running job ended: with an answer, or with None and a refusal code.
        self.running = None
        if entry not in self._held:
            return  # cancelled while it ran
        if answer is None or len(answer) > wire.MAX_ANSWER:
            self._refuse(entry, code or wire.FAILED, now)
        else:
            self._held.remove(entry)
            receipt = self.chain.receipt(*self._who, entry[0], answer, busy_us)
            frame = wire.encode_result(receipt, answer, self.up)
            if not self._outbox:
                self._sent = now
            self._outbox.append((self.chain.seq, frame))
            self._post(frame, now)
        if not self._held or ticks_diff(now, self._since) > _GATHER_MS:
            self._flush()
        if not self._held and ticks_diff(now, self._last_bid) > _SOON_MS:
            self._next_bid = now

    def tick(self, now, jitter):
        # A few times a second. jitter: 0..255, random.
        for entry in list(self._held):
            age = ticks_diff(now, entry[1])
            if age > entry[0].report_by_ms and entry is not self.running:
                self._refuse(entry, wire.EXPIRED, now)
            elif not entry[2] and age > entry[0].ack_by_ms // 2:
                entry[2] = True
                self._post(wire.encode_nonce(wire.ACCEPT, entry[0].nonce, self.up), now)
        if self._fetch and self._fetch.overdue(now):
            self._want(now)
        if self._outbox and ticks_diff(now, self._sent) > self._resend:
            self._resend = min(2 * self._resend, _RESEND_MAX)
            self._again(now)
        self._flush()
        self._fetch_next(now, True)
        soon = self._offered != self.room() and ticks_diff(now, self._last_bid) > _SOON_MS
        if soon or ticks_diff(now, self._next_bid) >= 0:
            self._bid(now)
            self._next_bid = now + self._bid_ms * (896 + jitter) // 1024

    def room(self):
        # Leases it is willing to hold at once.
        if self.chain.state or self.heap < 2 * self._message or len(self._outbox) >= 2 * self._room:
            return 0
        return self._room

    # Leases.

    def _leased(self, lease, now):
        nonce = int.from_bytes(lease.nonce[:4], "big") >> 2  # a small integer: no heap
        if nonce in self._seen:
            self.bad += 1
            return
        self._seen.append(nonce)
        if len(self._seen) > 16 + 2 * self._room:
            self._seen.pop(0)
        entry = [lease, now, False]
        self._held.append(entry)
        ops = 0
        for held in self._held:
            ops += held[0].budget_kop
        if len(self._held) > self.room():
            self._refuse(entry, wire.NO_HEAP if self.heap < 2 * self._message else wire.BUSY, now)
        elif ops * 1000 // self._speed * 1000 // max(50, self.spare) > lease.report_by_ms:
            self._refuse(entry, wire.TOO_SLOW, now)

    def _cancel(self, nonce):
        for entry in self._held:
            if entry[0].nonce == nonce:
                self._held.remove(entry)
                if entry is self.running:
                    self.running = None
                return
        self.bad += 1

    def _refuse(self, entry, code, now):
        self._held.remove(entry)
        self._post(wire.encode_refusal(entry[0].nonce, code, self.up), now)

    def _acked(self, pairs, now):
        for seq, _ in pairs:
            for item in self._outbox:
                if item[0] == seq:
                    self._outbox.remove(item)
                    break
        self._resend = _RESEND_MS
        self._sent = now

    # Blobs.

    def _fetch_next(self, now, sure):
        # Has the first blob come that a held lease misses, one at a time; kernels may still be in flash. What fails
        # for want of heap is tried once more when nothing of a message is in the way: then it is `sure`.
        for entry in self._held:
            for name in (entry[0].kernel,) + entry[0].contexts:
                if self._blobs.get(name):
                    continue
                if self._fetch and self._fetch.name == name:
                    return
                path = "kernel-" + binascii.hexlify(name).decode() if name == entry[0].kernel else None
                self._fetch = None
                try:
                    from .fetch import Fetch  # in the heap of a board only while they are used
                    from .loader import load

                    if path and load(name, path, self._blobs):
                        self._broken = 0
                        continue
                    if self._broken < _BROKEN:
                        self._fetch = Fetch(name, path, self._blobs)
                        self._want(now)
                        return
                    code = wire.NO_KERNEL
                except MemoryError:
                    if not sure:
                        return
                    code = wire.NO_HEAP
                except Exception:
                    code = wire.NO_KERNEL  # whole, but of no use here
                self._give_up(name, code, now)
                return
        self._fetch = None
        self._broken = 0

    def _chunk(self, frame, now):
        fetch = self._fetch
        if not fetch:
            return  # late: nobody waits for it any more
        try:
            if fetch.chunk(frame):
                if fetch.done:
                    self._fetch = None
                    # A kernel is judged when it is loaded.
                    self._broken = 0 if self._blobs.get(fetch.name) else self._broken + 1
                else:
                    self._want(now)
        except MemoryError:
            self._give_up(fetch.name, wire.NO_HEAP, now)
        except OSError:
            self._give_up(fetch.name, wire.NO_KERNEL, now)

    def _want(self, now):
        # Asks for the rest, or gives the blob up.
        want = self._fetch.want(now, self.up)
        if want:
            self.out.append(("want", want, 1, 0))
        else:
            self._give_up(self._fetch.name, wire.NO_KERNEL, now)

    def _give_up(self, name, code, now):
        # Refuses every lease that needs the blob.
        self._fetch = None
        self._broken = 0
        for entry in list(self._held):
            if name == entry[0].kernel or name in entry[0].contexts:
                self._refuse(entry, code, now)

    # Messages.

    def _bid(self, now):
        self._last_bid = now
        self._offered = self.room()
        if self.chain.state:
            return
        self.out.append(("bid", wire.encode_bid(self.chain.at(), self.spare, self.heap, self._offered,
                                                self._blobs.prefixes(), self._power, self.temp, self.up), 0, 0))

    def _post(self, frame, now):
        if not self._frames:
            self._since = now
        self._frames.append(frame)

    def _again(self, now):
        # Every result without Ack is to be sent, once.
        self._sent = now
        for _, frame in self._outbox:
            if frame not in self._frames:
                self._frames.append(frame)

    def _flush(self):
        # Frames into as few messages as their size allows.
        while self._frames:
            size = count = 0
            for frame in self._frames[:wire.MAX_BATCH]:
                size += len(frame) + 2
                if count and size > self._message:
                    break
                count += 1
            try:
                message = wire.encode_batch(self._frames[:count])
            except MemoryError:  # a heap in pieces: one by one
                count = 1
                message = self._frames[0]
            self.out.append(("result", message, 1, 0))
            self._frames = self._frames[count:]
